"""Word segmentation by script.

Where a script writes spaces, a word is a maximal run of letters, digits, underscores and combining marks.
Where it writes none (Han, kana, Thai, Lao, Khmer, Burmese), words come from the dictionaries of ICU's word
breaker (Unicode Standard Annex #29), so that a sentence and its translation have about as many: 24 words in
English, 25 in Chinese, 31 in Japanese, 24 in Thai. Where there is no dictionary either, a word is a syllable:
what the marks between syllables part (Tibetan, Dzongkha), or a letter with its marks (Javanese, Balinese, Tai
scripts, Yi, Buginese, Batak). A sentence has about twice as many of these as its translation has words. Text
is composed (NFC) first, so that two encodings of one letter are one word.
"""

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

import regex

_DICTIONARY = r"[[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー々〆ｰﾞﾟ]--\p{P}]"
_SYLLABIC = (
    r"[[\p{Javanese}\p{Balinese}\p{Tai_Tham}\p{New_Tai_Lue}\p{Tai_Le}\p{Tai_Viet}\p{Yi}\p{Buginese}\p{Batak}]"
    r"--\p{P}]"
)
_UNSPACED = rf"[{_DICTIONARY}{_SYLLABIC}]"
_PARTING = r"\u0f0b\u0f0c\u1361\u200b"
"""Marks between words or syllables that are no white space: Tibetan, Ethiopic, and the one without width."""

_BULLET = r"(?m:^[ \t]*[-*+•●○■▪◦‣✓✔][ \t]+)"
_ONE_LETTER = r"(?<=(?<![\w'\u2019])[a-z\u03b1-\u03c9])"
_SIGN = (
    r"(?=[-/*!:'~#@.·+=<>|^%&(){}\[\]])(?:"  # what follows is tried nowhere else
    r"(?<![^\W\d_])[-/]|[-/](?![^\W\d_])"  # no hyphen or slash between letters: well-known, and/or
    rf"|{_ONE_LETTER}[-/·](?=[a-z\u03b1-\u03c9](?!\w))"  # but one between variables
    r"|(?<!\*)\*(?!\*)|(?<=[\da-z)\]])\*\*(?=[\da-z(])"
    rf"|!(?==)|(?<=[\d)])!|(?<={_ONE_LETTER}(?<![ai]))!(?!\w)|(?<![\w!])!+(?=[\w(])"
    r"|(?<=\d):(?=\d)|(?<=\w)'(?=\()|(?<!~)~(?=[\w(])|(?<=\w)\#(?!\#)|(?<=[\w)\]] )@(?= [\w(\[])"
    r"|(?<![\w.])\.(?=\d)|(?<=[\d)])·(?=[\w(])|[+=<>|^%&(){}\[\]])"
)

_PLAIN_WORD = re.compile(r"\w+")
_PLAIN_SIGNED = re.compile(rf"{_BULLET}|(\w+|{_SIGN})")
_WITH_SPACES = rf"(?:(?!{_UNSPACED})[\w\p{{M}}\p{{No}}])+"
_RUN = rf"{_DICTIONARY}(?:{_DICTIONARY}|(?!{_SYLLABIC})\p{{M}})*|{_SYLLABIC}\p{{M}}*|{_WITH_SPACES}"
_OTHER_SIGN = r"[\p{Sm}\p{Sc}\p{So}‰‱\u2032\u2033--[$|~+=<>^]]"
_NEEDS_SCRIPTS = regex.compile(rf"[\p{{M}}{_UNSPACED}]", regex.VERSION1)
_WITH_DICTIONARY = regex.compile(_DICTIONARY, regex.VERSION1)
_COUNTED_WITHIN = regex.compile(rf"[{_PARTING}{_UNSPACED}]", regex.VERSION1)
_WORD_RUN = regex.compile(_RUN, regex.VERSION1)
_SIGNED_RUN = regex.compile(rf"{_BULLET}|({_RUN}|{_SIGN}|{_OTHER_SIGN})", regex.VERSION1)
_UNIT = regex.compile(rf"{_UNSPACED}\p{{M}}*|{_WITH_SPACES}", regex.VERSION1)
_PARTING_MARK, _IS_UNSPACED = re.compile(f"[{_PARTING}]"), regex.compile(_UNSPACED, regex.VERSION1)
_UNSEEN = regex.compile(
    r"\p{Default_Ignorable_Code_Point}|\u0640|[\u064b-\u065f\u0670\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"
    r"|(?<=i)\u0307|(?<=\p{Cyrillic})\u0301"
)
_LINES = re.compile("[\u0331-\u0333\u0335-\u0338]")
"""Lines under and through letters."""

