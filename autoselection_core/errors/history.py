"""Errors of the ledger, its searches and reservations."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class HistoryError(AutoSelectionError):
    """The ledger refuses what was asked of a search or a trial."""


class SpecError(HistoryError):
    """A search was asked for something that no search can do."""

    field: str
    value: float
    minimum: float

    sentence = "a search with {field} {value} cannot run; give it at least {minimum}"


class LedgerUnreachableError(HistoryError):
    """The history's database cannot be opened."""

    url: str
    cause: str

    sentence = (
        "the history at {url} cannot be opened ({cause}); check AUTOSELECTION_HISTORY_URL and the rights "
        "of its folder"
    )


class LedgerBusyError(HistoryError):
    """Another process held the ledger's lock beyond the time-out."""

    url: str
    waited_s: float

    sentence = (
        "the history at {url} was locked by another process for {waited_s:g} s; nothing was changed. End the "
        "process that holds it (a backup, an SQLite shell, a stopped worker), and run again"
    )


class NewerSchemaError(HistoryError):
    """A newer release of AutoSelection wrote this ledger."""

    found: int
    known: int

    sentence = (
        "the history has schema version {found} and this process knows {known}: a newer release brought it "
        "there. Upgrade AutoSelection, then start this process again (a code location of Dagster by Reload, "
        "under Deployment), or point AUTOSELECTION_HISTORY_URL at another history"
    )


class UnknownSearchError(HistoryError):
    """No search of this name was registered."""

    search: str
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return f"there is no search {self.search!r} (known: {known}).{did_you_mean(self.search, self.known)}"


class SearchNameError(HistoryError):
    """A search's name would not survive in a partition key."""

    search: str

    @override
    def __str__(self) -> str:
        allowed = (
            "letters a to z, digits, '-', '_' and '.', at most 100 of them and a letter or digit first; "
            "`latest` means the search that was started last"
        )
        return f"{self.search!r} cannot name a search; use {allowed}"


class SearchConflictError(HistoryError):
    """A search of this name exists and asks for something else."""

    search: str
    fields: tuple[str, ...]

    @override
    def __str__(self) -> str:
        return (
            f"search {self.search!r} is registered with another {', '.join(self.fields)}; "
            "give the new search another name"
        )


class BudgetLoweredError(HistoryError):
    """A budget can only grow: what it held was promised to running trials."""

    search: str
    field: str
    present: int
    asked: int

    sentence = (
        "search {search!r} has {field} {present}, which cannot become {asked}; name a number above "
        "{present}, or stop the search"
    )


class UnknownTrialError(HistoryError):
    """A search has no trial of this number."""

    search: str
    trial: int
    known: int

    @override
    def __str__(self) -> str:
        known = f"its trials are 1 to {self.known}" if self.known else "it has none yet"
        return f"search {self.search!r} has no trial {self.trial}; {known}"


class AmbiguousNameError(HistoryError):
    """The first characters of a name fit several subsets or evaluations."""

    name: str
    known: str

    sentence = "{name!r} is the beginning of {known}; give more characters"


class SupersededError(HistoryError):
    """An attempt lost its lease, and a later attempt (or the trial's end) took its place."""

    run_key: str
    present: int
    state: str

    sentence = (
        "attempt {run_key} no longer holds its trial (attempt {present} is {state}); nothing was charged "
        "for it, let the present attempt go on"
    )


class NoProposalError(HistoryError):
    """A trial was begun before a recipe was recorded for it."""

    run_key: str

    sentence = "attempt {run_key} has no recipe yet; record a proposal before beginning its evaluation"


class LockTimeoutError(HistoryError):
    """A trial's turn to propose did not come."""

    run_key: str
    waited_s: float

    sentence = (
        "attempt {run_key} waited {waited_s:.0f} s for an earlier trial's recipe; see `autoselection "
        "status` for the trial that holds it up"
    )


class BudgetSpentError(HistoryError):
    """An evaluation was asked for that its budget does not cover."""

    search: str
    field: str
    budget: int

    @override
    def __str__(self) -> str:
        option = f"--{self.field.replace('_', '-')} {self.budget + 1}"
        command = "search" if self.field == "budget" else "evaluate"
        return (
            f"the {self.field} of search {self.search!r} is {self.budget}, and all of it is spent or held; "
            f"raise {self.field} first (`autoselection {command} {option}`, or the job raise_budget)"
        )
