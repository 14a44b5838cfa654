"""Training of a campaign in configs of axolotl 0.19.0, LLaMA-Factory 0.9.5 and the installed TRL."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import yaml

from autoselection_core.evaluation.training.settings import Decay, FineTuning, Method, Schedule, Unit
from autoselection_core.export.turns import TRAIN, WEIGHT, Content
from autoselection_core.progress import percent

_DECAYS = {
    Decay.COSINE: "cosine",
    Decay.LINEAR: "linear",
    Decay.CONSTANT: "constant_with_warmup",
}


EPOCHS = 3.0
"""Epochs of an exported training: the default of TRL and LLaMA-Factory, and of the preset `lora`."""


class Length(StrEnum):
    """Length of an exported training."""

    EPOCHS = "epochs"
    SEARCH = "search"


@dataclass(frozen=True)
class Training:
    """Training settings that an export's config is made from.

    Attributes:
        base_model: Folder or hub name of the model that is trained.
        tuning: Fine-tuning of the campaign, of the exported length.
        measured: The campaign's own fine-tuning where that is of another length; None where it is the same.
    """

    base_model: str
    tuning: FineTuning
    measured: FineTuning | None = None

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

    def with_length(self, length: Length) -> "Training":
        """The training of whole epochs, or of the campaign's own length.

        A search compares subsets by trainings that are short on purpose: most read a part of the subset only.
        Where the campaign trains whole epochs itself, their number stays.
        """
        tuning = self.tuning
        if length is Length.SEARCH or (tuning.schedule is Schedule.EPOCHS and tuning.amount >= 1):
            return self
        return replace(self, tuning=replace(tuning, schedule=Schedule.EPOCHS, amount=EPOCHS), measured=tuning)

    def samples_read(self, content: Content) -> int:
        """Distinct samples that the training reads, up to one step's rounding."""
        return min(content.samples, self.steps(content) * self.sequences(content))

    def reach(self, content: Content) -> str:
        """Samples of the subset that the training reads, in a sentence."""
        read = self.samples_read(content)
        sentence = f"A training as exported reads {read:,} of {content.samples:,} samples"
        if read < content.samples:
            return f"{sentence}, in {self.steps(content):,} steps: the length of the search's own trainings."
        epochs = self.steps(content) * self.sequences(content) / content.samples
        times = self.tuning.amount if self.tuning.schedule is Schedule.EPOCHS else round(epochs, 1)
        return f"{sentence}, each {times:g} times, in {self.steps(content):,} steps."

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

    def duration(self, content: Content, epochs_field: str) -> dict[str, float]:
        """Length of the training: epochs under the program's own name of them, or optimiser steps."""
        if self.tuning.schedule is Schedule.EPOCHS:
            return {epochs_field: self.tuning.amount}
        return {"max_steps": self.steps(content)}

    def warmup_steps(self, content: Content) -> int:
        """Steps in which the learning rate rises."""
        return round(self.tuning.warmup_share * self.steps(content))

    @property
    def target_modules(self) -> tuple[str, ...]:
        """Layers with adapters; nothing means all linear ones."""
        named = self.tuning.target_modules
        return () if named == "all-linear" else tuple(name.strip() for name in named.split(","))

    @property
    def differences(self) -> tuple[str, ...]:
        """Differences to the trainings that the search compared, as comments."""
        told = []
        if self.measured is not None:
            told.append(
                f"The search compared trainings of {self.measured.amount:,g} {self.measured.schedule.value}; "
                "`--training search` exports that length."
            )
        return (*told, *filter(None, (self._number_type, self._layers)))

    @property
    def _number_type(self) -> str:
        if self.tuning.dtype != "auto":
            return ""
        return (
            "bf16: the search took the faster number type of its machine, often bfloat16; false computes in "
            "32 bits, several times slower there. Set that of yours; for true on a processor TRL needs "
            "`use_cpu: true`, too."
        )

    @property
    def _layers(self) -> str:
        if not self.is_lora or self.tuning.adapted_share == 1:
            return ""
        share = percent(self.tuning.adapted_share)
        return (
            f"The search trained adapters in the upper {share} of the layers alone. No config of a training "
            "program can say that, so this one trains them in all layers, which takes longer."
        )

    def in_transformers_words(self, content: Content) -> dict[str, Any]:
        """The settings that TRL and LLaMA-Factory both have from transformers' TrainingArguments."""
        tuning = self.tuning
        return {
            "per_device_train_batch_size": 1,
            "gradient_accumulation_steps": self.sequences(content),
            **self.duration(content, "num_train_epochs"),
            "learning_rate": float(tuning.learning_rate),
            "lr_scheduler_type": self.decay,
            "warmup_steps": self.warmup_steps(content),
            "weight_decay": float(tuning.weight_decay),
            "max_grad_norm": float(tuning.max_grad_norm),
            "bf16": self.is_bfloat16,
            "report_to": "none",
            "output_dir": "trained",
        }


def config_file(comments: Sequence[str], settings: Mapping[str, Any]) -> str:
    """The text of a YAML file in the order given, under its comments."""
    head = "".join(f"# {line}\n" for line in comments)
    return head + yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)


