"""Errors of exports."""

from pathlib import Path

from autoselection_core.errors.base import AutoSelectionError


class ExportError(AutoSelectionError):
    """An export cannot be written or verified."""


class NotAnExportError(ExportError):
    """A folder holds no export."""

    folder: Path
    reason: str

    sentence = "{folder} holds no export ({reason}); make one with `autoselection export`"


class NothingToExportError(ExportError):
    """A search measured nothing, so it recommends no subset."""

    search: str

    sentence = (
        "search {search!r} has no measured trial yet; run `autoselection search` to go on with it, or "
        "name a trial"
    )


class ExportExistsError(ExportError):
    """Something else is where an export should go."""

    folder: Path

    sentence = "{folder} is there already and is another export; name another folder with --to"
