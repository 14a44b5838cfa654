"""What can be wrong with a ledger, a search or a reservation."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


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


class LedgerUnreachableError(AutoSelectionError):
    """The history's database cannot be opened."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(url, cause)
        self.url = url
        self.cause = cause

    @override
    def __str__(self) -> str:
        return (
            f"the history at {self.url} cannot be opened ({self.cause}); "
            "check AUTOSELECTION_HISTORY_URL and the rights of its folder"
        )


class NewerSchemaError(AutoSelectionError):
    """A newer release of AutoSelection wrote this ledger."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(found, known)
        self.found = found
        self.known = known

    @override
    def __str__(self) -> str:
        return (
            f"the history has schema version {self.found} and this release knows {self.known}; "
            "upgrade AutoSelection, or point AUTOSELECTION_HISTORY_URL at another history"
        )


class UnknownSearchError(AutoSelectionError):
    """No search of this name was registered."""

    def __init__(self, search: str, known: tuple[str, ...]) -> None:
        super().__init__(search, known)
        self.search = search
        self.known = known

    @override
    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return f"there is no search {self.search!r} (known: {known}).{did_you_mean(self.search, self.known)}"


class SearchNameError(AutoSelectionError):
    """A search's name would not survive in a partition key."""

    def __init__(self, search: str) -> None:
        super().__init__(search)
        self.search = search

    @override
    def __str__(self) -> str:
        allowed = "letters, digits, '-', '_' and '.', at most 100 of them"
        return f"{self.search!r} cannot name a search; use {allowed}"


class SearchConflictError(AutoSelectionError):
    """A search of this name exists and asks for something else."""

    def __init__(self, search: str, fields: tuple[str, ...]) -> None:
        super().__init__(search, fields)
        self.search = search
        self.fields = fields

    @override
    def __str__(self) -> str:
        return (
            f"search {self.search!r} is registered with another {', '.join(self.fields)}; "
            "give the new search another name"
        )


class BudgetLoweredError(AutoSelectionError):
    """A budget can only grow: what it held was promised to running trials."""

    def __init__(self, search: str, present: int, asked: int) -> None:
        super().__init__(search, present, asked)
        self.search = search
        self.present = present
        self.asked = asked

    @override
    def __str__(self) -> str:
        return (
            f"search {self.search!r} has a budget of {self.present}, which cannot become {self.asked}; "
            f"name a number above {self.present}, or stop the search"
        )


class UnknownTrialError(AutoSelectionError):
    """A search has no trial of this number."""

    def __init__(self, search: str, trial: int, known: int) -> None:
        super().__init__(search, trial, known)
        self.search = search
        self.trial = trial
        self.known = known

    @override
    def __str__(self) -> str:
        return f"search {self.search!r} has no trial {self.trial}; its trials are 1 to {self.known}"


class SupersededError(AutoSelectionError):
    """An attempt lost its lease, and a later attempt (or the trial's end) took its place."""

    def __init__(self, run_key: str, present: int, state: str) -> None:
        super().__init__(run_key, present, state)
        self.run_key = run_key
        self.present = present
        self.state = state

    @override
    def __str__(self) -> str:
        return (
            f"attempt {self.run_key} no longer holds its trial (attempt {self.present} is {self.state}); "
            "nothing was charged for it, let the present attempt go on"
        )


class NoProposalError(AutoSelectionError):
    """A trial was begun before a recipe was recorded for it."""

    def __init__(self, run_key: str) -> None:
        super().__init__(run_key)
        self.run_key = run_key

    @override
    def __str__(self) -> str:
        return f"attempt {self.run_key} has no recipe yet; record a proposal before beginning its evaluation"


class LockTimeoutError(AutoSelectionError):
    """A trial's turn to propose did not come."""

    def __init__(self, run_key: str, waited_s: float) -> None:
        super().__init__(run_key, waited_s)
        self.run_key = run_key
        self.waited_s = waited_s

    @override
    def __str__(self) -> str:
        return (
            f"attempt {self.run_key} waited {self.waited_s:.0f} s for an earlier trial's recipe; "
            "see `autoselection status` for the trial that holds it up"
        )


class BudgetSpentError(AutoSelectionError):
    """An evaluation was asked for that its budget does not cover."""

    def __init__(self, search: str, field: str, budget: int) -> None:
        super().__init__(search, field, budget)
        self.search = search
        self.field = field
        self.budget = budget

    @override
    def __str__(self) -> str:
        return (
            f"the {self.field} of search {self.search!r} is {self.budget}, and all of it is spent or held; "
            f"raise {self.field} first (job raise_budget)"
        )
