"""Exported subset as a folder: data, card, manifest, and the files that a training program needs."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.store import ExportExistsError, UnusablePathError
from autoselection_core.evaluation.training.settings import FineTuning
from autoselection_core.export.card import card
from autoselection_core.export.formats import FORMATS, Format
from autoselection_core.export.manifest import (
    CARD,
    COMPARISON,
    DATA,
    MANIFEST,
    NO_LICENCE,
    RECORDS,
    SubsetOrigin,
    manifest_of,
    split_card,
    with_comparison,
    with_hashes,
)
from autoselection_core.export.trainers import Length, Training
from autoselection_core.export.turns import Content
from autoselection_core.identity import fingerprint_bytes
from autoselection_core.pool.pool import Pool
from autoselection_core.store.atomic import atomic_file, atomic_folder
from autoselection_core.subset import Subset

SOME_MODEL = Training("NAME OR FOLDER OF THE BASE MODEL", FineTuning())
"""Placeholder that configs are made from where a campaign trains nothing."""


@dataclass(frozen=True)
class Exported:
    """An export that is written.

    Attributes:
        folder: Where.
        samples: Number of samples.
        subset: Hash of the subset.
        content_hash: Hash that `verify` confirms.
        reach: How much of the subset a training as exported reads; empty for a format without one.
        without_licence: Samples with a source that states no licence.
    """

    folder: Path
    samples: int
    subset: str
    content_hash: str
    reach: str = ""
    without_licence: int = 0


def export_subset(
    pool: Pool,
    subset: Subset,
    origin: SubsetOrigin,
    folder: Path,
    spelling: str = "messages",
    *,
    training: Training = SOME_MODEL,
    length: Length = Length.EPOCHS,
    tokens: float | None = None,
) -> Exported:
    """Write the samples of a subset with a data card; the folder appears whole or not at all.

    An export that is there already is left as it is if it holds the same, but for the verdict on its card.

    Args:
        pool: The samples.
        subset: Those of them that are written.
        origin: Origin of the subset.
        folder: Folder to write.
        spelling: One of `FORMATS`.
        training: What the config of a training program is made from.
        length: Length of the training in that config.
        tokens: Tokens of a sample on average, where they were counted.

    Raises:
        SettingError: The format is unknown.
        ExportExistsError: Something else is there.
        UnusablePathError: No folder can be made there.
        StorageFullError: The disk has no room; nothing is left behind.
    """
    chosen = _format(spelling)
    if folder.exists():
        return _same(folder, subset, spelling, length, origin.comparison)
    _require_place(folder)
    content, trained = Content.of(pool.samples(subset.rows), tokens), training.with_length(length)
    with atomic_folder(folder) as draft:
        with (draft / DATA).open("w", encoding="utf-8") as data:
            data.writelines(_lines(pool, subset, chosen, content))
        with (draft / RECORDS).open("w", encoding="utf-8", newline="") as records:
            csv.writer(records).writerows(_records(pool, subset))
        for name, text in chosen.files(trained, content, folder.absolute().name).items():
            (draft / name).write_text(text, encoding="utf-8")
        facts = manifest_of(pool, subset, origin, spelling, content)
        if chosen.has_training:
            facts |= {"training": length.value, "training_reads": trained.reach(content)}
        own = card(facts, draft / DATA).encode()
        (draft / CARD).write_bytes(with_comparison(own, origin.comparison))
        whole = with_hashes({**facts, COMPARISON: origin.comparison}, draft)
        (draft / MANIFEST).write_bytes(_spelled(whole))
    return _exported(folder, whole)


def _require_place(folder: Path) -> None:
    if folder.is_symlink():
        raise UnusablePathError(folder, "it is a link that leads nowhere")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusablePathError(folder, str(error.strerror)) from error


def _spelled(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()


def _format(spelling: str) -> Format:
    if spelling not in FORMATS:
        raise SettingError("format", spelling, f"one of {', '.join(FORMATS)}")
    return FORMATS[spelling]


def _same(folder: Path, subset: Subset, spelling: str, length: Length, comparison: str) -> Exported:
    file = folder / MANIFEST
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    # Earlier releases wrote the length of the search's own trainings, and did not say so.
    is_as_long = not FORMATS[spelling].has_training or known.get("training", Length.SEARCH) == length
    if (known.get("subset"), known.get("format")) != (subset.fingerprint, spelling) or not is_as_long:
        raise ExportExistsError(folder)
    if known.get(COMPARISON) != comparison:
        known = _compared_again(folder, known, comparison)
    return _exported(folder, known)


def _compared_again(folder: Path, known: Mapping[str, Any], comparison: str) -> Mapping[str, Any]:
    """The manifest with another comparison, written there and on the card; nothing else changes.

    A card that somebody changed is left to `verify`.
    """
    file = folder / CARD
    if not file.is_file() or fingerprint_bytes([split_card(file.read_bytes())[0]]) != known["files"][CARD]:
        return known
    renewed = {**known, COMPARISON: comparison}
    # The manifest comes last: until then an export does this again.
    for name, content in (
        (CARD, with_comparison(file.read_bytes(), comparison)),
        (MANIFEST, _spelled(renewed)),
    ):
        with atomic_file(folder / name) as draft:
            draft.write_bytes(content)
    return renewed


def _exported(folder: Path, manifest: Mapping[str, Any]) -> Exported:
    said = (manifest["samples"], manifest["subset"], manifest["content_hash"])
    unlicensed = manifest["licences"].get(NO_LICENCE, 0)
    return Exported(folder, *said, manifest.get("training_reads", ""), unlicensed)


def _lines(pool: Pool, subset: Subset, chosen: Format, content: Content) -> Iterator[str]:
    """The samples; their licences only where the subset has some, or else the card says it once."""
    has_licences = any(origin.licence for row in subset.rows for origin in pool.origins(int(row)))
    for row, sample in zip(subset.rows, pool.samples(subset.rows), strict=True):
        origins = pool.origins(int(row))
        licences = sorted({origin.licence or NO_LICENCE for origin in origins})
        line = {
            "id": sample.id,
            **chosen.line(sample, content),
            "sources": sorted({origin.source for origin in origins}),
            **({"licences": licences} if has_licences else {}),
        }
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _records(pool: Pool, subset: Subset) -> Iterator[tuple[str, ...]]:
    """A head, then sample id, source, place and own id of each record that says a sample."""
    yield ("id", "source", "record", "record_id")
    for row in subset.rows:
        name = pool.ids[row].decode()
        yield from ((name, each.source, each.locator, each.own_id or "") for each in pool.origins(int(row)))
