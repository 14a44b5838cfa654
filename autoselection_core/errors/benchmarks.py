"""Errors of benchmarks and of scores."""

from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class ScoreError(AutoSelectionError):
    """Numbers make no score."""


class NoScoresError(ScoreError):
    """A mean over nothing was asked for."""

    what: str

    sentence = "{what!r} has nothing to average; a score needs at least one scored item"


class UnitsDifferError(ScoreError):
    """Scores of different units would be averaged."""

    units: Mapping[str, str]

    @override
    def __str__(self) -> str:
        listed = ", ".join(f"{name} in {unit}" for name, unit in self.units.items())
        return f"the benchmarks have different units ({listed}); use one metric, or give a weight to each"


class UnknownWeightError(ScoreError):
    """The weights of a utility do not fit its benchmarks."""

    weights: Mapping[str, float]
    benchmarks: tuple[str, ...]

    @override
    def __str__(self) -> str:
        return (
            f"the weights {dict(self.weights)} do not fit the benchmarks {', '.join(self.benchmarks)}; "
            "give each exactly one weight of at least 0, and one above 0"
        )


class ItemsDifferError(ScoreError):
    """Two models were scored on different items, so their scores cannot be paired."""

    benchmark: str
    only_first: int
    only_second: int

    sentence = (
        "benchmark {benchmark!r}: {only_first:,} items were scored for the first model only and "
        "{only_second:,} for the second only; score both on the same version of the benchmark"
    )


class BenchmarkError(AutoSelectionError):
    """A benchmark cannot be used as it is."""


class NoItemsError(BenchmarkError):
    """A benchmark, or a side of its split, has nothing to score."""

    benchmark: str
    where: str

    sentence = (
        "benchmark {benchmark!r} has no items to score ({where}); "
        "give it more items, another dev_share, or targets that do not repeat its questions"
    )


class NoSuchBenchmarkError(BenchmarkError):
    """A benchmark was named that is nowhere to be found."""

    name: str
    folder: Path
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        known, hint = ", ".join(self.known), did_you_mean(self.name, self.known)
        return (
            f"no benchmark {self.name!r} in {self.folder}; give --benchmarks a folder that holds"
            f" NAME/benchmark.yaml or, for {known}, benchmarks/NAME.parquet and"
            f" targets/NAME.parquet; or name the path of a benchmark.yaml.{hint}"
        )


class UnreadableBenchmarkError(BenchmarkError):
    """A benchmark, or a file of it, cannot be read."""

    path: str
    reason: str

    sentence = (
        "the benchmark {path} cannot be read: {reason}; "
        "give a folder with a benchmark.yaml and an items.jsonl, .json, .csv or .parquet"
    )


class BadItemError(BenchmarkError):
    """A record is not a question with a right answer. Names its place and quotes no text of it.

    Attributes:
        file: The file.
        line: Line of the record, from 1; in a file of columns its row.
        reason: The fault.
        bad: Bad records of the file.
        records: Records of the file.
        max_share: Share of bad records up to which they are left out.
    """

    file: str
    line: int
    reason: str
    bad: int
    records: int
    max_share: float

    sentence = (
        "{file}, record {line}: {reason}; {bad:,} of {records:,} records are bad, and at most "
        "{max_share:.1%} may be left out (`max_bad_share`); correct the records or remove them"
    )


class FieldInNoRecordError(BadItemError):
    """No record of a file has a field that a question is read from: its fields have other names."""

    @override
    def __str__(self) -> str:
        example = f"`items: {Path(self.file).name}` and `fields: {{question: ask, answer: gold}}`"
        return (
            f"{self.file}, record {self.line}: {self.reason} of a `benchmark.yaml` in its folder, which says "
            f"for instance {example} (docs/how-to/benchmark.md); {self.bad:,} of {self.records:,} records "
            "lack it"
        )


class UnknownBenchmarkSettingError(BenchmarkError):
    """A benchmark names a setting, format or metric that does not exist."""

    kind: str
    name: str
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known)
        return f"benchmark {self.kind} {self.name!r} is unknown (known: {', '.join(self.known)}).{hint}"


class NotAQuestionError(BenchmarkError):
    """A record does not hold what its format promises. Quotes no text of it."""

    reason: str

    sentence = "{reason}"


class MissingFieldError(NotAQuestionError):
    """A record lacks a field that a part of the question is read from."""

    reason: str
    name: str


class NoHarnessError(BenchmarkError):
    """A benchmark is a task of the lm-evaluation-harness, which is not installed."""

    sentence = "this benchmark needs the lm-evaluation-harness: `pip install autoselection[harness]`"


class HarnessTaskError(BenchmarkError):
    """A task of the lm-evaluation-harness cannot be a benchmark."""

    task: str
    reason: str

    sentence = "task {task!r} of the lm-evaluation-harness cannot be used: {reason}"
