"""Parts of a generated text: a model that runs on after its answer asks and answers further questions."""

import re
from itertools import pairwise

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
