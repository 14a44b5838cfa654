"""TRL's supervised trainer, fed with packs: sequences side by side, without padding.

The classes are made inside functions because torch, transformers and trl load late.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from logging import LogRecord, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autoselection_core.evaluation.collectives import all_reduce_sum, broadcast_from_first, world_size
from autoselection_core.evaluation.training.plan import Pack
from autoselection_core.evaluation.training.settings import FineTuning, Method
from autoselection_core.models.forward import decoder, logits

if TYPE_CHECKING:
    import torch

StepEnded = Callable[[int, float], None]
"""Called with the number of an optimiser step, from 1, and its loss in nats a taught token."""

_UNTAUGHT = -100
"""Label that torch's cross-entropy leaves out."""


@cache
def pack_trainer() -> Any:  # noqa: ANN401 a class, made late
    """The trainer class."""
    from trl import SFTTrainer

    # Packs are made, and answers end, by the tokenizer's own tokens; each training would say so again.
    getLogger("transformers.trainer_utils").addFilter(_is_no_alignment)

    class PackTrainer(SFTTrainer):  # type: ignore[misc]  # trl has no types
        """Trainer on packs, which remembers the ones that it has read, and their losses.

        Args:
            rate: Share of the peak learning rate at a step, from 1.
            recalling: Context in which the pass over a pack, by its number, is made.
            args: Arguments of TRL's trainer.
            kwargs: The same by name.
        """

        loss_is_scaled_for_ga = True

        def __init__(
            self,
            rate: Callable[[int], float],
            recalling: Callable[[int], AbstractContextManager[None]],
            *args: Any,  # noqa: ANN401 trl's own
            **kwargs: Any,  # noqa: ANN401 trl's own
        ) -> None:
            self.rate, self.recalling = rate, recalling
            self.packs_read: list[int] = []
            self.losses: list[float] = []
            super().__init__(*args, **kwargs)

        def compute_loss(
            self,
            model: Any,  # noqa: ANN401 no types
            inputs: dict[str, Any],
            return_outputs: bool = False,  # noqa: FBT001, FBT002 trl's signature
            num_items_in_batch: Any = None,  # noqa: ANN401 no types
        ) -> Any:  # noqa: ANN401 no types
            pack = int(inputs.pop("pack"))
            self.packs_read.append(pack)
            if inputs["input_ids"].device.type == "cpu" and world_size() == 1:
                with self.recalling(pack):
                    loss = taught_loss(model, inputs, num_items_in_batch)
            else:
                loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            self.losses.append(float(loss.detach()))
            return loss

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:  # noqa: ANN401
            """Make the schedule of `rate_factor`; transformers' own starts at 0."""
            from torch.optim.lr_scheduler import LambdaLR

            self.lr_scheduler = LambdaLR(
                optimizer or self.optimizer, lambda done: self.rate(min(done + 1, num_training_steps))
            )
            return self.lr_scheduler

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ANN401
            """Read adapters in the type that they are trained in; peft would make them float32."""
            if not hasattr(self.model, "peft_config"):
                super()._load_from_checkpoint(resume_from_checkpoint, model)
                return
            from peft import load_peft_weights, set_peft_model_state_dict

            weights = load_peft_weights(resume_from_checkpoint, device=str(self.model.device))
            set_peft_model_state_dict(self.model, weights)

        def _send_telemetry(self) -> None:
            """Send nothing: no telemetry leaves a training."""

        def create_model_card(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 trl's signature
            """Write none: the evaluation's folder records what was trained."""

    return PackTrainer


def _is_no_alignment(record: LogRecord) -> bool:
    """Whether a message is another one than the notice that a model got its tokenizer's special tokens."""
    return not str(record.msg).startswith("The tokenizer has new PAD/BOS/EOS tokens")


def taught_loss(model: Any, inputs: dict[str, Any], taught_in_step: Any) -> "torch.Tensor":  # noqa: ANN401
    """Cross-entropy of the taught tokens of one pack, over the number of taught tokens of the step.

    Only the states that predict taught tokens meet the output matrix. TRL's own loss scores every position
    where it has no Triton, which on a processor costs more than the layers do.
    """
    import torch

    states = decoder(model)(
        input_ids=inputs["input_ids"], position_ids=inputs["position_ids"], use_cache=False
    ).last_hidden_state
    targets = inputs["labels"][0, 1:]
    taught = targets != _UNTAUGHT
    scores = logits(model, states[0, :-1][taught])
    total = torch.nn.functional.cross_entropy(scores, targets[taught], reduction="sum")
    return torch.div(total, taught_in_step)


@cache
def step_listener() -> Any:  # noqa: ANN401 a class, made late
    """Callback class that reports steps and checkpoints."""
    from transformers import TrainerCallback

    class StepListener(TrainerCallback):  # type: ignore[misc]  # transformers has no types
        """Callback after every optimiser step and every checkpoint."""

        def __init__(
            self,
            losses: list[float],
            *,
            step_ended: StepEnded,
            wants_checkpoint: Callable[[], bool],
            saved: Callable[[int], None],
        ) -> None:
            self.losses = losses
            self.step_ended, self.wants_checkpoint, self.saved = step_ended, wants_checkpoint, saved

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
            # Each process's loss was multiplied by their number, because their gradients are averaged.
            loss = all_reduce_sum(sum(self.losses)) / world_size()
            self.losses.clear()
            self.step_ended(int(state.global_step), loss)
            is_wanted = broadcast_from_first(self.wants_checkpoint())
            control.should_save = state.global_step < state.max_steps and is_wanted

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
            self.saved(int(state.global_step))

    return StepListener


def collator(packs: Sequence[Pack], filler: int) -> Callable[[list[dict[str, int]]], dict[str, Any]]:
    """Collator that turns the number of a pack into tensors of shape (1, t).

    Positions start anew with every sequence, which is how transformers knows that they must not see each
    other. An empty pack is one token that teaches nothing.

    Args:
        packs: All packs.
        filler: The token of an empty pack.
    """
    import torch

    def collate(rows: list[dict[str, int]]) -> dict[str, Any]:
        (row,) = rows
        pack = packs[row["pack"]]
        ids = np.concatenate([sequence.input_ids for sequence in pack] or [np.array([filler])]).astype(
            np.int64
        )
        taught = np.concatenate([sequence.taught for sequence in pack] or [np.zeros(1, np.bool_)])
        positions = np.concatenate([np.arange(len(sequence)) for sequence in pack] or [np.zeros(1, np.int64)])
        labels = np.where(taught, ids, _UNTAUGHT)
        tensors = {"input_ids": ids, "position_ids": positions, "labels": labels}
        return {
            **{name: torch.from_numpy(array)[None] for name, array in tensors.items()},
            "pack": torch.tensor(row["pack"]),
        }

    return collate


def trainer_arguments(
    training: FineTuning, folder: Path, *, steps: int, packs_per_step: int, replicate: int, on_cpu: bool
) -> Any:  # noqa: ANN401 trl has no types
    """TRL arguments of the settings."""
    from trl import SFTConfig

    return SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=1,
        gradient_accumulation_steps=packs_per_step,
        max_steps=steps,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        max_grad_norm=training.max_grad_norm,
        gradient_checkpointing=training.gradient_checkpointing,
        bf16=training.method is Method.FULL and training.dtype == "bfloat16",
        seed=replicate,
        data_seed=replicate,
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        remove_unused_columns=False,
        use_cpu=on_cpu,
        ddp_backend="gloo" if on_cpu and world_size() > 1 else None,
        ddp_find_unused_parameters=False,
        dataloader_pin_memory=not on_cpu,
        optim="adamw_torch",
        logging_strategy="no",
        save_strategy="no",
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
    )
