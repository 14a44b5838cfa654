"""A record as it stands in its file."""

from dataclasses import dataclass

MAX_RECORD_BYTES = 1 << 20
"""A longer record is quarantined: a megabyte is a book, and in practice a file without line ends."""


@dataclass(frozen=True)
class RawRecord:
    """A record that nobody has looked at.

    Attributes:
        source: The name of its origin.
        number: Its place among the records of the file, from 1.
        line: The line on which it starts, from 1; in Parquet its row.
        text: Its JSON, cut one byte after `MAX_RECORD_BYTES`.
    """

    source: str
    number: int
    line: int
    text: bytes
