"""Numbers written as words in German, French, Spanish, Italian, Portuguese and Dutch."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class _Language:
    """Number words of a language, spelled without accents, spaces and hyphens.

    Attributes:
        small: Words of 0 to 99; alternatives are joined by a bar.
        hundreds: Words of 100 to 900.
        between: Words that may stand behind hundreds and thousands.
        thousand: Words of a thousand.
        million: Words of a million.
        parts: Denominators of fractions in words.
        halves: Endings that add a half.
    """

    small: Mapping[str, int]
    hundreds: Mapping[str, int]
    between: str
    thousand: tuple[str, ...]
    million: tuple[str, ...]
    parts: Mapping[str, int] = field(default_factory=dict)
    halves: tuple[str, ...] = ()

    @cached_property
    def _below_thousand(self) -> Mapping[str, int]:
        joints = ("", self.between) if self.between else ("",)
        return {
            **self.small,
            **self.hundreds,
            **{
                f"{hundred}{joint}{word}": many + number
                for hundred, many in self.hundreds.items()
                for joint in joints
                for word, number in self.small.items()
                if number
            },
        }

    def value(self, letters: str) -> int | None:
        """Value of number words without spaces; None where they are none."""
        total, rest = 0, letters
        for words, scale in ((self.million, 10**6), (self.thousand, 10**3)):
            word = next((each for each in words if each in rest), None)
            if word is not None:
                head, _, rest = rest.partition(word)
                many = self._below_thousand.get(head) if head else 1
                if not many:
                    return None
                total += many * scale
                if self.between and rest not in self._below_thousand:
                    rest = rest.removeprefix(self.between)
        if not rest:
            return total or None
        least = self._below_thousand.get(rest)
        return None if least is None else total + least


def _numbered(words: str, first: int = 0, step: int = 1) -> dict[str, int]:
    """Numbers of words in their order; alternatives are joined by a bar."""
    counted = enumerate(words.split())
    return {word: first + step * place for place, said in counted for word in said.split("|")}


def _pairs(tens: Mapping[str, int], units: Mapping[str, int], form: str) -> dict[str, int]:
    """Words of 21 to 99 from those of tens and of 1 to 9."""
    return {
        form.format(ten=ten, unit=unit): many + number
        for ten, many in tens.items()
        for unit, number in units.items()
        if 0 < number < 10  # noqa: PLR2004 a digit
    }


def _german() -> _Language:
    units = _numbered(
        "null eins|ein|eine zwei|zwo drei vier funf|fuenf sechs sieben acht neun zehn elf zwolf|zwoelf"
        " dreizehn vierzehn funfzehn|fuenfzehn sechzehn siebzehn achtzehn neunzehn"
    )
    tens = _numbered(
        "zwanzig dreissig vierzig funfzig|fuenfzig sechzig siebzig achtzig neunzig", first=20, step=10
    )
    hundreds = {
        f"{unit}hundert": 100 * number
        for unit, number in units.items()
        if 0 < number < 10  # noqa: PLR2004
    }
    return _Language(
        {**units, **tens, **_pairs(tens, units, "{unit}und{ten}")},
        {"hundert": 100, **hundreds},
        "und",
        ("tausend",),
        ("millionen", "million"),
        _numbered(
            "halb|halbe|halbes drittel viertel funftel|fuenftel sechstel siebtel|siebentel achtel neuntel"
            " zehntel",
            first=2,
        ),
        ("einhalb",),
    )


def _dutch() -> _Language:
    units = _numbered(
        "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien"
        " zeventien achttien negentien"
    )
    tens = _numbered("twintig dertig veertig vijftig zestig zeventig tachtig negentig", first=20, step=10)
    hundreds = {
        f"{unit}honderd": 100 * number
        for unit, number in units.items()
        if 1 < number < 10  # noqa: PLR2004
    }
    small = {**units, **tens, **_pairs(tens, units, "{unit}en{ten}")}
    return _Language(small, {"honderd": 100, **hundreds}, "en", ("duizend",), ("miljoen",))


def _french() -> _Language:
    units = _numbered(
        "zero un|une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
        " dixsept dixhuit dixneuf"
    )
    tens = _numbered("vingt trente quarante cinquante soixante septante huitante|octante nonante", 20, 10)
    teens = {word: number for word, number in units.items() if number >= 10}  # noqa: PLR2004
    ones = {word: number for word, number in units.items() if number == 1}
    late = {f"soixante{word}": 60 + number for word, number in teens.items()}
    late |= {f"quatrevingt{word}": 80 + number for word, number in units.items() if number}
    small = {
        **units,
        **tens,
        **late,
        **_pairs(tens, units, "{ten}{unit}"),
        **_pairs(tens, ones, "{ten}et{unit}"),
    }
    small |= {"soixanteetonze": 71, "quatrevingts": 80, "quatrevingt": 80}
    digits = {word: number for word, number in units.items() if 1 < number < 10}  # noqa: PLR2004
    hundreds = {
        f"{unit}{cent}": 100 * number for unit, number in digits.items() for cent in ("cent", "cents")
    }
    parts = _numbered(
        "demi|demie tiers quart|quarts cinquieme|cinquiemes sixieme|sixiemes septieme|septiemes"
        " huitieme|huitiemes neuvieme|neuviemes dixieme|dixiemes",
        first=2,
    )
    return _Language(
        small,
        {"cent": 100, **hundreds},
        "",
        ("mille",),
        ("millions", "million"),
        parts,
        ("etdemi", "etdemie"),
    )


def _spanish() -> _Language:
    units = _numbered(
        "cero uno|un|una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
        " dieciseis diecisiete dieciocho diecinueve"
    )
    tens = _numbered("treinta cuarenta cincuenta sesenta setenta ochenta noventa", first=30, step=10)
    small = {**units, **tens, "veinte": 20, **_pairs({"veinti": 20}, units, "{ten}{unit}")}
    small |= _pairs(tens, units, "{ten}y{unit}")
    hundreds = _numbered(
        "cien|ciento doscientos|doscientas trescientos|trescientas cuatrocientos|cuatrocientas"
        " quinientos|quinientas seiscientos|seiscientas setecientos|setecientas ochocientos|ochocientas"
        " novecientos|novecientas",
        first=100,
        step=100,
    )
    parts = _numbered(
        "medio|media tercio|tercios cuarto|cuartos quinto|quintos sexto|sextos septimo|septimos"
        " octavo|octavos noveno|novenos decimo|decimos",
        first=2,
    )
    return _Language(small, hundreds, "", ("mil",), ("millones", "millon"), parts, ("ymedio", "ymedia"))


def _portuguese() -> _Language:
    units = _numbered(
        "zero um|uma dois|duas tres quatro cinco seis sete oito nove dez onze doze treze catorze|quatorze"
        " quinze dezesseis|dezasseis dezessete|dezassete dezoito dezenove|dezanove"
    )
    tens = _numbered("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa", first=20, step=10)
    hundreds = _numbered(
        "cem|cento duzentos|duzentas trezentos|trezentas quatrocentos|quatrocentas quinhentos|quinhentas"
        " seiscentos|seiscentas setecentos|setecentas oitocentos|oitocentas novecentos|novecentas",
        first=100,
        step=100,
    )
    small = {**units, **tens, **_pairs(tens, units, "{ten}e{unit}")}
    return _Language(small, hundreds, "e", ("mil",), ("milhoes", "milhao"), halves=("emeio", "emeia"))


def _italian() -> _Language:
    units = _numbered(
        "zero uno|un|una due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici"
        " quindici sedici diciassette diciotto diciannove"
    )
    tens = _numbered("venti trenta quaranta cinquanta sessanta settanta ottanta novanta", first=20, step=10)
    short = {word[:-1]: number for word, number in tens.items()}
    elided = {"uno": 1, "un": 1, "otto": 8}
    small = {**units, **tens, **_pairs(tens, units, "{ten}{unit}"), **_pairs(short, elided, "{ten}{unit}")}
    hundreds = {f"{unit}cento": 100 * number for unit, number in units.items() if 1 < number < 10}  # noqa: PLR2004
    return _Language(
        small,
        {"cento": 100, **hundreds},
        "",
        ("mila", "mille"),
        ("milioni", "milione"),
        halves=("emezzo", "emezza"),
    )


_LANGUAGES = (_german(), _french(), _spanish(), _italian(), _portuguese(), _dutch())
ARTICLES = frozenset(("ein", "eine", "un", "une", "uno", "una", "um", "uma", "een"))
_ENGLISH_TOO = ARTICLES | frozenset(
    (
        "elf",
        "once",
        "cent",
        "cento",
        "mil",
        "mille",
        "dos",
        "tres",
        "null",
        "nul",
        "sei",
        "dix",
        "sept",
        "acht",
    )
)
_HALVES: Mapping[str, str] = {
    **dict.fromkeys(("halfte", "haelfte", "moitie", "mitad", "meta", "metade", "helft"), "1/2"),
    "anderthalb": "3/2",
}
_BEGINNINGS = frozenset(
    word[:3]
    for language in _LANGUAGES
    for words in (language.small, language.hundreds, language.thousand, language.million, _HALVES)
    for word in words
)
_RUN = re.compile(r"[^\W\d_]{1,60}(?:[- ][^\W\d_]{1,60}){0,13}")
_CLAUSE_ENDS = re.compile(r"\s*(?:[^\w\s]|$)")


def foreign_at(text: str, start: int, end: int, *, is_english: bool) -> tuple[str, int] | None:
    """Value of the longest number in words of another language than English, in digits, and where it ends.

    Args:
        text: A folded text.
        start: The place.
        end: End of what may be read.
        is_english: Whether the text is English, where "elf", "once" and "cent" are other words.

    Example:
        >>> foreign_at("quatre-vingt-dix-sept", 0, 21, is_english=False)
        ('97', 21)
    """
    run = _RUN.match(text, start, end)
    if run is None or _letters(re.split("[- ]", run[0], maxsplit=1)[0])[:3] not in _BEGINNINGS:
        return None
    words = [(word[0], word.end()) for word in re.finditer(r"[^\W\d_]+", run[0])]
    for count in range(len(words), 0, -1):
        said = [_letters(word) for word, _ in words[:count]]
        if count == 1 and is_english and said[0] in _ENGLISH_TOO:
            return None
        if count == 1 and said[0] in ARTICLES and not _CLAUSE_ENDS.match(text, start + words[0][1], end):
            return None
        for language in _LANGUAGES:
            found = _in(language, said)
            if found is not None:
                return found, start + words[count - 1][1]
    return None


def _in(language: _Language, words: list[str]) -> str | None:
    """Value of words in a language: a whole number, a number and a half, or a fraction in words."""
    letters = "".join(words)
    for ending in language.halves:
        whole = language.value(letters.removesuffix(ending)) if letters.endswith(ending) else None
        if whole:
            return f"{2 * whole + 1}/2"
    bottom = language.parts.get(words[-1])
    if bottom is None:
        number = language.value(letters)
        return _HALVES.get(letters) if number is None else str(number)
    top = language.value("".join(words[:-1]))
    return None if top is None else f"{top}/{bottom}"


def _letters(word: str) -> str:
    """A word in lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", word.lower().replace("ß", "ss"))
    return "".join(each for each in decomposed if not unicodedata.combining(each))
