"""What can be wrong with a class that another package brings."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class BrokenExtensionError(AutoSelectionError):
    """An installed package names a class that cannot be used.

    Attributes:
        kind: What the class should be: `operator` or `signal`.
        entry_point: What the package names.
        reason: Why it cannot be used.
    """

    def __init__(self, kind: str, entry_point: str, reason: str) -> None:
        super().__init__(kind, entry_point, reason)
        self.kind = kind
        self.entry_point = entry_point
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"the {self.kind} {self.entry_point!r} cannot be used: {self.reason}; repair its package."
