"""`autoselection explain`: why one sample is in the best subset, or is not, and who trained on it."""

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.cli.session import tell
from autoselection_core.errors.cli import NothingMeasuredError
from autoselection_core.history.records import TrialState
from autoselection_core.report.examples import text_of
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.sentences import step_sentence
from autoselection_core.subset.explain import explain


def explain_sample(facts: SearchFacts, sample: str) -> None:
    """Say what is known of a sample in a search.

    Raises:
        UnknownSampleError: The pool of the search has no such sample.
        NothingMeasuredError: The search has no best subset.
    """
    row = facts.pool.row_of(sample)
    if facts.best is None:
        raise NothingMeasuredError(facts.record.search)
    explanation = explain(facts.best.recipe, facts.signals, row)
    verb = "is in" if explanation.is_in else "is not in"
    tell(f"{sample} {verb} the best subset of {facts.record.search} (trial {facts.best.trial})")
    for step in explanation.steps:
        tell(f"  {step_sentence(step, facts.pool)}")
    if not explanation.steps:
        tell("  the recipe is the full pool")
    _tell_values(facts, row)
    _tell_trainings(facts, row)
    _tell_origins(facts, row)


def _tell_values(facts: SearchFacts, row: int) -> None:
    values = ", ".join(f"{name} {column[row]:.4g}" for name, column in facts.signals.columns.items())
    tell(f"signals: {values or 'none'}")


def _tell_trainings(facts: SearchFacts, row: int) -> None:
    trained = [
        str(trial.trial)
        for trial in facts.trials
        if trial.state is TrialState.DONE
        and trial.recipe is not None
        and _holds(facts.realised(trial.recipe).rows, row)
    ]
    tell(f"selected for training by trials: {', '.join(trained) or 'none'}")


def _holds(rows: Rows, row: int) -> bool:
    place = int(np.searchsorted(rows, row))
    return place < len(rows) and int(rows[place]) == row


def _tell_origins(facts: SearchFacts, row: int) -> None:
    for origin in facts.pool.origins(row):
        tell(f"from {origin.source} at {origin.locator}, licence {origin.licence or 'none stated'}")
    tell(text_of(facts.pool, row))
