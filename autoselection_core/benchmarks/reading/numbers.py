"""The number that a text gives as its answer."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from autoselection_core.benchmarks.reading.leads import after_lead
from autoselection_core.benchmarks.reading.marks import Kind, Mark, marked
from autoselection_core.benchmarks.reading.numerals import Numeral, numeral_at, numerals

_FILLER = re.compile(
    r"(?:(?:about|approximately|approx\.?|around|roughly|nearly|exactly|only|just|simply|equal to|a total of"
    r"|ungefähr|etwa|environ|aproximadamente|circa|约|大约|около)[^\S\n]{1,3}|[A-Za-z][^\S\n]{0,3}=(?!=))",
    re.IGNORECASE,
)
_MAX_FILLERS = 3
_CLAUSE_END = re.compile(r"[,.;](?=\s|$)|[(\n]")
_OPERATOR = re.compile(r"[-+*/×·÷^x\u2212]|%|\\(?:times|cdot|div)|\b(?:of|times|plus|minus)\b")
_WORD = re.compile(r"[^\W\d_]{2,}")
_OPERATING = frozenset({"of", "times", "plus", "minus", "cdot", "div", "frac", "left", "right", "text"})
_HEADING = re.compile(r"[.)](?=\s|$)")
_ASIDE = re.compile(r"\([^()\n]{1,120}\)|\[[^\[\]\n]{1,120}\]")
_REFERS = re.compile(
    r"\b(?:see|step|steps|rule|line|lines|eq|eqn|equation|figure|fig|table|note|part|section|page|above|ref)\b"
    r"|^\[\s*\d{1,3}\s*\]$",
    re.IGNORECASE,
)
_SET_ASIDE = re.compile(
    r"\b(?:not|rather than|instead of|other than|unlike)[^\S\n]{1,3}(?:(?:just|only|about)[^\S\n]{1,3})?$",
    re.IGNORECASE,
)
_BEFORE = 40
"""Characters in front of a number in which it may be set aside."""


def marked_number(text: str) -> str | None:
    """The number behind the last announcement that has one: "####", a box, "the answer is"."""
    for mark in marked(text, *Kind):
        start = _skipped(text, mark)
        found = numeral_at(text, start, mark.until)
        if found is None or (mark.kind is Kind.HASHES and _is_heading(text, mark, found)):
            continue
        return _result(text, start, mark.until) or found.spelled
    return None


def last_number(text: str) -> str | None:
    """The last number of a text; those set aside ("not 8", "(see step 1)") only where there is no other."""
    found = list(numerals(text))
    asides = [match.span() for match in _ASIDE.finditer(text) if _REFERS.search(match[0])]
    kept = [each for each in found if not _is_inside(each, asides) and not _is_set_aside(text, each)]
    return (kept or found)[-1].spelled if found else None


def _skipped(text: str, mark: Mark) -> int:
    """Position where the value of an announcement begins."""
    at = after_lead(text, mark.end, mark.until)
    for _ in range(_MAX_FILLERS):
        filler = _FILLER.match(text, at, mark.until)
        if filler is None:
            break
        at = after_lead(text, filler.end(), mark.until)
    return at


def _result(text: str, start: int, until: int) -> str | None:
    """The result of a calculation such as "5 + 3 = 8"; None where there is no calculation."""
    ends = _CLAUSE_END.search(text, start, until)
    parts = text[start : ends.start() if ends else until].split("=")
    if len(parts) == 1 or not any(_is_calculation(part) for part in parts):
        return None
    for part in reversed(parts):
        found = numeral_at(part, after_lead(part, 0, len(part)))
        if found is not None and not _is_calculation(part):
            return found.spelled
    return None


def _is_calculation(part: str) -> bool:
    """Whether there are numbers with something to calculate between, and no words but units."""
    numbers = list(numerals(part))
    words = [word for word in _WORD.findall(part) if word.lower() not in _OPERATING]
    joined = any(_OPERATOR.search(part, first.end, second.end) for first, second in pairwise(numbers))
    return joined and len(words) <= len(numbers)


def _is_heading(text: str, mark: Mark, found: Numeral) -> bool:
    """Whether "#### 2." numbers a step: something with a number follows it."""
    if _HEADING.match(text, found.end) is None:
        return False
    line_ends = text.find("\n", found.end, mark.until)
    return line_ends >= 0 and any(character.isdigit() for character in text[line_ends:])


def _is_inside(number: Numeral, asides: Sequence[tuple[int, int]]) -> bool:
    before = bisect_right(asides, number.start, key=lambda span: span[0])
    return before > 0 and number.start < asides[before - 1][1]


def _is_set_aside(text: str, number: Numeral) -> bool:
    before = text[max(0, number.start - _BEFORE) : number.start]
    return _SET_ASIDE.search(before) is not None
