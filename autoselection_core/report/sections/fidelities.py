"""Worth of dev scores: agreement of cheaper evaluations with full ones, and of items with other items."""

from collections.abc import Sequence
from statistics import mean

from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.history.records import TrialState
from autoselection_core.history.values import CheapTrial, Observation
from autoselection_core.identity import Json
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.score.rank_agreement import MIN_PAIRS_TO_RANK, ItemAgreement, item_agreement
from autoselection_core.solver.evidence.low_fidelity import agreement
from autoselection_core.solver.evidence.observations import low_fidelity_observations, observed_subsets
from autoselection_core.solver.proposal import FidelityAssessment, Proposal

_COLUMNS = {
    "fidelity": "fidelity",
    "cost": "cost",
    "scores": "scores before a full training",
    "gain": "gain a full training",
    "trust": "learned correlation",
    "pairs": "pairs",
    "rank_correlation": "rank correlation",
}
"""Columns of the table of fidelities: recorded name, and heading."""

_LATEST = 50
"""Trials whose items are read: a search may have thousands, with as many items each."""


def dev_agreement(facts: SearchFacts) -> ItemAgreement | None:
    """How far the dev items rank the latest models of a search as other items would; see `item_agreement`.

    None where too few models were measured, and with a formula, whose items are simulated.
    """
    if facts.record.spec.is_formula:
        return None
    full = [trial.evaluation for trial in facts.trials if trial.evaluation and not trial.fidelity]
    folders = [EvaluationFolder(facts.workspace.home.evaluation(name)) for name in dict.fromkeys(full)]
    weights = facts.record.spec.score_weights
    read = [folder.load_finished(weights) for folder in folders[-_LATEST:]]
    return item_agreement([each.scores for each in read if each is not None], weights)


def fidelity_sentences(facts: SearchFacts) -> tuple[str, ...]:
    """A sentence on each cheaper fidelity: its scores, and how far they agree with full ones."""
    prices = facts.record.spec.prices
    return tuple(_sentence(facts, name, cost) for name, cost in prices.items())


def _sentence(facts: SearchFacts, name: str, cost: float) -> str:
    mine = [one for one in facts.history.cheap if one.fidelity == name and one.utility is not None]
    low_fidelity = low_fidelity_observations(facts.history, facts.signals)
    shown = agreement(low_fidelity, observed_subsets(facts.history, facts.signals), name)
    if shown.rank_correlation is None:
        ranks = "too few to rank" if shown.pairs < MIN_PAIRS_TO_RANK else "the scores do not differ"
    else:
        ranks = f"rank correlation {shown.rank_correlation:.2f}"
    trust = _last_trust(facts, name)
    learned = "" if trust is None else f"; the surrogate learned a correlation of {trust:.2f}"
    return (
        f"{name}, {cost:g} of a full training each{_took(facts, name)}: {len(mine)} scores at low "
        "fidelity, which decide no verdict. "
        f"{shown.pairs} recipes were measured in full, too: {ranks}{learned}"
    )


def _took(facts: SearchFacts, name: str) -> str:
    """Measured duration of an evaluation as a share of a full one: a guide to the next price."""
    cheap, full = _seconds(facts, name), _seconds(facts, "")
    return f" ({mean(cheap) / mean(full):.2g} of its seconds)" if cheap and full else ""


def _seconds(facts: SearchFacts, fidelity: str) -> list[float]:
    made = [
        trial.evaluation
        for trial in facts.trials
        if trial.fidelity == fidelity and trial.state is TrialState.DONE and not trial.is_reused
    ]
    measured = [facts.workspace.ledger.measurement(name) for name in made if name is not None]
    return [each.seconds for each in measured if each is not None]


def _last_trust(facts: SearchFacts, name: str) -> float | None:
    """The correlation that the surrogate had learned when it last chose."""
    known: list[Observation | CheapTrial] = [*facts.history.observations, *facts.history.cheap]
    entries = sorted(known, key=lambda one: one.trial)
    weighed = [each for one in entries for each in Proposal.from_json(one.proposal).weighed]
    trusts = [each.trust for each in weighed if each.fidelity == name and each.trust is not None]
    return trusts[-1] if trusts else None


def weighed_table(weighed: Sequence[FidelityAssessment]) -> Table:
    """Expected benefit of each fidelity when a trial was chosen."""
    rows = tuple(tuple(_cell(each.to_json().get(name)) for name in _COLUMNS) for each in weighed)
    return Table("What each fidelity promised", tuple(_COLUMNS.values()), rows)


def _cell(value: Json) -> Cell:
    return value if isinstance(value, str | int | float) else None
