"""Errors of judges: programs of the user that did not yield scores. None is ever turned into a number."""

from dataclasses import field

from typing_extensions import override

from autoselection_core.errors.evaluation import EvaluationError


class JudgeError(EvaluationError):
    """A judge did not yield scores."""

    key: str
    reason: str

    sentence = "the judge of evaluation {key} failed: {reason}; no score was recorded"


class JudgeNotStartedError(JudgeError):
    """The program of a judge cannot be started."""

    reason: str = field(init=False)
    program: str
    problem: str

    @override
    def __post_init__(self) -> None:
        self.reason = f"{self.program!r} cannot be started ({self.problem}); check `judge.command`"
        super().__post_init__()


class JudgeTimedOutError(JudgeError):
    """A judge took longer than it may."""

    reason: str = field(init=False)
    timeout_s: float

    @override
    def __post_init__(self) -> None:
        self.reason = f"it took longer than {self.timeout_s:g} s and was ended; raise `judge.timeout_s`"
        super().__post_init__()


class JudgeDiedError(JudgeError):
    """The program of a judge ended with another code than 0."""

    is_retryable = True

    reason: str = field(init=False)
    code: int
    last_line: str

    @override
    def __post_init__(self) -> None:
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"
        self.reason = f"it {how} ({self.last_line}); its output is in the evaluation's folder, under judge/"
        super().__post_init__()


class JudgeWroteNothingError(JudgeError):
    """A judge ended well and wrote no scores."""

    reason: str = field(init=False)
    file: str

    @override
    def __post_init__(self) -> None:
        self.reason = f"it wrote no scores; it has to write JSON lines to the path `{{scores}}` ({self.file})"
        super().__post_init__()


class JudgeScoreError(JudgeError):
    """A line that a judge wrote is no score."""

    reason: str = field(init=False)
    line: int
    problem: str

    @override
    def __post_init__(self) -> None:
        self.reason = f"line {self.line} of its scores {self.problem}"
        super().__post_init__()


class ItemCountError(JudgeError):
    """A judge scored other items than it has to, or than it did before."""

    reason: str = field(init=False)
    benchmark: str
    scored: int
    expected: int

    @override
    def __post_init__(self) -> None:
        found = f"its {self.scored:,} items of {self.benchmark!r} are others than before"
        if self.scored != self.expected:
            found = (
                f"it scored {self.scored:,} items of {self.benchmark!r}, where {self.expected:,} are expected"
            )
        self.reason = f"{found}: every evaluation has to score the same items"
        super().__post_init__()
