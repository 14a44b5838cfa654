"""Lead between an announcement and its answer: white space, emphasis, brackets, LaTeX wrappers."""

import re

_WRAPPER = (
    r"\\(?:f?boxed|text(?:bf|it|rm|sf|tt)?|math(?:rm|bf|it|sf|tt|bb)|left|displaystyle|bf|rm)(?![A-Za-z])"
)
LEAD = re.compile(rf"(?:[\s*_`\"'(\[{{~≈]++|\$|\\[(\[$]|{_WRAPPER})*+")
"""Nothing in it begins like another part of it, and nothing is given back: one pass."""


def after_lead(text: str, start: int, end: int) -> int:
    """Position where a value begins."""
    found = LEAD.match(text, start, end)
    return found.end() if found else start
