"""Floors in plain numpy, and the race of a piece of work with its floor."""

import gc
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt
from scipy import sparse

from autoselection_core.arrays import Rows
from autoselection_core.identity import Json
from autoselection_core.operators.definitions.duplicates import DropNearDuplicates, DropSemanticDuplicates
from autoselection_core.recipe import Step
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import StepCount
from bench.result import Measured, measure


@dataclass(frozen=True)
class Figure:
    """Time of a piece of work beside its floor, the part that it cannot do without.

    Attributes:
        work: The median run of the work.
        floor: The median run of the floor.
        peak_bytes: The most memory the process held while it worked, the pool's own signals included.
        target_s: What was asked for.
    """

    work: Measured[object]
    floor: Measured[object]
    peak_bytes: int
    target_s: float

    @property
    def ratio(self) -> float:
        """Ratio of the work's time to the floor's."""
        return self.work.seconds / self.floor.seconds

    def to_json(self) -> dict[str, Json]:
        """The figure as it stands in a result."""
        return {
            "seconds": round(self.work.seconds, 5),
            "cpu_seconds": round(self.work.cpu_seconds, 5),
            "target_seconds": self.target_s,
            "floor_seconds": round(self.floor.seconds, 5),
            "times_the_floor": round(self.ratio, 2),
            "peak_mb": round(self.peak_bytes / 1e6),
        }


def race(
    work: Callable[[], object], floor: Callable[[], object], *, target_s: float, rounds: int = 7
) -> Figure:
    """Run work and floor in turn, after one run of each that is not counted."""
    gc.collect()
    pairs = [(measure(work), measure(floor)) for _ in range(rounds + 1)][1:]
    works, floors = zip(*pairs, strict=True)
    return Figure(_median(works), _median(floors), max(run.peak_bytes for run in works), target_s)


def _median(runs: tuple[Measured[object], ...]) -> Measured[object]:
    return sorted(runs, key=lambda run: run.seconds)[(len(runs) - 1) // 2]


@dataclass(frozen=True, eq=False)
class StateFloor:
    """One gather and one sum for each column, one histogram each, one pass over the sparse entries.

    Attributes:
        columns: Values of all columns.
        bins: A byte for each value.
        activity: The features' rows, as sparse rows of ones; None without.
        codes: A byte for each component of the vectors; None without.
        sampled: Which rows the activity is of.
    """

    columns: tuple[npt.NDArray[np.float32], ...]
    bins: npt.NDArray[np.uint8]
    activity: sparse.csr_array | None
    codes: npt.NDArray[np.int8] | None
    sampled: Rows

    @classmethod
    def of(cls, signals: SignalTable) -> "StateFloor":
        """Input of a table's floor; preparing it is not counted."""
        rng = np.random.default_rng(0)
        activity, sampled = None, np.arange(0)
        if "sae" in signals.sparse:
            features = signals.sparse["sae"]
            sampled = np.flatnonzero(np.diff(features.indptr))
            starts = np.append(0, np.cumsum(np.diff(features.indptr)[sampled])).astype(np.int32)
            ones = np.ones(len(features.indices), np.float32)
            by_row = sparse.csr_array(
                (ones, features.indices, starts), shape=(len(sampled), features.features)
            )
            activity = by_row.T.tocsr()
        return cls(
            tuple(np.asarray(values) for values in signals.columns.values()),
            rng.integers(0, 255, len(signals)).astype(np.uint8),
            activity,
            rng.integers(-9, 9, signals.vectors["embedding"].shape).astype(np.int8)
            if signals.vectors
            else None,
            sampled,
        )

    def run(self, rows: Rows, changed: Rows) -> None:
        """The floor of the state of some rows, of which only some have to be counted."""
        for values in self.columns:
            values[changed].sum(dtype=np.float64)
            np.bincount(self.bins[changed], minlength=256)
        if self.activity is not None:
            present = np.zeros(len(self.bins), np.float32)
            present[rows] = 1
            _ = self.activity @ present[self.sampled]
        if self.codes is not None:
            self.codes[changed].sum(axis=0, dtype=np.int32)


def step_floor(step: Step, count: StepCount, signals: SignalTable) -> None:
    """A gather and a partition for each column that a step reads; one pass over the pairs that it reads."""
    for column in fnmatch_all(signals.columns, step.reads):
        values = np.asarray(signals[column])[: count.rows_in]
        np.partition(values, min(count.rows_out, len(values) - 1))
    if isinstance(step, DropNearDuplicates | DropSemanticDuplicates):
        pairs_floor(signals, step.pairs, step.similarity)


def hash_floor(signals: SignalTable, rows: int) -> str:
    """SHA-256 over as many ids."""
    return hashlib.sha256(signals.ids[:rows].tobytes()).hexdigest()


def pairs_floor(signals: SignalTable, name: str, similarity: float) -> None:
    """One comparison for each pair, and two look-ups for each that passes."""
    pairs = signals.pair_list(name)
    present = np.ones(len(signals), np.bool_)
    alike = np.flatnonzero(np.asarray(pairs.similarity) >= np.float32(similarity))
    np.count_nonzero(present[pairs.low[alike]] & present[pairs.high[alike]])


def fnmatch_all(names: Iterable[str], patterns: tuple[str, ...]) -> list[str]:
    """The names that match one of the patterns."""
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
