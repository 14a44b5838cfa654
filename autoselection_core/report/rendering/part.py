"""Parts of an explanation, independent of where they are shown: terminal or run metadata."""

from dataclasses import dataclass
from typing import TypeAlias

from autoselection_core.report.rendering.table import Table


@dataclass(frozen=True)
class Block:
    """Text of several lines that stands as it is.

    Attributes:
        title: What it is.
        text: The lines.
        language: What a reader may colour it as.
    """

    title: str
    text: str
    language: str = ""


Part: TypeAlias = str | Table | Block
"""A sentence, a table or a block of text."""
