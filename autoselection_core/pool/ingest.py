"""Ingestion of raw files into a pool, with an account of every record."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from autoselection_core.errors.pool import (
    CountsError,
    EmptyPoolError,
    RejectedRecordError,
    UndeclaredAnswerError,
)
from autoselection_core.pool.collect import Collector, in_order
from autoselection_core.pool.columns import CONVERSATIONS, FINDINGS, SCHEMA
from autoselection_core.pool.files.readers import count_records, raw_records
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.quarantine import Quarantine, QuarantineCount
from autoselection_core.pool.reading import read_record
from autoselection_core.pool.reading.view import Treatment
from autoselection_core.pool.record_sorter import RecordOutcome, RecordSorter
from autoselection_core.pool.sources import (
    NamedTwice,
    Source,
    SourceFile,
    name_apart,
    named_twice,
    of_other_splits,
)
from autoselection_core.pool.storage import map_table, spool, write_batches
from autoselection_core.progress import RecordProgress
from autoselection_core.store.atomic import atomic_file, staging_folder
from autoselection_core.store.home import Home
from autoselection_core.store.memory import require_memory

_REPORT_EVERY = 1000
_BYTES_A_RECORD = 400
"""Private memory of an ingestion, a record (`python -m bench.growth --step ingestion`)."""

_TRIED = 500
"""Number of records that a setting is looked for in."""


@dataclass(frozen=True)
class Ingestion:
    """Result of an ingestion: the pool, and the account of every record.

    Attributes:
        pool: The samples.
        records: Records that were read.
        samples: Records that became a sample.
        merged: Records whose sample was there already.
        quarantined: Records that are no sample.
        trimmed: Records from which turns after the last answer were cut. They count as samples or merged.
        left_out: Quarantined records by source and reason, each with an example.
        quarantine_path: A JSON line for each quarantined record.
        formats: Records that were read by format; those in quarantine have none.
        fields: Of these, how often something became of a field beside question and answer: the field, the
            treatment, and the number of records, the most frequent first.
        passed_over: Files of other kinds in folders that are named as a whole.
        by_source: Records by source and fate; they add up to all records.
        pinned: Names of the data sets of a hub that were read, each with its commit.
        examples: Id of the first sample of each file and format.
        files: Number of files that were read.
        named_twice: Files that two sources name.
        other_splits: Files of test and validation splits that were read beside one to train on.

    Raises:
        CountsError: A record was lost or counted twice.
    """

    pool: Pool
    records: int
    samples: int
    merged: int
    quarantined: int
    trimmed: int
    left_out: tuple[QuarantineCount, ...]
    quarantine_path: Path
    formats: Mapping[str, int] = field(default_factory=dict)
    fields: tuple[tuple[str, Treatment, int], ...] = ()
    passed_over: tuple[Path, ...] = ()
    by_source: Mapping[str, Mapping[RecordOutcome, int]] = field(default_factory=dict)
    pinned: tuple[str, ...] = ()
    examples: Mapping[tuple[str, str], str] = field(default_factory=dict)
    files: int = 0
    named_twice: tuple[NamedTwice, ...] = ()
    other_splits: tuple[SourceFile, ...] = ()

    def __post_init__(self) -> None:
        accounted = self.samples + self.merged + self.quarantined
        if self.records != accounted or self.samples != len(self.pool):
            raise CountsError(self.records, self.samples, self.merged, self.quarantined)

    @property
    def reasons(self) -> Mapping[str, Mapping[str, int]]:
        """For each source the number of quarantined records by reason."""
        counts: dict[str, dict[str, int]] = {}
        for each in self.left_out:
            counts.setdefault(each.source, {})[each.reason] = each.records
        return counts

    @property
    def placeholder_inputs(self) -> tuple[str, ...]:
        """Inputs of some records that may say that there is none, the most frequent first."""
        noted = (name for name, treatment, _ in self.fields if treatment is Treatment.PLACEHOLDER)
        return tuple(name.partition(": ")[2] for name in noted)


def ingest(sources: Sequence[Source], home: Home, progress: RecordProgress | None = None) -> Ingestion:
    """Read raw files into a pool below the home folder.

    Memory holds an id for each sample; everything else passes through files.

    Args:
        sources: The sources to read.
        home: Home folder of the pool and the quarantined records.
        progress: Called now and then, and at the end.

    Raises:
        NoSourceFileError: A source leads to no file.
        UnknownFileKindError: A file is of a kind that is not read.
        UnreadableSourceError: A file is damaged as a whole.
        UnmatchedFieldError: A source names a field that none of its records has.
        EmptyPoolError: No record is a sample.
        StorageFullError: The disk has no room. Nothing is left behind.
        LittleMemoryError: The ids and row numbers of so many records do not fit into memory; where files are
            Parquet, which state how many they hold.
    """
    found = [source.list_files() for source in sources]
    files = name_apart([file for each in found for file in each.files])
    with staging_folder(home.pools) as scratch:
        ingestion = _ingest(files, scratch, home, progress or _silent)
    return replace(
        ingestion,
        files=len(files),
        named_twice=named_twice(files),
        other_splits=of_other_splits(files),
        passed_over=tuple(path for each in found for path in each.passed_over),
        pinned=tuple(each.pinned for each in found if each.pinned is not None),
    )


def _ingest(files: Sequence[SourceFile], scratch: Path, home: Home, progress: RecordProgress) -> Ingestion:
    conversations, findings, lines = (scratch / name for name in ("conversations", "findings", "quarantine"))
    with (
        spool(conversations, CONVERSATIONS) as said,
        spool(findings, FINDINGS) as found,
        lines.open("w", encoding="utf-8") as left_out,
    ):
        sorter = RecordSorter(Collector(said.write_batch, found.write_batch), Quarantine(left_out))
        _read(files, sorter, progress)
        sorter.collector.close()
    write_batches(scratch / "pool", SCHEMA, in_order(map_table(conversations), map_table(findings)))
    return _keep(Pool(map_table(scratch / "pool")), sorter, lines, home)


def _read(files: Sequence[SourceFile], sorter: RecordSorter, progress: RecordProgress) -> None:
    total = count_records(files)
    if total is not None:
        require_memory("ingestion", _BYTES_A_RECORD * total)
    for file in files:
        for record in raw_records(file):
            sorter.take(record, file)
            if sorter.records % _REPORT_EVERY == 0:
                progress(sorter.records, total)
    progress(sorter.records, sorter.records)
    sorter.named.require()


def _keep(pool: Pool, sorter: RecordSorter, lines: Path, home: Home) -> Ingestion:
    quarantine = home.quarantine_file(pool.version)
    with atomic_file(quarantine) as unfinished:
        lines.replace(unfinished)
    if len(pool) == 0:
        found = tuple((each.records, each.reason, each.example) for each in sorter.quarantine.account())
        raise EmptyPoolError(sorter.records, quarantine, found)
    folder = home.pool(pool.version)
    pool.write(folder)
    return Ingestion(
        pool=Pool.open(folder),
        records=sorter.records,
        samples=len(sorter.collector),
        merged=sorter.merged,
        quarantined=sorter.quarantine.reasons.total(),
        trimmed=sorter.trimmed,
        left_out=sorter.quarantine.account(),
        quarantine_path=quarantine,
        formats=dict(sorted(sorter.formats.items())),
        fields=tuple(
            (name, treatment, count)
            for (name, treatment), count in sorted(
                sorter.fields.items(), key=lambda item: (-item[1], item[0])
            )
        ),
        by_source=_by_source(sorter.by_source),
        examples=sorter.examples,
    )


def _by_source(counts: Mapping[tuple[str, RecordOutcome], int]) -> dict[str, dict[RecordOutcome, int]]:
    sources = sorted({source for source, _ in counts})
    return {source: {fate: counts.get((source, fate), 0) for fate in RecordOutcome} for source in sources}


def _silent(_done: int, _total: int | None) -> None:
    pass


def suggested_rules(source: Source) -> str:
    """The setting that reads most of the first records of a source; empty where they are read without it.

    Args:
        source: The raw files, read without rules.
    """
    settings = Counter[str]()
    seen = 0
    for record in islice(chain.from_iterable(map(raw_records, source.list_files().files)), _TRIED):
        seen += 1
        try:
            read_record(json.loads(record.text))
        except UndeclaredAnswerError as undeclared:
            settings[undeclared.setting] += 1
        except (RejectedRecordError, ValueError, RecursionError):
            continue
    setting, count = next(iter(settings.most_common(1)), ("", 0))
    return setting if 2 * count > seen else ""
