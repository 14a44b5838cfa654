"""What a study will cost, before anything is spent."""

from dataclasses import dataclass
from statistics import median

from autoselection_core.evaluation.sft import Schedule, fine_tuning
from autoselection_core.history.records import Kind, SearchState, TrialRecord
from autoselection_core.study.arms import full_pool_arms, has_ended, recipe_arms
from autoselection_core.study.entries import arms_entry, contests, entries, transfer_entry
from autoselection_core.study.ground import Ground

_PAID = "paid"


@dataclass(frozen=True)
class StudyForecast:
    """What is left of a study and how long it will take.

    Attributes:
        evaluations: Full trainings that are left at most.
        seconds_each: Seconds of one; None where nothing is known yet.
        source: Where the seconds come from.
        found: Evaluations of stated arms that lie finished in the home folder and cost nothing.
    """

    evaluations: int
    seconds_each: float | None
    source: str
    found: int = 0

    @property
    def sentence(self) -> str:
        """The forecast for people."""
        left = f"{self.evaluations} trainings are left at most"
        if self.found:
            left = f"{left}, beside {self.found} that are found finished"
        if self.seconds_each is None:
            return f"{left}; {self.source}."
        hours = self.evaluations * self.seconds_each / 3600
        return f"{left}; about {self.seconds_each:,.0f} s each, {hours:.1f} h in all ({self.source})."


def forecast(ground: Ground) -> StudyForecast:
    """What is left of a study at most, before its pool and signals are there."""
    return _forecast(ground, 0)


def forecast_with_signals(ground: Ground) -> StudyForecast:
    """What is left of a study, without what the home folder holds of its stated arms.

    Makes the pool and its signals where they are not there yet; trains nothing.
    """
    planned = [*full_pool_arms(ground), *recipe_arms(ground)]
    known = {(trial.subset, trial.replicate) for trial in _arms(ground)}
    keys = {
        ground.evaluator.key(plan.subset, plan.replicate)
        for plan in planned
        if (plan.subset, plan.replicate) not in known
    }
    return _forecast(ground, sum(ground.evaluator.finished(key) is not None for key in keys))


def _forecast(ground: Ground, found: int) -> StudyForecast:
    left = max(0, _left(ground) - found)
    own = _seconds([*entries(ground.study, ground.ledger), transfer_entry(ground.study)], ground)
    if own:
        return StudyForecast(left, median(own), f"the median of {len(own)} of its evaluations", found)
    if alike := _seconds(_judged_alike(ground), ground):
        source = f"the median of {len(alike)} evaluations of this kind in the home folder"
        return StudyForecast(left, median(alike), source, found)
    seconds = _probed_seconds(ground)
    if seconds is None:
        return StudyForecast(left, None, "their length follows from the subsets or from a formula", found)
    source = "a probe of the base model on this machine; scoring is not in it"
    return StudyForecast(left, seconds, source, found)


def _left(ground: Ground) -> int:
    """What searches have left of their budgets, and arms that have not ended. A reuse ends an arm, too."""
    study, ledger = ground.study, ground.ledger
    known = {record.search: record for record in ledger.searches()}
    left = 0
    for contest in contests(study):
        record = known.get(contest.entry)
        if contest.arm is None:
            continue
        if record is None:
            left += contest.arm.budget
        elif record.state is SearchState.ACTIVE or contest.arm.budget > record.budget:
            left += max(0, contest.arm.budget - round(record.spent))
    transferred = ledger.trials(transfer_entry(study), Kind.REPORT) if transfer_entry(study) in known else ()
    ended = [sum(has_ended(trial) for trial in trials) for trials in (_arms(ground), transferred)]
    return left + max(0, study.compared - ended[0]) + max(0, study.transferred - ended[1])


def _arms(ground: Ground) -> list[TrialRecord]:
    entry = arms_entry(ground.study)
    known = {record.search for record in ground.ledger.searches()}
    return list(ground.ledger.trials(entry, Kind.REPORT)) if entry in known else []


def _judged_alike(ground: Ground) -> list[str]:
    """Searches and arms of the home folder that are judged as those of the study will be."""
    if ground.study.campaign.closed_form is not None or not ground.workspace.has_pool():
        return []
    judge = ground.workspace.evaluator(ground.workspace.pool().version).fingerprint
    return [record.search for record in ground.ledger.searches() if record.spec.evaluator == judge]


def _seconds(paying: list[str], ground: Ground) -> list[float]:
    """How long each evaluation took that these entries of the ledger paid for."""
    known = {record.search for record in ground.ledger.searches()}
    payments = [payment for entry in paying if entry in known for payment in ground.ledger.money(entry)]
    return [payment.seconds for payment in payments if payment.outcome == _PAID]


def _probed_seconds(ground: Ground) -> float | None:
    """Seconds of a training whose tokens are stated; None for epochs of subsets that are not chosen yet."""
    campaign = ground.study.campaign
    training = fine_tuning(campaign.training)
    if campaign.closed_form is not None or campaign.base_model is None:
        return None
    if training.schedule is not Schedule.TOKENS:
        return None
    from autoselection_core.models.dtype import probe
    from autoselection_core.models.folder import model_folder

    found = probe(model_folder(campaign.base_model))
    return training.amount / max(each.training_tokens_s for each in found)
