"""`autoselection init`: a look at raw files, and a campaign file that runs."""

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer

from autoselection_core.benchmarks.naming import named_benchmark
from autoselection_core.campaign.declaration.draft import Draft, DraftSource, as_named_in
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.declaration.score_fields import score_fields
from autoselection_core.cli.commands.ingesting import show_records
from autoselection_core.cli.output import tell
from autoselection_core.cli.progress import shown_progress
from autoselection_core.errors.cli import CampaignFileExistsError
from autoselection_core.pool.ingest import Ingestion, ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sources import Source
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home

_SHOWN = 3
_CHARACTERS = 300
_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def write_campaign(
    paths: Sequence[str], model: str | None, benchmarks: Sequence[str], file: Path, *, ask: bool
) -> None:
    """Show what raw files hold, and write a campaign for them.

    Args:
        paths: Files, folders or patterns.
        model: Folder or hub name of a base model.
        benchmarks: Folders with a `benchmark.yaml`, or such files.
        file: The campaign file to write.
        ask: Whether a person answers what is not known, and agrees before anything is written.

    Raises:
        CampaignFileExistsError: The file is there already.
        NoSourceFileError: A path leads to no file.
        EmptyPoolError: No record is a sample; the reasons were shown.
        NoSuchBenchmarkError: A path leads to no benchmark.
        CampaignFileError: A path leads out of the folders that a campaign may name.
    """
    if file.exists():
        raise CampaignFileExistsError(file)
    sources = [_source(path, file) for path in paths]
    read = [named_benchmark(each, Path("benchmarks")) for each in benchmarks]
    named = [
        (_NAME.sub("-", each.name), as_named_in(file, path))
        for each, path in zip(read, benchmarks, strict=True)
    ]
    has_targets = bool(read) and all(each.targets for each in read)
    if model is None and ask:
        answer = typer.prompt("base model, a folder or a hub name (empty: none yet)", default="")
        model = answer or None
    draft = Draft(_campaign_name(file), sources, _model(model, file), named, has_targets)
    _tell_of(draft)
    if ask:
        typer.confirm(f"write {file}?", default=True, abort=True)
    with atomic_file(file) as written:
        written.write_text(draft.text, encoding="utf-8")
        load_campaigns(written, Home.from_environment())
    tell(f"{file}: campaign {draft.name}", file=str(file), campaign=draft.name)
    tell("next: autoselection doctor; autoselection ingest; autoselection search")


def _source(path: str, file: Path) -> DraftSource:
    """Read one path on its own, so that its account is its own, and show what it holds."""
    tell(f"{path}:")
    with TemporaryDirectory(prefix="autoselection-init-") as scratch, shown_progress() as progress:
        found = ingest([Source(path)], Home(Path(scratch)), lambda *step: progress(f"reading {path}", *step))
        show_records(found)
        _show_samples(found.pool)
        scores = score_fields(found.pool)
    if scores:
        tell(f"fields that may be scores: {', '.join(scores)}; each becomes a signal `column`")
    return DraftSource(as_named_in(file, path), _account(found), scores)


def _account(found: Ingestion) -> str:
    formats = ", ".join(f"{count:,} {name}" for name, count in found.formats.items())
    aside = f", {found.quarantined:,} put aside" if found.quarantined else ""
    return f"{found.records:,} records ({formats}), {found.samples:,} samples{aside}"


def _show_samples(pool: Pool) -> None:
    """Show three samples, evenly spaced, so that a sorted file shows more than its beginning."""
    rows = np.unique(np.linspace(0, len(pool) - 1, _SHOWN).astype(np.int64))
    for number, text in enumerate(pool.texts(rows=rows), start=1):
        rest = "" if len(text) <= _CHARACTERS else f" ... ({len(text):,} characters)"
        tell(f"sample {number}: {text[:_CHARACTERS]}{rest}")


def _tell_of(draft: Draft) -> None:
    if draft.is_trained:
        tell(
            f"A search with trainings: at most {draft.trainings} of them with its report; "
            "`autoselection doctor` says how long one takes on this machine."
        )
        return
    tell(
        "A closed form stands in for trainings: a search takes seconds and shows that files are read, "
        "signals scored and recipes found; it says nothing about models."
    )
    tell(
        f"Trainings lack {draft.lacking}: with it a first search is at most {draft.trainings} trainings, and "
        "`autoselection doctor` says how long one takes on this machine."
    )


def _model(model: str | None, file: Path) -> str | None:
    if model is None or not Path(model).expanduser().exists():
        return model  # a hub name
    return f"./{as_named_in(file, model)}" if not Path(model).is_absolute() else as_named_in(file, model)


def _campaign_name(file: Path) -> str:
    return _NAME.sub("-", file.absolute().parent.name).strip("-_") or "mine"
