"""Errors between a ledger, a solver and an evaluator."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class SearchError(AutoSelectionError):
    """A search cannot go on, or cannot be reported."""


class ChangedEvaluatorError(SearchError):
    """A search is registered with another base model, training or set of benchmarks than it is given now."""

    search: str
    registered: str
    given: str

    @override
    def __str__(self) -> str:
        return (
            f"search {self.search!r} was registered with evaluator {self.registered[:8]} and got "
            f"{self.given[:8]}: the base model, training or benchmarks of its campaign changed; "
            "set them back, or start a new search"
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
