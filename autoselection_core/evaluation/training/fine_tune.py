"""Supervised fine-tuning of a base model on selected samples."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from typing_extensions import override

from autoselection_core.errors.evaluation import (
    NothingToTrainError,
    OutOfMemoryError,
    TrainedSetDiffersError,
)
from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.evaluation.training.plan import NO_ROOM, Read, TrainingPlan, make_plan
from autoselection_core.evaluation.training.run import Trainee, TrainingRun
from autoselection_core.evaluation.training.settings import FineTuning, Schedule
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.spans import Encoded, encode
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample
from autoselection_core.progress import Progress
from autoselection_core.subset.value import Subset, fingerprint_of_ids


class SubsetSamples(Mapping[str, Sample]):
    """Samples of a subset by id, each read from the pool when it is asked for."""

    def __init__(self, pool: Pool, subset: Subset) -> None:
        self._pool = pool
        self._rows = dict(zip(pool.ids[subset.rows].astype(str).tolist(), subset.rows.tolist(), strict=True))

    @override
    def __getitem__(self, sample: str) -> Sample:
        return self._pool.sample(self._rows[sample])

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    @override
    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model and what it was trained on.

    Attributes:
        base: The base model that it was made from.
        model: The transformers model with what was trained, in evaluation mode.
        tokens: Tokens of the sequences that the optimiser read.
        taught_tokens: Those of them that the loss was over.
        steps: Optimiser steps.
        samples: Ids of the distinct samples that the optimiser read, ascending.
        skipped: Selected samples that cannot be trained on, with the reason.
        changes: Number of samples that were changed for the training, by kind of change.
        seconds: Wall seconds of the training alone.
        losses: Loss of each step, in nats a taught token.
        pack_tokens: Size of a forward pass that fitted into memory.
        seconds_before: Seconds of `seconds` that a killed attempt spent.
    """

    base: BaseModel
    model: Any
    tokens: int
    taught_tokens: int
    steps: int
    samples: tuple[str, ...]
    skipped: Mapping[str, str]
    changes: Mapping[str, int]
    seconds: float
    losses: tuple[float, ...]
    pack_tokens: int
    seconds_before: float = 0.0

    @property
    def is_continued(self) -> bool:
        """Whether a killed attempt made a part of it."""
        return self.seconds_before > 0

    @property
    def samples_hash(self) -> str:
        """Hash of a subset of these samples."""
        return fingerprint_of_ids(np.array(self.samples, "S32"))

    def record(self) -> dict[str, Any]:
        """Everything but the model, as plain data."""
        return {
            "tokens": self.tokens,
            "taught_tokens": self.taught_tokens,
            "steps": self.steps,
            "samples": len(self.samples),
            "samples_hash": self.samples_hash,
            "skipped": dict(self.skipped),
            "changes": dict(self.changes),
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
        trainee: Identity of the training.
        progress: Called with how many steps are done.

    Raises:
        NothingToTrainError: No sample can be trained on.
        NotFiniteLossError: The loss became NaN or infinite.
        NotFiniteWeightsError: Weights became NaN or infinite at the last step.
        DivergedError: The loss stayed far above the base model's.
        UntrainedError: No weight moved.
        OutOfMemoryError: A single sequence does not fit into memory.
        TrainedSetDiffersError: The optimiser read other samples than planned.
    """
    base = load()
    plan = plan_of(base, samples, training, trainee)
    if progress is not None and plan.account:
        for done in (0, 1):  # a single step, which has no count where it is begun
            progress(plan.account, done, 1)
        progress("setting up", 0, 1)  # that is what takes time now
    started = time.monotonic()
    pack_tokens = training.pack_tokens
    while (
        trained := train_with_packs(base, plan, training, trainee, pack_tokens=pack_tokens, progress=progress)
    ) is None:
        pack_tokens = halve(pack_tokens, plan.longest, trainee)
        base = load()
    require_planned_samples(trained, samples, plan, training, trainee.key)
    return replace(trained, seconds=trained.seconds_before + time.monotonic() - started)


def plan_of(
    base: BaseModel, samples: Mapping[str, Sample], training: FineTuning, trainee: Trainee
) -> TrainingPlan:
    """Plan of a training: what the optimiser reads.

    Raises:
        NothingToTrainError: No sample can be trained on.
    """
    plan = make_plan(tuple(samples), _reader(base, samples, training), training, trainee.replicate)
    if not plan.steps:
        raise NothingToTrainError(trainee.key, len(samples), plan.reasons or {NO_ROOM: len(samples)})
    return plan


def halve(pack_tokens: int, longest: int, trainee: Trainee) -> int:
    """The size of a forward pass after one that did not fit into memory.

    Raises:
        OutOfMemoryError: A single sequence did not fit.
    """
    if pack_tokens <= longest:
        raise OutOfMemoryError(trainee.key, longest)
    return max(longest, pack_tokens // 2)


def train_with_packs(
    base: BaseModel,
    plan: TrainingPlan,
    training: FineTuning,
    trainee: Trainee,
    *,
    pack_tokens: int,
    progress: Progress | None,
) -> Trained | None:
    """Training by a plan with forward passes of one size; None where memory ran out.

    Raises:
        NotFiniteLossError: The loss became NaN or infinite.
        NotFiniteWeightsError: Weights became NaN or infinite at the last step.
        DivergedError: The loss stayed far above the base model's.
    """
    started = time.monotonic()
    run = TrainingRun(base, plan, training, trainee, pack_tokens=pack_tokens, progress=progress)
    if not run.fits():
        return None
    return Trained(
        base=run.base,
        model=run.model.eval(),
        tokens=plan.tokens,
        taught_tokens=plan.taught_tokens,
        steps=len(plan.steps),
        samples=tuple(sorted(run.read)),
        skipped=plan.skipped,
        changes=plan.changes,
        seconds=run.seconds_before + time.monotonic() - started,
        losses=tuple(run.losses),
        pack_tokens=run.pack_tokens,
        seconds_before=run.seconds_before,
    )


def require_planned_samples(
    trained: Trained, samples: Mapping[str, Sample], plan: TrainingPlan, training: FineTuning, key: str
) -> None:
    """Require that the optimiser read what was planned, and over whole epochs all that was selected.

    Raises:
        TrainedSetDiffersError: It read other samples.
    """
    read = set(trained.samples)
    wanted = {sequence.sample for step in plan.steps for sequence in step}
    if training.schedule is Schedule.EPOCHS and training.amount >= 1:
        wanted = set(samples) - set(plan.skipped)
    if read != wanted:
        raise TrainedSetDiffersError(key, len(wanted - read), len(read - wanted))


def _reader(base: BaseModel, samples: Mapping[str, Sample], training: FineTuning) -> Read:
    def read(sample: str) -> Encoded | str:
        try:
            return encode(samples[sample], base.tokenizer, training.max_tokens)
        except ChatTemplateError as error:
            return error.reason

    return read
