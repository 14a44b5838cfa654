"""Options that a text answers with: by letter, by name, or by yes and no."""

import re
from collections.abc import Sequence

from autoselection_core.benchmarks.reading.marks import MarkKind, marks_in
from autoselection_core.benchmarks.reading.texts import after_lead, marked_text, short_text

_END = r"(?!_?[A-Za-z\u00c0-\u024f0-9]|['\u2019][A-Za-z])"
_NOT_AN_ARTICLE = (
    r"(?![^\S\n]{1,4}(?!because\b|since\b|as\b|is\b|due\b|for\b|which\b|with\b)[a-z]"
    r"|[^\S\n]{1,4}(?:or|oder|ou|o)\b)"
)
"""A capital in front of a small word is "A good reason" or "I think", unless the word gives a reason."""

_CAPITAL = rf"(?P<letter>[A-Z]){_END}{_NOT_AN_ARTICLE}"
_SMALL_ALONE = r"(?P<small>[a-z])(?=[)\]}.,;:*_`\"'\s]{0,8}+(?:\n|$))"
_NAMED = (
    r"(?:(?:(?i:option|choice|letter|opción|opció|opção|opzione|optie|lettre|lettera|buchstabe|keuze"
    r"|alternativa?|vaihtoehto|вариант)|la|le|el|a)(?=[\s*_(\"'\[])|选项|选|ข้อ)"
)
_VALUE = re.compile(rf"{_CAPITAL}|{_SMALL_ALONE}")
_FILLER = re.compile(rf"(?:{_NAMED}[^\S\n]{{0,3}}){{1,3}}(?=[*_(\"'\[]{{0,3}}[A-Za-z](?![A-Za-z]))")
_WHOLE = re.compile(r"\s*+[*_`\"'(\[]{0,8}([A-Za-z])[*_`\"')\].:]{0,8}\s*+")

_WRAP = r"[*_`\"'(\[{$]{0,6}"
_BEHIND = re.compile(
    r"\b(?i:is|ist|est|es|är|it's|that's|be|with|pick|choose|chose|select|say|for|towards?|guess|so|hence|therefore|thus|but"
    r"|choice|option|leaves|prefer|favou?r|take|on),?"
    rf"[^\S\n]{{1,4}}(?i:option|choice|letter)?[^\S\n]{{0,4}}{_WRAP}(?P<letter>[A-Z]){_END}"
    r"(?=[)\]}.,;:!?*_`\"'$]|\s{0,8}+$|\s{0,4}[-\u2013\u2014(\n]"
    r"|\s{1,4}(?:because|since|as|due|which|remains|is[ ]left)\b)"
)
_IN_FRONT = re.compile(
    rf"(?<![A-Za-z0-9'\u2019]){_WRAP}(?P<letter>[A-Z])[*_`\"')\]}}$.:]{{0,6}}[^\S\n]{{1,4}}"
    r"(?:is|was|seems|looks|appears to be|must be|would be|should be|has to be)[^\S\n]{1,4}"
    r"(?:(?:the|also|clearly|definitely|indeed|my|only|most|best|likely)[^\S\n]{1,4}){0,4}"
    r"(?:correct|right|true|best|answer|choice|one|option|accurate|appropriate|suitable|plausible|logical)\b"
    rf"|(?<![A-Za-z0-9'\u2019]){_WRAP}(?P<fitting>[A-Z])[*_`\"')\]}}$]{{0,6}}[^\S\n]{{1,4}}(?:fits|works|holds)\b"
)
_STANDING_OUT = re.compile(
    r"\((?P<letter>[A-Za-z])\)|\[(?P<square>[A-Z])\]|\*\*\(?(?P<bold>[A-Z])[).]?\*\*"
    r"|(?<!\w)\*{1,2}\(?(?P<named>[A-Z])[).:][^\S\n]"
)
_FIRST = re.compile(
    r"^[^\S\n]{0,8}(?i:option[^\S\n]{1,4}|choice[^\S\n]{1,4})?(?P<letter>[A-Z])[^\S\n]{0,4}"
    r"(?:[.):,]|[-\u2013\u2014][ ](?=[a-z]{2})|$)",
    re.MULTILINE,
)


_ALIKE = str.maketrans("АВСЕНКМРТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABCEHKMPTXABEZHIKMNOPTYX")
_ALIKE_ALONE = re.compile(r"(?<!\w)[АВСЕНКМРТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ](?=[)\]}.,;:*_`\"'»$]|\s{0,8}(?:\n|$))")


def latin_letters(text: str) -> str:
    """A text of the same length, with Latin capitals for Cyrillic and Greek ones alike that end a phrase.

    Options are listed behind Latin letters, and answers in Russian or Greek name them by letters of their own
    (`Ответ: В`). Before a word such a letter is a word itself (`В итоге`).
    """
    return text if text.isascii() else _ALIKE_ALONE.sub(lambda found: found.group().translate(_ALIKE), text)


def marked_letter(text: str, options: int) -> str | None:
    """The letter that is the whole text, or follows the last announcement that has one."""
    whole = _WHOLE.fullmatch(text)
    if whole:
        return _among(whole[1], options)
    for mark in marks_in(text, MarkKind.ANNOUNCED, MarkKind.BOXED):
        at = after_lead(text, mark.end, mark.until)
        filler = _FILLER.match(text, at, mark.until)
        at = after_lead(text, filler.end(), mark.until) if filler else at
        # What follows the letter may be the next announcement, so nothing ends the text here.
        found = _VALUE.match(text, at) if at < mark.until else None
        if found:
            return _among(next(filter(None, found.groups())), options)
    return None


