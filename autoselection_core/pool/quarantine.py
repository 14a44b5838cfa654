"""Quarantine: the account of records that are no samples."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.pool.files.raw import RawRecord

EXCERPT_CHARACTERS = 200
"""As much of a record as it takes to recognise it."""


@dataclass(frozen=True)
class Quarantine:
    """Writes a line for each record that is left out, and counts them.

    Attributes:
        lines: Where the lines go.
        reasons: How many records of each source (first) were left out for each reason (second).
        examples: Of these, where the first is, and what is wrong with it.
    """

    lines: TextIO
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, record: RawRecord, place: str, rejection: RejectedRecordError) -> None:
        """Leave out a record of the file at a place."""
        self.reasons[record.source, rejection.reason] += 1
        example = f"{place}#{record.number}: {rejection.detail}"
        self.examples.setdefault((record.source, rejection.reason), example)
        line = {
            "source": record.source,
            "file": place,
            "record": record.number,
            "line": record.line,
            "reason": rejection.reason,
            "detail": rejection.detail,
            "excerpt": record.text[: 4 * EXCERPT_CHARACTERS].decode(errors="replace")[:EXCERPT_CHARACTERS],
        }
        self.lines.write(json.dumps(line, ensure_ascii=False) + "\n")

    def account(self) -> tuple["LeftOut", ...]:
        """Records left out, by source and reason."""
        return tuple(
            LeftOut(source, reason, count, self.examples[source, reason])
            for (source, reason), count in sorted(self.reasons.items())
        )


@dataclass(frozen=True)
class LeftOut:
    """Records of a source that were left out for one reason.

    Attributes:
        source: The source.
        reason: The reason.
        records: How many there are.
        example: Where the first of them is (file and record), and what is wrong with it.
    """

    source: str
    reason: str
    records: int
    example: str
