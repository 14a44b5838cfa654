"""Config of axolotl. Fields: axolotl 0.19.0, `tests/export/fields/`."""

from collections.abc import Mapping

from autoselection_core.export.content import Content
from autoselection_core.export.trainers.config_file import STARTING_POINT, config_file
from autoselection_core.export.trainers.training import Training
from autoselection_core.export.turns import TRAIN, WEIGHT

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
    return {_AXOLOTL_FILE: config_file([*STARTING_POINT, f"axolotl train {_AXOLOTL_FILE}"], settings)}
