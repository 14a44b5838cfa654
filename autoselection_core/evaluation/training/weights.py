"""Trained weights on disk, as safetensors."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoselection_core.evaluation.environment import environment, peak_bytes
from autoselection_core.evaluation.training.fine_tune import Trained
from autoselection_core.evaluation.training.settings import Method
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.speed import without_rename_warnings
from autoselection_core.store.atomic import atomic_folder

_ADAPTER = "adapter"
_MODEL = "model"


@dataclass(frozen=True)
class SavedTraining:
    """Record of a training whose weights are on disk.

    Attributes:
        record: Value of `Trained.record`.
        environment: Software and hardware of the training.
        is_continued: Whether a killed attempt made a part of it.
        peak_bytes: Peak memory that the process used until its end; of several, the first one.
    """

    record: Mapping[str, Any]
    environment: Mapping[str, Any]
    is_continued: bool
    peak_bytes: int


def save_trained(trained: Trained, folder: Path) -> SavedTraining:
    """Save the adapter, or the whole model with its tokenizer, all of it or nothing."""
    is_adapter = hasattr(trained.model, "peft_config")
    place = folder / (_ADAPTER if is_adapter else _MODEL)
    # A folder of an attempt that was killed before it was recorded.
    shutil.rmtree(place, ignore_errors=True)
    with atomic_folder(place) as draft:
        trained.model.save_pretrained(draft, safe_serialization=True)
        if not is_adapter:
            trained.base.tokenizer.save_pretrained(draft)
        # A model card names paths of this machine and says nothing that the record does not.
        (draft / "README.md").unlink(missing_ok=True)
    about = environment(trained.base.device, trained.base.dtype)
    return SavedTraining(trained.record(), about, trained.is_continued, peak_bytes(trained.base.device))


def has_weights(folder: Path, method: Method) -> bool:
    """Whether an evaluation's folder still has its trained weights; a copy of the records has none."""
    return (folder / (_MODEL if method is Method.FULL else _ADAPTER)).is_dir()


def load_trained(folder: Path, base_model: str | Path, dtype: str, method: Method) -> BaseModel:
    """The trained model in evaluation mode, with the base model's tokenizer and template.

    Args:
        folder: An evaluation's folder.
        base_model: The base model that adapters belong to.
        dtype: Number type that was trained in.
        method: The method of the training.
    """
    if method is Method.FULL:
        return BaseModel.load(folder / _MODEL, dtype=dtype)
    from peft import PeftModel

    base = BaseModel.load(base_model, dtype=dtype)
    with without_rename_warnings():
        model = PeftModel.from_pretrained(base.model, folder / _ADAPTER, autocast_adapter_dtype=False)
    return replace(base, model=model.eval())
