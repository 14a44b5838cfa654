"""Multi-fidelity evaluation: the full evaluator, and cheaper ones with their costs."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoselection_core.errors.evaluation import UnknownFidelityError
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.subset.value import Subset


@dataclass(frozen=True, eq=False)
class PricedEvaluator:
    """An evaluator with the cost of one evaluation.

    Attributes:
        evaluator: The evaluator of one fidelity.
        cost: In full trainings.
    """

    evaluator: Evaluator
    cost: float


@dataclass(frozen=True, eq=False)
class MultiFidelityEvaluator:
    """The full evaluator of a search together with its cheaper ones.

    Attributes:
        full: The evaluator whose scores count.
        cheaper: The others by name.
    """

    full: Evaluator
    cheaper: Mapping[str, PricedEvaluator]

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the full evaluator."""
        return self.full.fingerprint

    def key(self, subset: str, replicate: int) -> str:
        """The name of the full evaluation of a subset, given by its hash."""
        return self.full.key(subset, replicate)

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        """Evaluation at full fidelity.

        Raises:
            EvaluationError: There is no score.
        """
        return self.full.evaluate(subset, replicate, progress)

    def load_finished(self, key: str) -> Evaluation | None:
        """A complete evaluation of whatever fidelity; None if there is none."""
        return self.full.load_finished(key)

    def open_test(self, key: str, reason: str) -> tuple[BenchmarkScore, ...]:
        """Score the test items with a full evaluation's model, and log that they were opened and why.

        Raises:
            NotEvaluatedError: There is no complete evaluation of that key.
        """
        return self.full.open_test(key, reason)


def evaluator_at_fidelity(evaluator: Evaluator, fidelity: str) -> PricedEvaluator:
    """The evaluator of a fidelity; the empty name is the full one.

    Raises:
        UnknownFidelityError: The evaluator has no such fidelity.
    """
    if not fidelity:
        return PricedEvaluator(evaluator, 1.0)
    known = evaluator.cheaper if isinstance(evaluator, MultiFidelityEvaluator) else {}
    if fidelity not in known:
        raise UnknownFidelityError(fidelity, tuple(known))
    return known[fidelity]
