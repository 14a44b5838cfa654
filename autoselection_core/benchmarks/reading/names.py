"""The option that a text names by its words."""

import re
from collections.abc import Sequence

from autoselection_core.benchmarks.reading.texts import marked_text, short_text

_NOT_A_WORD = re.compile(r"[^\w%+<>=/-]+")
_NEGATED = re.compile(r"\b(?:not|neither|nor|none|isn t|cannot)\b")
_ARTICLES = ("the ", "a ", "an ")


def named_option(text: str, options: Sequence[str]) -> int | None:
    """The number, from 0, of the only option that an announced or short answer names; None for none.

    An option that equals the answer goes before those that the answer contains. An option's words inside
    those of a longer one that is said too do not count.
    """
    said = marked_text(text) or short_text(text)
    if not said or not options:
        return None
    answer, names = _words(said), [_words(option) for option in options]
    equal = [number for number, name in enumerate(names) if name and name == answer]
    if equal or _NEGATED.search(answer):
        return equal[0] if len(equal) == 1 else None
    inside = [number for number, name in enumerate(names) if name and f" {name} " in f" {answer} "]
    longest = [number for number in inside if not any(_holds(names[each], names[number]) for each in inside)]
    return longest[0] if len(longest) == 1 else None


def _words(text: str) -> str:
    words = _NOT_A_WORD.sub(" ", text.lower()).strip()
    return next((words.removeprefix(article) for article in _ARTICLES if words.startswith(article)), words)


def _holds(longer: str, shorter: str) -> bool:
    return longer != shorter and f" {shorter} " in f" {longer} "
