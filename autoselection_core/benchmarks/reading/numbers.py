"""The number that a text gives as its answer."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from autoselection_core.benchmarks.reading.marks import Mark, MarkKind, marks_in
from autoselection_core.benchmarks.reading.number_words import worded, worded_at
from autoselection_core.benchmarks.reading.texts import after_lead

MAX_CHARACTERS = 300
"""A longer number is no answer; Python itself refuses to read more than 4,300 digits."""

_MAX_EXPONENT = 300
_SPACE = r"[^\S\n]{0,3}"
_GROUP = r"(?:,|\{,\}|\\[,;: ]|['\u2019_]|[ \u00a0\u2009\u202f])"
_WHOLE = (
    rf"(?:[1-9]\d{{0,2}}(?P<sep>{_GROUP})\d{{3}}(?:(?P=sep)\d{{3}})*+(?!\d)"
    r"|[1-9]\d?(?:,\d{2}(?!\d))++,\d{3}(?!\d)"
    r"|[1-9]\d{0,2}(?:\.\d{3}){2,}+(?!\d)"
    r"|[1-9]\d{0,2}(?:\.\d{3})++(?=,\d)"
    r"|\d++)"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺\u2212", "0123456789-+-")
_RAISED = r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4}"
_EXPONENT = r"[-\u2212+]?\d{1,4}"
_SCALES = {
    **dict.fromkeys(("hundred",), 10**2),
    **dict.fromkeys(("thousand", "tausend", "k", "千", "천"), 10**3),
    **dict.fromkeys(
        ("mil", "mille", "duizend", "tusen", "nghìn", "ngàn", "ribu", "тысяч", "тысячи", "тыс"), 10**3
    ),
    **dict.fromkeys(("万", "萬", "만"), 10**4),
    **dict.fromkeys(("lakh",), 10**5),
    **dict.fromkeys(("million", "millions", "millionen", "millones", "milhões", "milioni", "mn", "m"), 10**6),
    **dict.fromkeys(
        ("miljoen", "miljoner", "triệu", "juta", "миллион", "миллиона", "миллионов", "млн"), 10**6
    ),
    **dict.fromkeys(("crore",), 10**7),
    **dict.fromkeys(("亿", "億", "억"), 10**8),
    **dict.fromkeys(("billion", "billions", "milliarden", "milliards", "bn"), 10**9),
    **dict.fromkeys(("miljard", "miljarder", "tỷ", "миллиард", "миллиарда", "миллиардов", "млрд"), 10**9),
    **dict.fromkeys(("trillion", "trillions"), 10**12),
}
_WORDS = "|".join(word for word in sorted(_SCALES, key=len, reverse=True) if len(word) > 1)
_FRACTION = (
    rf"(?:(?P<mixed>\d{{1,9}}){_SPACE}(?:and[ ](?:(?=\d)|an?[ ](?=[a-z])))?)?"
    r"(?:\\[dt]?frac\s?(?:\{\s?(?P<top>\d{1,30})\s?\}\s?\{\s?(?P<bottom>\d{1,30})\s?\}|(?P<one>\d)\s?(?P<two>\d))"
    r"|(?P<vulgar>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])"
    r"|(?:(?<=\d[ ])|(?<=\d[ ]and[ ]))(?P<part>\d{1,4})/(?P<parts>\d{1,4})(?!\d)"
    r"|(?<=[ ]and[ ]a[ ])(?P<named>half|third|quarter)\b)"
)
_OVERS = {"half": "2", "third": "3", "quarter": "4"}
_NAMED_PARTS = {
    "thirds": "3", "fourths": "4", "fifths": "5", "sixths": "6", "sevenths": "7", "eighths": "8",
    "ninths": "9",
}  # fmt: skip
"""Quarters, halves and tenths behind digits may be coins, games and notes."""
_DECIMAL = (
    rf"(?:(?P<whole>{_WHOLE})(?P<decimals>\.\d++|,\d++(?!,\d))?|(?P<bare>\.\d++))"
    rf"(?:[eE](?P<e>{_EXPONENT})(?!\w)"
    rf"|{_SPACE}(?:[×x*·]|\\times|\\cdot|times){_SPACE}10"
    rf"(?:(?:\^|\*\*|[ ]to[ ]the[ ](?:power[ ](?:of[ ])?)?){_SPACE}"
    rf"\{{?(?P<ten>{_EXPONENT})\}}?|(?P<raised>{_RAISED}))"
    rf"|\^\{{?(?P<power>{_EXPONENT})\}}?|(?P<upper>{_RAISED})"
    rf"|(?P<colons>(?::\d{{1,9}}){{1,3}}+)(?!:?\d)"
    rf"|[ ](?P<parts_of>{'|'.join(_NAMED_PARTS)})\b"
    rf"|{_SPACE}(?:/|over[ ]){_SPACE}(?P<over>\d{{1,30}})(?!\d|/\d))?"
    rf"(?:{_SPACE}(?P<scale>(?i:{_WORDS})(?![^\W\d_])|[千万萬亿億천만억])|(?P<suffix>(?(pounds)[kKMm]|[kKM]))(?!\w))?"
    rf"(?P<percent>{_SPACE}(?:\\?%(?!{_SPACE}\d)"
    r"|(?i:per[ ]?cent|prozent|pour[ ]cent|por[ ]ciento|por[ ]cento)\b))?"
)
_MONEY = re.compile(
    rf"{_SPACE}(?:€|euros?\b|eur\b|reais\b|pesos\b|đồng\b|zł\b|kr\b|lei\b|rupiah\b)", re.IGNORECASE
)
_MONEY_BEFORE = re.compile(r"(?:€|eur|r\$|rp\.?)[^\S\n]{0,3}$", re.IGNORECASE)
_GROUPED = re.compile(r"[1-9]\d{0,2}\.\d{3}")
"""One point in front of three digits: thousands of a currency that has no thousandths, or of a language that
has a decimal comma; else decimals."""
_COMMA_GROUPED = re.compile(r"[1-9]\d{0,2},\d{3}")
_TIME_DIGITS, _HOUR = 2, 60
_NUMERAL = re.compile(
    rf"(?:(?<![A-Za-z0-9_)\]}}])(?P<sign>[-\u2212+]|\u2013(?=[\d.])){_SPACE})?(?:\\?(?:[$¥]|(?P<pounds>[€£])){_SPACE}(?P<minus>[-\u2212])?)?"
    rf"(?:{_FRACTION}|{_DECIMAL})"
)
_INSIDE = re.compile(r"[A-Za-z\u00c0-\u024f0-9_.]")
_TERM_BEHIND = re.compile(
    r"[^\S\n]{0,2}(?:\\[dt]?frac(?![A-Za-z])|\\?sqrt\b|√|π|\\pi(?![A-Za-z])|\\infty|∞)"
    r"|[xyzni](?=[^\S\n]{0,2}(?:[-+*/^=}$²³]|\\cdot|$))"
    r"|(?<=0)(?:[xX][0-9a-fA-F]|[bBoO][0-7])"
)
_TERM_BEFORE = re.compile(
    r"(?:√|\\sqrt[ ]?\{?|\bsqrt\(|(?:π|\\pi)[^\S\n]{0,2}[-+*/^][^\S\n]{0,2}"
    r"|(?<![^\W\d_])[xyznk][^\S\n]{0,2}[-+*/^][^\S\n]{0,2}|\}[ ]?\{[ ]?)$"
)
_VARIABLE_BEFORE = re.compile(r"(?<![^\W\d_])[xyznk][^\S\n]{0,2}$")
"""A root, π or a variable beside a number: the number is a part of a term, and the term has no value here."""


@dataclass(frozen=True)
class Numeral:
    """A number in a text.

    Attributes:
        start: Position where it begins.
        end: Position where it ends.
        spelled: The number with plain digits: an integer, a decimal or a fraction, and "%" behind percents.
    """

    start: int
    end: int
    spelled: str


class DecimalMark(StrEnum):
    """Decimal mark that a text writes numbers with.

    Attributes:
        POINT: 2.500 is two and a half.
        COMMA: 2.500 is two thousand five hundred, and 2,500 is two and a half.
        UNSEEN: A language that has a decimal comma, in a text that shows none: thousands have either mark.
    """

    POINT = "point"
    COMMA = "comma"
    UNSEEN = "unseen"


_LANGUAGE_WORD = re.compile(
    r"\b(?:(?P<english>the|of|and|is|are|has|have|for|so|each|answer|there|it|she|he|they|we|if|then|that"
    r"|this|which|with|how|many|much|what|does|i|my|me|you|your|to|be|were|will|would|can|got|get|her|his|their"
    r"|its|by|at|or|but|all|per|cost|costs|number|result|final|therefore|thus|since|because|not)"
    r"|der|das|und|ist|nicht|ein|eine|einen|sind|für|von|mit|auf|dem|wir|insgesamt|ergibt|beträgt|antwort"
    r"|lösung|ergebnis|wie|viele|viel|kostet|es|sie|bleiben"
    r"|\w*[äöüßáéíóúñãõçêèåøæœ]\w*"
    r"|el|en|hay|los|las|una|por|que|con|del|para|respuesta|resultado|cuántos|cuántas|cuánto|tiene"
    r"|os|não|uma|da|em|são|resposta|quantos|quantas|tem"
    r"|il|gli|è|di|che|sono|per|risposta|quanti|quante|quanto"
    r"|les|des|est|et|pour|dans|réponse|résultat|combien"
    r"|het|een|zijn|niet|antwoord|er|hoeveel|heeft"
    r"|og|det|som|och|är|svaret|svar|hur|hvor|många|mange|bir|için|cevap|cevabı|toplam|kaç"
    r"|dan|yang|adalah|jadi|jawaban|jawabannya|berapa|là|và|của|đáp|án|bao|nhiêu|και|είναι|το|πόσα|απάντηση"
    r"|и|на|это|ответ|сколько|всего|в|jest|odpowiedź|ile|și|este|răspuns|răspunsul|câte|je|odpověď|kolik"
    r"|відповідь|та|скільки|vastaus|ja|válasz|és)\b",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])\d{1,9},(?:\d{1,2}|\d{4,9})(?![\d,])|\.\d{3},\d")
_DECIMAL_POINT = re.compile(
    r"(?<![\d.,])\d{1,9}\.(?:\d{1,2}|\d{4,9})(?![\d.])(?!\.|\s?(?:uhr|h)\b)|,\d{3}\.\d", re.IGNORECASE
)


def decimal_mark(text: str, beside: str = "") -> DecimalMark:
    """The decimal mark of a text by its words and numbers; by a text beside it where it has no words.

    Example:
        >>> decimal_mark("Die Antwort ist 2.500."), decimal_mark("The answer is 2.500.")
        (<DecimalMark.UNSEEN: 'unseen'>, <DecimalMark.POINT: 'point'>)
    """
    for each in (text, beside):
        found = [match["english"] is None for match in _LANGUAGE_WORD.finditer(each)]
        if 2 * sum(found) != len(found):
            has_comma_language = 2 * sum(found) > len(found)
            if not has_comma_language or _DECIMAL_POINT.search(text):
                return DecimalMark.POINT
            return DecimalMark.COMMA if _DECIMAL_COMMA.search(text) else DecimalMark.UNSEEN
    return DecimalMark.POINT


def numeral_at(
    text: str, start: int, end: int | None = None, mark: DecimalMark = DecimalMark.POINT
) -> Numeral | None:
    """The number that begins at a place of a folded text; None where none does."""
    match = _NUMERAL.match(text, start, len(text) if end is None else end)
    return _numeral(match, mark) if match else None


def numerals(text: str, mark: DecimalMark = DecimalMark.POINT) -> Iterator[Numeral]:
    """Numerals of a folded text that are words of their own: the 2 of "v2" is none."""
    for match in _NUMERAL.finditer(text):
        found = None if _INSIDE.match(text[match.start() - 1 : match.start()]) else _numeral(match, mark)
        if found is not None:
            yield found


def value(spelled: str) -> Fraction | None:
    """Value of a spelled number, of percents the number of hundredths; None where it divides by zero."""
    top, _, bottom = spelled.removesuffix("%").partition("/")
    divisor = Fraction(bottom or "1")
    return Fraction(top) / divisor if divisor else None


def equal(spelled: str, other: str) -> bool:
    """Whether two spelled numbers have one value. 25 % is 25, as questions ask for percents, and 0.25."""
    found, wanted = value(spelled), value(other)
    if found is None or wanted is None or found == wanted:
        return found is not None and found == wanted
    in_percent, in_parts = (found, wanted) if spelled.endswith("%") else (wanted, found)
    return spelled.endswith("%") != other.endswith("%") and in_percent == 100 * in_parts


def is_ambiguous(spelled: str) -> bool:
    """Whether a number may be thousands in one language and decimals in another: 2.500."""
    return _GROUPED.fullmatch(spelled.strip()) is not None


def _numeral(match: re.Match[str], mark: DecimalMark) -> Numeral | None:
    if match.end() - match.start() > MAX_CHARACTERS or _is_part_of_a_term(match):
        return None
    is_negative = any(match[name] in ("-", "\u2212", "\u2013") for name in ("sign", "minus"))
    spelled = _decimal(match, mark) if match["whole"] or match["bare"] else _fraction(match)
    if spelled is None:
        return None
    percent = "%" if match["percent"] else ""
    return Numeral(match.start(), match.end(), f"-{spelled}{percent}" if is_negative else spelled + percent)


def _is_part_of_a_term(match: re.Match[str]) -> bool:
    text, start, end = match.string, match.start(), match.end()
    before = text[max(0, start - 12) : start]
    is_added = match["sign"] is not None and _VARIABLE_BEFORE.search(before) is not None
    return is_added or any((_TERM_BEHIND.match(text, end), _TERM_BEFORE.search(before)))


def _fraction(match: re.Match[str]) -> str:
    whole = int(match["mixed"] or 0)
    if match["named"]:
        top, bottom = "1", _OVERS[match["named"]]
    elif match["vulgar"]:
        # "⅞" decomposes into "7⁄8", with a stroke of its own.
        top, bottom = unicodedata.normalize("NFKC", match["vulgar"]).split("\u2044")
    else:
        top = match["top"] or match["one"] or match["part"]
        bottom = match["bottom"] or match["two"] or match["parts"]
    return f"{whole * int(bottom) + int(top)}/{bottom}" if whole else f"{top}/{bottom}"


def _decimal(match: re.Match[str], mark: DecimalMark) -> str | None:
    """An integer, a decimal or a fraction; None for a ratio of three."""
    whole = re.sub(r"\D", "", match["whole"] or "0")
    decimals = (match["decimals"] or match["bare"] or "").replace(",", ".")
    over = f"/{match['over']}" if match["over"] and int(match["over"]) else ""
    said = f"{match['whole'] or ''}{match['decimals'] or ''}"
    if _GROUPED.fullmatch(said) and (mark is not DecimalMark.POINT or _is_money(match)):
        whole, decimals = f"{whole}{decimals[1:]}", ""
    elif mark is DecimalMark.COMMA and _COMMA_GROUPED.fullmatch(said):
        whole, decimals = whole[:-3], f".{whole[-3:]}"
    if match["colons"]:
        return _of_colons(f"{whole}{decimals}", match["colons"][1:].split(":"))
    if match["parts_of"]:
        over = f"/{_NAMED_PARTS[match['parts_of']]}"
    plain = f"{whole}{decimals}{over}"
    scaled = Fraction(f"{whole}{decimals}") if _is_scaled(match) else None
    if scaled is None:
        return plain
    power = _exponent(match["power"] or match["upper"])
    raised = scaled if power is None or (not scaled and power < 0) else _raise_to(scaled, power)
    ten = _exponent(match["e"] or match["ten"] or match["raised"]) or 0
    word = (match["scale"] or match["suffix"] or "").lower()
    return str(raised * Fraction(10) ** ten * _SCALES.get(word, 1)) + over


def _of_colons(first: str, others: Sequence[str]) -> str | None:
    """A time in hours, or a ratio as a fraction; None for a ratio of three.

    Two digits below 60 are minutes or seconds (12:30 is 12.5); anything else is a ratio (16:9).
    """
    if all(len(each) == _TIME_DIGITS and int(each) < _HOUR for each in others):
        parts = enumerate(others, start=1)
        return str(Fraction(first) + sum(Fraction(int(each), _HOUR**place) for place, each in parts))
    return f"{first}/{others[0]}" if len(others) == 1 and int(others[0]) else None


def _is_money(match: re.Match[str]) -> bool:
    before = match.string[max(0, match.start() - 5) : match.start()]
    named = _MONEY.match(match.string, match.end()) or _MONEY_BEFORE.search(before)
    return not _is_scaled(match) and (match[0].startswith("€") or named is not None)


def _is_scaled(match: re.Match[str]) -> bool:
    return any(match[name] for name in ("e", "ten", "raised", "power", "upper", "scale", "suffix"))


def _exponent(said: str | None) -> int | None:
    exponent = int(said.translate(_SUPERSCRIPTS)) if said else None
    return None if exponent is None or abs(exponent) > _MAX_EXPONENT else exponent


def _raise_to(number: Fraction, power: int) -> Fraction:
    """A power, or the number itself where the power would have thousands of digits."""
    digits = len(str(number.numerator)) + len(str(number.denominator))
    return number**power if digits * abs(power) <= 2 * MAX_CHARACTERS else number


_FILLER = re.compile(
    r"(?:(?:about|approximately|approx\.?|around|roughly|nearly|exactly|only|just|simply|equal to|a total of"
    r"|between|from|the|die|der|das|la|le|el|il|de|het|l[ao]s|les"
    r"|ungefähr|etwa|environ|aproximadamente|circa|约|大约|около)[^\S\n]{1,3}|[A-Za-z][^\S\n]{0,3}=(?!=))",
    re.IGNORECASE,
)
_MINUS = re.compile(
    r"(?:(?:minus|negative|moins|menos|meno|min|минус|eksi|âm)[^\S\n]{1,3}|[负負]|マイナス|마이너스[ ]?)",
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
_FIRST_LINE = re.compile(
    r"\s*+([^\w\n]{0,8}\d[\d.,]{0,30}[^\w\n]{0,8})\n\s*+[*_#]{0,4}(?i:explanation|reason|reasoning|rationale|because"
    r"|justification|solution|working|steps?|here(?:'s| is| are))\b"
)
"""A number on a line of its own, and then how it came about."""

_BEFORE = 40
"""Characters in front of a number in which it may be set aside."""


def marked_number(text: str, mark_of_decimals: DecimalMark = DecimalMark.POINT) -> str | None:
    """The number behind the last announcement that has one: "####", a box, "the answer is"."""
    is_english = mark_of_decimals is DecimalMark.POINT
    for mark in marks_in(text, *MarkKind):
        start = _skip(text, mark)
        minus = _MINUS.match(text, start, mark.until)
        start = minus.end() if minus else start
        found = numeral_at(text, start, mark.until, mark_of_decimals)
        if found is not None and mark.kind is MarkKind.HASHES and _is_heading(text, mark, found):
            continue
        words = worded_at(text, start, mark.until, is_english=is_english) if found is None else None
        result = _result(text, start, mark.until, mark_of_decimals) if found is not None else None
        spelled = words if found is None else result or found.spelled
        if spelled is not None:
            return f"-{spelled.removeprefix('-')}" if minus else spelled
    return None


def last_number(text: str, mark: DecimalMark = DecimalMark.POINT) -> str | None:
    """The last number of a text; those set aside ("not 8", "(see step 1)") only where there is no other.

    Numbers in words count only where a text has no digits.
    """
    if alone := _FIRST_LINE.match(text):
        return last_number(alone[1], mark)
    found = list(numerals(text, mark))
    asides = [match.span() for match in _ASIDE.finditer(text) if _REFERS.search(match[0])]
    kept = [each for each in found if not _is_inside(each, asides) and not _is_set_aside(text, each)]
    if found:
        return (kept or found)[-1].spelled
    return next(iter(list(worded(text, is_english=mark is DecimalMark.POINT))[-1:]), None)


def _skip(text: str, mark: Mark) -> int:
    """Position where the value of an announcement begins."""
    at = after_lead(text, mark.end, mark.until)
    for _ in range(_MAX_FILLERS):
        filler = _FILLER.match(text, at, mark.until)
        if filler is None:
            break
        at = after_lead(text, filler.end(), mark.until)
    return at


def _result(text: str, start: int, until: int, mark: DecimalMark) -> str | None:
    """The result of a calculation such as "5 + 3 = 8"; None where there is no calculation."""
    ends = _CLAUSE_END.search(text, start, until)
    parts = text[start : ends.start() if ends else until].split("=")
    if len(parts) == 1 or not any(_is_calculation(part) for part in parts):
        return None
    for part in reversed(parts):
        found = numeral_at(part, after_lead(part, 0, len(part)), mark=mark)
        if found is not None and not _is_calculation(part):
            return found.spelled
    return None


def _is_calculation(part: str) -> bool:
    """Whether there are numbers with something to calculate between, and no words but units."""
    numbers = list(numerals(part))
    words = [word for word in _WORD.findall(part) if word.lower() not in _OPERATING]
    joined = any(_OPERATOR.search(part, first.end, second.end) for first, second in pairwise(numbers))
    joined = joined or (bool(numbers) and part[numbers[-1].end :].strip() == "!")
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
