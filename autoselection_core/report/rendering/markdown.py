"""Escaping of other people's text inside Markdown."""

import re

_MARKUP = re.compile(r"([\\`*<\[|~$]|(?<!\w)_|_(?!\w))")
"""Characters that start markup; an underscore inside a word starts none."""


def escape(text: str) -> str:
    r"""Text as one line of Markdown that says what the text says.

    Example:
        >>> print(escape("<s> | keep_top *twice*"))
        \<s> \| keep_top \*twice\*
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.splitlines()))


def fence(text: str, language: str = "") -> str:
    """Text as a block of code; the fence is longer than any inside.

    Example:
        >>> print(fence("steps: []", "yaml"))
        ```yaml
        steps: []
        ```
    """
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
