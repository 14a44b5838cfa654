"""What answer a generated text gives, and whether it is the right one.

The last match wins: models reason first and answer last. A text from which no answer can be read is a parse
failure, which is wrong and counted apart from wrong answers.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction

_MARK = (
    r"(?:answer|(?:correct|right|best)\s+(?:option|choice|letter|result))"
    r"\s*(?:\*\*|__)?\s*(?:is\s*:?|:|=)\s*"
)
"""What stands in front of an answer: "Answer:", "the answer is", "**Final answer:**"."""

_WRAP = r"[\s*_`\"'(\[{$]*(?:\\(?:boxed|text|textbf|mathrm|mathbf)\s*\{\s*)*[\s*_`\"'(\[{$]*"
_BOX = r"\\boxed\s*\{\s*(?:\\(?:text|textbf|mathrm|mathbf)\s*\{\s*)?"
_NOT_AN_ARTICLE = r"(?!\s+(?!because\b|since\b|as\b|is\b|due\b|for\b|which\b|with\b|and\b)[a-z])"
"""A capital in front of a small word is "A good reason" or "I think", unless the word gives a reason."""

_CAPITAL = r"([A-Z])(?![^\W_]|['\u2019]\w)" + _NOT_AN_ARTICLE
_SMALL_ALONE = r"([a-z])(?=[)\]}.,;:*_`\"'\s]*(?:\n|$))"
_LETTER_AFTER = tuple(
    re.compile(f"(?i:{mark}){_WRAP}(?i:option\\s+|choice\\s+)?{_WRAP}(?:{_CAPITAL}|{_SMALL_ALONE})")
    for mark in (_MARK, _BOX)
)
_LETTER_STANDING_OUT = re.compile(r"\(([A-Za-z])\)|\[([A-Z])\]|\*\*\(?([A-Z])[).]?\*\*")
_LETTER_FIRST = re.compile(r"^\s*(?i:option\s+|choice\s+)?([A-Z])\s*(?:[.):,]|$)", re.MULTILINE)
_LETTER_WHOLE = re.compile(r"\s*[*_`\"'(\[]*([A-Za-z])[*_`\"')\].:]*\s*")

_YES_NO_AFTER = tuple(re.compile(rf"(?i:{mark}){_WRAP}(?i:(yes|no))\b") for mark in (_MARK, _BOX))
_YES_NO = re.compile(r"\b(yes|no)\b", re.IGNORECASE)

_NUMBER = (
    r"(?P<sign>[-\u2212]?)\s*\$?\s*(?P<minus>[-\u2212]?)(?:\\[dt]?frac\s*\{(?P<top>\d+)\}\s*\{(?P<bottom>\d+)\}"
    r"|(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?P<decimals>\.\d+)?(?:\s*/\s*(?P<over>\d+))?)"
)
_NUMBER_ANYWHERE = re.compile(r"(?<![\w.])" + _NUMBER)
_NUMBER_AFTER = tuple(
    re.compile(f"(?i:{mark}){_WRAP}(?:[A-Za-z] = )?{_NUMBER}") for mark in (r"####\s*", _MARK, _BOX)
)

_TEXT_AFTER = re.compile(rf"(?i:{_MARK})(?P<text>[^\n]+)")
_TEXT_BOX = re.compile(_BOX + r"(?P<text>[^{}\n]+)\}")
_DECORATION = "*_`\"' \t$"
_SHORT_WORDS = 6
"""A text of one line and so few words is an answer without a mark; a longer one is reasoning without end."""


def extract(text: str, reads: str, options: int = 26) -> str | None:
    """The answer that a generated text gives; None where it gives none.

    Args:
        text: What the model wrote.
        reads: "letter", "yes_no", "number" or "text".
        options: How many letters there are to choose from.

    Example:
        >>> extract("Both are close, so the answer is **(B)**.", "letter", 4)
        'B'
        >>> extract("She pays $1,234.50 in all. #### $1,234.50", "number")
        '1234.50'
    """
    if reads == "letter":
        return _letter(text, options)
    return _READERS[reads](text)


def is_right(parsed: str | None, target: str, reads: str) -> bool:
    """Whether an extracted answer is the target. Numbers are compared by value, texts without decoration."""
    if parsed is None:
        return False
    if reads == "number":
        wanted = extract(target, "number")
        return wanted is not None and _value(parsed) == _value(wanted)
    return _bare(parsed) == _bare(target)


def _letter(text: str, options: int) -> str | None:
    whole = _LETTER_WHOLE.fullmatch(text)
    found = [whole] if whole else _last_of(_LETTER_AFTER, text)
    for pattern in (_LETTER_STANDING_OUT, _LETTER_FIRST):
        found = found or _last_of((pattern,), text)
    letters = [next(group for group in match.groups() if group).upper() for match in found]
    return next((letter for letter in letters if ord(letter) - ord("A") < options), None)


def _yes_no(text: str) -> str | None:
    found = _last_of(_YES_NO_AFTER, text) or _last_of((_YES_NO,), text)
    return found[0].group(1).lower() if found else None


def _number(text: str) -> str | None:
    found = [
        match
        for patterns in (_NUMBER_AFTER, (_NUMBER_ANYWHERE,))
        for match in _all_of(patterns, text)
        if _has_digits(match)
    ]
    marked = [match for match in found if match.re in _NUMBER_AFTER]
    chosen = marked or found
    return _spelled(max(chosen, key=lambda match: match.start())) if chosen else None


def _text(text: str) -> str | None:
    found = _last_of((_TEXT_AFTER, _TEXT_BOX), text)
    if found:
        return _undecorated(found[0].group("text"))
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0].split()) <= _SHORT_WORDS:
        return _undecorated(lines[0])
    return None


_READERS: Mapping[str, Callable[[str], str | None]] = {"yes_no": _yes_no, "number": _number, "text": _text}


def _all_of(patterns: tuple[re.Pattern[str], ...], text: str) -> list[re.Match[str]]:
    return [match for pattern in patterns for match in pattern.finditer(text)]


def _last_of(patterns: tuple[re.Pattern[str], ...], text: str) -> list[re.Match[str]]:
    """The match that starts last, if any."""
    return sorted(_all_of(patterns, text), key=lambda match: match.start())[-1:]


def _has_digits(match: re.Match[str]) -> bool:
    return bool(match["top"] or match["whole"] or match["decimals"])


def _spelled(match: re.Match[str]) -> str:
    sign = "-" if match["sign"] or match["minus"] else ""
    if match["top"]:
        return f"{sign}{match['top']}/{match['bottom']}"
    whole = (match["whole"] or "0").replace(",", "")
    over = f"/{match['over']}" if match["over"] and int(match["over"]) else ""
    return f"{sign}{whole}{match['decimals'] or ''}{over}"


def _value(number: str) -> Fraction | None:
    top, _, bottom = number.partition("/")
    return Fraction(top) / Fraction(bottom or "1") if int(bottom or "1") else None


def _undecorated(text: str) -> str | None:
    bare = text.strip(_DECORATION)
    box = _TEXT_BOX.fullmatch(bare.rstrip("."))
    bare = (box.group("text") if box else bare).strip(_DECORATION)
    return bare.removesuffix(".").strip(_DECORATION) or None


def _bare(text: str) -> str:
    """Lower case, single spaces, and no brackets around a single letter."""
    words = " ".join(text.lower().split()).strip(_DECORATION).removesuffix(".")
    letter = re.fullmatch(r"\(?([a-z])\)?", words)
    return letter.group(1) if letter else words
