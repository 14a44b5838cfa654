"""What can be wrong with an export."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class NotAnExportError(AutoSelectionError):
    """A folder holds no export."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    @override
    def __str__(self) -> str:
        return f"{self.folder} holds no export (no manifest.json); make one with `autoselection export`"


class ExportExistsError(AutoSelectionError):
    """Something else lies where an export should go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    @override
    def __str__(self) -> str:
        return f"{self.folder} is there already and is another export; name another folder with --to"
