"""Numbers written as words: English words with fractions and ordinals, and Chinese and Japanese numerals."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from fractions import Fraction

from autoselection_core.benchmarks.reading.foreign_numbers import ARTICLES, foreign_at

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
_ORDINALS: Mapping[str, int] = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
    **{
        f"{word.removesuffix('y')}{'ieth' if word.endswith('y') else 'th'}": number
        for word, number in {**_UNITS, **_SCALES}.items()
        if word not in {"zero", "one", "two", "three", "five", "eight", "nine", "twelve"}
    },
}  # fmt: skip
_PARTS: Mapping[str, int] = {
    **{name: number for name, number in _ORDINALS.items() if number > 2},  # noqa: PLR2004 "second" is a unit
    "half": 2,
    "halve": 2,
    "quarter": 4,
}
_ANY = "|".join(sorted((*_UNITS, *_SCALES), key=len, reverse=True))
_ANY_PART = "|".join(sorted(_PARTS, key=len, reverse=True))
_ENDED = r"(?![\w-])"
_ENGLISH = re.compile(
    rf"\b(?:a[ ](?={'|'.join(_SCALES)}))?(?:{_ANY})\b(?:(?:[ ]and[ ]|[ -])(?:{_ANY})\b){{0,30}}",
    re.IGNORECASE,
)
_PART = re.compile(rf"[ -](?P<part>{_ANY_PART})(?P<many>s)?{_ENDED}", re.IGNORECASE)
_AND_PART = re.compile(rf"[ ]and[ ]an?[ ](?P<part>{_ANY_PART}){_ENDED}", re.IGNORECASE)
_ORDINAL_END = re.compile(rf"[ -](?P<ordinal>{'|'.join(_ORDINALS)}){_ENDED}", re.IGNORECASE)
_ORDINAL = re.compile(
    rf"\b(?:the[ ])?(?P<ordinal>{'|'.join(_ORDINALS)})(?=\s*(?:[.,;!?)*\n]|$))", re.IGNORECASE
)
_A_PART = re.compile(
    rf"\b(?:(?:an?|one)[ ])?(?P<sure>half|quarter){_ENDED}"
    rf"|\ban?[ ](?P<part>{_ANY_PART})(?=[ ]of\b|\s*(?:[.,;!?)*\n]|$))",
    re.IGNORECASE,
)
_POINT = re.compile(
    rf"[ ]point(?P<digits>(?:[ -](?:{'|'.join(_TEENS.split()[:10])})\b){{1,20}})", re.IGNORECASE
)
_SCALE = re.compile(rf"[ ](?:an?[ ])?({'|'.join(_SCALES)})s?\b", re.IGNORECASE)
_PRONOUN = re.compile(r"one(?:[ ](?!(?:hundred|thousand|million|billion|trillion)\b)[a-z]|$)", re.IGNORECASE)
_HAN = re.compile(r"[〇零一二两三四五六七八九十百千万亿萬億]{1,24}")
_MYRIAD = 10_000
_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]{2,60}(?![^\W\d_])")
_MINUS_BEFORE = re.compile(r"\b(?:minus|negative|moins|menos|meno)[ ]$", re.IGNORECASE)


def worded_at(text: str, start: int, end: int, *, is_english: bool = True) -> str | None:
    """The number whose words begin at a place of a text, in digits; None where none do.

    Args:
        text: A folded text.
        start: The place.
        end: End of what may be read.
        is_english: Whether words of other languages that are English words too (elf, once, cent) are none.

    Example:
        >>> worded_at("It is one hundred and five.", 6, 27), worded_at("三千二百", 0, 4)
        ('105', '3200')
        >>> worded_at("two and a half", 0, 14), worded_at("zweihundertzwölf", 0, 16)
        ('5/2', '212')
    """
    han = _HAN.match(text, start, end)
    if han:
        return str(_han(han[0]))
    found = _words_at(text, start, end, is_english=is_english)
    return found[0] if found else None


def worded(text: str, *, is_english: bool = True) -> Iterator[str]:
    """Numbers in words, in digits; "one" is left out where it stands for something.

    Words of other languages count only in a text that is not English.
    """
    behind = 0
    for match in _WORD.finditer(text):
        at = match.start()
        if at < behind:
            continue
        word = match[0].lower()
        may_begin = word in _FIRST_WORDS or (not is_english and word not in ARTICLES)
        found = _words_at(text, at, len(text), is_english=is_english) if may_begin else None
        if found is not None:
            spelled, behind = found
            yield f"-{spelled}" if _MINUS_BEFORE.search(text, max(0, at - 10), at) else spelled


_FIRST_WORDS = frozenset({*_UNITS, *_SCALES, "half", "quarter"})


def _words_at(text: str, start: int, end: int, *, is_english: bool) -> tuple[str, int] | None:
    """Value of the words at a place and where they end, in the language that reads the most of them."""
    english = _english_at(text, start, end)
    if english is not None and english[0] == "1" and _PRONOUN.match(text, start, end):
        english = None
    foreign = foreign_at(text, start, end, is_english=is_english)
    return max(filter(None, (english, foreign)), key=lambda found: found[1], default=None)


def _english_at(text: str, start: int, end: int) -> tuple[str, int] | None:
    """Value of the English words at a place, in digits, and where they end."""
    words = _ENGLISH.match(text, start, end)
    if words is None:
        return _without_number(text, start, end)
    number, behind = _english(words[0]), words.end()
    if part := _AND_PART.match(text, behind, end):
        bottom = _PARTS[part["part"].lower()]
        return (
            None if number is None else _scaled(text, f"{int(number) * bottom + 1}/{bottom}", part.end(), end)
        )
    if part := _PART.match(text, behind, end):
        return _of_parts(words[0], part)
    return None if number is None else _of_number(text, number, behind, end)


def _scaled(text: str, part: str, behind: int, end: int) -> tuple[str, int]:
    """A fraction, and what it is of: half a million, two and a half thousand."""
    scale = _SCALE.match(text, behind, end)
    return (part, behind) if scale is None else (str(Fraction(part) * _SCALES[scale[1].lower()]), scale.end())


def _of_number(text: str, number: str, behind: int, end: int) -> tuple[str, int] | None:
    """A whole number with what may follow it: the end of an ordinal, or decimals in words."""
    if ordinal := _ORDINAL_END.match(text, behind, end):
        return _ordinal(number, ordinal)
    if digits := _POINT.match(text, behind, end):
        said = "".join(str(_UNITS[word]) for word in re.findall(r"[a-z]+", digits["digits"].lower()))
        return f"{number}.{said}", digits.end()
    return None if text[behind : behind + 1] == "-" else (number, behind)


def _of_parts(words: str, part: re.Match[str]) -> tuple[str, int] | None:
    """Fraction of number words and a part, as "two thirds"; or an ordinal, as "forty-fifth"."""
    name, number = part["part"].lower(), _english(words)
    bottom = _PARTS[name]
    if part["many"] is None and number not in {None, "1"} and name in _ORDINALS:
        return _ordinal(str(number), part)
    if number is not None:
        return f"{number}/{bottom}", part.end()
    whole, _, top = words.lower().rpartition(" and ")
    left, right = (_english(each) if each else None for each in (whole, top))
    return (
        None if left is None or right is None else (f"{int(left) * bottom + int(right)}/{bottom}", part.end())
    )


def _ordinal(number: str, last: re.Match[str]) -> tuple[str, int] | None:
    """The whole number of an ordinal such as "twenty-first", whose last word is matched."""
    unit = _ORDINALS[next(filter(None, last.groups())).lower()]
    return (str(int(number) + unit), last.end()) if int(number) % 10 == 0 and unit < 100 else None  # noqa: PLR2004


def _without_number(text: str, start: int, end: int) -> tuple[str, int] | None:
    """Value of "half", "a third" or "the fifth", which hold no number word."""
    part = _A_PART.match(text, start, end)
    if part:
        return _scaled(text, f"1/{_PARTS[(part['sure'] or part['part']).lower()]}", part.end(), end)
    ordinal = _ORDINAL.match(text, start, end)
    return (str(_ORDINALS[ordinal["ordinal"].lower()]), ordinal.end()) if ordinal else None


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
