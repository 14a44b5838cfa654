"""Errors of the pool and of reading raw records."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class UnknownSampleError(AutoSelectionError):
    """A sample was named that the pool does not hold."""

    def __init__(self, sample_id: str, pool_version: str) -> None:
        super().__init__(sample_id, pool_version)
        self.sample_id = sample_id
        self.pool_version = pool_version

    @override
    def __str__(self) -> str:
        return (
            f"pool {self.pool_version} holds no sample {self.sample_id!r}."
            " Look the id up in the pool's own samples, or in the pool version that the subset was made of."
        )


class UnreadablePoolError(AutoSelectionError):
    """A folder holds no pool that this version can read."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder = folder
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.folder} holds no readable pool: {self.reason}. Ingest the sources again."


class NoSourceFileError(AutoSelectionError):
    """A path or pattern of a source leads to no file."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    @override
    def __str__(self) -> str:
        return f"no file matches the source {self.path!r}. Check the path; * and ** match names and folders."


class UnknownFileKindError(AutoSelectionError):
    """A source is a file of a kind that no reader knows."""

    def __init__(self, path: Path, known: tuple[str, ...]) -> None:
        super().__init__(path, known)
        self.path = path
        self.known = known

    @override
    def __str__(self) -> str:
        return f"{self.path} is no kind of file that is read ({', '.join(self.known)}). Convert or rename it."


class UnreadableSourceError(AutoSelectionError):
    """A source file is damaged as a whole, so that its records cannot even be counted."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.path} cannot be read: {self.reason}. Replace the file or leave it out."


class EmptyPoolError(AutoSelectionError):
    """The sources hold no sample at all."""

    def __init__(self, records: int, quarantine: Path) -> None:
        super().__init__(records, quarantine)
        self.records = records
        self.quarantine = quarantine

    @override
    def __str__(self) -> str:
        return f"none of {self.records} records is a sample; {self.quarantine} names the reason for each."


class CountsError(AutoSelectionError):
    """An ingestion lost a record or counted one twice."""

    def __init__(self, records: int, samples: int, merged: int, quarantined: int) -> None:
        super().__init__(records, samples, merged, quarantined)
        self.records = records
        self.samples = samples
        self.merged = merged
        self.quarantined = quarantined

    @override
    def __str__(self) -> str:
        return (
            f"{self.records} records went in, but {self.samples} samples, {self.merged} merged and"
            f" {self.quarantined} quarantined records came out. Please report this defect with the sources."
        )


class RejectedRecordError(AutoSelectionError):
    """A record is no sample; ingestion quarantines it under the reason.

    Attributes:
        reason: One of the reasons of `autoselection_core.pool.Reason`.
        detail: What exactly is wrong in this record.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    @override
    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}."
