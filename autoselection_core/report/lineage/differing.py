"""Differences: of two subsets of one pool, and of a pool and the one before it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.arrays import Labels, Rows
from autoselection_core.pool.columns import gathered
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import percent
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.ancestry import anchor_of
from autoselection_core.report.lineage.examples import text_of
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.signals.table import SOURCE, TOPIC, SignalTable
from autoselection_core.subset import Subset

EXAMPLES = 6
"""Rows shown of either side."""

_CHARACTERS = 400


@dataclass(frozen=True, eq=False)
class ExclusiveRows:
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
        topics: Rows by topic; None where the pool has no topics.
        signals: Means of each signal, and their difference in standard deviations of the pool: of exclusive
            rows, or of all rows of a subset that the other holds whole.
    """

    common: int
    only: tuple[ExclusiveRows, ExclusiveRows]
    sources: Table
    topics: Table | None
    signals: Table

    @property
    def groups(self) -> tuple[Table, ...]:
        """Rows by source, and by topic where there are topics."""
        return (self.sources,) if self.topics is None else (self.sources, self.topics)

    @property
    def sentence(self) -> str:
        """Overlap of the two, in a sentence."""
        first, second = self.only
        together = self.common + len(first.rows) + len(second.rows)
        share = self.common / together if together else 1.0
        return (
            f"{self.common:,} rows in both ({percent(share, 1)} of all); "
            f"{len(first.rows):,} only in {first.name}, {len(second.rows):,} only in {second.name}."
        )


def subset_diff(
    pool: Pool, signals: SignalTable, first: Subset, second: Subset, names: tuple[str, str]
) -> SubsetDiff:
    """Compare two subsets of one pool version."""
    common = np.intersect1d(first.rows, second.rows, assume_unique=True)
    only = (np.setdiff1d(first.rows, common), np.setdiff1d(second.rows, common))
    sides = (_side(names[0], only[0], pool), _side(names[1], only[1], pool))
    parts = (*only, common)
    return SubsetDiff(
        len(common),
        sides,
        _counts(SOURCE, pool.source_codes, pool.source_names, parts, names),
        _topics(signals, parts, names),
        _signals(signals, (first.rows, second.rows), only, names),
    )


def anchor_diff(facts: SearchFacts) -> SubsetDiff | None:
    """Difference of the recommended subset to that of its anchor; None for a first probe."""
    trial = next((each for each in facts.trials if each.trial == facts.require_best().trial), None)
    anchor = None if trial is None else anchor_of(trial, facts.trials)
    if trial is None or trial.recipe is None or anchor is None or anchor.recipe is None:
        return None
    names = (f"trial {trial.trial}", f"trial {anchor.trial}")
    subsets = (facts.realise(trial.recipe), facts.realise(anchor.recipe))
    return subset_diff(facts.pool, facts.signals, *subsets, names)


def diff_texts(diff: SubsetDiff) -> list[str]:
    """The example rows of both sides, ready to be printed."""
    return [
        f"only in {side.name}: {sample} ({source})\n{text}"
        for side in diff.only
        for sample, source, text in side.examples
    ]


@dataclass(frozen=True)
class PoolChange:
    """Difference of a pool to the one before it; a changed sample is another one at the same place of a file.

    Attributes:
        before: Version of the pool before.
        now: Version of the pool.
        by_source: Samples added, removed, changed and held now, by primary source, with the sum at the end.
    """

    before: str
    now: str
    by_source: Table

    @property
    def sentence(self) -> str:
        """The change in a sentence."""
        if self.before == self.now:
            return f"pool {self.now[:8]} is as it was"
        _, added, removed, changed, held = self.by_source.texts[-1]
        what = "sample" if added == "1" else "samples"
        return (
            f"pool {self.before[:8]} became {self.now[:8]}: {added} {what} added, {removed} removed and "
            f"{changed} changed, {held} now"
        )


