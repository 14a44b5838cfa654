"""Report section on further test items of the leading arms."""

from collections.abc import Mapping
from statistics import mean

from autoselection_core.report.rendering.page import Section
from autoselection_core.report.rendering.table import Table
from autoselection_core.score.comparison import arm_difference
from autoselection_core.score.resampling import Arm, utilities
from autoselection_core.score.score import utility_shares
from autoselection_core.score.significance import best_probabilities
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.results.item_sampling import SampledItems

_SEED = 0
"""Seed of the resampling: a report that is written again says the same."""

_DRAWN = (
    "The arms that were likeliest to be the best were scored on further test items, drawn at random within "
    "each part of a benchmark, most where these arms disagree. Every part counts by its size, so uneven "
    "draws do not shift a score. The first items chose the arms and count here again: the arm in front may "
    "owe its place to them in part."
)


def further_item_sections(facts: StudyFacts) -> list[Section]:
    """Scores of the leading arms on first and further items; no section where none were drawn or scored."""
    sampled_items = facts.sampled_items
    if sampled_items is None:
        return []
    runs = {arm: found for arm in sampled_items.arms if (found := facts.further_runs(arm))}
    if len(runs) < len(sampled_items.arms):
        return []
    tested = facts.tests_of(sampled_items.arms[0])
    weights = sampled_items.weights(utility_shares(tested[0], facts.weights))
    tables = [_arms(facts, runs, weights), _parts(sampled_items)]
    return [Section("Leading arms on further items", [_DRAWN], tables)]


def _arms(facts: StudyFacts, runs: Mapping[str, Arm], weights: Mapping[str, float]) -> Table:
    shares = best_probabilities(list(runs.values()), seed=_SEED, weights=weights)
    best = {} if shares is None else dict(zip(runs, shares, strict=True))
    means = {arm: mean(float(value) for value in utilities(found, weights)) for arm, found in runs.items()}
    order = sorted(runs, key=lambda arm: -best.get(arm, means[arm]))
    first = runs[order[0]]
    rows = []
    for arm in order:
        found = arm_difference(first, runs[arm], seed=_SEED, weights=weights) if arm != order[0] else None
        rows.append(
            (
                facts.named(arm),
                len(runs[arm]),
                sum(len(score.items) for score in runs[arm][0]),
                means[arm],
                best.get(arm),
                None if found is None else -found.value,
                None if found is None else -found.high,
                None if found is None else -found.low,
            )
        )
    columns = ("arm", "runs", "items", "utility", "P(best)", "behind the first", "95 % from", "to")
    return Table("Leading arms on first and further test items", columns, tuple(rows))


def _parts(sampled_items: SampledItems) -> Table:
    rows = tuple(
        (part.name, part.population, len(part.first), part.disagreement, len(part.drawn))
        for part in sampled_items.parts
    )
    columns = (
        "part",
        "test items",
        "scored by all",
        "disagreement of the leading arms",
        "further items drawn",
    )
    return Table("Where the further items come from", columns, rows)
