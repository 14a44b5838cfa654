"""Benchmarks by a short name, and the files that it names."""

from pathlib import Path

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.formats.adapters import ADAPTERS
from autoselection_core.benchmarks.loading import FILE, benchmark_from, load_benchmark
from autoselection_core.benchmarks.settings import OWN
from autoselection_core.errors.benchmarks import NoSuchBenchmarkError

_KINDS = (".parquet", ".jsonl")


def named_benchmark(name: str, folder: Path) -> Benchmark:
    """The benchmark of a path or a name.

    A path leads to a folder with a `benchmark.yaml`, or to such a file. A name is looked up in the folder:
    `NAME/benchmark.yaml`, `NAME.yaml`, or, for the formats that are known by name, the bare files
    `benchmarks/NAME.parquet` and `targets/NAME.parquet` (or `.jsonl`).

    Raises:
        NoSuchBenchmarkError: Nothing was found under that name.
        As `load_benchmark`.
    """
    places = (Path(name), folder / name, folder / f"{name}.yaml")
    for place in places:
        if (place / FILE).is_file() or (place.suffix in {".yaml", ".yml"} and place.is_file()):
            return load_benchmark(place)
    items = _file(folder / "benchmarks", name)
    if name in ADAPTERS and items is not None:
        targets = _file(folder / "targets", name)
        settings = {"name": name, "format": name, "items": str(items.relative_to(folder))}
        found = {} if targets is None else {"targets": str(targets.relative_to(folder))}
        return benchmark_from({**settings, **found}, folder)
    raise NoSuchBenchmarkError(name, folder, tuple(known for known in ADAPTERS if known != OWN))


def _file(folder: Path, stem: str) -> Path | None:
    return next((folder / f"{stem}{kind}" for kind in _KINDS if (folder / f"{stem}{kind}").is_file()), None)
