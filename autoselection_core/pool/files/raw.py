"""Raw records, as their files spell them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RawRecord:
    """Raw record, not parsed or checked yet.

    Attributes:
        source: The name of its origin.
        number: Its place among the records of the file, from 1.
        line: The line on which it starts, from 1; in a file of columns its row.
        text: Its JSON; where it is longer than may be (`SourceFile.max_bytes`), its beginning.
        problem: Fault of the row of a table that it comes from; None where there is none.
        beside: Fields of text that the file has beside its records.
    """

    source: str
    number: int
    line: int
    text: bytes
    problem: str | None = None
    beside: tuple[str, ...] = ()
