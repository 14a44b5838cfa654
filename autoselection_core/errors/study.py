"""Errors of studies."""

from autoselection_core.errors.base import AutoSelectionError


class StudyError(AutoSelectionError):
    """A study cannot be run or reported."""


class StudyBudgetError(StudyError):
    """A study's budget does not cover what its searches may spend and one evaluation each of its arms.

    Attributes:
        study: Name of the study.
        budget: Full trainings that it may pay for.
        needed: Full trainings that it asks for at most.
    """

    study: str
    budget: int
    needed: int

    sentence = (
        "study {study!r} may pay for {budget} trainings and asks for {needed}; raise `budget`, or ask "
        "for fewer runs, draws, seeds or searches"
    )


class NothingMeasuredError(StudyError):
    """A report was asked for before a study measured anything."""

    study: str

    sentence = "study {study!r} has measured nothing yet; run it first"
