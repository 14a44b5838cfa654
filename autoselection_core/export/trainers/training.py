"""The training of a campaign, in the terms that training programs share."""

import math
from dataclasses import dataclass
from typing import Any

from autoselection_core.evaluation.training.settings import Decay, FineTuning, Method, Schedule, Unit
from autoselection_core.export.content import Content

_DECAYS = {
    Decay.COSINE: "cosine",
    Decay.LINEAR: "linear",
    Decay.CONSTANT: "constant_with_warmup",
}


@dataclass(frozen=True)
class Training:
    """Training settings that an export's config is made from.

    Attributes:
        base_model: Folder or hub name of the model that is trained.
        tuning: Fine-tuning of the campaign.
    """

    base_model: str
    tuning: FineTuning

    @property
    def is_lora(self) -> bool:
        """Whether adapters are trained instead of all weights."""
        return self.tuning.method is Method.LORA

    @property
    def is_bfloat16(self) -> bool:
        """Whether the config names bfloat16."""
        return self.tuning.dtype == "bfloat16"

    @property
    def decay(self) -> str:
        """Decay of the learning rate, as transformers names it."""
        return _DECAYS[self.tuning.decay]

    def sequences(self, content: Content) -> int:
        """Samples of one optimiser step. Programs count samples, a campaign may count tokens."""
        if self.tuning.batch_unit is Unit.SEQUENCES:
            return self.tuning.batch
        cut = min(content.tokens, self.tuning.max_tokens)
        return max(1, round(self.tuning.batch / max(cut, 1.0)))

    def steps(self, content: Content) -> int:
        """Optimiser steps of the whole training."""
        tuning = self.tuning
        if tuning.schedule is Schedule.STEPS:
            return max(1, round(tuning.amount))
        if tuning.schedule is Schedule.EPOCHS:
            return max(1, math.ceil(tuning.amount * content.samples / self.sequences(content)))
        cut = min(content.tokens, tuning.max_tokens)
        return max(1, round(tuning.amount / (self.sequences(content) * max(cut, 1.0))))

    def warmup_steps(self, content: Content) -> int:
        """Steps in which the learning rate rises."""
        return round(self.tuning.warmup_share * self.steps(content))

    @property
    def target_modules(self) -> tuple[str, ...]:
        """Layers with adapters; nothing means all linear ones."""
        named = self.tuning.target_modules
        return () if named == "all-linear" else tuple(name.strip() for name in named.split(","))

    @property
    def left_out(self) -> tuple[str, ...]:
        """Settings of the campaign that no program's config can say, as comments."""
        if not self.is_lora or self.tuning.adapted_share == 1:
            return ()
        share = f"{self.tuning.adapted_share:.0%}"
        return (
            f"The campaign trained adapters in the upper {share} of the layers; this config does in all.",
        )

    def in_transformers_words(self, content: Content) -> dict[str, Any]:
        """The settings that TRL and LLaMA-Factory both have from transformers' TrainingArguments."""
        tuning = self.tuning
        return {
            "per_device_train_batch_size": 1,
            "gradient_accumulation_steps": self.sequences(content),
            "max_steps": self.steps(content),
            "learning_rate": float(tuning.learning_rate),
            "lr_scheduler_type": self.decay,
            "warmup_steps": self.warmup_steps(content),
            "weight_decay": float(tuning.weight_decay),
            "max_grad_norm": float(tuning.max_grad_norm),
            "bf16": self.is_bfloat16,
            "report_to": "none",
            "output_dir": "trained",
        }
