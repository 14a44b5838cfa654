"""Scoring of the leading arms on further test items, sampled where these arms disagree most."""

from collections.abc import Sequence

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.parts import Part, parts
from autoselection_core.evaluation.evaluator import FineTuningEvaluator
from autoselection_core.score.resampling import Arm
from autoselection_core.score.score import utility_shares
from autoselection_core.score.strata import Drawable, Stratum, allocate, disagreements, stratum_weights
from autoselection_core.study.results.comparisons import leading_first
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.results.item_sampling import (
    MIN_LEADING,
    DrawnPart,
    SampledItems,
    read_sampled_items,
    write_sampled_items,
)
from autoselection_core.study.results.states import evaluator_of
from autoselection_core.study.study_run import StudyRun


def score_further(study_run: StudyRun) -> None:
    """Draw further items for the leading arms and score them, where the study asks for it.

    What is drawn is written down before it is scored: a study that goes on scores the same items, and what
    is scored is not scored again.
    """
    evaluator = study_run.evaluator
    if study_run.study.further_items is None or not isinstance(evaluator, FineTuningEvaluator):
        return
    facts = StudyFacts(study_run.study, study_run.home)
    sampled_items = read_sampled_items(study_run.study, study_run.home) or _draw(facts, evaluator.benchmarks)
    if sampled_items is None:
        return
    write_sampled_items(sampled_items, study_run.study, study_run.home)
    runs = [each for each in facts.arms if each.arm in sampled_items.arms]
    benchmarks = [each for each in evaluator.benchmarks if each.name in sampled_items.benchmarks]
    for number, measured in enumerate(runs):
        for benchmark in benchmarks:
            wanted = frozenset(sampled_items.item_ids(benchmark.name))
            items = [item for part in parts(benchmark) for item in part.waiting if item.id in wanted]
            reason = f"study {study_run.study.name}, leading arm {measured.arm}"
            evaluator.score_further(measured.evaluation.key, benchmark, items, reason)
        study_run.tell("further items of the leading arms", number + 1, len(runs))


def _draw(facts: StudyFacts, benchmarks: Sequence[Benchmark]) -> SampledItems | None:
    """Draw of the study's budget of items; None where fewer than two arms have test scores."""
    wanted, tested = facts.study.further_items, leading_first(facts)
    if wanted is None or len(tested) < MIN_LEADING:
        return None
    leading = tuple(tested[: wanted.leading])
    found = {benchmark.name: parts(benchmark) for benchmark in benchmarks}
    arms = [facts.tests_of(arm) for arm in leading]
    spread = {
        part.name: value
        for name, its_parts in found.items()
        for part, value in zip(
            its_parts, disagreements(arms, [_score(name, part) for part in its_parts]), strict=True
        )
    }
    drawn = _draw_parts(facts, arms, found, spread, wanted.items)
    return SampledItems(evaluator_of(facts.study), wanted.leading, wanted.items, leading, drawn)


def _draw_parts(
    facts: StudyFacts,
    arms: Sequence[Arm],
    found: dict[str, tuple[Part, ...]],
    spread: dict[str, float],
    budget: int,
) -> tuple[DrawnPart, ...]:
    named = [(name, part) for name, its_parts in found.items() for part in its_parts]
    shares = utility_shares(arms[0][0], facts.weights)
    weights = stratum_weights([_score(name, part) for name, part in named], shares)
    counts = allocate(
        budget,
        [
            Drawable(weights[part.name], spread[part.name], len(part.first), len(part.waiting))
            for _, part in named
        ],
    )
    return tuple(
        DrawnPart(
            part.name,
            name,
            part.population,
            spread[part.name],
            tuple(item.id for item in part.first),
            tuple(item.id for item in part.waiting[:count]),
        )
        for (name, part), count in zip(named, counts, strict=True)
    )


def _score(benchmark: str, part: Part) -> Stratum:
    return Stratum(part.name, benchmark, part.population, frozenset(item.id for item in part.first))
