"""Benchmark items as phrases to look for in a sample."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from autoselection_core.benchmarks.item import Item

_WORD = re.compile(r"\w+")
_OPTION = re.compile(r"^\W*([A-Za-z])\W+(.+)$", re.MULTILINE)
_FEWEST_WORDS = 8


@dataclass(frozen=True)
class ItemPhrases:
    """What of an item can stand in a sample, as lower-cased words without punctuation.

    Attributes:
        question: The question.
        answers: Spellings of the right answer; one of them is enough.
        options: What there is to choose from, without letters and other markers.
    """

    question: str
    answers: tuple[str, ...]
    options: tuple[str, ...]

    @classmethod
    def of(cls, item: Item) -> "ItemPhrases":
        """Read an item; options that the prompt lists behind letters are found there."""
        letters = {choice for choice in item.choices or () if len(choice) == 1}
        listed = _listed(item) if letters else {}
        options = list(listed.values()) or [choice for choice in item.choices or () if choice not in letters]
        answers = [listed.get(item.target, ""), *({item.reference, item.target} - letters)]
        return cls(words_of(item.question), _phrases(answers), _phrases(options))

    @cached_property
    def sought(self) -> tuple[tuple[str, ...], ...]:
        """What proves a short question: each alternative is a set of phrases that must all be there."""
        return tuple((answer,) for answer in self.answers) + ((self.options,) if self.options else ())

    def stands_in(self, instruction: str, whole: str) -> bool:
        """Whether a short question stands in a sample with its answer or its options.

        Question and answer of fewer than eight words together are common ground: there the question has to
        be all that is asked.

        Args:
            instruction: What is asked in the sample, in words.
            whole: The whole sample, in words.
        """
        if not _holds(whole, self.question):
            return False
        asked = instruction == self.question
        return any(
            (asked or _size(self.question, *phrases) >= _FEWEST_WORDS)
            and all(_holds(whole, p) for p in phrases)
            for phrases in self.sought
        )


def words_of(text: str) -> str:
    """Lower-cased words with one space between them.

    Example:
        >>> words_of("A)  Plants, mostly.")
        'a plants mostly'
    """
    return " ".join(_WORD.findall(text.lower()))


def _listed(item: Item) -> dict[str, str]:
    """The options that the prompt's last turn lists behind letters, by letter."""
    after = item.prompt[-1].content.removeprefix(item.question) if item.prompt else ""
    return {letter.upper(): text for letter, text in _OPTION.findall(after)}


def _phrases(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(phrase for phrase in dict.fromkeys(words_of(text) for text in texts) if phrase)


def _holds(text: str, phrase: str) -> bool:
    return f" {phrase} " in f" {text} "


def _size(*phrases: str) -> int:
    return sum(len(phrase.split()) for phrase in phrases)
