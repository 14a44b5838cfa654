"""`autoselection init`: a look at raw files, and a campaign file that runs."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer

from autoselection_core.benchmarks.loading import named_benchmark
from autoselection_core.campaign.declaration.draft import CampaignDraft, DraftSource, as_named_in
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.cli.commands.auditing import show_scripts
from autoselection_core.cli.commands.ingesting import show_records
from autoselection_core.cli.output import tell
from autoselection_core.cli.progress import show_progress
from autoselection_core.errors.campaign import CampaignFileExistsError
from autoselection_core.pool.ingest import Ingestion, ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sources import Source
from autoselection_core.signals.contamination.audit import in_other_scripts
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home

_RECORDS = 500
"""Number of records that are searched for scores: a field of scores is in most of them."""

_MIN_VALUES = 3
"""Distinct values that a score takes at least; a field with fewer is a flag."""

_SCORE_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_PLACE = re.compile(r"(.*_)?(id|idx|index|number|line|row)", re.IGNORECASE)


def score_fields(pool: Pool) -> tuple[str, ...]:
    """Numeric fields beside the texts of a pool that may be scores, in ascending order.

    A field counts that is a number in half of the records of a source and takes three values at least. Names
    of places (`id`, `row`) and whole numbers that are all different, which number the records, do not.
    """
    seen: dict[tuple[str, str], list[float]] = {}
    records = Counter[str]()
    for source, record in _records(pool):
        records[source] += 1
        for name, value in record.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                seen.setdefault((source, name), []).append(value)
    found = {
        name
        for (source, name), values in seen.items()
        if 2 * len(values) >= records[source] and _SCORE_NAME.fullmatch(name) and _is_score(name, values)
    }
    return tuple(sorted(found))


def _is_score(name: str, values: list[float]) -> bool:
    different = set(values)
    numbers_them = len(different) == len(values) and all(isinstance(value, int) for value in values)
    return len(different) >= _MIN_VALUES and not numbers_them and not _PLACE.fullmatch(name)


def _records(pool: Pool) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Source and fields beside the texts of the first records."""
    for origins in pool.table.column("origins").slice(0, _RECORDS).to_pylist():
        for each in origins:
            extras = json.loads(each["extras"]) if each["extras"] else {}
            yield each["source"], extras if isinstance(extras, dict) else {}


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
    draft = CampaignDraft(_campaign_name(file), sources, _model(model, file), named, has_targets)
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
    with TemporaryDirectory(prefix="autoselection-init-") as scratch, show_progress() as progress:
        found = ingest(
            [Source.at(path)], Home(Path(scratch)), lambda *step: progress(f"reading {path}", *step)
        )
        show_records(found)
        _show_samples(found.pool)
        show_scripts(in_other_scripts(found.pool), len(found.pool))
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


def _tell_of(draft: CampaignDraft) -> None:
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
