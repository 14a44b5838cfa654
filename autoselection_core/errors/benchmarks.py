"""What is wrong with a benchmark, said before any money is spent."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class NoItemsError(AutoSelectionError):
    """A benchmark, or a side of its split, has nothing to score."""

    def __init__(self, benchmark: str, where: str) -> None:
        super().__init__(benchmark, where)
        self.benchmark = benchmark
        self.where = where

    @override
    def __str__(self) -> str:
        return (
            f"benchmark {self.benchmark!r} has no items to score ({self.where}); "
            "give it more items, another dev_share, or targets that do not repeat its questions"
        )


class NoSuchBenchmarkError(AutoSelectionError):
    """A benchmark was named that is nowhere to be found."""

    def __init__(self, name: str, folder: Path, known: tuple[str, ...]) -> None:
        super().__init__(name, folder, known)
        self.name = name
        self.folder = folder
        self.known = known

    @override
    def __str__(self) -> str:
        known, hint = ", ".join(self.known), did_you_mean(self.name, self.known)
        return (
            f"no benchmark {self.name!r} in {self.folder}; give --benchmarks a folder that holds"
            f" NAME/benchmark.yaml or, for {known}, benchmarks/NAME.parquet and"
            f" targets/NAME.parquet; or name the path of a benchmark.yaml.{hint}"
        )


class UnreadableBenchmarkError(AutoSelectionError):
    """A benchmark, or a file of it, cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    @override
    def __str__(self) -> str:
        return (
            f"the benchmark {self.path} cannot be read: {self.reason}; "
            "give a folder with a benchmark.yaml and an items.jsonl or items.parquet"
        )


class BadItemError(AutoSelectionError):
    """A record is not a question with a right answer. Says where it stands and quotes no text of it."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(file, line, reason)
        self.file = file
        self.line = line
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.file}, record {self.line}: {self.reason}; correct the record or remove it"


class UnknownBenchmarkSettingError(AutoSelectionError):
    """A benchmark names a setting, format or metric that does not exist."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(kind, name, known)
        self.kind = kind
        self.name = name
        self.known = known

    @override
    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known)
        return f"benchmark {self.kind} {self.name!r} is unknown (known: {', '.join(self.known)}).{hint}"


class NotAQuestionError(AutoSelectionError):
    """A record does not hold what its format promises. Quotes no text of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @override
    def __str__(self) -> str:
        return self.reason


class NoHarnessError(AutoSelectionError):
    """A benchmark is a task of the lm-evaluation-harness, which is not installed."""

    @override
    def __str__(self) -> str:
        return "this benchmark needs the lm-evaluation-harness: `pip install autoselection[harness]`"


class HarnessTaskError(AutoSelectionError):
    """A task of the lm-evaluation-harness cannot be a benchmark."""

    def __init__(self, task: str, reason: str) -> None:
        super().__init__(task, reason)
        self.task = task
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"task {self.task!r} of the lm-evaluation-harness cannot be used: {self.reason}"
