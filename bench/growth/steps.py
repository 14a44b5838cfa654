"""The steps that are measured, each in a process of its own, with the bytes that it cannot avoid.

A step reads what earlier steps left in the home folder. Its floor is reading the files that it needs and
writing as many bytes as it writes, in the same process.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from numpy.lib.format import open_memmap

from autoselection_core.arrays import Vectors
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.export.installation.backup import back_up
from autoselection_core.export.manifest import SubsetOrigin
from autoselection_core.export.writing import export_subset
from autoselection_core.history.records import SearchState
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.identity import Json
from autoselection_core.operators.definitions.duplicates import DropNearDuplicates
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.pool.sources import Source
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.writing import write_report
from autoselection_core.search.loop import run_search
from autoselection_core.signals.contamination.contamination import Contamination
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import VECTORS
from autoselection_core.signals.joins.cosine import cosine_pairs
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.store.lance import ID, ID_TYPE, LanceTable
from autoselection_core.subset import explain, realise, write_subset
from bench.result import REAL_DATA, Measured, measure
from bench.solver.race import with_observation
from bench.solver.speed import observed

RECIPE = Recipe((DropNearDuplicates(0.8), KeepTop("word_entropy", fraction=0.3)))
TEXT_SIGNALS = ("word_entropy", "form", "exact", "near_duplicates")
_MEASURED_BEFORE = 10
_NO_PROBE = {"full_pool": 0}
"""Without the full pool, which is the first trial of a search and needs no choice."""
_BUDGET = 4
_CHUNK = 1 << 24
_CHANGES = 300
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class GeneratedHome:
    """A generated pool and the home folder that is made of it.

    Attributes:
        raw: The generated records.
        home: The home folder.
    """

    raw: Path
    home: Home

    @property
    def workspace(self) -> Workspace:
        """Campaign with text signals and a closed form in place of trainings."""
        campaign = Campaign(
            "growth",
            (Source(str(self.raw)),),
            signals={name: {} for name in TEXT_SIGNALS},
            search=SearchSettings(budget=_BUDGET, report_evaluations=2),
            closed_form=ClosedForm({"word_entropy": 1.0}, size_weight=0.05, noise=0.02),
        )
        return installed_workspace(campaign, self.home)

    @property
    def signals(self) -> SignalTable:
        """Signals of the pool."""
        workspace = self.workspace
        return workspace.signals(workspace.pool().version)

    @property
    def pool_files(self) -> list[Path]:
        """Files of the pool."""
        return _files(self.home.pools)

    @property
    def column_files(self) -> list[Path]:
        """Files of the signals' columns."""
        return _files(self.home.columns)


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()] if folder.exists() else []


def ingest(made: GeneratedHome) -> dict[str, Json]:
    """Read the raw file and write the pool."""
    done = measure(made.workspace.ingest)
    return {**done.cost, "samples": len(done.value.pool), **_floor([made.raw], _size(made.pool_files))}


def signal(made: GeneratedHome, name: str) -> dict[str, Json]:
    """Score a text signal through the store, from texts to columns."""
    workspace, before = made.workspace, _size(made.column_files)
    done = measure(lambda: workspace.score(name, workspace.pool()))
    assert done.value.computed, f"{name} is there already; remove {made.home.root} to measure it again"
    return {**done.cost, **_floor(made.pool_files, _size(made.column_files) - before)}


def contamination(made: GeneratedHome) -> dict[str, Json]:
    """Look for the questions of one benchmark in every sample, as the gate does."""
    pool, wanted = made.workspace.pool(), Contamination(_benchmark("gsm8k"))
    done = measure(lambda: wanted.compute(pool, {}))
    return {**done.cost, **_floor(made.pool_files, 0)}


def clusters(made: GeneratedHome) -> dict[str, Json]:
    """Cluster made-up vectors of the pool's number."""
    pool = made.workspace.pool()
    with _stored_vectors(len(pool)) as vectors:
        done = measure(lambda: Clusters().compute(pool, {VECTORS: vectors}))
        return {**done.cost, **_read_floor(vectors)}


