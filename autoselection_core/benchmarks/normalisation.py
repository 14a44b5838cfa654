"""Normalisation of questions, by which the same question is found in another case or spacing.

Two questions are the same if their words are, except where several items differ in nothing else than their
symbols, such as brackets to be closed or operators: there the symbols count too.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NOT_A_WORD = re.compile(r"\W+")
_NOT_A_SYMBOL = re.compile(r"[\w\s.,;:!?'\"]+")


def normalise(question: str) -> str:
    """A question without case, punctuation, symbols and spacing.

    Example:
        >>> normalise("What is  2 + 2?")
        'what is 2 2'
    """
    return _NOT_A_WORD.sub(" ", question.lower()).strip()


def with_symbols(question: str) -> str:
    """A question without case, sentence punctuation and spacing.

    Example:
        >>> with_symbols("Close these:  < [ ( ?")
        'close these <[('
    """
    return f"{normalise(question)} {_NOT_A_SYMBOL.sub('', question)}"


@dataclass(frozen=True)
class QuestionComparison:
    """Questions of a benchmark, compared with those of its targets.

    Attributes:
        repeated: Questions that the targets ask too.
        told_apart: Questions that differ from one of the targets in their symbols alone.
    """

    repeated: frozenset[str]
    told_apart: frozenset[str]

    def split_key(self, question: str) -> str:
        """The text whose hash assigns a question to a side of the split."""
        return with_symbols(question) if question in self.told_apart else normalise(question)


def compare(questions: Iterable[str], target_questions: Iterable[str]) -> QuestionComparison:
    """Compare the questions of a benchmark's items with those of its targets.

    Example:
        >>> compare(["Close: ( [", "Close: < ("], ["CLOSE ( ["])
        QuestionComparison(repeated=frozenset({'Close: ( ['}), told_apart=frozenset({'Close: < ('}))
    """
    listed, asked = list(questions), list(target_questions)
    words = {normalise(question) for question in asked}
    symbols = {with_symbols(question) for question in asked}
    spellings: dict[str, set[str]] = {}
    for question in listed:
        spellings.setdefault(normalise(question), set()).add(with_symbols(question))
    same = {question for question in listed if normalise(question) in words}
    apart = {
        question
        for question in same
        if len(spellings[normalise(question)]) > 1 and with_symbols(question) not in symbols
    }
    return QuestionComparison(frozenset(same - apart), frozenset(apart))
