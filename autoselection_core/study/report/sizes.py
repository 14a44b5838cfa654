"""Scores by subset size, over all evaluations of a study."""

from statistics import mean

from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.study.results.facts import StudyFacts

_FIFTHS = 5


def size_table(facts: StudyFacts) -> Table | None:
    """Dev scores of the evaluated subsets, by the share of the pool they keep; None before a study ended."""
    kept = facts.kept
    if kept is None:
        return None
    scores: dict[str, list[float]] = {}
    for evaluation in facts.evaluations:
        if evaluation.subset in kept.subset_rows:
            scores.setdefault(evaluation.subset, []).append(evaluation.utility)
    parts: list[list[float]] = [[] for _ in range(_FIFTHS)]
    for subset, values in scores.items():
        parts[_fifth(kept.subset_rows[subset] / kept.rows)].append(mean(values))
    rows = tuple(_row(number, values) for number, values in enumerate(parts))
    columns = ("rows kept", "subsets", "worst dev", "mean dev", "best dev")
    return Table("Dev scores by how much of the pool a subset keeps", columns, rows)


def _fifth(share: float) -> int:
    return min(int(share * _FIFTHS), _FIFTHS - 1)


def _row(number: int, values: list[float]) -> tuple[Cell, ...]:
    width = 100 // _FIFTHS
    named = f"{number * width} to {(number + 1) * width} %"
    if not values:
        return (named, 0, None, None, None)
    return (named, len(values), min(values), mean(values), max(values))
