"""The answer that a generated text gives, and whether it is the right one.

The last announcement wins: models reason first and answer last. It is looked for in the first part of the
text that announces an answer, because a model that runs on asks and answers questions of its own. A text from
which no answer can be read is a parse failure, which is wrong and counted apart from wrong answers.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from autoselection_core.benchmarks.item import LETTERS, Item
from autoselection_core.benchmarks.reading.marks import marks
from autoselection_core.benchmarks.reading.numbers import (
    decimal_mark,
    equal,
    is_ambiguous,
    last_number,
    marked_number,
    numerals,
)
from autoselection_core.benchmarks.reading.options import (
    latin_letters,
    marked_letter,
    marked_yes_no,
    named_option,
    phrased_letter,
    said_yes_no,
    standing_letter,
)
from autoselection_core.benchmarks.reading.texts import (
    fold,
    marked_text,
    segments,
    short_text,
    unannounced_text,
    undecorate,
)

_Reader: TypeAlias = Callable[[str], str | None]
_LETTER = re.compile(r"\(?([a-z])\)?")

READING = 7
"""Version of how answers are read, a part of what a score of written answers follows from.

The first one is that of version 0.1.0, whose benchmarks and evaluations do not name it.
"""


def extract(
    text: str, reads: str, options: int = 26, texts: Sequence[str] = (), beside: str = ""
) -> str | None:
    """The answer that a generated text gives; None where it gives none.

    Args:
        text: The text that the model generated.
        reads: "letter", "yes_no", "number" or "text".
        options: Number of letters to choose from.
        texts: The options' texts in the order of their letters; an answer may name its option by them.
        beside: The question; its language says what the point of 2.500 is where the text has no words.

    Example:
        >>> extract("Both are close, so the answer is **(B)**.", "letter", 4)
        'B'
        >>> extract("She pays $1,234.50 in all. #### $1,234.50", "number")
        '1234.50'
        >>> extract("It is the Rhine.", "letter", 2, ["the Nile", "the Rhine"])
        'B'
        >>> extract("Die Antwort ist 2.500.", "number"), extract("The answer is two thirds.", "number")
        ('2500', '2/3')
    """
    folded = fold(text)
    announced, implied = _readers(reads, options, [fold(option) for option in texts], (folded, beside))
    parts = segments(latin_letters(folded) if reads == "letter" else folded)
    for part in parts:
        found = announced(part) or (implied(part) if short_text(part) else None)
        if found is not None:
            return found
    return next((found for part in parts if (found := implied(part)) is not None), None)


def is_right(parsed: str | None, target: str, reads: str, beside: str = "") -> bool:
    """Whether an extracted answer is the target. Numbers are compared by value, texts without decoration.

    A target such as 2.500 of a question in a language with a decimal comma may be either number, and an
    answer with either value is right.
    """
    if parsed is None:
        return False
    if reads == "number":
        spelled = [
            extract(target, "number", beside=beside),
            *([target.strip()] if is_ambiguous(target) else []),
        ]
        return any(wanted is not None and equal(parsed, wanted) for wanted in spelled)
    wanted = (extract(target, reads) if reads == "yes_no" else None) or target
    return _bare(parsed) == _bare(wanted)


def is_expected(target: str, reads: str) -> bool:
    """Whether any answer that is read could be this target.

    Of a text with several lines only one would be read. A number must be a single one: a date, a range or
    "1 hour 30 minutes" is none, but a number behind "####" or in a box, and the result of a calculation, are.
    """
    if reads == "number":
        return _is_number(target)
    if reads == "text" and "\n" in target.strip():
        return is_right(extract(f"Answer: {target}", reads), target, reads)
    if reads == "yes_no":
        return extract(target, reads) is not None
    return reads != "letter" or len(_bare(target)) == 1


def _is_number(target: str) -> bool:
    found = extract(target, "number")
    is_single = len(list(numerals(fold(target)))) <= 1 or "=" in target or bool(marks(fold(target)))
    return found is not None and is_single


def read_answer(item: Item, text: str) -> str | None:
    """The answer that a generated text gives to an item; None where it gives none."""
    choices = item.choices or ()
    texts = [choices[position] for position in item.order]
    return extract(text, item.reads, len(choices) or len(LETTERS), texts, item.question)


def _readers(
    reads: str, options: int, texts: Sequence[str], said: tuple[str, str]
) -> tuple[_Reader, _Reader]:
    """Reader of an announced answer, and reader of one from the rest of the text."""
    if reads == "number":
        mark = decimal_mark(*said)
        return partial(marked_number, mark_of_decimals=mark), partial(last_number, mark=mark)
    if reads != "letter":
        return _READERS[reads]

    def named(text: str) -> str | None:
        number = named_option(text, texts)
        return None if number is None else LETTERS[number]

    return (
        lambda text: marked_letter(text, options) or named(text),
        lambda text: phrased_letter(text, options) or standing_letter(text, options),
    )


_READERS: Mapping[str, tuple[_Reader, _Reader]] = {
    "yes_no": (marked_yes_no, said_yes_no),
    "text": (marked_text, unannounced_text),
}


def _bare(text: str) -> str:
    """Lower case, single spaces, no decoration, and no brackets around a single letter."""
    words = " ".join(fold(text).lower().replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").split())
    words = undecorate(words) or ""
    letter = _LETTER.fullmatch(words)
    return letter.group(1) if letter else words