_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}")
_DASHED_MINUS = re.compile(r"(?<!\w)\u2013(?=\d)")
_ONE_WIDTH = str.maketrans(
    {"\N{MINUS SIGN}": "-"} | {chr(0xFEE0 + code): chr(code) for code in range(ord("#"), ord("~") + 1)}
)
"""Full-width forms are the signs, letters and digits of ASCII, except the exclamation mark of prose."""

_OTHER_SCRIPT = regex.compile(r"[\p{Cyrillic}\p{Greek}\p{Armenian}\u0251\u0261]")
_WITH_LATIN = regex.compile(r"(?=[\w\p{M}]*\p{Latin})[\w\p{M}]+")
# Unicode Technical Standard #39, `confusables.txt`: single letters whose glyphs are those of a Latin letter.
_ALIKE = str.maketrans("аеорсухіјѕһԁԛԝӏёїονοոսօհցɑɡ", "aeopcyxijshdqwlëïovonuohgag")
_ALIKE_CAPITALS = str.maketrans("АВЕНІЈКМОРСТУХЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEHIJKMOPCTYXSABEZHIKMNOPTYX")  # noqa: RUF001


def words(text: str) -> list[str]:
    """Lower-cased words of a text, in order.

    Example:
        >>> words("Don't stop: 3.5 km"), words("夏天很热")
        (['don', 't', 'stop', '3', '5', 'km'], ['夏天', '很', '热'])
    """
    lowered = _compose(text).lower()
    if _is_plain(lowered):
        return _PLAIN_WORD.findall(lowered)
    return [word for run in _WORD_RUN.findall(lowered) for word in _in_run(run)]


def words_and_signs(text: str) -> list[str]:
    """Lower-cased words of a text, and between them its operators and brackets as words of their own.

    Operators, brackets, relations, currencies, ratios, factorials, negations and pictures change the meaning
    of a text (`a < b`, `812 - 37`, `3:4`, `5!`, `!done`, `C#`, a thumb up or down); quotes, full stops,
    commas, bullets, bold print and the marks of LaTeX and Markdown are layout and left out. Signs of full
    width are those of ASCII.

    Example:
        >>> words_and_signs("Is well-known **x** < y - 2, (a)?")
        ['is', 'well', 'known', 'x', '<', 'y', '-', '2', '(', 'a', ')']
    """
    lowered = _compose(text).lower()
    if lowered.isascii():
        return [word for word in _PLAIN_SIGNED.findall(lowered) if word]
    found = (run for run in _SIGNED_RUN.findall(_DASHED_MINUS.sub("-", lowered.translate(_ONE_WIDTH))) if run)
    return [word for run in found for word in _in_run(run)]


def search_units(text: str) -> list[str]:
    """Units that copies of a text share in any encoding: words, or characters of scripts without spaces.

    Compatibility forms and case are folded (NFKC, Unicode case folding), so that full-width digits,
    ligatures and decomposed letters are found. Entities of HTML are the characters they name, and its tags
    of layout, the fonts of LaTeX, line ends spelled as escape sequences, and underscores part words.
    Characters that nobody sees (soft hyphens, joiners, zero-width spaces), lines under and through letters,
    Arabic lengthening, the vowel points of Arabic and Hebrew, and Cyrillic stress are left out; the dotted
    and the dotless i are one. Cyrillic, Greek and Armenian letters that look like Latin ones are these: small
    ones anywhere, which no word of one script is confused by, capitals only in words that hold a Latin
    letter, because their small letters look otherwise.

    Example:
        >>> search_units("Straße № 5: 夏天"), search_units("so\u00adft&nbsp;hy\u200bphens")
        (['strasse', 'no', '5', '夏', '天'], ['soft', 'hyphens'])
        >>> search_units("p\u0430\u0443 N\u0415W") == search_units("pay new")
        True
        >>> search_units("<p>an _old_<br/>well</p>")
        ['an', 'old', 'well']
    """
    text = _without_markup(text)
    if text.isascii():
        return _PLAIN_WORD.findall(text.lower())
    text = _LINES.sub("", unicodedata.normalize("NFKC", text))
    is_latin_only = _OTHER_SCRIPT.search(text) is None
    if not is_latin_only:
        text = _WITH_LATIN.sub(lambda word: word.group().translate(_ALIKE_CAPITALS), text)
    folded = _UNSEEN.sub("", unicodedata.normalize("NFKC", text.casefold()))
    folded = folded.replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
    if not is_latin_only:
        folded = unicodedata.normalize("NFKC", folded.translate(_ALIKE))
    return _PLAIN_WORD.findall(folded) if _is_plain(folded) else _UNIT.findall(folded)


READING = "\0"
"""Unit between two readings of a text; no text has it."""

