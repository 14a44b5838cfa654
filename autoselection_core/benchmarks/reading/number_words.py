"""Numbers written as words: English words, and Chinese and Japanese numerals."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

_TEENS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS: Mapping[str, int] = {
    **{word: number for number, word in enumerate(_TEENS.split())},
    **{word: 10 * number for number, word in enumerate(_TENS.split(), start=2)},
}
_SCALES: Mapping[str, int] = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_ANY = "|".join(sorted((*_UNITS, *_SCALES), key=len, reverse=True))
_ENGLISH = re.compile(
    rf"\b(?:a[ ](?={'|'.join(_SCALES)}))?(?:{_ANY})(?:(?:[ ]and[ ]|[ -])(?:{_ANY})\b){{0,30}}(?![\w-])",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"one(?:[ ](?!(?:hundred|thousand|million|billion|trillion)\b)[a-z]|$)", re.IGNORECASE)
_HAN = re.compile(r"[〇零一二两三四五六七八九十百千万亿萬億]{1,24}")
_MYRIAD = 10_000


def worded_at(text: str, start: int, end: int) -> str | None:
    """The number whose words begin at a place of a text, in digits; None where none do.

    Example:
        >>> worded_at("It is one hundred and five.", 6, 27), worded_at("三千二百", 0, 4)
        ('105', '3200')
    """
    english = _ENGLISH.match(text, start, end)
    if english:
        return None if _PRONOUN.match(text, start, end) else _english(english[0])
    han = _HAN.match(text, start, end)
    return str(_han(han[0])) if han else None


def worded(text: str) -> Iterator[str]:
    """Numbers in English words, in digits; "one" is left out where it stands for something."""
    for match in _ENGLISH.finditer(text):
        found = None if _PRONOUN.match(text, match.start()) else _english(match[0])
        if found is not None:
            yield found


def _english(words: str) -> str | None:
    """Value of English number words; None for words in no order, such as "five two"."""
    total = group = 0
    below = _MYRIAD
    for word in re.findall(r"[a-z]+", words.lower().replace(" and ", " ")):
        if word == "hundred":
            group, below = max(group, 1) * _SCALES[word], _SCALES[word]
        elif word in _SCALES:
            total, group, below = total + max(group, 1) * _SCALES[word], 0, _MYRIAD
        elif word in _UNITS:
            number = _UNITS[word]
            if number >= below:
                return None
            group, below = group + number, 10 if number >= 20 else 1  # noqa: PLR2004 "twenty" takes a digit
    return str(total + group)


def _han(numerals: str) -> int:
    """Value of Chinese numerals, written with their scales (三千二百) or digit by digit (二〇二)."""
    digits = [2 if each == "两" else int(unicodedata.numeric(each)) for each in numerals]
    if all(digit < 10 for digit in digits):  # noqa: PLR2004 no scale among them
        return int("".join(map(str, digits)))
    total = group = digit = 0
    for number in digits:
        if number >= _MYRIAD:
            section = group + digit
            # 一万亿 is ten thousand times 亿; in 一亿一万 the two add up.
            total = (total + section) * number if 0 < total < number else total + (section or 1) * number
            group = digit = 0
        elif number >= 10:  # noqa: PLR2004 a scale
            group, digit = group + (digit or 1) * number, 0
        else:
            digit = number
    return total + group + digit
