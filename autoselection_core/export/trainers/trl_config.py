"""Config of TRL. Its parser's fields are those of the installed release."""

from collections.abc import Mapping

from autoselection_core.export.content import Content
from autoselection_core.export.trainers.config_file import STARTING_POINT, config_file
from autoselection_core.export.trainers.training import Training

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
    return {_TRL_FILE: config_file([*STARTING_POINT, f"trl sft --config {_TRL_FILE}"], settings)}
