"""Phrases of a benchmark item that are looked for in samples: bare question, answers, options."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from autoselection_core.benchmarks.item import Item, labels
from autoselection_core.words import READING, all_search_units, search_units

_HEAD = re.compile(r"(?:.*[:\n])?\s*", re.DOTALL)
_OPTION = re.compile(r"^[^\w\n]*([A-Za-z]|\d{1,3})\W+(.+)$", re.MULTILINE)
MIN_UNITS = 8
"""Units of a short question with its proof from which on it counts anywhere in a sample."""

MAX_FURTHER_UNITS = 8
"""Units beside a shorter question in what is asked: an opening such as "Please solve:"."""


@dataclass(frozen=True)
class ItemPhrases:
    """Phrases of an item, as search units with one space between them (see `search_units`).

    Attributes:
        question: Bare question.
        answers: Spellings of the right answer; one of them is enough.
        options: Options to choose from, without letters and other markers.
    """

    question: str
    answers: tuple[str, ...]
    options: tuple[str, ...]

    @classmethod
    def of(cls, item: Item, question: str | None = None) -> "ItemPhrases":
        """Phrases of an item; options that the prompt lists behind letters are found there.

        Args:
            item: The item.
            question: Its bare question, where the prompt's own words are cut off.
        """
        asked, choices = question or item.question, item.choices or ()
        # A label ("A", "12") is a common word, and no answer unless it is the text of an option.
        names = set(labels(len(choices)))
        is_named = set(choices) == names
        said = () if is_named else choices
        listed = _listed(item, asked, names) if choices else {}
        answers = [listed.get(item.target, ""), item.reference, item.target]
        answers = [each for each in answers if each in said or each not in names]
        return cls(units_of(asked), _phrases(answers), _phrases(list(listed.values()) or said))

    @cached_property
    def proofs(self) -> tuple[tuple[str, ...], ...]:
        """Proofs of a short question: alternatives, each a set of phrases that must all be there."""
        return tuple((answer,) for answer in self.answers) + ((self.options,) if self.options else ())

    def is_proven_in(self, instruction: str, whole: str) -> bool:
        """Whether a short question is in a sample together with its answer or with all of its options.

        Question and proof of fewer than `MIN_UNITS` units together are common ground: then all that is asked
        may hold at most `MAX_FURTHER_UNITS` units beside the question.

        Args:
            instruction: Units of what is asked in the sample, in all readings (see `readings_of`).
            whole: Units of the whole sample, in all readings.
        """
        if not _holds(whole, self.question):
            return False
        further = min(map(_size, instruction.split(READING))) - _size(self.question)
        is_asked = _holds(instruction, self.question) and further <= MAX_FURTHER_UNITS
        return any(
            (is_asked or _size(self.question, *phrases) >= MIN_UNITS)
            and all(_holds(whole, phrase) for phrase in phrases)
            for phrases in self.proofs
        )


def bare_questions(items: Sequence[Item]) -> tuple[str, ...]:
    r"""Questions of items without the words that a prompt puts around each of them.

    Where every question is the whole prompt, as in tasks of lm-evaluation-harness, what all of them have in
    common is cut off: at the start up to the last colon or line break, at the end the last label, or all
    from the first line break on. Options that such a prompt lists behind labels at its end are cut off, too.

    Example:
        >>> from autoselection_core.pool.sample import Message, Role
        >>> asked = [f"Question: {question}\nAnswer:" for question in ("Why is it dark?", "Who came?")]
        >>> bare_questions([Item(text, (Message(Role.USER, text),), "") for text in asked])
        ('Why is it dark?', 'Who came?')
    """
    questions = [item.question for item in items]
    is_prompt = all(item.prompt and item.prompt[-1].content == item.question for item in items)
    if not is_prompt or len(set(questions)) == 1:
        return tuple(questions)
    head = _HEAD.match(_common_start(questions))
    start = 0 if head is None else len(head.group())
    stop = _label_length(_common_start([question[::-1] for question in questions])[::-1])
    bare = [question[start : len(question) - stop] for question in questions]
    cut = [_without_options(question, item) for question, item in zip(bare, items, strict=True)]
    asked = Counter(cut)  # a stem of several questions ("Which of these is right?") is none of them
    return tuple(short if asked[short] == 1 else whole for short, whole in zip(cut, bare, strict=True))


def _without_options(question: str, item: Item) -> str:
    """A question without the lines at its end that list all of its options behind their labels."""
    names = labels(len(item.choices or ()))
    if not names or item.choices != names:
        return question
    found = list(_OPTION.finditer(question))[-len(names) :]
    is_list = tuple(option[1].upper() for option in found) == names
    return question[: found[0].start()].rstrip() if is_list and found[0].start() else question


def _label_length(end: str) -> int:
    """Characters of a common end from its first line break or its last label on, whichever is longer."""
    line_break, said = end.find("\n"), end.rstrip()
    word = said.split()[-1] if said else ""
    label = len(end) - len(said) + len(word) if word.endswith(":") and len(word) > 1 else 0
    return max(label, len(end) - line_break if line_break >= 0 else 0)


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)  # what these two share, all between them share
    differs = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(differs, len(first))]


def units_of(text: str) -> str:
    """Search units of a text with one space between them.

    Example:
        >>> units_of("A)  Plants, mostly.")
        'a plants mostly'
    """
    return " ".join(search_units(text))


def readings_of(text: str) -> str:
    """Search units of all readings of a text with one space between them, see `all_search_units`."""
    return " ".join(all_search_units(text))


def _listed(item: Item, asked: str, names: Collection[str]) -> dict[str, str]:
    """Options that the prompt's last turn lists behind labels after the bare question, by label."""
    after = item.prompt[-1].content.partition(asked)[2] if item.prompt else ""
    found = ((label.upper(), text) for label, text in _OPTION.findall(after))
    return {label: text for label, text in found if label in names}


def _phrases(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(phrase for phrase in dict.fromkeys(units_of(text) for text in texts) if phrase)


def _holds(text: str, phrase: str) -> bool:
    return f" {phrase} " in f" {text} "


def _size(*phrases: str) -> int:
    return sum(len(phrase.split()) for phrase in phrases)
