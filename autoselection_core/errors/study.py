"""What can be wrong with a study."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class StudyBudgetError(AutoSelectionError):
    """A study's budget does not cover what its searches may spend and one evaluation each of its arms.

    Attributes:
        study: Name of the study.
        budget: Full trainings that it may pay for.
        needed: Full trainings that it asks for at most.
    """

    def __init__(self, study: str, budget: int, needed: int) -> None:
        super().__init__(study, budget, needed)
        self.study = study
        self.budget = budget
        self.needed = needed

    @override
    def __str__(self) -> str:
        return (
            f"study {self.study!r} may pay for {self.budget} trainings and asks for {self.needed}; "
            "raise `budget`, or ask for fewer runs, draws, seeds or searches"
        )


class NothingMeasuredError(AutoSelectionError):
    """A report was asked for before a study measured anything."""

    def __init__(self, study: str) -> None:
        super().__init__(study)
        self.study = study

    @override
    def __str__(self) -> str:
        return f"study {self.study!r} has measured nothing yet; run it first"
