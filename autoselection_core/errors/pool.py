"""Errors of the pool and of reading raw records."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean

_SOURCES_SHOWN = 12


class PoolError(AutoSelectionError):
    """Raw files, records or the pool that was made of them are not what they have to be."""


class UnknownSampleError(PoolError):
    """A sample was named that the pool does not hold.

    Attributes:
        sample_id: The name that was given.
        pool_version: The pool.
        sources: Sources of the pool.
    """

    sample_id: str
    pool_version: str
    sources: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        shown = ", ".join(self.sources[:_SOURCES_SHOWN])
        more = f" and {more:,} more" if (more := len(self.sources) - _SOURCES_SHOWN) > 0 else ""
        return (
            f"pool {self.pool_version} holds no sample {self.sample_id!r}: no id begins so, and no record has"
            " this place (as `file.jsonl#7` or `source#7`, from 1) or this value in a further field."
            f"{f' Its sources are {shown}{more}.' if shown else ''}"
            " Ids are in `data.jsonl` of an export; names of searches are in `autoselection status`."
        )


class AmbiguousSampleError(PoolError):
    """The first characters of an id, or a value of the records, fit several samples."""

    sample_id: str
    known: str

    sentence = (
        "{sample_id!r} names {known}, and may name more; give more characters of the id, or the file's name"
        " in place of its source's"
    )


class UnreadablePoolError(PoolError):
    """A folder holds no pool that this version can read."""

    folder: Path
    reason: str

    sentence = "{folder} holds no readable pool: {reason}. Ingest the sources again."


class NoSourceFileError(PoolError):
    """The path or pattern of a source, or of several, leads to no file that is read.

    Attributes:
        path: The path or pattern.
        others: Those of other sources that lead to none.
        passed_over: Names of files of other kinds in the folder.
        known: The endings that are read.
    """

    path: str
    others: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @override
    def __str__(self) -> str:
        if not self.others and self.passed_over:
            named, more = ", ".join(self.passed_over[:_NAMED]), len(self.passed_over) - _NAMED
            held = f"{named}{f' and {more} more' if more > 0 else ''}"
            return (
                f"no file of {self.path!r} is of a kind that is read ({', '.join(self.known)}); it holds"
                f" {held}. Convert or rename them."
            )
        if not self.others:
            which = f"the source {self.path!r}. Check the path"
        else:
            empty = [repr(path) for path in (self.path, *self.others)]
            named, more = ", ".join(empty[:_NAMED]), len(empty) - _NAMED
            which = f"{len(empty)} sources: {named}{f' and {more} more' if more > 0 else ''}. Check the paths"
        return f"no file matches {which}; * and ** match names and folders."


_NAMED = 10
"""Sources that an error names; of more it gives the number."""


class SourceNamedTwiceError(PoolError):
    """Two paths of a campaign that is about to be written name one file."""

    path: Path
    first: str
    second: str

    sentence = (
        "{path} is named twice, by {first!r} and {second!r}, and would be read twice; leave one out, or let"
        " neither path match what the other one names."
    )


class UnknownFileKindError(PoolError):
    """A source is a file of a kind that no reader knows."""

    path: Path
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        return f"{self.path} is no kind of file that is read ({', '.join(self.known)}). Convert or rename it."


class UnreadableSourceError(PoolError):
    """A source file is damaged as a whole, so that its records cannot even be counted."""

    path: Path
    reason: str

    sentence = "{path} cannot be read: {reason}. Replace the file or leave it out."


class UnmatchedFieldError(PoolError):
    """A field that a source names is in none of its records.

    Attributes:
        source: Path or name of the source.
        field: The field, as it is named.
        records: Records of the source that were read.
        known: Fields that the first of its records have.
    """

    source: str
    field: str
    records: int
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        return (
            f"the field {self.field!r}, which the source {self.source!r} names, is in none of its"
            f" {self.records:,} records (their fields: {', '.join(self.known) or 'none'})."
            f"{did_you_mean(self.field, self.known)}"
        )


class EmptyPoolError(PoolError):
    """The sources hold no sample at all.

    Attributes:
        records: Records that were read.
        quarantine: A JSON line for each of them.
        found: Number of records, reason and an example, by source and reason.
    """

    records: int
    quarantine: Path
    found: tuple[tuple[int, str, str], ...] = ()

    @override
    def __str__(self) -> str:
        reasons = "; ".join(f"{count:,} {reason} ({example})" for count, reason, example in self.found)
        # `audit` and `init` read into a folder of their own, which is gone when they are done.
        each = f" {self.quarantine} names the reason for each." if self.quarantine.exists() else ""
        if not self.records:
            return "the sources hold no record: their files are empty, or have a header alone"
        return f"none of {self.records:,} records is a sample: {reasons}.{each}"


class CountsError(PoolError):
    """An ingestion lost a record or counted one twice."""

    records: int
    samples: int
    merged: int
    quarantined: int

    sentence = (
        "{records:,} records went in, but {samples:,} samples, {merged:,} merged and {quarantined:,} "
        "quarantined records came out. Please report this defect with the sources."
    )


class RejectedRecordError(PoolError):
    """A record is no sample; ingestion quarantines it under the reason.

    Attributes:
        reason: One of the reasons of `autoselection_core.pool.QuarantineReason`.
        detail: The exact fault of this record.
    """

    reason: str
    detail: str

    sentence = "{reason}: {detail}."


class UndeclaredAnswerError(RejectedRecordError):
    """A record is put aside that a setting of its source would read.

    Attributes:
        setting: The setting, as YAML.
    """

    setting: str
