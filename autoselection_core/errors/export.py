"""What can be wrong with an export."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class NotAnExportError(AutoSelectionError):
    """A folder holds no export."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder = folder
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.folder} holds no export ({self.reason}); make one with `autoselection export`"


class NothingToExportError(AutoSelectionError):
    """A search measured nothing, so it recommends no subset."""

    def __init__(self, search: str) -> None:
        super().__init__(search)
        self.search = search

    @override
    def __str__(self) -> str:
        return (
            f"search {self.search!r} has no measured trial yet; "
            "run `autoselection search` to go on with it, or name a trial"
        )


class ExportExistsError(AutoSelectionError):
    """Something else lies where an export should go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    @override
    def __str__(self) -> str:
        return f"{self.folder} is there already and is another export; name another folder with --to"
