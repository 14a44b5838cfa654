"""Paired comparison of two trained models on the items that both answered."""

from autoselection_core.history.records import TrialKind, TrialRecord
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import FULL
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.score.comparison import Difference, paired_difference
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.score.p_values import paired_p_value
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.search.arms import WINNER

_ITEMS = 10
"""Items that are listed on either side."""

PAIRING = (
    "Intervals and p-values are of these two evaluations on these items: McNemar's exact test where an "
    "answer is right or wrong, else random flips of the items' signs. They are not about recipes: for those "
    "other runs of the same subsets would be needed."
)


def pairing_table(facts: SearchFacts, first: int, second: int) -> Table | None:
    """The dev scores of two trials' models, item by item; None where one has none at full fidelity."""
    models = [_measured(facts, number) for number in (first, second)]
    if models[0] is None or models[1] is None:
        return None
    return _models_table(models[0], models[1], (f"trial {first}", f"trial {second}"), facts.record.spec)


def pairing_with_winner(facts: SearchFacts, trial: TrialRecord) -> Table | None:
    """The dev scores of a search's winner and of an evaluation beside it; None where nothing won yet.

    The winner's score is that of its first fresh run, where the report made one: the score that it was
    chosen by is partly luck.
    """
    if facts.best is None or trial.evaluation is None:
        return None
    arms = facts.workspace.ledger.trials(facts.record.search, TrialKind.REPORT)
    fresh = [each for each in arms if (each.arm, each.subset) == (WINNER, facts.best.subset)]
    known = next((each for each in fresh if each.evaluation is not None), None)
    winner = _measured(facts, facts.best.trial) if known is None else _evaluated(facts, known)
    given = _evaluated(facts, trial)
    if winner is None or given is None:
        return None
    name = f"winner (trial {facts.best.trial})" if known is None else "winner (a fresh run)"
    return _models_table(winner, given, (name, "your recipe"), facts.record.spec)


def _models_table(first: Evaluation, second: Evaluation, names: tuple[str, str], spec: SearchSpec) -> Table:
    rows = _rows(first, second, spec.score_weights, spec.seed)
    columns = ("what", *names, f"advantage of {names[0]}", "95 % from", "to", "p")
    compared = "evaluations" if spec.is_formula else "models"
    return Table(f"Both {compared} on the same dev items ({spec.metric})", columns, rows)


def items_table(first: Evaluation, second: Evaluation, name: str) -> Table:
    """The items that one model won and lost most against another, by id: what they ask stays in its files.

    Args:
        first: The model's evaluation.
        second: The other's, on the same items.
        name: Name of the other.
    """
    rows = sorted(
        (
            (item.value - other.value, item.value, other.value, mine.benchmark, item.item)
            for mine, theirs in zip(first.scores, second.scores, strict=True)
            for item, other in zip(mine.items, theirs.items, strict=True)
            if item.value != other.value
        ),
        key=lambda row: (-row[0], *row[3:]),
    )
    won, lost = [row for row in rows if row[0] > 0], [row for row in rows if row[0] < 0]
    listed: list[tuple[Cell, ...]] = [("won", *row) for row in won[:_ITEMS]]
    listed += [("lost", *row) for row in lost[-_ITEMS:][::-1]]
    count = sum(len(score.items) for score in first.scores)
    title = (
        f"{len(won):,} items won and {len(lost):,} lost of {count:,} against {name}; the largest differences"
    )
    columns = (f"against {name}", "difference", "this trial", name, "benchmark", "item")
    return Table(title, columns, tuple(listed))


def comparable(first: Evaluation, second: Evaluation) -> bool:
    """Whether two evaluations scored the same items."""
    return [_ids(score) for score in first.scores] == [_ids(score) for score in second.scores]


def _ids(score: BenchmarkScore) -> tuple[str, ...]:
    return (score.benchmark, *(item.item for item in score.items))


def _measured(facts: SearchFacts, number: int) -> Evaluation | None:
    """Evaluation of a trial at full fidelity; None for one that has no such score."""
    trial = next((each for each in facts.trials if each.trial == number), None)
    if trial is None or trial.evaluation is None or (trial.fidelity or FULL) != FULL:
        return None
    return _evaluated(facts, trial)


def _evaluated(facts: SearchFacts, trial: TrialRecord) -> Evaluation | None:
    spec = facts.record.spec
    assert trial.evaluation is not None, "a trial is measured only with an evaluation"
    return facts.workspace.evaluator(spec.pool_version, spec).load_finished(trial.evaluation)


def _rows(
    first: Evaluation, second: Evaluation, weights: dict[str, float] | None, seed: int
) -> tuple[tuple[Cell, ...], ...]:
    whole = paired_difference(first.scores, second.scores, seed=seed, weights=weights)
    rows: list[tuple[Cell, ...]] = [("utility", first.utility, second.utility, *_shown(whole), None)]
    for mine, other in zip(first.scores, second.scores, strict=True):
        found = paired_difference((mine,), (other,), seed=seed)
        p_value = paired_p_value(mine, other, seed=seed)
        rows.append((mine.benchmark, mine.mean, other.mean, *_shown(found), p_value))
    return tuple(rows)


def _shown(found: Difference) -> tuple[float, float, float]:
    return found.value, found.low, found.high
