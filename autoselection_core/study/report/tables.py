"""Tables of a study, and the section on further test items of its leading arms."""

from collections.abc import Mapping
from statistics import mean, median, stdev

import numpy as np

from autoselection_core.history.records import AttemptOutcome
from autoselection_core.report.rendering.page import Section
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.score.comparison import arm_difference, single_run_mark
from autoselection_core.score.importance import Importance
from autoselection_core.score.p_values import best_probabilities
from autoselection_core.score.resampling import Arm, utilities
from autoselection_core.score.score import utility_shares
from autoselection_core.search.arms import WINNER
from autoselection_core.study.arms import CANDIDATE
from autoselection_core.study.results.comparisons import (
    Comparison,
    ModelAgreement,
    probabilities_of_best,
)
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.results.item_sampling import SampledItems

MAX_NUMBERS = 15
"""Numbers of a subset's state that a report lists at most."""

_WARMUP = 3
"""Trials that a published search begins with, and that its averages leave out."""


def main_table(facts: StudyFacts) -> Table:
    """Every arm with its size and its test score on each benchmark."""
    benchmarks = [score.benchmark for score in facts.arms[0].evaluation.scores] if facts.arms else []
    best = probabilities_of_best(facts)
    columns = (
        "arm",
        "runs",
        "rows",
        "tokens",
        "tokens trained",
        *benchmarks,
        "utility",
        "± between runs",
        "dev utility",
        "P(best)",
    )
    rows = tuple(_main_row(facts, arm, benchmarks, best) for arm in facts.compared_arms)
    return Table(f"Arms on test items ({facts.metric})", columns, rows)


def _main_row(facts: StudyFacts, arm: str, benchmarks: list[str], best: dict[str, float]) -> tuple[Cell, ...]:
    measured = [each for each in facts.arms if each.arm == arm]
    tests, values = facts.tests_of(arm), facts.test_utilities(arm)
    by_benchmark: list[Cell] = [
        mean(score.mean for run in tests for score in run if score.benchmark == name) if tests else None
        for name in benchmarks
    ]
    return (
        facts.arm_label(arm),
        len(measured),
        round(mean(each.evaluation.selected_count for each in measured)),
        round(mean(each.trial.tokens or 0 for each in measured)),
        round(mean(each.evaluation.cost.training_tokens for each in measured)),
        *by_benchmark,
        mean(values) if values else None,
        stdev(values) if len(values) > 1 else None,
        mean(each.evaluation.utility for each in measured),
        best.get(arm),
    )


def comparison_table(found: list[Comparison]) -> Table:
    """Every comparison with its interval."""
    rows = tuple(
        (
            each.first,
            each.second,
            each.difference.value,
            each.difference.low,
            each.difference.high,
            f"{each.runs[0]} / {each.runs[1]}",
            f"{each.difference.verdict.value}{single_run_mark(each.runs)}",
        )
        for each in found
    )
    columns = ("arm", "beside", "difference", "95 % from", "to", "runs", "better?")
    return Table("Differences on test items", columns, rows)


def search_table(facts: StudyFacts) -> Table:
    """Cost and result of each search, and the share of luck in its best score."""
    rows = tuple(
        _search_row(facts, name) for name, history in facts.histories.items() if history.observations
    )
    spent, found = ("trials", "paid", "failed"), ("best dev", "mean dev", "gap")
    columns = ("search", *spent, *found, "dev when chosen", "dev again", "recipe")
    return Table("Searches (dev items)", columns, rows)


def _search_row(facts: StudyFacts, name: str) -> tuple[Cell, ...]:
    history = facts.histories[name]
    winners = [each for each in facts.arms if each.arm == f"{WINNER}/{name}"]
    recipe = winners[0].trial.recipe if winners else None
    subset = winners[0].trial.subset if winners else None
    chosen = [entry.utility for entry in history.observations if entry.subset == subset]
    return (
        name,
        len(history.observations),
        history.spent,
        len(history.failures),
        max(entry.utility for entry in history.observations),
        *_after_warmup([entry.utility for entry in history.observations]),
        mean(chosen) if chosen else None,
        mean(each.evaluation.utility for each in winners) if winners else None,
        None if recipe is None else recipe.outline,
    )


def _after_warmup(utilities: list[float]) -> tuple[Cell, Cell]:
    """Mean score, and mean distance from the best score so far, from the fourth trial on."""
    if len(utilities) <= _WARMUP:
        return (None, None)
    best = np.maximum.accumulate(utilities)
    return mean(utilities[_WARMUP:]), float(np.mean((best - utilities)[_WARMUP:]))


