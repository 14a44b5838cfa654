"""Divergence: a training loss that stays far above the base model's on the same sequences.

A loss says something only beside another one of the same sequences: templated answers have 0.2 nats a token,
free ones 2. The mean loss of the last steps is compared with the first step's, which no update preceded and
which costs nothing. Only where it is far above that, the base model reads the sequences of these steps, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from autoselection_core.evaluation.training.plan import TrainingSequence

SMOOTHED_STEPS = 5
"""One hard step is no divergence: the mean over this many steps is compared."""

_HIGHER = 1.25
"""The base model is asked again where the losses rise above this multiple of those that it had as well."""

_MIN_REFERENCE_NATS = 0.5
"""A model that starts near zero may triple its loss by chance."""

Step = Sequence[TrainingSequence]
"""The sequences of one optimiser step."""


@dataclass(eq=False)
class Divergence:
    """Watch over the losses of a training.

    Attributes:
        factor: The loss may stay below this multiple of the reference.
        base_loss: Loss of the base model on the sequences of a step, in nats a taught token.
    """

    factor: float
    base_loss: Callable[[Step], float]
    _cleared: float = field(default=0.0, init=False)
    _known: dict[int, float] = field(default_factory=dict, init=False)

    def reference_of(self, losses: Sequence[float], steps: Sequence[Step]) -> float | None:
        """The base model's loss where the latest losses have diverged from it; None where they have not.

        Args:
            losses: Loss of each step so far, in nats a taught token.
            steps: The sequences of each of these steps.
        """
        latest = mean(losses[-SMOOTHED_STEPS:])
        expected = self.factor * max(losses[0], _MIN_REFERENCE_NATS)
        if latest <= max(expected, _HIGHER * self._cleared):
            return None
        last = range(len(losses))[-SMOOTHED_STEPS:]
        alike = mean(self._base_loss(step, steps) for step in last)
        if latest > self.factor * max(alike, _MIN_REFERENCE_NATS):
            return alike
        self._cleared = latest
        return None

    def _base_loss(self, step: int, steps: Sequence[Step]) -> float:
        if step not in self._known:
            self._known[step] = self.base_loss(steps[step])
        return self._known[step]


def mean_loss(model: Any, step: Step) -> float:  # noqa: ANN401 transformers has no types
    """Cross-entropy of the taught tokens of a step, in nats a token, without a gradient."""
    import torch

    from autoselection_core.models.forward import logits, predicting_states

    total = count = 0.0
    with torch.inference_mode():
        for sequence in step:
            states, targets = predicting_states(model, [sequence.input_ids], [sequence.taught])
            total += float(torch.nn.functional.cross_entropy(logits(model, states), targets, reduction="sum"))
            count += len(targets)
    return total / count
