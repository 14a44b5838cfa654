"""Errors of what people declare: campaigns, commands, YAML texts and extensions."""

import re
from dataclasses import field as dataclass_field
from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class CommandError(AutoSelectionError):
    """A command cannot do what it was asked."""


class ArgumentsError(CommandError):
    """The arguments of a command are wrong."""

    problem: str

    sentence = "{problem}"


class PathsOrCampaignError(CommandError):
    """An audit was asked for paths and a campaign at once."""

    sentence = "give either PATH... (with --rules, if wanted) or --campaign, which has rules of its own"


class HomeNotWritableError(CommandError):
    """The home folder cannot be written."""

    folder: Path

    sentence = "{folder} cannot be written; let AUTOSELECTION_HOME name another folder"


class HomeElsewhereError(CommandError):
    """A campaign is named from a folder that has no home folder, and the campaign's own folder has one."""

    here: Path
    beside: Path

    sentence = (
        "{here} has no home folder, and there is one beside the campaign file: run in {beside.parent}, or "
        "`export AUTOSELECTION_HOME={beside}`"
    )


class LittleRoomError(CommandError):
    """The disk of the home folder is nearly full."""

    folder: Path
    free_gb: float
    needed_gb: float

    sentence = "{free_gb:.1f} GB are free at {folder}; free some space, {needed_gb:g} GB at least"


class NotAnAddressError(CommandError):
    """A variable has to hold an address, and does not."""

    variable: str
    value: str
    form: str

    sentence = "{variable} is {value!r}, which is no address; write {form}"


class NobodyListensError(CommandError):
    """A variable names an address at which no program listens."""

    variable: str
    address: str
    reason: str

    sentence = "nobody answers at {address} ({reason}); start the program there, or correct {variable}"


class SearchInterruptedError(CommandError):
    """A person interrupted a search."""

    again: str

    sentence = "interrupted; every finished trial is kept. To go on: {again}"


class NoAnswerError(CommandError):
    """A command asks a question, and its input has ended."""

    question: str

    sentence = "there is no answer to {question!r}: the input has ended; use --yes to be asked nothing"


class CampaignFileExistsError(CommandError):
    """A campaign file is to be written where one is."""

    file: Path

    sentence = (
        "{file} is there already; work in another folder, name another file with --file, or go on with "
        "`autoselection doctor`"
    )


class NoBestSubsetError(CommandError):
    """A search has no measured trial, so it has no best subset."""

    search: str

    sentence = "search {search!r} has no measured trial yet; run `autoselection search` to go on with it"


class NoSearchError(CommandError):
    """No search was named, and there is none to take instead."""

    campaign: str

    sentence = (
        "campaign {campaign!r} has no search yet; start one with `autoselection search`, or the job "
        "start_search"
    )


class StoppedSearchError(CommandError):
    """A search was asked to go on that is stopped."""

    search: str
    reason: str

    sentence = "search {search!r} is stopped: {reason}; add --resume to let it go on"


class SmallerBudgetError(CommandError):
    """A registered search was asked for with a smaller budget than it has."""

    search: str
    budget: int
    report_evaluations: int

    sentence = (
        "budgets only grow, and those of {search} are `--budget {budget}` and "
        "`--report-evaluations {report_evaluations}`; `--name OTHER` starts another search, which takes "
        "what is finished for free"
    )


class UnreadableRecipeError(CommandError):
    """A recipe file cannot be read."""

    file: Path
    cause: str

    sentence = "the recipe {file} cannot be read ({cause}); name a YAML file"


class YamlError(AutoSelectionError):
    """A text is not the plain data that a configuration is made of.

    Attributes:
        line: Line of the fault, from 1.
        subject: The part of the text that is at fault.
        problem: The fault, and the way forward.
    """

    line: int
    subject: str
    problem: str
    sentence = "line {line}: {subject} {problem}"


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


class NoSuchPathError(CampaignError):
    """A path leads to nothing.

    Attributes:
        named: The path as it was given.
        path: The place that it leads to.
    """

    named: str
    path: Path

    @override
    def __str__(self) -> str:
        if self.named == str(self.path):
            return f"{self.named} does not exist: it is neither a file nor a folder. Check the path."
        return (
            f"{self.named} does not exist: {self.path} is neither a file nor a folder. Check the path, and "
            "where you are."
        )


class OutsidePathError(CampaignError):
    """A path leads out of the folders that a campaign may name.

    Attributes:
        named: The path as it was given.
        path: The place that it leads to.
        allowed: The folders.
        export: Line for a shell that allows the folder of the path, and those of the further ones, too.
        further: Other paths that lead out, as they were given.
    """

    named: str
    path: Path
    allowed: tuple[Path, ...]
    export: str
    further: tuple[str, ...] = ()

    @property
    def problem(self) -> str:
        """The fault and the way forward, for a sentence that begins with the path's place."""
        return f"leads to {self.path}, {self._way_forward}"

    @property
    def _way_forward(self) -> str:
        folders = ", ".join(map(str, self.allowed))
        also = f", and so do {' and '.join(self.further)}" if self.further else ""
        theirs = "their folders" if self.further else "their folder"
        return (
            f"outside of {folders}{also}; a campaign reads nothing else. Move the files there, or let "
            f"AUTOSELECTION_DATA name {theirs}: {self.export}"
        )

    @override
    def __str__(self) -> str:
        is_named_whole = self.named == str(self.path)
        return f"{self.named} {f'is {self._way_forward}' if is_named_whole else self.problem}"


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
        if not self.name:
            return f"the file declares several campaigns ({known}); name one with --campaign"
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

    @override
    def __str__(self) -> str:
        job = re.sub(r"[^A-Za-z0-9_]", "_", self.campaign)  # as Dagster allows names
        return (
            f"campaign {self.campaign!r} has no pool yet; run `autoselection ingest --campaign "
            f"{self.campaign}`, or the job {job}_prepare"
        )


class TrackerError(AutoSelectionError):
    """A tracker did not take a trial; the history has it all the same."""

    tracker: str
    problem: str

    sentence = "{tracker} did not take the trial: {problem}"
