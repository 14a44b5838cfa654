"""Errors of choosing what a search tries."""

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
            ", ".join(f"{count} {reason}" for reason, count in sorted(self.reasons.items())) or "none drawn"
        )
        return (
            f"no candidate is left for trial {self.trial} ({counts}); "
            "add signals or operators, lower min_share or raise max_steps."
        )


class NotWorthwhileError(SolverError):
    """No candidate is expected to gain what a training has to gain."""

    trial: int
    expected: float
    least: float

    sentence = (
        "trial {trial} is expected to gain {expected:.3g}, less than the {least:.3g} that stop_gain asks "
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