_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ENCODED_TWICE = 2
_HIDDEN = regex.compile(r"(?:(?=\p{Default_Ignorable_Code_Point})\p{Cf})+")
_PARTED = re.compile(r"(?<=\w)[-=\u00ad\u2010\u2011][ \t\r]*+(?:\n|\\n|<br ?/?>)\s*+(?=\w)")


def all_search_units(text: str) -> list[str]:
    r"""Search units of all readings of a text that a copy may have been altered in, `READING` between them.

    The first reading is that of `search_units`. A second one undoes what texts go through on their way, as
    far as it is there: percent-encoding, up to twice; characters that nobody sees in the place of spaces; and
    a hyphen at the end of a line within a word, or the `=` of a line that mail has broken. Neither reading is
    better in every text ("well-" before a line end may be "well-known"), so both are looked through.

    Example:
        >>> all_search_units("an exam-\nple") == ["an", "exam", "ple", READING, "an", "example"]
        True
        >>> all_search_units("What%20is\u200bit?")[-3:], all_search_units("5% of it")
        (['what', 'is', 'it'], ['5', 'of', 'it'])
    """
    units, meant = search_units(text), _as_meant(text)
    return units if meant is text else [*units, READING, *search_units(meant)]


def _as_meant(text: str) -> str:
    """A text with its alterations undone; the text itself where it has none."""
    meant = text
    for _ in range(_ENCODED_TWICE):
        if "%" in meant and _PERCENT.search(meant):
            meant = unquote(meant)
    if not meant.isascii() and _HIDDEN.search(meant):
        meant = _HIDDEN.sub(_seen, meant)
    return _PARTED.sub("", meant) if _PARTED.search(meant) else meant


def _seen(hidden: "regex.Match[str]") -> str:
    """A space for hidden characters, except where a line ends behind a soft hyphen."""
    return hidden.group() if hidden.group() == "\u00ad" else " "


_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|cite|code|div|em|font|h[1-6]|hr|i|ins|kbd|li|mark|ol|p|pre|q|s|"
    r"section|small|span|strong|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul|wbr)(?:[ /][^<>]{0,256})?>",
    re.IGNORECASE,
)
"""Tags of HTML that lay text out; others may be what a question is about (`<path d="M 31,73 ...">`)."""
_TEX_FONT = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|sl|sc|tt|normal)?|emph|underline|math(?:bf|rm|it|sf|tt|bb|cal)|[hm]box|boldsymbol)"
    r"(?=[ ]?\{)"
)
_SPELLED_SPACE = re.compile(r"\\(?:[nrt]|u0020|u00a0|u000a)")


def _without_markup(text: str) -> str:
    """A text with spaces for tags of HTML, fonts of LaTeX, spelled white space and underscores."""
    for _ in range(_ENCODED_TWICE):
        text = unescape(text) if "&" in text else text
    text = _TAG.sub(" ", text) if "<" in text else text
    text = _SPELLED_SPACE.sub(" ", _TEX_FONT.sub(" ", text)) if "\\" in text else text
    return text.replace("_", " ")


def is_latin(text: str) -> bool:
    """Whether at least half of the letters are Latin; true for a text without letters.

    Example:
        >>> is_latin("Straße 5"), is_latin("夏天 (summer heat)"), is_latin("Привет, Bob")
        (True, True, False)
    """
    return text.isascii() or 2 * len(_LATIN.findall(text)) >= len(_LETTER.findall(text))


def count_words(text: str) -> int:
    """Length of a text in words: pieces between white space, and what `words` finds where none is written.

    Example:
        >>> count_words("Don't stop, now."), count_words("夏天很热。"), count_words("བོད་སྐད།")
        (3, 3, 2)
    """
    if text.isascii() or not _COUNTED_WITHIN.search(text):
        return len(text.split())
    return sum(max(1, _words_within(piece)) for piece in text.split())


def _compose(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _is_plain(text: str) -> bool:
    """Whether words can be split by spaces and letters alone."""
    return text.isascii() or not _NEEDS_SCRIPTS.search(text)


def _words_within(piece: str) -> int:
    """Words of a piece between white space, as far as its scripts or marks part it."""
    if _IS_UNSPACED.search(piece):
        return sum(1 for run in _WORD_RUN.findall(piece) for _ in _in_run(run))
    return sum(1 for part in _PARTING_MARK.split(piece) if _PLAIN_WORD.search(part))


def _in_run(run: str) -> Iterator[str]:
    """Words of a run of one kind of script."""
    if not _WITH_DICTIONARY.match(run):
        yield run
        return
    from icu4py.breakers import WordBreaker

    yield from WordBreaker(run, "en")
