"""What a study will cost, before anything is spent."""

from dataclasses import dataclass
from statistics import median

from autoselection_core.evaluation.sft import Schedule, fine_tuning
from autoselection_core.history.records import Payment
from autoselection_core.study.entries import entries, transfer_entry
from autoselection_core.study.ground import Ground

_PAID = "paid"


@dataclass(frozen=True)
class StudyForecast:
    """What is left of a study and how long it will take.

    Attributes:
        evaluations: Full trainings that are left at most.
        seconds_each: Seconds of one; None where nothing is known yet.
        source: Where the seconds come from.
    """

    evaluations: int
    seconds_each: float | None
    source: str

    @property
    def sentence(self) -> str:
        """The forecast for people."""
        if self.seconds_each is None:
            return f"{self.evaluations} trainings are left at most; {self.source}."
        hours = self.evaluations * self.seconds_each / 3600
        return (
            f"{self.evaluations} trainings are left at most, about {self.seconds_each:,.0f} s each: "
            f"{hours:.1f} h ({self.source})."
        )


def forecast(ground: Ground) -> StudyForecast:
    """What is left of a study, from its own evaluations, or from a two-second probe of the model."""
    payments = _payments(ground)
    left = max(0, ground.study.needed - round(sum(payment.cost for payment in payments)))
    timed = [payment.seconds for payment in payments if payment.outcome == _PAID]
    if timed:
        return StudyForecast(left, median(timed), f"the median of {len(timed)} of its evaluations")
    seconds = _probed_seconds(ground)
    if seconds is None:
        return StudyForecast(left, None, "their length follows from the subsets or from a formula")
    return StudyForecast(left, seconds, "a probe of the base model on this machine; scoring is not in it")


def _payments(ground: Ground) -> list[Payment]:
    ledger = ground.ledger
    known = {record.search for record in ledger.searches()}
    paying = [*entries(ground.study, ledger), *({transfer_entry(ground.study)} & known)]
    return [payment for entry in paying for payment in ledger.money(entry)]


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
