"""Duration of a training before it is paid for, estimated from what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.evaluation.training.settings import Schedule, fine_tuning
from autoselection_core.history.ledger import Ledger
from autoselection_core.identity import Json

_PAID = "paid"


@dataclass(frozen=True)
class Pace:
    """Expected duration of a training.

    Attributes:
        seconds: Of a training and its dev scores; None where nothing is known yet.
        source: Origin of the number.
    """

    seconds: float | None
    source: str

    def sentence(self, trainings: int, found: int = 0) -> str:
        """Trainings left and their duration, in a sentence.

        Args:
            trainings: Number that is left at most.
            found: Number of further ones that need no training, because they are found finished.
        """
        left = f"{trainings} {'training is' if trainings == 1 else 'trainings are'} left at most"
        if found:
            left = f"{left}, beside {found} that are found finished"
        if self.seconds is None:
            return f"{left}; {self.source}."
        hours = trainings * self.seconds / 3600
        return f"{left}; about {self.seconds:,.0f} s each, {hours:.1f} h in all ({self.source})."


def pace_of(workspace: Workspace, evaluator: str | None, training: Mapping[str, Json]) -> Pace:
    """Expected duration of a training: of earlier ones by the same evaluator, else by a probe of the model.

    Args:
        workspace: The campaign at work.
        evaluator: Fingerprint of the evaluator; None where it is not known yet.
        training: Preset and settings.
    """
    alike = [
        record.search
        for record in workspace.ledger.searches()
        if evaluator and record.spec.evaluator == evaluator
    ]
    if seconds := paid_seconds(workspace.ledger, alike):
        source = f"the median of {len(seconds)} evaluations of this kind in the home folder"
        return Pace(median(seconds), source)
    probed = _probed_seconds(workspace, training)
    if probed is None:
        return Pace(None, "their length follows from the subsets or from a closed form")
    return Pace(probed, "a probe of the base model on this machine; scoring is not in it")


def paid_seconds(ledger: Ledger, searches: list[str]) -> list[float]:
    """Seconds of each evaluation that some searches paid for, at full fidelity."""
    payments = [payment for search in searches for payment in ledger.money(search)]
    return [payment.seconds for payment in payments if payment.outcome == _PAID and payment.cost >= 1.0]


def _probed_seconds(workspace: Workspace, settings: Mapping[str, Json]) -> float | None:
    """Seconds of a training whose tokens are stated; None for epochs of subsets that are not chosen yet."""
    campaign, training = workspace.campaign, fine_tuning(settings)
    is_ours = campaign.closed_form is None and campaign.judge is None
    if not is_ours or campaign.base_model is None:
        return None
    if training.schedule is not Schedule.TOKENS:
        return None
    from autoselection_core.models.dtype import probe
    from autoselection_core.models.folder import model_folder

    found = probe(model_folder(campaign.base_model))
    return min(each.training_s(training.amount, training.adapted_share) for each in found)
