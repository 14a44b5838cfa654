"""Errors of classes that another package brings."""

from autoselection_core.errors.base import AutoSelectionError


class BrokenExtensionError(AutoSelectionError):
    """An installed package names a class that cannot be used.

    Attributes:
        kind: What the class should be: `operator` or `signal`.
        entry_point: What the package names.
        reason: Why it cannot be used.
    """

    kind: str
    entry_point: str
    reason: str

    sentence = "the {kind} {entry_point!r} cannot be used: {reason}; repair its package."
