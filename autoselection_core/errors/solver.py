"""What can go wrong while a search chooses."""

import json
from collections.abc import Mapping

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError

_SHOWN = 80
"""Characters of a bad answer that an error repeats."""


class NoTemplatesError(AutoSelectionError):
    """There is no operator whose signals exist."""

    @override
    def __str__(self) -> str:
        return "no operator has the signals that it reads; score at least one signal for this pool first."


class NoCandidatesError(AutoSelectionError):
    """Every candidate of a round was invalid or already tried."""

    def __init__(self, trial: int, reasons: Mapping[str, int]) -> None:
        super().__init__(trial, dict(reasons))
        self.trial = trial
        self.reasons = dict(reasons)

    @override
    def __str__(self) -> str:
        counts = (
            ", ".join(f"{count} {reason}" for reason, count in sorted(self.reasons.items())) or "none drawn"
        )
        return (
            f"no candidate is left for trial {self.trial} ({counts}); "
            "add signals or operators, lower smallest_share or raise max_steps."
        )


class NotWorthwhileError(AutoSelectionError):
    """No candidate is expected to gain what a training has to gain."""

    def __init__(self, trial: int, expected: float, least: float) -> None:
        super().__init__(trial, expected, least)
        self.trial = trial
        self.expected = expected
        self.least = least

    @override
    def __str__(self) -> str:
        return (
            f"trial {self.trial} is expected to gain {self.expected:.3g}, less than the {self.least:.3g} "
            "that stop_gain asks of a training; the search is done, or start one with a lower stop_gain."
        )


class UnusableAnswerError(AutoSelectionError):
    """A language model's answer is not what it was asked for; the numbers decide."""

    def __init__(self, found: object, problem: str) -> None:
        super().__init__(found, problem)
        self.found = found
        self.problem = problem

    @override
    def __str__(self) -> str:
        text = self.found if isinstance(self.found, str) else json.dumps(self.found, default=str)
        return f"{self.problem}: {text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'}"


class NothingToRecommendError(AutoSelectionError):
    """A recommendation was asked for before any trial was measured."""

    def __init__(self, search: str) -> None:
        super().__init__(search)
        self.search = search

    @override
    def __str__(self) -> str:
        return f"search {self.search!r} has no measured trial yet; wait for its first evaluation."
