"""Paired comparison of two trained models on the items that both answered."""

from autoselection_core.history.values import FULL
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.score.comparison import Difference, paired_difference
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.score.significance import paired_p_value

PAIRING = (
    "Intervals and p-values are of these two models on these items: McNemar's exact test where an answer is "
    "right or wrong, else random flips of the items' signs. They are not about recipes, which other runs of "
    "the same subsets would be needed for."
)


def pairing_table(facts: SearchFacts, first: int, second: int) -> Table | None:
    """The dev scores of two trials' models, item by item; None where one has none at full fidelity."""
    models = [_measured(facts, number) for number in (first, second)]
    if models[0] is None or models[1] is None:
        return None
    rows = _rows(models[0], models[1], facts.record.spec.score_weights, facts.record.spec.seed)
    names = (f"trial {first}", f"trial {second}")
    columns = ("what", *names, f"{names[0]} is better by", "95 % from", "to", "p")
    return Table(f"Both models on the same dev items ({facts.record.spec.metric})", columns, rows)


def _measured(facts: SearchFacts, number: int) -> Evaluation | None:
    """Evaluation of a trial at full fidelity; None for one that has no such score."""
    trial = next((each for each in facts.trials if each.trial == number), None)
    if trial is None or trial.evaluation is None or (trial.fidelity or FULL) != FULL:
        return None
    return facts.workspace.evaluator(facts.record.spec.pool_version, facts.record.spec).finished(
        trial.evaluation
    )


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
