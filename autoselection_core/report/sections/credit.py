"""Operator credit: utilities of trials with an operator beside those without it."""

from dataclasses import dataclass

import numpy as np

from autoselection_core.history.values import History, Observation


@dataclass(frozen=True)
class OperatorCredit:
    """Credit of an operator: an association only, for other steps of the same recipes may be the cause.

    Attributes:
        trials: Trials whose recipe has it.
        difference: Mean utility of those minus mean utility of the others.
    """

    trials: int
    difference: float


def operator_credits(history: History) -> dict[str, OperatorCredit]:
    """The credit of every operator that some trials have and some have not, by label."""
    labels = sorted({label for entry in history.observations for label in labels_of(entry)})
    found = {label: _credit(history, label) for label in labels}
    return {label: credit for label, credit in found.items() if credit is not None}


def labels_of(observation: Observation) -> frozenset[str]:
    """Labels of a trial's steps."""
    return frozenset(step.label for step in observation.recipe.steps)


def _credit(history: History, label: str) -> OperatorCredit | None:
    having = [entry.utility for entry in history.observations if label in labels_of(entry)]
    lacking = [entry.utility for entry in history.observations if label not in labels_of(entry)]
    if not having or not lacking:
        return None
    return OperatorCredit(len(having), float(np.mean(having) - np.mean(lacking)))
