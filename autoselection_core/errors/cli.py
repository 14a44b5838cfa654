"""Errors of commands."""

from pathlib import Path

from autoselection_core.errors.base import AutoSelectionError


class CommandError(AutoSelectionError):
    """A command cannot do what it was asked."""


class ArgumentsError(CommandError):
    """The arguments of a command are wrong."""

    problem: str

    sentence = "{problem}"


class HomeNotWritableError(CommandError):
    """The home folder cannot be written."""

    folder: Path

    sentence = "{folder} cannot be written; let AUTOSELECTION_HOME name another folder"


class LittleRoomError(CommandError):
    """The disk of the home folder is nearly full."""

    folder: Path
    free_gb: float
    needed_gb: float

    sentence = "{free_gb:.1f} GB are free at {folder}; free some space, {needed_gb:g} GB at least"


class NotAnAddressError(CommandError):
    """A variable has to hold an address, and does not."""

    value: str

    sentence = "{value!r} is no address; write SCHEME://HOST:PORT"


class CampaignFileExistsError(CommandError):
    """A campaign file is to be written where one is."""

    file: Path

    sentence = "{file} is there already; name another file with --file, or add a campaign to it by hand"


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
