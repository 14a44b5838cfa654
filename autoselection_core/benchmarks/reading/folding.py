"""One spelling of digits, letters and brackets, whatever the script; every character keeps its position."""

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
