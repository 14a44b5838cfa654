"""Export of a search's recommended subset, or of the subset of one trial."""

from pathlib import Path

from autoselection_core.campaign.solvers import size_warning
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.history import UnknownTrialError
from autoselection_core.errors.store import NothingToExportError
from autoselection_core.evaluation.training.settings import fine_tuning
from autoselection_core.export.card import comparison
from autoselection_core.export.manifest import SubsetOrigin
from autoselection_core.export.trainers import Length, Training
from autoselection_core.export.writing import SOME_MODEL, Exported, export_subset
from autoselection_core.history.records import SearchRecord, TrialRecord
from autoselection_core.search.propose import tokens_of
from autoselection_core.subset import realise
from autoselection_core.subset.explain import without_idle_steps


def export_trial(
    workspace: Workspace,
    search: str,
    folder: Path,
    trial: int | None = None,
    spelling: str = "messages",
    *,
    length: Length = Length.EPOCHS,
) -> Exported:
    """Write the recommended subset of a search, or the subset of one of its trials.

    Its recipe is written without the steps that change nothing on the pool.

    Args:
        workspace: The campaign at work.
        search: Name of the search.
        folder: Folder to write.
        trial: The trial; the recommended one by default.
        spelling: One of `FORMATS`.
        length: Length of the training in the config of a training program.

    Raises:
        SettingError: The format is unknown.
        UnknownSearchError: No search has this name.
        UnknownTrialError: The trial does not exist or has no recipe.
        NothingToExportError: Nothing was measured, so nothing is recommended.
        ExportExistsError: Something else is there.
    """
    record = workspace.ledger.search(search)
    chosen = _choose(workspace, record, trial)
    assert chosen.recipe is not None, "a chosen trial has a recipe"
    signals = workspace.signals(record.spec.pool_version, record.spec.signal_versions)
    recipe = without_idle_steps(chosen.recipe, signals)
    subset = realise(recipe, signals)
    idle = len(chosen.recipe) - len(recipe)
    compared = comparison(search, workspace.home.report(search), subset.fingerprint)
    counted = "tokens" in signals.columns
    return export_subset(
        workspace.pool(record.spec.pool_version),
        subset,
        SubsetOrigin(
            search,
            chosen.trial,
            _score(chosen, record),
            idle,
            compared,
            size_warning(workspace.campaign, record.spec, subset, signals),
        ),
        folder,
        spelling,
        training=_training(workspace),
        length=length,
        tokens=tokens_of(subset, signals) / len(subset) if counted else None,
    )


def _choose(workspace: Workspace, record: SearchRecord, number: int | None) -> TrialRecord:
    trials = workspace.ledger.trials(record.search)
    if number is None:
        history = workspace.ledger.history(record.search)
        if not history.observations:
            raise NothingToExportError(record.search)
        number = workspace.solver(record.spec).recommend(history).trial
    trial = next((each for each in trials if each.trial == number), None)
    if trial is None or trial.recipe is None:
        raise UnknownTrialError(record.search, number, len(trials))
    return trial


def _training(workspace: Workspace) -> Training:
    campaign = workspace.campaign
    if campaign.base_model is None:
        return SOME_MODEL
    return Training(campaign.base_model, fine_tuning(campaign.training))


def _score(trial: TrialRecord, record: SearchRecord) -> str:
    if trial.utility is None:
        return "The trial was not measured."
    by = ": a formula, no model was trained" if record.spec.is_formula else ""
    error = "" if trial.standard_error is None else f" ± {trial.standard_error:.2g}"
    return (
        f"Dev utility {trial.utility:.4g}{error} ({record.spec.metric}{by}). Test scores, where a report "
        "measured them, are with the verdict."
    )
