"""Texts under reading: folding, segments, and the words that a text gives as its answer."""

import re
from itertools import pairwise

from autoselection_core.benchmarks.reading.marks import Mark, MarkKind, marks, marks_in

_FULL_WIDTH = range(0xFF01, 0xFF5F)
_TO_ASCII = 0xFEE0
_PLAIN = str.maketrans(
    "【】「」『』。、　“”‘’＝\u2044\u2215\u2236\u2010\u2011\ufe63\u2796٪٫٬", '[]""""., ""\'\'=//:----%.,'
)
_INVISIBLE = dict.fromkeys(
    map(ord, "\u200b\u200e\u200f\u061c\u2060\ufeff\u202a\u202b\u202c\u2066\u2067\u2068\u2069"), " "
)
"""Signs without a shape that set the direction of a text; they stand between a sign and its digits."""
_RAISED_FRACTION = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4}[/\u2044][₀₁₂₃₄₅₆₇₈₉]{1,4}")
_RAISED_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")


def fold(text: str) -> str:
    """A text of the same length with ASCII digits, full-width forms as ASCII, and plain quotation marks.

    Example:
        >>> fold("答案：（Ｂ）٤٢")
        '答案:(B)42'
    """
    if text.isascii():
        return text
    folded = "".join(map(_fold, text)).translate(_PLAIN).translate(_INVISIBLE)
    return _RAISED_FRACTION.sub(lambda found: found[0].translate(_RAISED_DIGITS), folded)


def _fold(character: str) -> str:
    if ord(character) in _FULL_WIDTH:
        return chr(ord(character) - _TO_ASCII)
    return str(int(character)) if character.isdecimal() else character


_WRAP = r"\\(?:f?boxed|text(?:bf|it|rm|sf|tt)?|math(?:rm|bf|it|sf|tt|bb)|left|displaystyle|bf|rm)(?![A-Za-z])"
LEAD = re.compile(rf"(?:[\s*_`\"'(\[{{~≈]++|\$|\\[(\[$]|{_WRAP})*+")
"""Nothing in it begins like another part of it, and nothing is given back: one pass."""


def after_lead(text: str, start: int, end: int) -> int:
    """Position where a value begins."""
    found = LEAD.match(text, start, end)
    return found.end() if found else start


_NEXT_TURN = re.compile(
    r"^[\s>*_#]{0,8}(?:(?:question|problem|exercise|instruction|input|user|human|q|frage|pregunta|pergunta"
    r"|domanda|вопрос|问题|题目|問題|質問|문제|질문)[ ]?\d{0,3}[*_]{0,2}[ ]?:)",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_EXERCISE = re.compile(
    r"(?<=\n\n)[\s>*_#]{0,8}(?:(?:task|exercise|example)[ ]?\d{0,3}[*_]{0,2}[ ]?:|(?:now|next),?[ ]solve\b"
    r"|\[(?:question|problem|instruction|input|user)[ ]?\d{0,3}\])",
    re.IGNORECASE,
)
_NEXT_INSTRUCTION = re.compile(
    r"^#{2,4} (?:instruction|question|problem|user)\b", re.IGNORECASE | re.MULTILINE
)


_TURN_END = re.compile(
    r"<\|(?:endoftext|end_of_text|im_end|im_start|end|eot_id|eom_id|END_OF_TURN_TOKEN)\|>|</s>|<eos>|<end_of_turn>"
)
"""Tokens that end a turn, where a model spells them out."""


def segments(text: str) -> list[str]:
    r"""A text cut where a turn ends or a line opens another question; parts without a text are left out.

    Example:
        >>> segments("#### 18\n\nQuestion: And 2 + 2?\n#### 4")
        ['#### 18\n', '\nQuestion: And 2 + 2?\n#### 4']
    """
    parts = [part for turn in _TURN_END.split(text) for part in _questions(turn)]
    return [part for part in parts if part.strip()]


def _questions(turn: str) -> list[str]:
    openings = (_NEXT_TURN, _NEXT_EXERCISE, _NEXT_INSTRUCTION)
    opened = {match.start() for pattern in openings for match in pattern.finditer(turn)}
    return [turn[start:end] for start, end in pairwise(sorted({0, *opened, len(turn)}))]


_DECORATION = "*_`\"' \t$"
_WRAPPER = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf)\s{0,3}\{")
_BOX = re.compile(r"\\f?boxed\s{0,3}\{")
_REASON = re.compile(r",?\s{1,3}(?:because|since)\b|,\s{1,3}(?:as|which|due to|so that|so|given)\b")
_MAX_BOX = 500
"""Characters of a box: LaTeX that never closes its braces is no answer."""

_STRING = re.compile(
    r"\s{0,8}\"((?:[^\"\\\n]|\\.){1,500}+)\"\s{0,8}(?:[},]|(?:です|でした|だ|である|となります|입니다|이다)[.\s]{0,4}(?:$|\n))"
)
"""A value of JSON, or a quotation that the sentence goes on or ends behind."""

_MAX_SHORT_WORDS = 6
"""A text of one line and so few words is an answer without a mark; a longer one is reasoning without end."""


def marked_text(text: str) -> str | None:
    """Text behind the last announcement on its line, or on the next one, or in its box."""
    for mark in marks_in(text, MarkKind.ANNOUNCED, MarkKind.BOXED):
        said = _boxed(text, mark.end) if mark.kind is MarkKind.BOXED else _line(text, mark)
        if said is not None and (bare := undecorate(said)):
            return bare
    return None


def unannounced_text(text: str) -> str | None:
    """A short text that announces nothing: "Answer:" alone is no answer."""
    return None if marks(text) else short_text(text)


def short_text(text: str) -> str | None:
    """A text of one line and at most six words."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0].split()) <= _MAX_SHORT_WORDS:
        return undecorate(lines[0])
    return None


def undecorate(text: str) -> str | None:
    """A text without emphasis, quotation marks, box and full stop at its end; None where nothing is left."""
    bare = text.strip(_DECORATION)
    box = _BOX.match(bare)
    if box and (inner := _boxed(bare, box.end())) is not None:
        bare = inner.strip(_DECORATION)
    wrapper = _WRAPPER.match(bare)
    if wrapper and _closing(bare, wrapper.end()) == len(bare) - 1:
        bare = bare[wrapper.end() : -1]
    return bare.strip(_DECORATION).removesuffix(".").strip(_DECORATION) or None


def _line(text: str, mark: Mark) -> str | None:
    quoted = _STRING.match(text, mark.end)
    if quoted:
        return quoted[1]
    lines = text[mark.end : mark.until].partition("</")[0].split("\n")
    line = next((line for line in lines if line.strip(_DECORATION)), None)
    reason = _REASON.search(line.strip()) if line else None
    return line.strip()[: reason.start()] if line and reason and reason.start() else line


def _boxed(text: str, start: int) -> str | None:
    end = _closing(text, start)
    return text[start:end] if end is not None else None


def _closing(text: str, start: int) -> int | None:
    """Position of the brace that closes the one opened before a position; None where none does."""
    depth, escaped = 1, False
    for at in range(start, min(len(text), start + _MAX_BOX)):
        character = text[at]
        if escaped:
            escaped = False
            continue
        escaped = character == "\\"
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return at
    return None
