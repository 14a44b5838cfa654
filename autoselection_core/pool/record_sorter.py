"""Sorting of raw records into pool or quarantine, and a check of the fields that sources name."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autoselection_core.errors.pool import RejectedRecordError, UnmatchedFieldError
from autoselection_core.identity import Json
from autoselection_core.pool.collect import Collector
from autoselection_core.pool.files.content import RawRecord
from autoselection_core.pool.quarantine import Quarantine
from autoselection_core.pool.reading import ParsedRecord, read_record
from autoselection_core.pool.reading.view import Note, Treatment
from autoselection_core.pool.sample import Origin, QuarantineReason
from autoselection_core.pool.sources import Source, SourceFile

_FIELDS_SHOWN = 40


class NamedFields:
    """Comparison of the fields that sources name with those that their records have."""

    def __init__(self) -> None:
        self._missing: dict[Source, set[str]] = {}
        self._known: defaultdict[Source, dict[str, None]] = defaultdict(dict)
        self._records: Counter[Source] = Counter()

    def add_record(self, source: Source, record: Json) -> None:
        """Add the fields of a record."""
        self._records[source] += 1
        missing = self._missing.setdefault(source, set(source.rules.names))
        if not missing or not isinstance(record, Mapping):
            return
        missing -= {name for name in missing if name in record or name.partition(".")[0] in record}
        known = self._known[source]
        known.update(dict.fromkeys(list(record)[: _FIELDS_SHOWN - len(known)]))

    def require(self) -> None:
        """Refuse names that no record of their source has.

        Raises:
            UnmatchedFieldError: There is one.
        """
        for source, missing in self._missing.items():
            for name in source.rules.names:
                if name in missing:
                    known = tuple(self._known[source])
                    raise UnmatchedFieldError(source.path, name, self._records[source], known)


class RecordOutcome(StrEnum):
    """Outcome of a record: a sample, merged into an equal one, or quarantined."""

    SAMPLE = "samples"
    MERGED = "merged"
    QUARANTINED = "quarantined"


@dataclass
class RecordSorter:
    """Sorter of raw records into samples of the pool and quarantined records, with counts.

    Attributes:
        collector: Takes samples.
        quarantine: Takes records that are none.
        records: Records seen.
        merged: Records whose sample was there already.
        trimmed: Records from which turns after the last answer were cut.
        formats: Records that became samples or were merged, by format.
        fields: Of these, the number in which a field had a treatment, by field and treatment.
        named: Fields that sources name, as far as records have them.
        by_source: Number of records by source and fate.
        examples: Id of the first sample of each file and format.
    """

    collector: Collector
    quarantine: Quarantine
    records: int = 0
    merged: int = 0
    trimmed: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    fields: Counter[Note] = field(default_factory=Counter)
    named: NamedFields = field(default_factory=NamedFields)
    by_source: Counter[tuple[str, RecordOutcome]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, record: RawRecord, file: SourceFile) -> None:
        """Read a record of a file, and add its sample to the pool or the record to the quarantine."""
        self.records += 1
        try:
            reading = self._read(record, file)
        except RejectedRecordError as rejection:
            self.quarantine.add(record, file.relative_path, rejection)
            self.by_source[record.source, RecordOutcome.QUARANTINED] += 1
            return
        locator = f"{file.relative_path}#{record.number}"
        origin = Origin(record.source, locator, file.source.licence, reading.extras)
        is_new = self.collector.add(reading.sample, origin)
        self.merged += not is_new
        self.by_source[record.source, RecordOutcome.SAMPLE if is_new else RecordOutcome.MERGED] += 1
        self.trimmed += reading.trimmed > 0
        self.formats[reading.format] += 1
        if (file.relative_path, reading.format) not in self.examples:
            self.examples[file.relative_path, reading.format] = reading.sample.id
        if reading.notes:
            self.fields.update(reading.notes)
        if record.beside:
            self.fields.update((name, Treatment.OF_FILE) for name in record.beside)

    def _read(self, record: RawRecord, file: SourceFile) -> ParsedRecord:
        if record.problem is not None:
            raise RejectedRecordError(record.reason, record.problem)
        limit = file.source.rules.max_characters
        if len(record.text) > file.max_bytes:
            raise RejectedRecordError(QuarantineReason.TOO_LONG, _too_long(limit))
        said = _parse(_decode(record.text))
        if file.source.rules.names:
            self.named.add_record(file.source, said)
        try:
            # No record has more characters than bytes, so that most need not be counted.
            if len(record.text) > limit and characters_in(said) > limit:
                raise RejectedRecordError(QuarantineReason.TOO_LONG, _too_long(limit))
            return read_record(said, file.source.rules)
        except RecursionError as error:
            raise RejectedRecordError(
                QuarantineReason.BAD_JSON, "its values are nested too deeply"
            ) from error


def characters_in(value: Json) -> int:
    """Characters of all texts in a JSON value, names of fields included.

    Example:
        >>> characters_in({"ab": ["cd", 1, {"e": None}]})
        5
    """
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(len(key) + characters_in(each) for key, each in value.items())
    return sum(map(characters_in, value)) if isinstance(value, list | tuple) else 0


def _too_long(limit: int) -> str:
    return f"more than {limit:,} characters of text; `max_characters` of its source sets the limit"


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        detail = f"{error.reason} at byte {error.start}; {_likely_encoding(text)}"
        raise RejectedRecordError(QuarantineReason.BAD_UTF8, detail) from error


def _likely_encoding(text: bytes) -> str:
    """Likely encoding of bytes that are no UTF-8, and the way forward.

    Bytes beyond ASCII come in pairs where a character has two of them, and mostly alone in Western text.
    """
    runs = [len(run) for run in _BEYOND_ASCII.findall(text)]
    if runs and sum(run % 2 == 0 for run in runs) > len(runs) / 2:
        return "it looks like GB 18030, Big5, Shift JIS or EUC; convert the file to UTF-8 with `iconv`"
    name = "WINDOWS-1252" if _C1_CONTROLS.search(text) else "ISO-8859-1"
    return f"it looks like {name} (Latin-1); convert the file with `iconv -f {name} -t UTF-8`"


def _parse(text: str) -> Json:
    try:
        value: Json = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        looks = "; it looks like Python, write it by json.dumps" if text.startswith("{'") else ""
        said = "a number has more digits than are read" if "digits" in str(error) else str(error)
        if isinstance(error, RecursionError):
            said = "its values are nested too deeply"
        if isinstance(error, json.JSONDecodeError) and error.pos == 0 and not looks:
            said = f"it begins with {text[:_BEGINNING]!r}, as no JSON does"
        raise RejectedRecordError(QuarantineReason.BAD_JSON, f"{said}{looks}") from error
    return value


def _fields_once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """The object of names and values.

    Raises:
        RejectedRecordError: A name has two values, of which one would be lost in silence.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            if found[name] != value:
                detail = f"the name {name!r} occurs twice, with different values"
                raise RejectedRecordError(QuarantineReason.BAD_JSON, detail)
    return found


def _nothing(_: str) -> None:
    return None


_BEGINNING = 12
"""Characters that are shown of what is no JSON."""

_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_C1_CONTROLS = re.compile(rb"[\x80-\x9f]")
"""Letters and quotes in Windows-1252, but control characters in Latin-1."""

_DECODER = json.JSONDecoder(parse_constant=_nothing, object_pairs_hook=_fields_once)
"""NaN and the infinities are no JSON, but pandas writes them for a field without a value."""
