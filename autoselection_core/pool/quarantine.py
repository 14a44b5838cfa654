"""Quarantine: the account of records that are no samples."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.pool.files.content import RawRecord

EXCERPT_CHARACTERS = 200
"""As much of a record as it takes to recognise it."""


@dataclass(frozen=True)
class Quarantine:
    """Quarantine of the records that are left out: a written line for each, and their counts.

    Attributes:
        lines: File of the lines.
        reasons: Number of records by source (first) and reason (second).
        examples: File, record and fault of the first of each.
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

    def account(self) -> tuple["QuarantineCount", ...]:
        """Records left out, by source and reason."""
        return tuple(
            QuarantineCount(source, reason, count, self.examples[source, reason])
            for (source, reason), count in sorted(self.reasons.items())
        )


@dataclass(frozen=True)
class QuarantineCount:
    """Records of a source that were left out for one reason.

    Attributes:
        source: The source.
        reason: The reason.
        records: Their number.
        example: File, record and fault of the first of them.
    """

    source: str
    reason: str
    records: int
    example: str
