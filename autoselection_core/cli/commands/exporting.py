"""`autoselection export` and `autoselection verify`: subsets as training data, and their check."""

import re
from pathlib import Path

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.output import tell
from autoselection_core.cli.session import open_workspace, workspace_of
from autoselection_core.errors.recipe import DamagedSubsetError, SettingError
from autoselection_core.evaluation.training.settings import Schedule, fine_tuning
from autoselection_core.export.manifest import MANIFEST, verify_export
from autoselection_core.export.searched import export_trial
from autoselection_core.export.trainers import Length
from autoselection_core.progress import percent
from autoselection_core.signals.table import SignalTable, present_name
from autoselection_core.store.home import Home
from autoselection_core.store.objects import is_read, upload
from autoselection_core.subset import Subset, Verification, read_subset, stored_lineages, verify

_HASH = re.compile(r"[0-9a-f]{32}")


def subset_files(path: Path) -> tuple[Path, ...]:
    """The files of a stored subset that a path or a hash names; nothing for anything else.

    Raises:
        MissingSubsetError: No subset of that hash is stored.
    """
    if path.is_file() or path.suffix == ".parquet":
        return (path,)
    if not path.exists() and _HASH.fullmatch(str(path)):
        return stored_lineages(str(path), Home.from_environment())
    return ()


def verify_exported(folder: Path) -> bool:
    """Whether an export is what its manifest says.

    Raises:
        NotAnExportError: The folder holds no export.
    """
    check = verify_export(folder)
    for problem in check.problems:
        tell(problem)
    if not check.problems:
        tell(f"{folder}: {check.samples:,} samples, as the manifest says; content hash {check.content_hash}")
    return not check.problems


def verify_subset(path: Path, campaign: str | None, file: Path) -> bool:
    """Whether the recipe of a stored subset still gives its samples.

    Raises:
        MissingSubsetError: There is no such file.
        UnreadableSubsetError: It is no file of a subset.
        UnreadablePoolError: The pool that it was realised on is gone.
        UnscoredPoolError: Signals of that pool are gone.
        InvalidRecipe: The recipe leaves nothing of the pool.
    """
    try:
        stored = read_subset(path)
    except DamagedSubsetError as damaged:
        tell(str(damaged))
        return False
    found = verify(path, _signals_of(stored, open_workspace(campaign, file)))
    tell(_sentence(stored, found))
    for name, then, now in found.changed_signals:
        tell(f"signal {name} was version {then} and is {now} now")
    return found.is_same


def _signals_of(stored: Subset, workspace: Workspace) -> SignalTable:
    """The signals in the versions that the subset was realised on, where a search pins them; else today's."""
    for record in workspace.ledger.searches():
        if record.spec.pool_version == stored.pool_version:
            table = workspace.signals(stored.pool_version, record.spec.signal_versions)
            versions = {present_name(name): version for name, version in table.versions.items()}
            if all(versions.get(present_name(name)) == version for name, version in stored.signal_versions):
                return table
    return workspace.signals(stored.pool_version)


def _sentence(stored: Subset, found: Verification) -> str:
    if found.is_same:
        return f"subset {found.stored}: {len(stored):,} samples, as its recipe gives them"
    return (
        f"subset {found.stored} differs from what its recipe gives, {found.rebuilt}: "
        f"{found.missing + found.added:,} ids differ ({found.missing:,} are missing, {found.added:,} are new)"
    )


def export_best(  # noqa: PLR0917 - the options of the command
    search: str | None,
    folder: Path,
    trial: int | None,
    spelling: str,
    length: Length,
    campaign: str | None,
    file: Path,
) -> None:
    """Write the recommended subset, or that of a trial; see `export_trial` for what is refused."""
    workspace, found = workspace_of(search, campaign, file)
    made = export_trial(workspace, found, folder, trial, spelling, length=length)
    tell(
        f"{folder}: {made.samples:,} samples, subset {made.subset}, content hash {made.content_hash}",
        folder=str(folder),
        samples=made.samples,
        subset=made.subset,
        content_hash=made.content_hash,
    )
    if made.reach:
        tell(made.reach)
        if other := _other_training(workspace, length):
            tell(other)
    if made.without_licence:
        tell(
            f"{made.without_licence:,} of these samples come from sources that state no licence: `licence: "
            "NAME` in their entry of `pool:` carries it into exports after the next `ingest`"
        )
    tell(f"next: autoselection verify {folder}")


def _other_training(workspace: Workspace, length: Length) -> str:
    """Difference between the trainings that were compared and the exported one; empty where there is none."""
    campaign = workspace.campaign
    training = fine_tuning(campaign.training)
    if campaign.base_model is None or length is Length.SEARCH or training.schedule is not Schedule.TOKENS:
        return ""
    layers = (
        ""
        if training.adapted_share == 1.0
        else f", with adapters in the upper {percent(training.adapted_share)} of the layers"
    )
    rest = "" if not layers else ", but no training program's config can limit adapters to some layers"
    return (
        f"Scores and verdict are of trainings on {training.amount:,.0f} tokens{layers}; this config trains "
        f"whole epochs. `--training search` writes the search's length{rest}."
    )


def upload_export(folder: Path, uri: str) -> None:
    """Put an export under a prefix, its manifest last: who finds it there finds everything.

    Raises:
        SettingError: It is no object storage that is written.
        ObjectsUnreachableError: The storage does not answer, or refuses.
    """
    if not is_read(uri):
        raise SettingError("upload", uri, "of the form s3://bucket/prefix")
    upload(folder, uri, last=MANIFEST)
    tell(f"{uri}: the same, with {MANIFEST} put there last")
