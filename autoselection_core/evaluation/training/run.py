"""One attempt at a training plan."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from autoselection_core.errors.evaluation import (
    DivergedError,
    NotFiniteLossError,
    NotFiniteWeightsError,
    UntrainedError,
)
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.collectives import all_gather_lists, rank, world_size
from autoselection_core.evaluation.folder import TRAINING
from autoselection_core.evaluation.training.checkpoints import Checkpoints
from autoselection_core.evaluation.training.divergence import SMOOTHED_STEPS, Divergence, Step, mean_loss
from autoselection_core.evaluation.training.plan import TrainingPlan, rate_factor
from autoselection_core.evaluation.training.settings import FineTuning, Method
from autoselection_core.evaluation.training.trainer import (
    collator,
    pack_trainer,
    step_listener,
    trainer_arguments,
)
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.batching import is_out_of_memory
from autoselection_core.models.frozen_layers import FrozenLayers, name_of
from autoselection_core.models.speed import without_rename_warnings
from autoselection_core.operators.selection.ranking import share_of
from autoselection_core.progress import Progress

_SKETCHED_WEIGHTS = 4_096
"""Weights of a matrix that are compared before and after a training."""


@dataclass(frozen=True)
class Trainee:
    """Identity of a training, for errors and files.

    Attributes:
        key: Key of the evaluation.
        folder: Where the trainer may leave files.
        replicate: Number of the repetition: every seed.
        checkpoint_s: Seconds between two checkpoints of a long training.
    """

    key: str
    folder: Path
    replicate: int
    checkpoint_s: float = 600.0


class TrainingRun:
    """A model under training.

    Attributes:
        base: The base model that it is made from.
        model: The model with what is trained.
        pack_tokens: Size of a forward pass.
        losses: Loss of each step so far, in nats a taught token.
        read: Ids of the samples that the optimiser has read, once the training is over.
        seconds_before: Seconds of killed attempts that this one goes on from.
    """

    def __init__(
        self,
        base: BaseModel,
        plan: TrainingPlan,
        training: FineTuning,
        trainee: Trainee,
        *,
        pack_tokens: int,
        progress: Progress | None,
    ) -> None:
        self.base, self.pack_tokens = base, pack_tokens
        self.model = _trainable(base, training, trainee.replicate)
        # Checkpointed layers are read again in the backward pass.
        self._frozen = None if training.gradient_checkpointing else FrozenLayers.of(self.model, base.version)
        self.losses: list[float] = []
        self.read: set[str] = set()
        self.seconds_before = 0.0
        self._reread: Any = None
        self._plan, self._training, self._trainee, self._progress = plan, training, trainee, progress
        self._divergence = Divergence(training.divergence, self._base_loss)
        self._before = _sketch(self.model)
        self._packs = plan.packs(pack_tokens, world_size())
        self._checkpoints = Checkpoints(trainee.folder / "checkpoints", trainee.checkpoint_s, pack_tokens)

    def fits(self) -> bool:
        """Train to the end; False when memory ran out."""
        try:
            self._train()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def _train(self) -> None:
        from transformers import PrinterCallback

        with without_rename_warnings():
            trainer = self._trainer()
            found = self._checkpoints.newest()
            if found is not None:
                self._go_on(trainer, found[1])
            trainer.remove_callback(PrinterCallback)
            trainer.add_callback(
                step_listener()(
                    trainer.losses,
                    step_ended=self._step_ended,
                    wants_checkpoint=self._checkpoints.is_due,
                    saved=lambda step: self._checkpoints.finish(step, self.losses, trainer.packs_read),
                )
            )
            trainer.train(resume_from_checkpoint=str(found[0]) if found is not None else None)
        if not _is_finite(self.model):
            raise NotFiniteWeightsError(self._trainee.key, len(self.losses))
        if _sketch(self.model) == self._before:
            raise UntrainedError(self._trainee.key, len(self.losses), self._training.learning_rate)
        packs_read = all_gather_lists(trainer.packs_read)
        self.read = {sequence.sample for number in packs_read for sequence in self._packs[number]}
        if rank() == 0:
            self._checkpoints.clear()

    def _go_on(self, trainer: Any, read: dict[str, Any]) -> None:  # noqa: ANN401 no types
        self.losses, trainer.packs_read = read["losses"], read["packs_read"] if rank() == 0 else []
        self.seconds_before = self._checkpoints.seconds_before = read["seconds"]

    def _trainer(self) -> Any:  # noqa: ANN401 no types
        from datasets import Dataset

        tokenizer = self.base.tokenizer
        arguments = trainer_arguments(
            self._training,
            self._checkpoints.folder,
            steps=len(self._plan.steps),
            packs_per_step=self._plan.packs_per_step(self.pack_tokens, world_size()),
            replicate=self._trainee.replicate,
            on_cpu=self.base.device == "cpu",
        )
        return pack_trainer()(
            partial(rate_factor, steps=len(self._plan.steps), training=self._training),
            self._recalling,
            model=self.model,
            args=arguments,
            train_dataset=Dataset.from_dict({"pack": list(range(len(self._packs)))}),
            data_collator=collator(self._packs, tokenizer.eos_token_id or 0),
            processing_class=tokenizer,
        )

    def _recalling(self, number: int) -> AbstractContextManager[None]:
        """Context in which a pack's pass begins above the layers that are not trained, where it may."""
        import torch

        pack = self._packs[number]
        if self._frozen is None or not pack:
            return nullcontext()
        texts = [sequence.input_ids.astype(np.int64) for sequence in pack]
        states = [
            self._frozen.states(name_of(ids), {"input_ids": torch.from_numpy(ids)[None]}) for ids in texts
        ]
        return self._frozen.recalling(torch.cat(states, dim=1))

    def _step_ended(self, step: int, loss: float) -> None:
        if not isfinite(loss):
            raise NotFiniteLossError(self._trainee.key, step)
        self.losses.append(loss)
        if (base_loss := self._divergence.reference_of(self.losses, self._plan.steps)) is not None:
            raise DivergedError(self._trainee.key, step, mean(self.losses[-SMOOTHED_STEPS:]), base_loss)
        if self._progress is not None:
            self._progress(TRAINING, step, len(self._plan.steps))

    def _base_loss(self, step: Step) -> float:
        """Loss of the base model on the sequences of a step: adapters switched off, or weights read anew."""
        was_training = self.model.training
        try:
            if self._training.method is Method.LORA:
                with self.model.eval().disable_adapter():
                    return mean_loss(self.model, step)
            return mean_loss(self._untouched(), step)
        finally:
            self.model.train(was_training)

    def _untouched(self) -> Any:  # noqa: ANN401 no types
        """The base model, read once more: its weights are what is trained."""
        if self._reread is None:
            self._reread = BaseModel.load(self.base.path, dtype=self.base.dtype).model
        return self._reread


