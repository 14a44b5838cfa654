"""Form of a sample: turns, words, scripts, code, lists and formulas."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Role, Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, Signal, float_column
from autoselection_core.words import count_words

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

    version = 2
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
