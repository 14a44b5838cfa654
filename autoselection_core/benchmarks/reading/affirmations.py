"""Yes or no, as a text answers."""

import re

from autoselection_core.benchmarks.reading.leads import after_lead
from autoselection_core.benchmarks.reading.marks import Kind, marked

_YES = "yes|ja|oui|sí|sì|sim|да|так|tak|evet|ano|ναι|ya|có|نعم|हाँ|हां|是的|是|对的|对|はい|예|네"
_NO = (
    "no|nein|non|não|нет|ні|nie|hayır|ne|όχι|tidak|không|nee|لا|नहीं|不是|不对|否|没有|不"
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
_ANYWHERE = re.compile(r"\b(?P<said>yes|no)\b", re.IGNORECASE)


def marked_yes_no(text: str) -> str | None:
    """Yes or no behind the last announcement that has one."""
    for mark in marked(text, Kind.ANNOUNCED, Kind.BOXED):
        at = after_lead(text, mark.end, mark.until)
        found = _AFTER.match(text, at) if at < mark.until else None
        if found:
            return _ANSWERS[found["said"].lower()]
    return None


def said_yes_no(text: str) -> str | None:
    """The last yes or no that answers by itself, as in "Yes, there is no other way"; else the last word."""
    for pattern in (_ALONE, _ANYWHERE):
        found = list(pattern.finditer(text))
        if found:
            return _ANSWERS[found[-1]["said"].lower()]
    return None