def pool_change(before: Pool, now: Pool) -> PoolChange:
    """Compare a pool with the one before it."""
    added = np.flatnonzero(~np.isin(now.ids, before.ids, assume_unique=True))
    removed = np.flatnonzero(~np.isin(before.ids, now.ids, assume_unique=True))
    places = [Counter(_places(pool, rows)) for pool, rows in ((now, added), (before, removed))]
    counts = [Counter(source for source, _ in each.elements()) for each in places]
    changed = Counter(source for source, _ in (places[0] & places[1]).elements())
    held = dict(zip(now.source_names, np.bincount(now.source_codes).tolist(), strict=True))
    names = sorted({*before.source_names, *now.source_names})
    rows = [
        (counts[0][name] - changed[name], counts[1][name] - changed[name], changed[name], held.get(name, 0))
        for name in names
    ]
    totals = tuple(sum(column) for column in zip(*rows, strict=True))
    listed: list[tuple[Cell, ...]] = [(name, *row) for name, row in zip(names, rows, strict=True)]
    columns = ("source", "added", "removed", "changed", "now")
    table = Table("Changed samples by source", columns, (*listed, ("all", *totals)))
    return PoolChange(before.version, now.version, table)


def _places(pool: Pool, rows: Rows) -> Iterator[tuple[str, str]]:
    """Source and place in it of the first origin of some rows."""
    for origins in gathered(pool.table.select(["origins"]), rows).column(0).to_pylist():
        yield origins[0]["source"], origins[0]["locator"]


def _side(name: str, rows: Rows, pool: Pool) -> ExclusiveRows:
    places = np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(np.int64)
    return ExclusiveRows(name, rows, tuple(_example(pool, int(row)) for row in rows[places]))


def _example(pool: Pool, row: int) -> tuple[str, str, str]:
    source = pool.source_names[int(pool.source_codes[row])]
    return pool.sample(row).id, source, _beginning(text_of(pool, row))


def _beginning(text: str) -> str:
    """The first words of a text, with its length where more follow."""
    if len(text) <= _CHARACTERS:
        return text
    return f"{text[:_CHARACTERS].rsplit(maxsplit=1)[0]} ... ({len(text):,} characters)"


def _topics(signals: SignalTable, parts: Sequence[Rows], names: tuple[str, str]) -> Table | None:
    if TOPIC not in signals.groupings:
        return None
    return _counts(TOPIC, signals.label(TOPIC), signals.groupings[TOPIC], parts, names)


def _counts(
    grouping: str, labels: Labels, groups: Sequence[str], parts: Sequence[Rows], names: tuple[str, str]
) -> Table:
    """Rows of each group in each part; rows without a group are left out."""
    counts = [np.bincount(labels[rows] + 1, minlength=len(groups) + 1)[1:] for rows in parts]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (group, *(int(count[place]) for count in counts)) for place, group in enumerate(groups)
    )
    return Table(
        f"Rows by {grouping}", (grouping, f"only in {names[0]}", f"only in {names[1]}", "in both"), rows
    )


def _signals(
    signals: SignalTable, whole: Sequence[Rows], only: Sequence[Rows], names: tuple[str, str]
) -> Table:
    """Means of the exclusive rows of either side; of all its rows where the other holds them."""
    sides = [
        (rows, f"rows only in {name}") if len(rows) else (every, f"all rows of {name}")
        for rows, every, name in zip(only, whole, names, strict=True)
    ]
    named = (f"mean of {text}" for _, text in sides)
    columns = ("signal", *named, "difference in sd of the pool")
    rows = []
    for name, column in signals.columns.items():
        means = [_mean(column[side]) for side, _ in sides]
        deviation = float(np.nanstd(column)) if np.isfinite(column).any() else 0.0
        both = means[0] is not None and means[1] is not None and deviation > 0
        shift = (means[0] - means[1]) / deviation if both else None  # type: ignore[operator] # both are known
        rows.append((name, means[0], means[1], shift))
    return Table("Signals of what differs", columns, tuple(rows))


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