def neighbours(made: GeneratedHome) -> dict[str, Json]:
    """Neighbours of made-up vectors: exact, or in cells above a number of rows, with the recall measured."""
    with _stored_vectors(len(made.workspace.pool())) as vectors:
        done = measure(lambda: cosine_pairs(vectors, min_similarity=0.5, measure="cosine"))
        return {**done.cost, "pairs": len(done.value), "measure": done.value.measure, **_read_floor(vectors)}


def opening(made: GeneratedHome) -> dict[str, Json]:
    """Open the pool and every signal of it."""
    done = measure(lambda: made.signals)
    return {**done.cost, **_floor(made.column_files, 0)}


def first_answer(made: GeneratedHome) -> dict[str, Json]:
    """The table is opened and the solver asked for the next trial after ten, in a new process."""
    history = observed(made.signals, _MEASURED_BEFORE)
    workspace = made.workspace
    spec = workspace.spec(workspace.pool().version, policy_settings=_NO_PROBE)
    done = measure(lambda: workspace.solver(spec).ask(history))
    return {
        **done.cost,
        "sampling_error": done.value[0].proposal.sampling_error,
        **_floor(made.column_files, 0),
    }


def later_answer(made: GeneratedHome) -> dict[str, Json]:
    """The answer after that in the same process."""
    history, workspace = observed(made.signals, _MEASURED_BEFORE), made.workspace
    solver = workspace.solver(workspace.spec(workspace.pool().version, policy_settings=_NO_PROBE))
    (chosen,) = solver.ask(history)
    history = with_observation(history, chosen, history.next_trial, history.observations[-1].utility)
    done = measure(lambda: solver.ask(history))
    return {**done.cost, **_floor(made.column_files, 0)}


def subset(made: GeneratedHome) -> dict[str, Json]:
    """Realise a recipe and write its subset."""
    signals = made.signals
    with TemporaryDirectory() as folder:
        done = measure(lambda: write_subset(realise(RECIPE, signals), signals.ids, Home(Path(folder))))
        written = done.value.stat().st_size
    return {**done.cost, "disk_mb": round(written / 1e6, 2), **_floor(made.column_files, written)}


