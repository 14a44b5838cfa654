"""Config of LLaMA-Factory. Fields: LLaMA-Factory 0.9.5, `tests/export/fields/`."""

import json
from collections.abc import Mapping

from autoselection_core.export.content import Content
from autoselection_core.export.trainers.config_file import STARTING_POINT, config_file
from autoselection_core.export.trainers.training import Training

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
    )
    return config_file(comments, settings)
