"""Errors of classes that another package brings."""

from autoselection_core.errors.base import AutoSelectionError


class BrokenExtensionError(AutoSelectionError):
    """An installed package names a class that cannot be used.

    Attributes:
        kind: Kind that the class should be of: `operator` or `signal`.
        entry_point: Entry point that the package declares.
        reason: Reason for which it cannot be used.
    """

    kind: str
    entry_point: str
    reason: str

    sentence = "the {kind} {entry_point!r} cannot be used: {reason}; repair its package."
