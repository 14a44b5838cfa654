"""Numbers of a sample's text: word entropy, form, and lengths in tokens."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Values
from autoselection_core.models.base_model import load_tokenizer
from autoselection_core.models.chat.spans import Encoded, encode_each
from autoselection_core.models.chat.tokenizer_identity import tokenizer_fingerprint
from autoselection_core.models.folder import model_folder
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Role, Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import REASON, Computed, Given, Signal, float_column
from autoselection_core.words import count_words, words

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


# White space in front of a line's first word holds no line end, and the sides of an annotation are bounded:
# each pattern is linear in the length of the text, whatever the text.
_CODE = re.compile(
    r"```|^[^\S\n]*(?:def |class |import |from \w+ import |#include|function \w*\(|public |SELECT )",
    re.MULTILINE,
)
_LIST = re.compile(r"^[^\S\n]*(?:[-*•]|\d+[.)])\s+\S", re.MULTILINE)
_FORMULA = re.compile(
    r"\$[^$\n]+\$|\\\(|\\\[|\\frac|<<[^>\n=]{0,200}=[^>\n]{0,200}>>|\d\s*[-+*/\u00d7\u00f7=]\s*\d"
)
_LETTER = re.compile(r"[^\W\d_]")
_MIN_ITEMS = 2


@dataclass(frozen=True)
class Form(Signal):
    """Flags (0 or 1) and counts that follow from the characters of a sample.

    - `turns`: answers of the assistant. `words`: length of all messages in words, see
      `count_words`.
    - `has_code`, `has_list`, `has_formula`: whether an answer holds a code block or a line that starts like
      code, at least two list items, an equation or arithmetic.
    - `ascii_share`: share of the letters of all messages that are a to z; NaN without letters. English text
      is near 1, other Latin scripts below, other scripts near 0.
    """

    version = 3
    undefined = "no letters"

    @property
    @override
    def name(self) -> str:
        return "form"

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        answers, texts = pool.texts(Scope.RESPONSE), pool.texts(Scope.ALL)
        return {
            "turns": float_column([_turns(sample.messages) for sample in pool.samples()]),
            "words": float_column([count_words(text) for text in texts]),
            "has_code": float_column([_CODE.search(text) is not None for text in answers]),
            "has_list": float_column([len(_LIST.findall(text)) >= _MIN_ITEMS for text in answers]),
            "has_formula": float_column([_FORMULA.search(text) is not None for text in answers]),
            "ascii_share": float_column([_ascii_share(text) for text in texts]),
        }


def _turns(messages: tuple[Message, ...]) -> int:
    return sum(message.role is Role.ASSISTANT for message in messages)


def _ascii_share(text: str) -> float:
    letters = "".join(_LETTER.findall(text)) if not text.isascii() else text
    if not letters.isascii():
        return len(letters.encode("ascii", "ignore")) / len(letters)
    return 1.0 if _LETTER.search(letters) else np.nan


@dataclass(frozen=True)
class WordEntropy(Signal):
    """Shannon entropy of a sample's words, or of its runs of words, in bits.

    H = sum p log2(1/p) over the distinct lower-cased words of one sample, segmented by script (see `words`).
    Repetitive text scores low: a sample that says one word over and over scores 0. A sample without words
    scores NaN.

    Attributes:
        scope: Messages that are read, joined by newlines.
        words: Length of the runs that are counted: 1 for words (the published "n-gram" score), 2 for
            pairs of neighbours. A sample shorter than one run scores NaN.
    """

    scope: Scope = Scope.ALL
    words: int = 1

    version = 3
    undefined = "no words"

    @property
    @override
    def name(self) -> str:
        return "word_entropy" if self.words == 1 else f"ngram_entropy/{self.words}"

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        counts = [_run_counts(text, self.words) for text in pool.texts(self.scope)]
        return {self.name: _entropies_bits(counts)}


def _run_counts(text: str, length: int) -> list[int]:
    """Counts of the distinct runs of words of a text."""
    found = words(text)
    runs = found if length == 1 else zip(*(found[start:] for start in range(length)), strict=False)
    return list(Counter(runs).values())


def _entropies_bits(counts: Sequence[list[int]]) -> Values:
    """H = log2(n) - (1/n) sum c log2 c of each list of counts c with sum n. Shape (rows,)."""
    sizes = np.array([len(each) for each in counts], np.int64)
    flat = np.fromiter((count for each in counts for count in each), np.float64, int(sizes.sum()))
    owner = np.repeat(np.arange(len(counts)), sizes)
    total = np.bincount(owner, flat, len(counts))
    weighted = np.bincount(owner, flat * np.log2(flat), len(counts))
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.log2(total) - weighted / total
    return np.where(total > 0, np.maximum(entropy, 0.0), np.nan).astype(np.float32)
