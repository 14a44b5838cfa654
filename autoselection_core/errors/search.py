"""Errors of searches, solvers and studies."""

import json
from collections.abc import Mapping

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError

_SHOWN = 80
"""Characters of a bad answer that an error repeats."""


class SolverError(AutoSelectionError):
    """A search cannot choose."""


class NoTemplatesError(SolverError):
    """There is no operator whose signals exist."""

    sentence = "no operator has the signals that it reads; score at least one signal for this pool first."


class NoCandidatesError(SolverError):
    """Every candidate of a round was invalid or already tried."""

    trial: int
    reasons: Mapping[str, int]

    @override
    def __post_init__(self) -> None:
        self.reasons = dict(self.reasons)
        super().__post_init__()

    @override
    def __str__(self) -> str:
        counts = (
            ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.reasons.items())) or "none drawn"
        )
        return (
            f"no candidate is left for trial {self.trial} ({counts}); "
            "add signals or operators, lower min_share or raise max_steps."
        )


class NotWorthwhileError(SolverError):
    """No candidate is expected to gain what a training has to gain."""

    trial: int
    expected: float
    min_gain: float

    sentence = (
        "trial {trial} is expected to gain {expected:.3g}, less than the {min_gain:.3g} that stop_gain asks "
        "of a training; the search is done, or start one with a lower stop_gain."
    )


class UnusableAnswerError(SolverError):
    """A language model's answer is not what it was asked for; the numbers decide."""

    found: object
    problem: str

    @override
    def __str__(self) -> str:
        text = self.found if isinstance(self.found, str) else json.dumps(self.found, default=str)
        return f"{self.problem}: {text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'}"


class NothingToRecommendError(SolverError):
    """A recommendation was asked for before any trial was measured."""

    search: str

    sentence = "search {search!r} has no measured trial yet; wait for its first evaluation."


class StudyError(AutoSelectionError):
    """A study cannot be run or reported."""


class StudyBudgetError(StudyError):
    """A study's budget does not cover what its searches may spend and one evaluation each of its arms.

    Attributes:
        study: Name of the study.
        budget: Full trainings that it may pay for.
        needed: Full trainings that it asks for at most.
    """

    study: str
    budget: int
    needed: int

    sentence = (
        "study {study!r} may pay for {budget:,} trainings and asks for {needed:,}; raise `budget`, or ask "
        "for fewer runs, draws, seeds or searches"
    )


class NothingMeasuredError(StudyError):
    """A report was asked for before a study measured anything."""

    study: str

    sentence = "study {study!r} has measured nothing yet; run it first"


class SearchError(AutoSelectionError):
    """A search cannot go on, or cannot be reported."""


class ChangedEvaluatorError(SearchError):
    """A search is registered with another base model, training or set of benchmarks than it is given now.

    A release that reads or compares answers otherwise gives other benchmarks: scores of both in one search
    would not be like.
    """

    search: str
    registered: str
    given: str

    @override
    def __str__(self) -> str:
        return (
            f"search {self.search!r} was registered with evaluator {self.registered[:8]} and got "
            f"{self.given[:8]}: the base model, training or benchmarks of its campaign changed, or "
            "this release reads answers otherwise; set them back, go on with the release that registered "
            "it, or start a new search"
        )


class ChangedSubsetError(SearchError):
    """A recorded recipe realises other rows than it did when it was proposed."""

    run_key: str
    recorded: str
    realised: str

    @override
    def __str__(self) -> str:
        return (
            f"the recipe of {self.run_key} realises subset {self.realised[:8]} where {self.recorded[:8]} was "
            "recorded; give it the pool version and signal versions that its search pins"
        )


class NoReportError(SearchError):
    """A report was asked for before a search has anything to compare."""

    search: str
    reason: str

    sentence = "search {search!r} cannot be reported yet: {reason}"
