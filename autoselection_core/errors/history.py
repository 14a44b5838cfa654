"""What can be wrong with a ledger, a search or a reservation."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class SpecError(AutoSelectionError):
    """A search was asked for something that no search can do."""

    def __init__(self, field: str, value: float, smallest: float) -> None:
        super().__init__(field, value, smallest)
        self.field = field
        self.value = value
        self.smallest = smallest

    @override
    def __str__(self) -> str:
        return f"a search with {self.field} {self.value} cannot run; give it at least {self.smallest}"
