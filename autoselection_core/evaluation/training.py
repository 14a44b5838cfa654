"""One training run: from a base model and selected samples to a trained model."""

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from autoselection_core.errors.evaluation import (
    DivergedError,
    NotFiniteLossError,
    NothingToTrainError,
    OutOfMemoryError,
    TrainedSetDiffersError,
)
from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.evaluation.memory import is_out_of_memory
from autoselection_core.evaluation.plan import Pack, Plan, Read, make_plan
from autoselection_core.evaluation.protocol import Progress
from autoselection_core.evaluation.sft import FineTuning, Method, Schedule
from autoselection_core.evaluation.trainer import (
    collator,
    old_names_unsaid,
    pack_trainer,
    step_listener,
    trainer_arguments,
)
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.spans import Encoded, encode
from autoselection_core.pool.sample import Sample
from autoselection_core.subset.value import fingerprint_of_ids

_SMOOTHED_STEPS = 5
"""One hard step is no divergence: the mean over this many steps is compared with the first step's loss, which
is that of the base model."""

_SMALLEST_START_NATS = 0.5
"""A model that starts near zero may triple its loss by chance."""


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


@dataclass(frozen=True)
class Trainee:
    """Whose training it is, for errors and files.

    Attributes:
        key: Key of the evaluation.
        folder: Where the trainer may leave files.
        replicate: Number of the repetition: every seed.
    """

    key: str
    folder: Path
    replicate: int


def train(
    load: Callable[[], BaseModel],
    samples: Mapping[str, Sample],
    training: FineTuning,
    trainee: Trainee,
    progress: Progress | None = None,
) -> Trained:
    """Fine-tune a base model on selected samples.

    When memory runs out, the training starts anew with forward passes of half the size and the same steps.

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
    run, pack_tokens = _Run(base, plan, training, trainee, progress), training.pack_tokens
    while not run.fits(pack_tokens):
        if pack_tokens <= plan.longest:
            raise OutOfMemoryError(trainee.key, plan.longest)
        pack_tokens = max(plan.longest, pack_tokens // 2)
        run = _Run(load(), plan, training, trainee, progress)
    _compare(run.read, samples, plan, training, trainee.key)
    return Trained(
        base=run.base,
        model=run.model.eval(),
        tokens=plan.tokens,
        steps=len(plan.steps),
        samples=tuple(sorted(run.read)),
        skipped=plan.skipped,
        seconds=time.monotonic() - started,
        losses=tuple(run.losses),
        pack_tokens=pack_tokens,
    )


class _Run:
    """One attempt to carry out a plan."""

    def __init__(
        self, base: BaseModel, plan: Plan, training: FineTuning, trainee: Trainee, progress: Progress | None
    ) -> None:
        self.base, self.plan, self.training, self.trainee = base, plan, training, trainee
        self.progress = progress
        self.model = _trainable(base, training, trainee.replicate)
        self.losses: list[float] = []
        self.read: set[str] = set()

    def fits(self, pack_tokens: int) -> bool:
        """Train with forward passes of a size; False when memory ran out."""
        try:
            self._train(pack_tokens)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def _train(self, pack_tokens: int) -> None:
        from transformers import PrinterCallback

        packs = self.plan.packs(pack_tokens)
        with old_names_unsaid():
            trainer = self._trainer(packs, self.plan.packs_per_step(pack_tokens))
            trainer.remove_callback(PrinterCallback)
            trainer.add_callback(step_listener()(trainer.losses, self._step_ended))
            trainer.train()
        self.read = {lesson.sample for number in trainer.packs_read for lesson in packs[number]}

    def _trainer(self, packs: Sequence[Pack], packs_per_step: int) -> Any:  # noqa: ANN401 no types
        from datasets import Dataset

        tokenizer = self.base.tokenizer
        arguments = trainer_arguments(
            self.training,
            self.trainee.folder,
            steps=len(self.plan.steps),
            packs_per_step=packs_per_step,
            replicate=self.trainee.replicate,
            on_cpu=self.base.device == "cpu",
        )
        return pack_trainer()(
            model=self.model,
            args=arguments,
            train_dataset=Dataset.from_dict({"pack": list(range(len(packs)))}),
            data_collator=collator(packs, tokenizer.eos_token_id or 0),
            processing_class=tokenizer,
        )

    def _step_ended(self, step: int, loss: float) -> None:
        if not isfinite(loss):
            raise NotFiniteLossError(self.trainee.key, step)
        self.losses.append(loss)
        first, latest = self.losses[0], mean(self.losses[-_SMOOTHED_STEPS:])
        if latest > self.training.divergence * max(first, _SMALLEST_START_NATS):
            raise DivergedError(self.trainee.key, step, latest, first)
        if self.progress is not None:
            self.progress("training", step, len(self.plan.steps))


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


def _trainable(base: BaseModel, training: FineTuning, replicate: int) -> Any:  # noqa: ANN401 no types
    """The base model with adapters, initialised from the replicate's seed; or itself."""
    from transformers import set_seed

    set_seed(replicate)
    if training.method is Method.FULL:
        return base.model
    from peft import LoraConfig, get_peft_model

    modules = training.target_modules
    config = LoraConfig(
        r=training.rank,
        lora_alpha=training.alpha,
        lora_dropout=training.dropout,
        target_modules=modules if modules == "all-linear" else modules.split(","),
        task_type="CAUSAL_LM",
    )
    # Adapters in the type of the weights: float32 ones beside bfloat16 weights are slow on a processor.
    with old_names_unsaid():
        return get_peft_model(base.model, config, autocast_adapter_dtype=False)
