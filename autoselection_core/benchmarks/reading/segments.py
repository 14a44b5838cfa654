"""Parts of a generated text: a model that runs on after its answer asks and answers further questions."""

import re
from itertools import pairwise

_FULL_WIDTH = range(0xFF01, 0xFF5F)
_TO_ASCII = 0xFEE0
_BRACKETS = str.maketrans("【】「」『』。、　“”‘’＝", '[]""""., ""\'\'=')


def folded(text: str) -> str:
    """A text of the same length with ASCII digits, full-width forms as ASCII, and plain quotation marks.

    Example:
        >>> folded("答案：（Ｂ）٤٢")
        '答案:(B)42'
    """
    if text.isascii():
        return text
    return "".join(map(_folded, text)).translate(_BRACKETS)


def _folded(character: str) -> str:
    if ord(character) in _FULL_WIDTH:
        return chr(ord(character) - _TO_ASCII)
    return str(int(character)) if character.isdecimal() else character


_WRAP = (
    r"\\(?:f?boxed|text(?:bf|it|rm|sf|tt)?|math(?:rm|bf|it|sf|tt|bb)|left|displaystyle|bf|rm)(?![A-Za-z])"
)
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
_NEXT_INSTRUCTION = re.compile(
    r"^#{2,4} (?:instruction|question|problem|user)\b", re.IGNORECASE | re.MULTILINE
)


def segments(text: str) -> list[str]:
    r"""A text cut where a line opens another question; parts without a text are left out.

    Example:
        >>> segments("#### 18\n\nQuestion: And 2 + 2?\n#### 4")
        ['#### 18\n', '\nQuestion: And 2 + 2?\n#### 4']
    """
    turns = {match.start() for pattern in (_NEXT_TURN, _NEXT_INSTRUCTION) for match in pattern.finditer(text)}
    cuts = sorted({0, *turns, len(text)})
    parts = [text[start:end] for start, end in pairwise(cuts)]
    return [part for part in parts if part.strip()]