def explanation(made: GeneratedHome) -> dict[str, Json]:
    """Explain one sample's path through a recipe."""
    signals = made.signals
    done = measure(lambda: explain(RECIPE, signals, len(signals) // 2))
    return {**done.cost, **_floor(made.column_files, 0)}


def export(made: GeneratedHome) -> dict[str, Json]:
    """Export a subset of a third of the pool as messages."""
    workspace = made.workspace
    pool, chosen = workspace.pool(), realise(RECIPE, made.signals)
    with TemporaryDirectory() as folder:
        target = Path(folder) / "export"
        done = measure(lambda: export_subset(pool, chosen, SubsetOrigin("growth", 1, "made up"), target))
        written = _size(_files(target))
    return {**done.cost, "disk_mb": round(written / 1e6, 1), **_floor(made.pool_files, written)}


def report(made: GeneratedHome) -> dict[str, Json]:
    """Write the report of a search of four trials."""
    workspace = made.workspace
    pool = workspace.pool()
    spec = workspace.spec(pool.version, policy="random")
    name = workspace.ledger.register(spec)
    run_search(workspace.ledger, name, workspace.solver(spec), workspace.evaluator(pool.version))
    assert workspace.ledger.search(name).state is SearchState.DONE
    done = measure(lambda: write_report(SearchFacts.of(workspace, name)))
    return {**done.cost, **_floor(made.column_files, 0)}


def changes(made: GeneratedHome) -> dict[str, Json]:
    """Read values of samples after three hundred changes of a pool; the floor reads them after one."""
    ids = pa.array([bytes.fromhex(str(each, "ascii")) for each in made.workspace.pool().ids], ID_TYPE)
    rows = pa.table({ID: ids, "value": pa.array(np.arange(len(ids), dtype=np.float32))})
    with TemporaryDirectory() as folder:
        once, often = LanceTable(Path(folder), "once"), LanceTable(Path(folder), "often")
        once.append(rows)
        size = -(-len(rows) // _CHANGES)

        def append_all() -> None:
            for start in range(0, len(rows), size):
                often.append(rows.slice(start, size))

        appended = measure(append_all)
        floor, done = measure(once.read), measure(often.read)
        assert len(done.value) == len(floor.value) == len(rows)
        files = often.files
    return {
        **done.cost,
        "appending_seconds": round(appended.seconds, 2),
        "files_read": files,
        **_as_floor(floor),
    }


def backup(made: GeneratedHome) -> dict[str, Json]:
    """Back the home folder up."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "backup.tar"
        done = measure(lambda: back_up(made.home, file, {}))
        written = file.stat().st_size
    return {**done.cost, "disk_mb": round(written / 1e6), **_floor(_files(made.home.root), written)}


STEPS: Mapping[str, Callable[[GeneratedHome], dict[str, Json]]] = {
    "ingestion": ingest,
    **{f"signal {name}": partial(signal, name=name) for name in TEXT_SIGNALS},
    "contamination": contamination,
    "clusters": clusters,
    "neighbours": neighbours,
    "opening the table": opening,
    "first answer": first_answer,
    "later answer": later_answer,
    "realising and writing a subset": subset,
    "explain": explanation,
    "export": export,
    "report": report,
    "reading after 300 changes": changes,
    "backup": backup,
}
"""The steps in the order in which they build on each other."""


def step(name: str, raw: Path, home: Path) -> dict[str, Json]:
    """Figures of one step in this process."""
    figures = STEPS[name](GeneratedHome(raw, Home(home)))
    return {**figures, "home_mb": round(_size(_files(home)) / 1e6), "load": round(os.getloadavg()[0], 1)}


def _benchmark(name: str) -> Benchmark:
    """A benchmark of the real data."""
    files = {"items": f"benchmarks/{name}.parquet", "targets": f"targets/{name}.parquet"}
    return benchmark_from({"name": name, "format": name, **files}, REAL_DATA)


def made_up_vectors(rows: int, dimensions: int = 384, file: Path | None = None) -> Vectors:
    """Vectors around two thousand made-up centres, of the size of sentence embeddings.

    With a file they are mapped from it, because ten million of them fill most of the memory.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(2_000, dimensions)).astype(np.float32)
    nearest, shape = rng.integers(0, len(centres), rows), (rows, dimensions)
    vectors = np.empty(shape, np.float32) if file is None else open_memmap(file, "w+", np.float32, shape)
    for start in range(0, rows, _ROWS_AT_ONCE):
        block = centres[nearest[start : start + _ROWS_AT_ONCE]]
        vectors[start : start + _ROWS_AT_ONCE] = block + 0.7 * rng.standard_normal(block.shape, np.float32)
    return vectors


@contextmanager
def _stored_vectors(rows: int) -> Iterator[Vectors]:
    """Vectors as a home folder has them: mapped from a file, read only."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.npy"
        made_up_vectors(rows, file=file)
        yield np.load(file, mmap_mode="r")


def _floor(read: Iterable[Path], written: int) -> dict[str, Json]:
    """Seconds of reading some files and writing as many bytes."""
    files = list(read)

    def least() -> None:
        for file in files:
            with file.open("rb", buffering=0) as content:
                while content.read(_CHUNK):
                    pass
        with TemporaryDirectory() as folder, (Path(folder) / "written").open("wb") as target:
            for start in range(0, written, _CHUNK):
                target.write(bytes(min(_CHUNK, written - start)))
            os.fsync(target.fileno())

    return _as_floor(measure(least))


def _read_floor(vectors: np.ndarray) -> dict[str, Json]:
    """Seconds of one pass over an array."""
    return _as_floor(measure(lambda: float(vectors.sum())))


def _as_floor(found: Measured[object]) -> dict[str, Json]:
    return {"floor_seconds": round(found.seconds, 4)}


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


if __name__ == "__main__":
    import json

    print(json.dumps(step(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
