"""Errors of commands."""

from pathlib import Path

from autoselection_core.errors.base import AutoSelectionError


class CommandError(AutoSelectionError):
    """A command cannot do what it was asked."""


class ArgumentsError(CommandError):
    """The arguments of a command are wrong."""

    problem: str

    sentence = "{problem}"


class NothingMeasuredError(CommandError):
    """A search has no measured trial, so it has no best subset."""

    search: str

    sentence = "search {search!r} has no measured trial yet; run `autoselection search` to go on with it"


class NoSearchError(CommandError):
    """No search was named, and there is none to take instead."""

    campaign: str

    sentence = "campaign {campaign!r} has no search yet; start one with `autoselection search`"


class StoppedSearchError(CommandError):
    """A search was asked to go on that is stopped."""

    search: str
    reason: str

    sentence = "search {search!r} is stopped: {reason}; add --resume to let it go on"


class UnreadableRecipeError(CommandError):
    """A recipe file cannot be read."""

    file: Path
    cause: str

    sentence = "the recipe {file} cannot be read ({cause}); name a YAML file"
