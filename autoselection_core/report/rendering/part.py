"""Parts of an explanation, independent of where they are shown: terminal or run metadata."""

from dataclasses import dataclass
from typing import TypeAlias

from autoselection_core.report.rendering.table import Table


@dataclass(frozen=True)
class Block:
    """Preformatted text of several lines.

    Attributes:
        title: Its heading.
        text: The lines.
        language: Language of its syntax colours.
    """

    title: str
    text: str
    language: str = ""


Part: TypeAlias = str | Table | Block
"""A sentence, a table or a block of text."""
