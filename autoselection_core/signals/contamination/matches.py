"""How a question stands in a text: as it is, word for word, or in parts."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from autoselection_core.signals.contamination.phrases import words_of


class Match(StrEnum):
    """How much of the spelling of a question stands in a text."""

    EXACT = "exact"
    """Character for character; only white space may differ."""
    NORMALISED = "normalised"
    """Word for word; case, punctuation and other symbols may differ."""
    RUNS = "runs"
    """Runs of 13 words of it, all or some."""


MATCHES = tuple(Match)
"""The number of a match is its place here plus one; 0 means none. More exact matches come first."""

Codes = npt.NDArray[np.int8]
"""Numbers of matches."""


def match(question: str, text: str) -> Match | None:
    """How a whole question stands in a text; None where it does not, or not in one piece.

    Example:
        >>> match("Close: ( <", "close: [ {, please")
        <Match.NORMALISED: 'normalised'>
    """
    if (said := _squeezed(question)) and said in _squeezed(text):
        return Match.EXACT
    words = words_of(question)
    return Match.NORMALISED if words and f" {words} " in f" {words_of(text)} " else None


def codes_of(questions: Sequence[str], texts: Sequence[str]) -> Codes:
    """The match of each question with the text beside it, or its runs. Shape (questions,)."""
    found = (match(question, text) or Match.RUNS for question, text in zip(questions, texts, strict=True))
    return np.array([MATCHES.index(each) + 1 for each in found], np.int8)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
