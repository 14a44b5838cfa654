"""What can be wrong with a campaign file, or with the campaign that was asked for."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class CampaignFileError(AutoSelectionError):
    """A campaign file says something that cannot be.

    Attributes:
        file: The file.
        line: Line of the value, from 1.
        field: Where in the file, for instance `campaigns.demo.search.budget`.
        problem: What is wrong, and what to write instead.
    """

    def __init__(self, file: Path, line: int, field: str, problem: str) -> None:
        super().__init__(file, line, field, problem)
        self.file = file
        self.line = line
        self.field = field
        self.problem = problem

    @override
    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.field} {self.problem}"


class UnknownKeyError(CampaignFileError):
    """A campaign file has a key that means nothing."""

    def __init__(self, file: Path, line: int, field: str, known: tuple[str, ...]) -> None:
        name = field.rpartition(".")[2]
        problem = f"is not a key here (keys: {', '.join(known)}).{did_you_mean(name, known)}"
        super().__init__(file, line, field, problem)
        self.args = (file, line, field, known)
        self.known = known


class NoCampaignFileError(AutoSelectionError):
    """The file that declares the campaigns is not there."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.file = file

    @override
    def __str__(self) -> str:
        return (
            f"there is no campaign file {self.file}; "
            "run in the folder that holds autoselection.yaml, or name it with --file"
        )


class UnknownCampaignError(AutoSelectionError):
    """A campaign was asked for that the file does not declare."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known

    @override
    def __str__(self) -> str:
        known = ", ".join(self.known)
        return (
            f"no campaign is called {self.name!r} (declared: {known}).{did_you_mean(self.name, self.known)}"
        )


class UnknownSignalError(AutoSelectionError):
    """A signal was asked for that the campaign does not have."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known

    @override
    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known)
        return f"the campaign has no signal {self.name!r} (it has: {', '.join(self.known)}).{hint}"


class NoPoolError(AutoSelectionError):
    """Nothing was ingested for a campaign yet."""

    def __init__(self, campaign: str) -> None:
        super().__init__(campaign)
        self.campaign = campaign

    @override
    def __str__(self) -> str:
        return f"campaign {self.campaign!r} has no pool yet; run `autoselection ingest {self.campaign}`"
