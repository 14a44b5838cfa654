"""A campaign whose work can be done elsewhere, and a cluster that is this very process."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm
from autoselection_core.campaign.remote.clients import attached_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cluster import Cluster, Task
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.history.values import History
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sources import Source
from autoselection_core.search.loop import run_search_together
from autoselection_core.store.home import Home
from tests.search.worlds import InOrder

CHUNKED_ROWS = 16_384
"""Rows of a chunk of the text signals."""


@dataclass(frozen=True)
class RoundTrip:
    """Runs tasks here, through the bytes that would travel; counts them by name."""

    asked: dict[str, int] = field(default_factory=dict)

    def results(
        self,
        task: Task,
        asked: Iterable[bytes],
        *,
        on_device: bool,  # noqa: ARG002 - there is but one place
        while_waiting: Callable[[], None] | None = None,
    ) -> Iterator[bytes]:
        for one in asked:
            if while_waiting is not None:
                while_waiting()
            self.asked[task.__name__] = self.asked.get(task.__name__, 0) + 1
            yield task(one)


def campaign(folder: Path, rows: int, delay_s: float = 0.0) -> Campaign:
    file = folder / "raw" / "sums.jsonl"
    file.parent.mkdir(parents=True)
    records = (
        {"instruction": f"Add {number} and {number % 7}.", "output": f"{'so ' * (number % 5)}it is {number}"}
        for number in range(rows)
    )
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return Campaign(
        "try",
        (Source(str(file)),),
        signals={"word_entropy": {}, "form": {}, "exact": {}},
        search=SearchSettings(budget=6, slots=2, policy="random"),
        closed_form=ClosedForm({"word_entropy": 1.0}, size_weight=0.1, noise=0.05, delay_s=delay_s),
    )


def write_random_words(made: Campaign, rows: int, length: int) -> None:
    """Write the records of a campaign anew: random words, a tenth of them near copies of the one before."""
    rng, lines, said = np.random.default_rng(0), list[str](), ""
    words = [f"word{number}" for number in range(2_000)]
    for number in range(rows):
        if number % 10 or not said:
            said = " ".join(words[place] for place in rng.integers(0, len(words), length))
        lines.append(json.dumps({"instruction": f"Say {number}.", "output": f"{said} {number}"}))
    Path(made.sources[0].path).write_text("\n".join(lines))


def with_pairs(made: Campaign, folder: Path, words: int = 2) -> Campaign:
    """A campaign with every kind of signal of the pool that is given out; it brings its vectors."""
    return replace(
        made,
        signals={
            "exact": {},
            "near_duplicates": {"words": words},
            "vectors": {"file": str(folder / "vectors.parquet")},
            "embedding_pairs": {},
            "clusters": {"sizes": (2, 5)},
        },
    )


def bring_vectors(pool: Pool, folder: Path) -> None:
    """Write a vector for each sample of a pool, around a few centres."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(max(1, len(pool) // 50), 8))
    vectors = centres[rng.integers(0, len(centres), len(pool))] + 0.3 * rng.normal(size=(len(pool), 8))
    columns = {"id": pool.ids.astype(str).tolist(), "vector": vectors.astype(np.float32).tolist()}
    pq.write_table(pa.table(columns), folder / "vectors.parquet")


def scored(made: Campaign, home: Path, cluster: Cluster | None) -> Workspace:
    workspace = attached_workspace(made, Home(home), cluster)
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    return workspace


def searched(workspace: Workspace, workers: int) -> History:
    """The first search, carried out; at one worker as its policy chooses, else in a fixed order."""
    spec = workspace.spec(workspace.pool().version)
    search = workspace.ledger.register(spec, "first")
    evaluator = workspace.evaluator(spec.pool_version, spec)
    # A policy that learns chooses by what it has seen, and at several slots that is a matter of time.
    solver = workspace.solver(spec) if workers == 1 else InOrder(workspace.signals(spec.pool_version), [])
    return run_search_together(workspace.ledger, search, solver, evaluator, workers=workers)


def tables_of(workspace: Workspace) -> dict[str, bytes]:
    """The bytes of every column of every signal, in the order of the pool."""
    table = workspace.signals(workspace.pool().version)
    return {name: column.tobytes() for name, column in table.columns.items()}


def files_of(workspace: Workspace) -> dict[str, bytes]:
    """The bytes of every file of the values of the latest pool."""
    folder = workspace.home.columns / workspace.pool().version
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def in_order(history: History) -> History:
    """Trials by number: workers that run at once may finish in another order."""
    return replace(
        history, observations=tuple(sorted(history.observations, key=lambda observation: observation.trial))
    )
