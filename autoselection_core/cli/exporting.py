"""`autoselection export`: the subset of a trial as training data."""

from pathlib import Path

from autoselection_core.cli.session import tell
from autoselection_core.errors.cli import NothingMeasuredError
from autoselection_core.errors.history import UnknownTrialError
from autoselection_core.errors.space import SettingError
from autoselection_core.export.formats import FORMATS
from autoselection_core.export.writing import Origin, export_subset
from autoselection_core.history.records import TrialRecord
from autoselection_core.report.facts import SearchFacts


def export_best(facts: SearchFacts, folder: Path, number: int | None, spelling: str) -> None:
    """Write the recommended subset, or that of a trial.

    Raises:
        SettingError: The format is unknown.
        NothingMeasuredError: There is no recommended subset.
        UnknownTrialError: The trial does not exist or has no recipe.
    """
    if spelling not in FORMATS:
        raise SettingError("--format", spelling, f"one of {', '.join(FORMATS)}")
    trial = _chosen(facts, number)
    assert trial.recipe is not None, "a chosen trial has a recipe"
    subset = facts.realised(trial.recipe)
    origin = Origin(facts.record.search, trial.trial, _score_sentence(trial, facts))
    export_subset(facts.pool, subset, origin, folder, spelling)
    tell(f"{folder}: {len(subset):,} samples of trial {trial.trial}, subset {subset.fingerprint}")


def _chosen(facts: SearchFacts, number: int | None) -> TrialRecord:
    if number is None:
        if facts.best is None:
            raise NothingMeasuredError(facts.record.search)
        number = facts.best.trial
    trial = next((each for each in facts.trials if each.trial == number), None)
    if trial is None or trial.recipe is None:
        raise UnknownTrialError(facts.record.search, number, len(facts.trials))
    return trial


def _score_sentence(trial: TrialRecord, facts: SearchFacts) -> str:
    if trial.utility is None:
        return "The trial was not measured."
    error = "" if trial.standard_error is None else f" ± {trial.standard_error:.2g}"
    measured = f"Dev utility {trial.utility:.4g}{error} ({facts.record.spec.metric})"
    return f"{measured}; see the report for test scores."