def _sketch(model: Any) -> list[bytes]:  # noqa: ANN401 no types
    """Some of the weights that are trained, to see whether any of them moved."""
    import torch

    trained = [each.detach().flatten() for each in model.parameters() if each.requires_grad]
    some = [each[:: max(1, len(each) // _SKETCHED_WEIGHTS)] for each in trained]
    return [each.to("cpu", torch.float32).numpy().tobytes() for each in some]


def _is_finite(model: Any) -> bool:  # noqa: ANN401 no types
    """Whether all trained weights are numbers; no loss was computed since the last step."""
    return all(bool(each.isfinite().all()) for each in model.parameters() if each.requires_grad)


def _trainable(base: BaseModel, training: FineTuning, replicate: int) -> Any:  # noqa: ANN401 no types
    """The base model with adapters, initialised from the replicate's seed; or itself."""
    from transformers import set_seed

    set_seed(replicate)
    if training.method is Method.FULL:
        return base.model
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=training.rank,
        lora_alpha=training.alpha,
        lora_dropout=training.dropout,
        target_modules=_adapted_modules(base.model, training),
        task_type="CAUSAL_LM",
    )
    # Adapters in the type of the weights: float32 ones beside bfloat16 weights are slow on a processor.
    with without_rename_warnings():
        return get_peft_model(base.model, config, autocast_adapter_dtype=False)


def _adapted_modules(model: Any, training: FineTuning) -> str | list[str]:  # noqa: ANN401 no types
    """Modules with adapters, as peft takes them: by kind, or by full names where only upper layers have any.

    Raises:
        SettingError: No module has the number of a layer in its name.
    """
    wanted = training.target_modules
    kinds = None if wanted == "all-linear" else wanted.split(",")
    if training.adapted_share == 1:
        return kinds or wanted
    layers = int(model.config.get_text_config().num_hidden_layers)
    lowest = layers - share_of(training.adapted_share, layers)
    upper = [name for name in _linear_modules(model, kinds) if _layer_of(name) >= lowest]
    if not upper:
        raise SettingError("adapted_share", training.adapted_share, "1: this model's layers have no numbers")
    return upper


def _linear_modules(model: Any, kinds: list[str] | None) -> Iterator[str]:  # noqa: ANN401 no types
    """Names of the linear modules, those of some kinds only where kinds are given."""
    from torch.nn import Linear

    for name, module in model.named_modules():
        if isinstance(module, Linear) and (kinds is None or name.rpartition(".")[2] in kinds):
            yield name


def _layer_of(module: str) -> int:
    """Number of the layer that a module is in; -1 where it is in none."""
    return next((int(part) for part in module.split(".") if part.isdecimal()), -1)
