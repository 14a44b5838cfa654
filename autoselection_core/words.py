"""Word segmentation by script.

Where a script writes spaces, a word is a maximal run of letters, digits, underscores and combining marks.
Where it writes none (Han, kana, Thai, Lao, Khmer, Burmese), words come from the dictionaries of ICU's word
breaker (Unicode Standard Annex #29), so that a sentence and its translation have about as many: 24 words in
English, 25 in Chinese, 31 in Japanese, 24 in Thai. Text is composed (NFC) first, so that two encodings of one
letter are one word.
"""

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー々〆"
_BULLET = r"(?m:^[ \t]*[-*+•●○■▪◦‣✓✔][ \t]+)"
_SIGN = (
    r"(?<![^\W\d_])[-/]|[-/](?![^\W\d_])"  # no hyphen or slash between letters: well-known, and/or
    r"|(?<!\*)\*(?!\*)|!(?==)|(?<=[\d)])!|(?<=\d):(?=\d)|(?<=\w)'(?=\()|(?<!~)~(?=[\w(])|[+=<>|^%&(){}\[\]]"
)

_PLAIN_WORD = re.compile(r"\w+")
_PLAIN_SIGNED = re.compile(rf"{_BULLET}|(\w+|{_SIGN})")
_NEEDS_SCRIPTS = regex.compile(rf"[\p{{M}}{_UNSPACED}]")
_WITHOUT_SPACES = regex.compile(rf"[{_UNSPACED}]")
_RUN = rf"[{_UNSPACED}][{_UNSPACED}\p{{M}}]*|(?:(?![{_UNSPACED}])[\w\p{{M}}\p{{No}}])+"
_WORD_RUN = regex.compile(_RUN)
_SIGNED_RUN = regex.compile(
    rf"{_BULLET}|({_RUN}|{_SIGN}|[\p{{Sm}}\p{{Sc}}\p{{So}}\u2032\u2033--[$|~+=<>^]])", regex.VERSION1
)
_UNIT = regex.compile(rf"[{_UNSPACED}]\p{{M}}*|(?:(?![{_UNSPACED}])[\w\p{{M}}\p{{No}}])+")
_UNSEEN = regex.compile(
    r"\p{Default_Ignorable_Code_Point}|\u0640|[\u064b-\u065f\u0670\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"
    r"|(?<=i)\u0307"
)
_LINES = re.compile("[\u0331-\u0333\u0335-\u0338]")
"""Lines under and through letters."""

_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}")
_MINUS = str.maketrans({"\N{MINUS SIGN}": "-"})

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

    Operators, brackets, relations, currencies, ratios, factorials and pictures change the meaning of a text
    (`a < b`, `812 - 37`, `3:4`, `5!`, a thumb up or down); quotes, full stops, commas, bullets, bold print
    and the marks of LaTeX and Markdown are layout and left out.

    Example:
        >>> words_and_signs("Is well-known **x** < y - 2, (a)?")
        ['is', 'well', 'known', 'x', '<', 'y', '-', '2', '(', 'a', ')']
    """
    lowered = _compose(text).lower()
    if lowered.isascii():
        return [word for word in _PLAIN_SIGNED.findall(lowered) if word]
    found = (run for run in _SIGNED_RUN.findall(lowered.translate(_MINUS)) if run)
    return [word for run in found for word in _in_run(run)]


def search_units(text: str) -> list[str]:
    """Units that copies of a text share in any encoding: words, or characters of scripts without spaces.

    Compatibility forms and case are folded (NFKC, Unicode case folding), so that full-width digits,
    ligatures and decomposed letters are found. Entities of HTML are the characters they name, and its tags
    of layout, line ends spelled as escape sequences, and underscores part words. Characters that nobody sees
    (soft hyphens, joiners, zero-width spaces), lines under and through letters, Arabic lengthening, and the
    vowel points of Arabic and Hebrew are left out; the dotted and the dotless i are one. Cyrillic, Greek and
    Armenian letters that look like Latin ones are these: small ones anywhere, which no word of one script is
    confused by, capitals only in words that hold a Latin letter, because their small letters look otherwise.

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
_SPELLED_SPACE = re.compile(r"\\(?:[nrt]|u0020|u00a0|u000a)")


def _without_markup(text: str) -> str:
    """A text with spaces for tags of HTML, escape sequences of white space and underscores."""
    text = unescape(text) if "&" in text else text
    text = _TAG.sub(" ", text) if "<" in text else text
    text = _SPELLED_SPACE.sub(" ", text) if "\\" in text else text
    return text.replace("_", " ")


def is_latin(text: str) -> bool:
    """Whether at least half of the letters are Latin; true for a text without letters.

    Example:
        >>> is_latin("Straße 5"), is_latin("夏天 (summer heat)"), is_latin("Привет, Bob")
        (True, True, False)
    """
    return text.isascii() or 2 * len(_LATIN.findall(text)) >= len(_LETTER.findall(text))


def count_words(text: str) -> int:
    """Length of a text in words: pieces between white space, and dictionary words where none is written.

    Example:
        >>> count_words("Don't stop, now."), count_words("夏天很热。")
        (3, 3)
    """
    if text.isascii() or not _WITHOUT_SPACES.search(text):
        return len(text.split())
    return sum(max(1, _unspaced_words(piece)) for piece in text.split())


def _compose(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _is_plain(text: str) -> bool:
    """Whether words can be split by spaces and letters alone."""
    return text.isascii() or not _NEEDS_SCRIPTS.search(text)


def _unspaced_words(piece: str) -> int:
    if not _WITHOUT_SPACES.search(piece):
        return 1
    return sum(1 for run in _WORD_RUN.findall(piece) for _ in _in_run(run))


def _in_run(run: str) -> Iterator[str]:
    """Words of a run of one kind of script."""
    if not _WITHOUT_SPACES.match(run):
        yield run
        return
    from icu4py.breakers import WordBreaker

    yield from WordBreaker(run, "en")
