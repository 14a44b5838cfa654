"""Configs of training programs: axolotl 0.19.0, LLaMA-Factory 0.9.5 and the installed TRL."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from autoselection_core.export.content import Content
from autoselection_core.export.trainers.training import Training
from autoselection_core.export.turns import TRAIN, WEIGHT


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
    further = [field for field in content.turn_fields if field != WEIGHT]
    dataset = {
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
    modules = list(training.target_modules)
    adapters = {
        "adapter": "lora",
        "lora_r": tuning.rank,
        "lora_alpha": tuning.alpha,
        "lora_dropout": float(tuning.dropout),
        **({"lora_target_modules": modules} if modules else {"lora_target_linear": True}),
    }
    settings = {
        "base_model": training.base_model,
        "datasets": [dataset],
        "val_set_size": 0.0,
        **(adapters if training.is_lora else {}),
        "sequence_len": tuning.max_tokens,
        "sample_packing": False,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": training.sequences(content),
        "max_steps": training.steps(content),
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
            [*STARTING_POINT, f"axolotl train {_AXOLOTL_FILE}", *training.left_out], settings
        )
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
        *training.left_out,
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
            [*STARTING_POINT, f"trl sft --config {_TRL_FILE}", *training.left_out], settings
        )
    }
