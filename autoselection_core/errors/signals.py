"""Errors of signals, and of the table of a pool's signals."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class SignalTableError(AutoSelectionError):
    """A signal that a pool needs is missing or unusable."""


class MissingSignalError(SignalTableError):
    """An operator or a state needs a signal that was not computed for this pool."""

    kind: str
    name: str
    computed: tuple[str, ...]

    @override
    def __str__(self) -> str:
        known = ", ".join(self.computed) or "none"
        return (
            f"{self.kind} {self.name!r} was not computed for this pool (computed: {known})."
            f"{did_you_mean(self.name, self.computed)}"
        )


class ChangedSourceError(SignalTableError):
    """What a signal reads changed while it was scored, so the rest would be values of another definition."""

    name: str

    sentence = (
        "what signal {name!r} reads (its model, targets or files) changed while it was scored; what was "
        "scored before is kept. Score it again, and leave these files as they are meanwhile."
    )


class MisalignedSignalError(SignalTableError):
    """A signal has another number of rows than the pool, so its values would belong to other samples."""

    name: str
    rows: int
    expected: int

    sentence = (
        "signal {name!r} has {rows:,} rows but the pool has {expected:,}; score it again for this pool."
    )


class BrokenPairsError(SignalTableError):
    """A pair list is not sorted, or pairs a row with itself, so a look-up in it would be wrong."""

    reason: str

    sentence = "the pair list is broken: {reason}; compute it again."


class PairFloorError(SignalTableError):
    """Pairs below the floor of a list were never stored, so a lower threshold cannot be answered."""

    name: str
    similarity: float
    floor: float

    sentence = (
        "pairs {name!r} are stored from a similarity of {floor:.4g} upwards, but {similarity:.4g} was "
        "asked for; set the similarity to at least {floor:.4g}."
    )


class SignalError(AutoSelectionError):
    """Samples cannot be scored, or were not."""


class NoTargetsError(SignalError):
    """Relevance to a benchmark is asked for, but nothing describes its task."""

    benchmark: str

    sentence = (
        "benchmark {benchmark!r} has no target samples, so nothing can be near to it. Give it a few "
        "solved examples as targets, or leave its relevance signal out."
    )


class TargetOutOfMemoryError(SignalError):
    """A target sample does not fit into memory, so no sample can be compared with it."""

    benchmark: str
    target: str

    sentence = (
        "target sample {target} of benchmark {benchmark!r} does not fit into memory. Lower `max_tokens` of "
        "the signal, or leave that target out."
    )


class UnscoredPoolError(SignalError):
    """A signal version is asked for that does not cover the pool."""

    name: str
    version: str
    pool_version: str
    missing: int

    sentence = (
        "signal {name!r} (version {version}) has no values for {missing:,} samples of pool {pool_version}. "
        "Score its signals first: `autoselection ingest`, or in Dagster the job `CAMPAIGN_prepare`."
    )


class MissingExtraError(SignalError):
    """A signal needs a package that is not installed."""

    signal: str
    extra: str
    package: str

    sentence = (
        "signal {signal!r} needs the package {package!r}. Install it with 'pip install "
        "autoselection[{extra}]', or leave the signal out."
    )


class NothingLeftError(SignalError):
    """Every sample of a pool holds a question of a benchmark."""

    samples: int
    note: Path

    sentence = (
        "each of the {samples:,} samples holds a question of a benchmark, so nothing is left to select "
        "from; {note} names them. Take the benchmark's items out of the sources."
    )


class GivenFileError(SignalError):
    """A file of scores or vectors that the user brings does not fit the pool."""

    file: Path
    reason: str
    remedy: str

    sentence = "the file {file} {reason}; {remedy}."


class NoGivenScoreError(SignalError):
    """A column of a file that should hold scores holds no number for any sample."""

    column: str
    file: Path
    samples: int

    sentence = (
        "the column {column!r} of {file} has a number for none of the {samples:,} samples; name a column of "
        "numbers with `column`."
    )


class TruthAmongScoresError(SignalError):
    """A field or column of scores holds true or false beside other numbers than 0 and 1.

    Attributes:
        column: The field or column.
        truths: Values that are true or false.
        numbers: Values that are numbers.
        number: One of them.
    """

    column: str
    truths: int
    numbers: int
    number: float

    sentence = (
        "{column!r} holds true or false {truths:,} times and numbers {numbers:,} times, such as {number:g}; "
        "give all values one kind: true and false alone are read as 1 and 0."
    )


class NoScoreFieldError(SignalError):
    """A field of the records that should hold scores is not there, or holds no number for any sample.

    Attributes:
        field: The field.
        is_there: Whether a record has it.
        numeric: Fields that hold numbers.
    """

    field: str
    is_there: bool
    numeric: tuple[str, ...]

    @override
    def __str__(self) -> str:
        fault = "the field {!r} holds no number" if self.is_there else "no field {!r} beside the texts"
        return (
            f"{fault.format(self.field)} of any record; numeric fields: {', '.join(self.numeric) or 'none'}. "
            f"Name one of them, or a file of scores with `from:`.{did_you_mean(self.field, self.numeric)}"
        )


class SameNameError(SignalError):
    """Name that two signals of a campaign give to their values."""

    name: str

    sentence = "two signals give {name!r}. Call the one that you bring by another name with `as:`."
