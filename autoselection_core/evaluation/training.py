"""One training run: from a base model and selected samples to a trained model."""

import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoselection_core.errors.evaluation import (
    NothingToTrainError,
    OutOfMemoryError,
    TrainedSetDiffersError,
)
from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.evaluation.plan import Plan, Read, make_plan
from autoselection_core.evaluation.protocol import Progress
from autoselection_core.evaluation.run import Trainee, TrainingRun
from autoselection_core.evaluation.sft import FineTuning, Schedule
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.spans import Encoded, encode
from autoselection_core.pool.sample import Sample
from autoselection_core.subset.value import fingerprint_of_ids


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model and what it was trained on.

    Attributes:
        base: The base model that it was made from.
        model: The transformers model with what was trained, in evaluation mode.
        tokens: Tokens of the sequences that the optimiser read.
        steps: Optimiser steps.
        samples: Ids of the distinct samples that the optimiser read, ascending.
        skipped: Selected samples that cannot be trained on, with the reason.
        seconds: Wall seconds of the training alone.
        losses: Loss of each step, in nats a taught token.
        pack_tokens: Size of a forward pass that fitted into memory.
        is_continued: Whether a killed attempt made a part of it.
    """

    base: BaseModel
    model: Any
    tokens: int
    steps: int
    samples: tuple[str, ...]
    skipped: Mapping[str, str]
    seconds: float
    losses: tuple[float, ...]
    pack_tokens: int
    is_continued: bool = False

    @property
    def samples_hash(self) -> str:
        """The hash that a subset of these samples has."""
        return fingerprint_of_ids(np.array(self.samples, "S32"))

    def record(self) -> dict[str, Any]:
        """Everything but the model, as plain data."""
        return {
            "tokens": self.tokens,
            "steps": self.steps,
            "samples": len(self.samples),
            "samples_hash": self.samples_hash,
            "skipped": dict(self.skipped),
            "seconds": self.seconds,
            "losses": list(self.losses),
            "pack_tokens": self.pack_tokens,
        }


def train(
    load: Callable[[], BaseModel],
    samples: Mapping[str, Sample],
    training: FineTuning,
    trainee: Trainee,
    progress: Progress | None = None,
) -> Trained:
    """Fine-tune a base model on selected samples.

    When memory runs out, the training starts anew with forward passes of half the size and the same steps.
    When the process was killed, it goes on from the last checkpoint.

    Args:
        load: Loads the base model.
        samples: The selected samples by id; read when their turn comes.
        training: How.
        trainee: Whose training it is.
        progress: Told how many steps are done.

    Raises:
        NothingToTrainError: No sample has response tokens within the length limit.
        NotFiniteLossError: The loss became NaN or infinite.
        DivergedError: The loss rose and stayed up.
        OutOfMemoryError: A single sequence does not fit into memory.
        TrainedSetDiffersError: The optimiser read other samples than planned.
    """
    base = load()
    plan = make_plan(tuple(samples), _reader(base, samples, training), training, trainee.replicate)
    if not plan.steps:
        raise NothingToTrainError(trainee.key, len(samples), training.max_tokens)
    started = time.monotonic()
    run = TrainingRun(base, plan, training, trainee, pack_tokens=training.pack_tokens, progress=progress)
    while not run.fits():
        if run.pack_tokens <= plan.longest:
            raise OutOfMemoryError(trainee.key, plan.longest)
        halved = max(plan.longest, run.pack_tokens // 2)
        run = TrainingRun(load(), plan, training, trainee, pack_tokens=halved, progress=progress)
    _compare(run.read, samples, plan, training, trainee.key)
    return Trained(
        base=run.base,
        model=run.model.eval(),
        tokens=plan.tokens,
        steps=len(plan.steps),
        samples=tuple(sorted(run.read)),
        skipped=plan.skipped,
        seconds=run.seconds_before + time.monotonic() - started,
        losses=tuple(run.losses),
        pack_tokens=run.pack_tokens,
        is_continued=run.seconds_before > 0,
    )


def _compare(
    read: AbstractSet[str], samples: Mapping[str, Sample], plan: Plan, training: FineTuning, key: str
) -> None:
    """The optimiser must have read what was planned; and whole epochs are all that was selected."""
    wanted = {lesson.sample for step in plan.steps for lesson in step}
    if training.schedule is Schedule.EPOCHS and training.amount >= 1:
        wanted = set(samples) - set(plan.skipped)
    if read != wanted:
        raise TrainedSetDiffersError(key, len(wanted - read), len(read - wanted))


def _reader(base: BaseModel, samples: Mapping[str, Sample], training: FineTuning) -> Read:
    def read(sample: str) -> Encoded | str:
        try:
            return encode(samples[sample], base.tokenizer, training.max_tokens)
        except ChatTemplateError as error:
            return str(error)

    return read
