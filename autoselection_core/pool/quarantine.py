"""The account of records that are no samples."""

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
    """

    lines: TextIO
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, record: RawRecord, place: str, rejection: RejectedRecordError) -> None:
        """Leave out a record of the file at a place."""
        self.reasons[record.source, rejection.reason] += 1
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

    def by_source(self) -> dict[str, dict[str, int]]:
        """How many records of each source were left out, by reason."""
        counts: dict[str, dict[str, int]] = {}
        for (source, reason), count in sorted(self.reasons.items()):
            counts.setdefault(source, {})[reason] = count
        return counts
