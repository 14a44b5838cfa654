"""Interface between a search and an evaluator of subsets."""

from typing import Protocol, runtime_checkable

from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Evaluation, UntrainedScores
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.subset.value import Subset


class Evaluator(Protocol):
    """Evaluator of subsets: trains on a subset and scores the result on dev items.

    An evaluation is a folder named by its key under the home's `evaluations`. It is complete when its
    `result.json` was renamed into place; a complete one is read back and never made again. The subset is
    beside it under the home's `subsets`, stored before it is trained on, so that it can be verified.
    """

    @property
    def fingerprint(self) -> str:
        """Hash of everything that a score depends on, except subset and replicate."""
        ...

    def key(self, subset: str, replicate: int) -> str:
        """The name of the evaluation of a subset, given by its hash."""
        ...

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        """Train and score dev items, or read back what was already made.

        Args:
            subset: The rows to train on.
            replicate: Number of the repetition: the seed of the training.
            progress: Called as the evaluation advances.

        Raises:
            TrainingFailedError: The training did not yield a model.
            ScoringFailedError: The model could not be scored.
        """
        ...

    def load_finished(self, key: str) -> Evaluation | None:
        """A complete evaluation, with the utility that the weights give now; None if there is none."""
        ...

    def open_test(self, key: str, reason: str) -> tuple[BenchmarkScore, ...]:
        """Score the test items with an evaluation's model, and log that they were opened and why.

        Scoring happens once; a later call logs its reason and reads the scores back.

        Args:
            key: Names a complete evaluation.
            reason: Why the test items may be looked at now.

        Raises:
            NotEvaluatedError: There is no complete evaluation of that key.
        """
        ...


@runtime_checkable
class BaseModelScorer(Protocol):
    """Evaluator that can score its untrained base model, beside which trained models are read."""

    def score_base_model(self, reason: str, progress: Progress | None = None) -> UntrainedScores:
        """Dev and test scores of the base model, scored once for each evaluator.

        Nothing is trained, so no budget pays for it, and no history holds it.

        Args:
            reason: Why the test items may be looked at now.
            progress: Called as the scoring advances.

        Raises:
            ScoringFailedError: The model could not be scored.
        """
        ...
