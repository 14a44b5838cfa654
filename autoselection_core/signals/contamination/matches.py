"""Exactness of the match of a question with a text: verbatim, word for word, or in parts."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from autoselection_core.signals.contamination.phrases import units_of


class Match(StrEnum):
    """Exactness of a match."""

    EXACT = "exact"
    """Character for character; only white space may differ."""
    NORMALISED = "normalised"
    """Word for word; case, punctuation and other symbols may differ."""
    RUNS = "runs"
    """Runs of 13 units of it, all or some."""


MATCHES = tuple(Match)
"""The number of a match is its place here plus one; 0 means none. More exact matches come first."""

Codes = npt.NDArray[np.int8]
"""Numbers of matches."""


def match(question: str, text: str) -> Match | None:
    """Match of a whole question with a text; None where it is not there in one piece.

    Example:
        >>> match("Close: ( <", "close: [ {, please")
        <Match.NORMALISED: 'normalised'>
    """
    if (said := _squeeze(question)) and said in _squeeze(text):
        return Match.EXACT
    words = units_of(question)
    return Match.NORMALISED if words and f" {words} " in f" {units_of(text)} " else None


def codes_of(questions: Sequence[str], texts: Sequence[str]) -> Codes:
    """Codes of the matches of questions with the texts beside them. Shape (questions,)."""
    found = (match(question, text) or Match.RUNS for question, text in zip(questions, texts, strict=True))
    return np.array([MATCHES.index(each) + 1 for each in found], np.int8)


def _squeeze(text: str) -> str:
    return " ".join(text.split())