def stability_table(facts: StudyFacts) -> Table | None:
    """Overlap of the rows that different seeds recommend; None for a single recommendation."""
    winners = {each.arm: str(each.trial.subset) for each in facts.arms if each.arm.startswith(f"{WINNER}/")}
    names, kept = list(winners), facts.states
    if kept is None:
        return None
    rows = tuple(
        (facts.arm_label(left), facts.arm_label(right), shared)
        for at, left in enumerate(names)
        for right in names[at + 1 :]
        if (shared := kept.shared_share(winners[left], winners[right])) is not None
    )
    if not rows:
        return None
    return Table("Rows that recommendations share", ("one", "other", "shared share of both"), rows)


def held_out_table(facts: StudyFacts) -> Table | None:
    """Scores on benchmarks that selected nothing; None where there are none."""
    measured = [each for each in facts.arms if each.held_out]
    if not measured:
        return None
    names = [score.benchmark for score in measured[0].held_out]
    units = {score.benchmark: f"{score.metric.value}, {score.unit}" for score in measured[0].held_out}
    arms = dict.fromkeys(each.arm for each in measured)
    rows = tuple(_held_out_row(facts, arm, names) for arm in arms)
    columns = ("arm", "runs", *(f"{name} ({units[name]})" for name in names))
    return Table("Held-out benchmarks: scored, never selected by", columns, rows)


def _held_out_row(facts: StudyFacts, arm: str, names: list[str]) -> tuple[Cell, ...]:
    runs = [each.held_out for each in facts.arms if each.arm == arm and each.held_out]
    means = [mean(score.mean for run in runs for score in run if score.benchmark == name) for name in names]
    return (facts.arm_label(arm), len(runs), *means)


def candidate_table(facts: StudyFacts) -> Table | None:
    """The equal candidates of the A/A mode; None where there are none."""
    rows = tuple(
        (each.arm, each.trial.tokens, each.evaluation.utility)
        for each in facts.arms
        if each.arm.startswith(f"{CANDIDATE}/")
    )
    if not rows:
        return None
    return Table("Candidates that are equal by construction", ("candidate", "tokens", "dev utility"), rows)


def importance_table(found: list[Importance]) -> Table:
    """Importance of the numbers of a subset's state for its dev score."""
    rows = tuple(
        (each.name, each.correlation, each.low, each.high, each.p_value) for each in found[:MAX_NUMBERS]
    )
    columns = ("number of the subset", "rank correlation", "chance from", "to", "p (all numbers together)")
    return Table("What the better subsets are", columns, rows)


def transfer_table(found: ModelAgreement) -> Table:
    """The arms on both base models."""
    return Table(
        "Arms on another base model (test utility)", ("arm", "this model", "other model"), found.arms
    )


def benchmark_table(facts: StudyFacts) -> Table:
    """Benchmarks with metric, unit and direction, and the score of blind guessing."""
    kept = facts.states
    rows: tuple[tuple[Cell, ...], ...] = () if kept is None else kept.benchmarks
    columns = ("benchmark", "role", "metric", "unit", "better", "chance", "dev items", "test items")
    return Table("Benchmarks", columns, rows)


def cost_table(facts: StudyFacts) -> Table:
    """Costs of the study."""
    costs = [evaluation.cost for evaluation in facts.evaluations]
    energies = [cost.energy_j for cost in costs if cost.energy_j is not None]
    paid = [payment for payment in facts.payments if payment.outcome is AttemptOutcome.PAID]
    seconds = [cost.seconds for cost in costs]
    rows: tuple[tuple[Cell, ...], ...] = (
        ("trainings paid", round(sum(payment.cost for payment in paid))),
        ("allowed", facts.study.budget),
        (
            "evaluations found finished",
            sum(payment.outcome is AttemptOutcome.REUSED for payment in facts.payments),
        ),
        ("failed attempts", sum(payment.outcome is AttemptOutcome.FAILED for payment in facts.payments)),
        ("seconds of training and dev scoring", float(np.sum(seconds)) if seconds else None),
        ("seconds of one evaluation, median", median(seconds) if seconds else None),
        ("tokens trained", sum(cost.training_tokens for cost in costs)),
        ("tokens of dev scoring", sum(cost.scoring_tokens for cost in costs)),
        ("peak memory, GB", max((cost.peak_bytes for cost in costs), default=0) / 1e9),
        (
            f"energy, kJ (of {len(energies)} evaluations where counters can be read)",
            sum(energies) / 1e3 if energies else None,
        ),
    )
    return Table("Cost", ("what", "how much"), rows)


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
                facts.arm_label(arm),
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