STARTING_POINT = (
    "Made by `autoselection export` from the campaign's training settings, and yours to change:",
    "`autoselection verify` does not read it. Run it in the folder of this file:",
)


_AXOLOTL_FILE = "axolotl.yaml"


def axolotl_files(training: Training, content: Content, _folder: str) -> Mapping[str, str]:
    """The config of `axolotl train`."""
    tuning = training.tuning
    settings = {
        "base_model": training.base_model,
        "datasets": [_axolotl_dataset(content)],
        "val_set_size": 0.0,
        **(_axolotl_adapters(training) if training.is_lora else {}),
        "sequence_len": tuning.max_tokens,
        "sample_packing": False,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": training.sequences(content),
        **training.duration(content, "num_epochs"),
        "learning_rate": float(tuning.learning_rate),
        "lr_scheduler": training.decay,
        "warmup_steps": training.warmup_steps(content),
        "weight_decay": float(tuning.weight_decay),
        "max_grad_norm": float(tuning.max_grad_norm),
        "optimizer": "adamw_torch",
        "bf16": training.is_bfloat16,
        "gradient_checkpointing": tuning.gradient_checkpointing,
        "output_dir": "trained",
    }
    return {
        _AXOLOTL_FILE: config_file(
            [
                *STARTING_POINT,
                f"axolotl train {_AXOLOTL_FILE}",
                training.reach(content),
                *training.differences,
            ],
            settings,
        )
    }


def _axolotl_dataset(content: Content) -> Mapping[str, object]:
    further = [field for field in content.turn_fields if field != WEIGHT]
    return {
        "path": "data.jsonl",
        "ds_type": "json",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {name: name for name in ("role", "content", *further)},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
        **({"message_field_training": TRAIN} if content.untaught else {}),
        **({"field_tools": "tools"} if content.has_tools else {}),
    }


def _axolotl_adapters(training: Training) -> Mapping[str, object]:
    tuning, modules = training.tuning, list(training.target_modules)
    return {
        "adapter": "lora",
        "lora_r": tuning.rank,
        "lora_alpha": tuning.alpha,
        "lora_dropout": float(tuning.dropout),
        **({"lora_target_modules": modules} if modules else {"lora_target_linear": True}),
    }


_REGISTRY, _LLAMA_FACTORY_FILE = "dataset_info.json", "llama_factory.yaml"
DATASET = "autoselection"

_TAGS = {
    # A tag that is left out counts as none as soon as one is given, so all of them are.
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}


def llama_factory_files(training: Training, content: Content, _folder: str) -> Mapping[str, str]:
    """The registry entry of the data, and the config of `llamafactory-cli train`."""
    columns = {"messages": "conversations", **({"tools": "tools"} if content.has_tools else {})}
    entry = {"file_name": "data.jsonl", "formatting": "sharegpt", "columns": columns, "tags": _TAGS}
    registry = json.dumps({DATASET: entry}, indent=2) + "\n"
    return {_REGISTRY: registry, _LLAMA_FACTORY_FILE: _llama_factory_config(training, content)}


def _llama_factory_config(training: Training, content: Content) -> str:
    tuning = training.tuning
    adapters = {
        "finetuning_type": "lora",
        "lora_rank": tuning.rank,
        "lora_alpha": tuning.alpha,
        "lora_dropout": float(tuning.dropout),
        "lora_target": ",".join(training.target_modules) or "all",
    }
    settings = {
        "model_name_or_path": training.base_model,
        "stage": "sft",
        "do_train": True,
        **(adapters if training.is_lora else {"finetuning_type": "full"}),
        "dataset": DATASET,
        "dataset_dir": ".",
        "cutoff_len": tuning.max_tokens,
        "train_on_prompt": False,
        "mask_history": False,
        **training.in_transformers_words(content),
    }
    comments = (
        *STARTING_POINT,
        f"llamafactory-cli train {_LLAMA_FACTORY_FILE}",
        "Without `template` the model's own chat template is used.",
        training.reach(content),
        *training.differences,
    )
    return config_file(comments, settings)


_TRL_FILE = "trl.yaml"


def trl_files(training: Training, content: Content, folder: str) -> Mapping[str, str]:
    """The config of `trl sft`, which finds the data by the name of their folder."""
    tuning = training.tuning
    adapters = {
        "use_peft": True,
        "lora_r": tuning.rank,
        "lora_alpha": tuning.alpha,
        "lora_dropout": float(tuning.dropout),
        "lora_target_modules": list(training.target_modules) or "all-linear",
    }
    settings = {
        "model_name_or_path": training.base_model,
        "dataset_name": f"../{folder}",  # `datasets` takes the name of a data set from its path
        **(adapters if training.is_lora else {}),
        # With several answers a sample, each is trained on; else prompt and completion say the same.
        **({"assistant_only_loss": True} if content.has_several_answers else {}),
        "max_length": tuning.max_tokens,
        **training.in_transformers_words(content),
        "gradient_checkpointing": tuning.gradient_checkpointing,
    }
    return {
        _TRL_FILE: config_file(
            [
                *STARTING_POINT,
                f"trl sft --config {_TRL_FILE}",
                training.reach(content),
                *training.differences,
            ],
            settings,
        )
    }
