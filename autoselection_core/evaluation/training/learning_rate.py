"""Learning-rate schedule: a warm-up that starts above 0, then a decay that ends above 0.

With n steps and W = ceil(warmup_share * n), step k (from 1) has the peak rate times k / W during the warm-up,
so that the first of few steps already moves the weights, and a share of 1 rises until the last step. With
p = (k - 1 - W) / (n - W), a later step has (1 + cos(pi p)) / 2 of it for cosine, 1 - p for linear, and all of
it for constant. No step has a rate of 0.
"""

from math import ceil, cos, pi

from autoselection_core.evaluation.training.settings import Decay, FineTuning


def rate_factor(step: int, steps: int, training: FineTuning) -> float:
    """Share of the peak learning rate at a step.

    Args:
        step: Number of the step, from 1.
        steps: Steps of the training.
        training: `warmup_share` and `decay`.

    Example:
        >>> [rate_factor(step, 4, FineTuning(warmup_share=0.5, decay=Decay.LINEAR)) for step in (1, 2, 3, 4)]
        [0.5, 1.0, 1.0, 0.5]
    """
    warmup = ceil(round(training.warmup_share * steps, 9))
    if step <= warmup:
        return step / warmup
    passed = (step - 1 - warmup) / max(1, steps - warmup)
    match training.decay:
        case Decay.COSINE:
            return (1 + cos(pi * passed)) / 2
        case Decay.LINEAR:
            return 1 - passed
        case Decay.CONSTANT:
            return 1.0
