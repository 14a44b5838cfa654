"""What can go wrong between a ledger, a solver and an evaluator."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class ChangedEvaluatorError(AutoSelectionError):
    """A search is registered with another base model, training or set of benchmarks than it is given now."""

    def __init__(self, search: str, registered: str, given: str) -> None:
        super().__init__(search, registered, given)
        self.search = search
        self.registered = registered
        self.given = given

    @override
    def __str__(self) -> str:
        return (
            f"search {self.search!r} was registered with evaluator {self.registered[:8]} and got "
            f"{self.given[:8]}: the base model, training or benchmarks of its campaign changed; "
            "set them back, or start a new search"
        )


class ChangedSubsetError(AutoSelectionError):
    """A recorded recipe realises other rows than it did when it was proposed."""

    def __init__(self, run_key: str, recorded: str, realised: str) -> None:
        super().__init__(run_key, recorded, realised)
        self.run_key = run_key
        self.recorded = recorded
        self.realised = realised

    @override
    def __str__(self) -> str:
        return (
            f"the recipe of {self.run_key} realises subset {self.realised[:8]} where {self.recorded[:8]} was "
            "recorded; give it the pool version and signal versions that its search pins"
        )


class NoReportError(AutoSelectionError):
    """A report was asked for before a search has anything to compare."""

    def __init__(self, search: str, reason: str) -> None:
        super().__init__(search, reason)
        self.search = search
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"search {self.search!r} cannot be reported yet: {self.reason}"
