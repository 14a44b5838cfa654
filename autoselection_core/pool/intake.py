"""Decides for each raw record what becomes of it, and counts."""

import json
from collections import Counter
from dataclasses import dataclass, field

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.collect import Collector
from autoselection_core.pool.quarantine import Quarantine
from autoselection_core.pool.raw import MAX_RECORD_BYTES, RawRecord
from autoselection_core.pool.reading import Reading, read_record
from autoselection_core.pool.reading.notes import Note
from autoselection_core.pool.reason import Reason
from autoselection_core.pool.sample import Origin
from autoselection_core.pool.sources import SourceFile


@dataclass
class Intake:
    """Passes records on to the pool or to the quarantine.

    Attributes:
        collector: Takes samples.
        quarantine: Takes records that are none.
        records: Records seen.
        merged: Records whose sample was there already.
        trimmed: Records from which turns after the last answer were cut.
        formats: Records that became samples or were merged, by format.
        fields: Of these, how often something became of a field, by field and treatment.
    """

    collector: Collector
    quarantine: Quarantine
    records: int = 0
    merged: int = 0
    trimmed: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    fields: Counter[Note] = field(default_factory=Counter)

    def take(self, record: RawRecord, file: SourceFile) -> None:
        """Read a record of a file."""
        self.records += 1
        try:
            reading = _read(record.text)
        except RejectedRecordError as rejection:
            self.quarantine.add(record, file.place, rejection)
            return
        locator = f"{file.place}#{record.number}"
        origin = Origin(record.source, locator, file.source.licence, reading.extras)
        self.merged += not self.collector.add(reading.sample, origin)
        self.trimmed += reading.trimmed > 0
        self.formats[reading.format] += 1
        if reading.notes:
            self.fields.update(reading.notes)


def _read(text: bytes) -> Reading:
    if len(text) > MAX_RECORD_BYTES:
        raise RejectedRecordError(Reason.TOO_LONG, f"more than {MAX_RECORD_BYTES} bytes")
    return read_record(_parsed(_decoded(text)))


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise RejectedRecordError(Reason.BAD_UTF8, f"{error.reason} at byte {error.start}") from error


def _parsed(text: str) -> Json:
    try:
        value: Json = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise RejectedRecordError(Reason.BAD_JSON, str(error)) from error
    return value


def _nothing(_: str) -> None:
    return None


_DECODER = json.JSONDecoder(parse_constant=_nothing)
"""NaN and the infinities are no JSON, but pandas writes them for a field without a value."""
