"""Errors of campaigns and their files."""

from dataclasses import field as dataclass_field
from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class CampaignError(AutoSelectionError):
    """A campaign, its file, or what was asked of it is wrong."""


class CampaignFileError(CampaignError):
    """A campaign file holds an invalid value.

    Attributes:
        file: The file.
        line: Line of the value, from 1.
        field: Place in the file, for instance `campaigns.demo.search.budget`.
        problem: The fault, and what to write instead.
    """

    file: Path
    line: int
    field: str
    problem: str

    sentence = "{file}, line {line}: {field} {problem}"


class UnknownKeyError(CampaignFileError):
    """A campaign file has an unknown key."""

    problem: str = dataclass_field(init=False)
    known: tuple[str, ...]

    @override
    def __post_init__(self) -> None:
        hint = did_you_mean(self.field.rpartition(".")[2], self.known)
        self.problem = f"is not a key here (keys: {', '.join(self.known)}).{hint}"
        super().__post_init__()


class NoCampaignFileError(CampaignError):
    """The file that declares the campaigns is not there."""

    file: Path

    sentence = (
        "there is no campaign file {file}; run in the folder that holds autoselection.yaml, or name it "
        "with --file"
    )


class UnknownCampaignError(CampaignError):
    """A campaign was asked for that the file does not declare."""

    name: str
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        known = ", ".join(self.known)
        return (
            f"no campaign is called {self.name!r} (declared: {known}).{did_you_mean(self.name, self.known)}"
        )


class UnknownSignalError(CampaignError):
    """A signal was asked for that the campaign does not have."""

    name: str
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known)
        return f"the campaign has no signal {self.name!r} (it has: {', '.join(self.known)}).{hint}"


class NoPoolError(CampaignError):
    """Nothing was ingested for a campaign yet."""

    campaign: str

    sentence = "campaign {campaign!r} has no pool yet; run `autoselection ingest --campaign {campaign}`"
