"""Difference of two subsets of one pool: shared and exclusive rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.pool.pool import Pool
from autoselection_core.report.lineage.examples import text_of
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import Subset

EXAMPLES = 6
"""Rows shown of either side."""

_CHARACTERS = 400


@dataclass(frozen=True, eq=False)
class Side:
    """Exclusive rows of one of two subsets.

    Attributes:
        name: Name of the subset.
        rows: Rows of the pool that the other has not.
        examples: Some of them, spread evenly over the rows: id, source and text.
    """

    name: str
    rows: Rows
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, eq=False)
class SubsetDiff:
    """Two subsets of one pool side by side.

    Attributes:
        common: Rows of both.
        only: Exclusive rows of the first, and of the second.
        sources: Rows by source, of either side and of both.
        signals: Means of each signal, and their difference in standard deviations of the pool.
    """

    common: int
    only: tuple[Side, Side]
    sources: Table
    signals: Table

    @property
    def sentence(self) -> str:
        """Overlap of the two, in a sentence."""
        first, second = self.only
        together = self.common + len(first.rows) + len(second.rows)
        share = self.common / together if together else 1.0
        return (
            f"{self.common:,} rows in both ({share:.1%} of all); {len(first.rows):,} only in {first.name}, "
            f"{len(second.rows):,} only in {second.name}."
        )


def subset_diff(
    pool: Pool, signals: SignalTable, first: Subset, second: Subset, names: tuple[str, str]
) -> SubsetDiff:
    """Compare two subsets of one pool version."""
    common = np.intersect1d(first.rows, second.rows, assume_unique=True)
    only = (np.setdiff1d(first.rows, common), np.setdiff1d(second.rows, common))
    sides = (_side(names[0], only[0], pool), _side(names[1], only[1], pool))
    return SubsetDiff(
        len(common), sides, _sources(pool, (*only, common), names), _signals(signals, only, names)
    )


def diff_texts(diff: SubsetDiff) -> list[str]:
    """The example rows of both sides, ready to be printed."""
    return [
        f"only in {side.name}: {sample} ({source})\n{text}"
        for side in diff.only
        for sample, source, text in side.examples
    ]


def _side(name: str, rows: Rows, pool: Pool) -> Side:
    places = np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(np.int64)
    return Side(name, rows, tuple(_example(pool, int(row)) for row in rows[places]))


def _example(pool: Pool, row: int) -> tuple[str, str, str]:
    source = pool.source_names[int(pool.source_codes[row])]
    return pool.sample(row).id, source, text_of(pool, row)[:_CHARACTERS]


def _sources(pool: Pool, parts: Sequence[Rows], names: tuple[str, str]) -> Table:
    counts = [np.bincount(pool.source_codes[rows], minlength=len(pool.source_names)) for rows in parts]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (source, *(int(count[place]) for count in counts)) for place, source in enumerate(pool.source_names)
    )
    return Table("Rows by source", ("source", f"only {names[0]}", f"only {names[1]}", "both"), rows)


def _signals(signals: SignalTable, only: Sequence[Rows], names: tuple[str, str]) -> Table:
    columns = ("signal", f"mean only {names[0]}", f"mean only {names[1]}", "difference in sd of the pool")
    rows = []
    for name, column in signals.columns.items():
        means = [_mean(column[side]) for side in only]
        deviation = float(np.nanstd(column)) if np.isfinite(column).any() else 0.0
        both = means[0] is not None and means[1] is not None and deviation > 0
        shift = (means[0] - means[1]) / deviation if both else None  # type: ignore[operator] # both are known
        rows.append((name, means[0], means[1], shift))
    return Table("Signals of what differs", columns, tuple(rows))


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