def phrased_letter(text: str, options: int) -> str | None:
    """The last letter in a phrase that chooses it: "I'd go with C", "so (D)", "B is right"."""
    return _last(text, (_BEHIND, _IN_FRONT), options)


def standing_letter(text: str, options: int) -> str | None:
    """The last letter in brackets or bold, else the last one that opens a line: "B. Paris"."""
    return _last(text, (_STANDING_OUT,), options) or _last(text, (_FIRST,), options)


def _last(text: str, patterns: Sequence[re.Pattern[str]], options: int) -> str | None:
    found = [match for pattern in patterns for match in pattern.finditer(text)]
    letters = [
        (match.start(), letter)
        for match in found
        if (letter := _among(next(filter(None, match.groups())), options)) is not None
    ]
    return max(letters)[1] if letters else None


def _among(letter: str, options: int) -> str | None:
    return letter.upper() if ord(letter.upper()) - ord("A") < options else None


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


_YES = (
    "yes|yep|yeah|true|ja|oui|sí|sì|sim|да|так|tak|evet|ano|ναι|ya|có|kyllä|igen|da|נכון|כן|نعم|بله|हाँ|हां|হ্যাঁ|ใช่"
    "|是的|是|对的|对|はい|예|네"
)
_NO = (
    "no|nope|false|nein|non|não|нет|ні|nie|hayır|ne|όχι|tidak|không|nee|nej|ei|nem|nu|לא|لا|خیر|नहीं|না|ไม่ใช่|ไม่|不是|不对|否|没有|不"
    "|いいえ|아니요|아니오|아니"
)
_ANSWERS = {**dict.fromkeys(_YES.split("|"), "yes"), **dict.fromkeys(_NO.split("|"), "no")}
_WORDS = "|".join(sorted(_ANSWERS, key=len, reverse=True))
_AFTER = re.compile(rf"(?P<said>{_WORDS})(?![A-Za-z\u00c0-\u024f0-9_])", re.IGNORECASE)
_ALONE = re.compile(
    rf"(?:^|[.!?:;,\n)\u2013\u2014])[\s*_`\"'(\[{{$]{{0,8}}(?:so[ ])?[*_`\"'(\[]{{0,4}}(?P<said>{_WORDS})"
    r"(?=[*_`\"')\]}$]{0,6}(?:[.!?:;,\n\u2013\u2014]|\s{1,4}[-\u2013\u2014]|\s{0,8}+$"
    r"|\s{1,4}(?:there|it|we|because|they|this|that|since|the)\b))",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(
    r"(?<!not say )(?<!n't say )(?<!nnot say )(?<!n't answer )(?<!not answer )\b(?P<said>yes|no)\b",
    re.IGNORECASE,
)
_VERB = r"(?:is|are|was|were|does|do|did|can|will|would|should|has|have|had)"
_JUDGED = re.compile(
    r"\b(?:that|this|it|statement|claim|assertion|sentence|assumption)[ ](?:is|was)(?P<not>n't|[ ]not)?"
    r"[ ](?:(?:indeed|definitely|actually|clearly)[ ])?"
    r"(?:(?P<yes>true|correct|right)|false|incorrect|wrong|untrue)\b"
    r"(?![ ](?:that|to|for|of|in)\b)",
    re.IGNORECASE,
)
"""A judgement of what was asked: "the statement is false", "that is not correct"."""
_BOTH = re.compile(r"\W{0,8}+(?:yes|no)[ ](?:and|or)[ ](?:yes|no)\b", re.IGNORECASE)
_WHOLE_SAID = re.compile(
    r"\W{0,8}+(?:(?P<not>(?:absolutely|definitely|certainly|of[ ]course)[ ]not|not[ ]at[ ]all|incorrect"
    r"|untrue)"
    r"|(?:absolutely|definitely|certainly|of[ ]course|indeed"
    rf"|(?:it|they|she|he|there|that|this)[ ]{_VERB}(?P<no>n't|[ ]not)?))"
    r"\W{0,8}+",
    re.IGNORECASE,
)
"""A text that says no more than this: "of course not", "it does"."""


def marked_yes_no(text: str) -> str | None:
    """Yes or no behind the last announcement that has one."""
    for mark in marks_in(text, MarkKind.ANNOUNCED, MarkKind.BOXED):
        at = after_lead(text, mark.end, mark.until)
        found = _AFTER.match(text, at) if at < mark.until else None
        if found:
            return _ANSWERS[found["said"].lower()]
    return None


def said_yes_no(text: str) -> str | None:
    """The last yes or no that answers by itself, as in "Yes, there is no other way".

    Else what the whole text or a judgement in it says; else the last of the two words.
    """
    if _BOTH.match(text):
        return None
    if found := list(_ALONE.finditer(text)):
        return _ANSWERS[found[-1]["said"].lower()]
    if whole := _WHOLE_SAID.fullmatch(text):
        return "no" if whole["not"] or whole["no"] else "yes"
    if found := list(_JUDGED.finditer(text)):
        return "yes" if bool(found[-1]["yes"]) != bool(found[-1]["not"]) else "no"
    if found := list(_ANYWHERE.finditer(text)):
        return _ANSWERS[found[-1]["said"].lower()]
    return None
