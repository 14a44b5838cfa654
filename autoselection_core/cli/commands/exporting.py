"""`autoselection export`: the subset of a trial as training data."""

from pathlib import Path

from autoselection_core.cli.output import tell
from autoselection_core.cli.session import workspace_of
from autoselection_core.errors.space import SettingError
from autoselection_core.export.manifest import MANIFEST
from autoselection_core.export.searched import export_trial
from autoselection_core.store.objects import is_read, upload


def export_best(  # noqa: PLR0917 - the options of the command
    search: str | None, folder: Path, trial: int | None, spelling: str, campaign: str | None, file: Path
) -> None:
    """Write the recommended subset, or that of a trial; see `export_trial` for what is refused."""
    workspace, found = workspace_of(search, campaign, file)
    made = export_trial(workspace, found, folder, trial, spelling)
    tell(
        f"{folder}: {made.samples:,} samples, subset {made.subset}, content hash {made.content_hash}",
        folder=str(folder),
        samples=made.samples,
        subset=made.subset,
        content_hash=made.content_hash,
    )
    tell(f"next: autoselection verify {folder}")


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
