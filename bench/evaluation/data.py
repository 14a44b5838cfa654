"""Real samples and items of the small pool and GSM8K, or of the demo where those are not at hand."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.pool.ingest import ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample
from autoselection_core.pool.sources import Source
from autoselection_core.store.home import Home
from bench.result import REAL_DATA

_MAX_CHARACTERS = 400


def samples() -> Mapping[str, Sample]:
    """Short conversations of the small pool, by id."""
    with TemporaryDirectory() as folder:
        pool = ingest([Source(str(REAL_DATA / "pool_small.parquet"))], Home(Path(folder))).pool
        return {sample.id: sample for sample in pool.samples() if len(sample.text()) < _MAX_CHARACTERS}


def pool() -> Pool:
    """The same conversations as a pool."""
    from autoselection_core.pool.sample import Origin

    return Pool.from_samples([(sample, [Origin("small", "pool_small")]) for sample in samples().values()])


def benchmark(name: str, dev_items: int, metric: str) -> Benchmark:
    """Dev items of a known benchmark."""
    settings = {"items": f"benchmarks/{name}.parquet", "targets": f"targets/{name}.parquet", "metric": metric}
    return benchmark_from({"name": name, "format": name, "dev_items": dev_items, **settings}, REAL_DATA)
