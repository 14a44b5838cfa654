"""A spelling of an answer, and what a person reads in it."""

from typing import TypeAlias

from autoselection_core.benchmarks.reading.extraction import extract, is_right

Spelling: TypeAlias = tuple[str, str, int | tuple[str, ...], str | None]
"""Text, how it is read, a number of letters or the options' texts, and the answer; None for none."""


def is_read(spelling: Spelling) -> bool:
    """Whether the reader reads what a person reads."""
    text, reads, options, answer = spelling
    count, texts = (options, ()) if isinstance(options, int) else (len(options), options)
    parsed = extract(text, reads, count, texts)
    return parsed is None if answer is None else is_right(parsed, answer, reads)
