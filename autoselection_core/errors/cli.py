"""What can be wrong with a command line."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class NothingMeasuredError(AutoSelectionError):
    """A search has no measured trial, so it has no best subset."""

    def __init__(self, search: str) -> None:
        super().__init__(search)
        self.search = search

    @override
    def __str__(self) -> str:
        return (
            f"search {self.search!r} has no measured trial yet; run `autoselection search` to go on with it"
        )


class NoSearchError(AutoSelectionError):
    """No search was named, and there is none to take instead."""

    def __init__(self, campaign: str) -> None:
        super().__init__(campaign)
        self.campaign = campaign

    @override
    def __str__(self) -> str:
        return f"campaign {self.campaign!r} has no search yet; start one with `autoselection search`"


class StoppedSearchError(AutoSelectionError):
    """A search was asked to go on that is stopped."""

    def __init__(self, search: str, reason: str) -> None:
        super().__init__(search, reason)
        self.search = search
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"search {self.search!r} is stopped: {self.reason}; add --resume to let it go on"


class UnreadableRecipeError(AutoSelectionError):
    """A recipe file cannot be read."""

    def __init__(self, file: Path, cause: str) -> None:
        super().__init__(file, cause)
        self.file = file
        self.cause = cause

    @override
    def __str__(self) -> str:
        return f"the recipe {self.file} cannot be read ({self.cause}); name a YAML file"
