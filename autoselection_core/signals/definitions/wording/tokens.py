"""Lengths of samples in tokens of the base model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from typing_extensions import override

from autoselection_core.models.base_model import load_tokenizer
from autoselection_core.models.chat.spans import Encoded, encode_each
from autoselection_core.models.chat.tokenizer_identity import tokenizer_fingerprint
from autoselection_core.models.folder import model_folder
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import REASON, Computed, Given, Signal

_UNLIMITED = 1 << 30


@dataclass(frozen=True)
class TokenCounts(Signal):
    """Numbers of tokens of a sample in the base model's chat template, and tokens of its answers alone.

    Nothing is cut off. A sample that the template refuses has no counts (NaN).

    Attributes:
        model: Folder or hub name of the base model; only its tokenizer is read.
    """

    model: str = field(compare=False)

    reasons = ("", "the chat template refuses it")
    chunk_rows = 8_192

    @property
    @override
    def name(self) -> str:
        return "tokens"

    @override
    def reads(self) -> Mapping[str, str]:
        return {"tokenizer": tokenizer_fingerprint(model_folder(self.model))}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        folder = model_folder(self.model)
        tokenizer = _tokenizer(folder, tokenizer_fingerprint(folder))
        counts = np.full((len(pool), 2), np.nan, np.float32)
        for row, encoded in enumerate(encode_each(pool.samples(), tokenizer, _UNLIMITED)):
            if isinstance(encoded, Encoded):
                counts[row] = len(encoded.input_ids), encoded.response_mask.sum()
        refused = np.isnan(counts[:, 0]).astype(np.int8)
        return {"tokens": counts[:, 0].copy(), "response_tokens": counts[:, 1].copy(), REASON: refused}


@cache
def _tokenizer(folder: Path, _fingerprint: str) -> object:
    return load_tokenizer(folder)
