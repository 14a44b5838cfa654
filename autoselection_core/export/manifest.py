"""Manifest of an export, for programs: origin of its samples, hashes of its files, and their verification."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autoselection_core.errors.store import NotAnExportError
from autoselection_core.export.turns import Content
from autoselection_core.identity import fingerprint, fingerprint_bytes, fingerprint_file
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sources import EXPORTED_RECORDS
from autoselection_core.subset import Subset
from autoselection_core.subset.value import fingerprint_of_ids

DATA, CARD, MANIFEST = "data.jsonl", "README.md", "manifest.json"
RECORDS = EXPORTED_RECORDS
"""File with the records that each sample comes from."""


CONTENT_HASH = "content_hash"
COMPARISON = "comparison"
"""The verdict on the card as the manifest repeats it: no content, as a later report may change it."""

NOT_COMPARED = (
    "**Verdict:** this subset was not compared with anything yet. The dev score above is that by which the "
    "search chose it, so it is partly luck.\n"
)
_BEGIN = b"\n<!-- comparison: no part of content_hash, as a later report may change it -->\n"
_END = b"<!-- end of comparison -->\n"
_PLACE = b"\n- Format: `"
"""Beginning of the card's list, before which the comparison has its place."""
NO_LICENCE = "none stated"
"""Licence of a sample whose source states none."""


@dataclass(frozen=True)
class SubsetOrigin:
    """Origin of an exported subset.

    Attributes:
        search: The search.
        trial: The trial that evaluated it.
        score: Its score, in a sentence.
        idle_steps: Steps of the trial's recipe that change nothing on this pool and are left out.
        comparison: Verdict on the subset, in Markdown.
        size_warning: Warning of a subset that is small for a real training; empty where it is not.
    """

    search: str
    trial: int
    score: str
    idle_steps: int = 0
    comparison: str = NOT_COMPARED
    size_warning: str = ""


def manifest_of(
    pool: Pool, subset: Subset, origin: SubsetOrigin, spelling: str, content: Content
) -> dict[str, Any]:
    """Manifest of an export before its files have hashes."""
    sources = _sources(pool, subset)
    return {
        "format": spelling,
        "samples": len(subset),
        "subset": subset.fingerprint,
        "pool_version": subset.pool_version,
        "pool_samples": len(pool),
        "recipe": subset.recipe.settings,
        "steps": [
            {"step": step.label, "rows_in": step.rows_in, "rows_out": step.rows_out} for step in subset.steps
        ],
        **({"idle_steps": origin.idle_steps} if origin.idle_steps else {}),
        **({"size_warning": origin.size_warning} if origin.size_warning else {}),
        "signal_versions": dict(subset.signal_versions),
        "search": origin.search,
        "trial": origin.trial,
        "score": origin.score,
        "tokens_a_sample": round(content.tokens, 1),
        "not_alternating": content.not_alternating,
        **({"untaught": content.untaught} if content.untaught else {}),
        **({"reasoning": content.reasoning} if content.reasoning else {}),
        "sources": {name: dict(sorted(licences.items())) for name, licences in sorted(sources.items())},
        "licences": _licences(pool, subset),
    }


def with_hashes(facts: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A manifest with the hash of data and card, and one over all that it says.

    A training program's config has no hash here: it is there to be changed. Nor has the comparison: an export
    before the report and one after it hold the same.
    """
    whole = {**facts, "files": {name: _hash_of_file(folder / name) for name in (DATA, CARD, RECORDS)}}
    return {**whole, CONTENT_HASH: hash_of(whole)}


def hash_of(manifest: Mapping[str, Any]) -> str:
    """The hash over what a manifest says, but for the comparison."""
    unhashed = (CONTENT_HASH, COMPARISON)
    return fingerprint({name: value for name, value in manifest.items() if name not in unhashed})


def with_comparison(card: bytes, comparison: str) -> bytes:
    """A card with this comparison in place of any that it has."""
    before, place, after = split_card(card)[0].partition(_PLACE)
    return b"".join([before, _BEGIN, comparison.encode(), _END, place, after])


def split_card(card: bytes) -> tuple[bytes, str]:
    """A card without its comparison, and the comparison, which cards of earlier releases lack."""
    before, _, rest = card.partition(_BEGIN)
    comparison, _, after = rest.partition(_END)
    return before + after, comparison.decode(errors="replace")


def _hash_of_file(file: Path) -> str:
    """Hash of a file; that of the card is without its comparison."""
    if file.name == CARD:
        return fingerprint_bytes([split_card(file.read_bytes())[0]])
    return fingerprint_file(file)


def _sources(pool: Pool, subset: Subset) -> Mapping[str, Counter[str]]:
    """Samples by source and licence; one that occurs in several counts for each."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in subset.rows:
        places = {(origin.source, origin.licence or NO_LICENCE) for origin in pool.origins(int(row))}
        for source, licence in places:
            found[source][licence] += 1
    return found


def _licences(pool: Pool, subset: Subset) -> dict[str, int]:
    """Samples by licence; one with several licences counts for each."""
    counts: Counter[str] = Counter()
    for row in subset.rows:
        counts.update({origin.licence or NO_LICENCE for origin in pool.origins(int(row))})
    return dict(sorted(counts.items()))


@dataclass(frozen=True)
class ExportCheck:
    """Result of verifying an export.

    Attributes:
        samples: Lines of data; 0 where the data was changed.
        content_hash: Hash of the whole in the manifest.
        problems: Differences from the manifest; empty if there are none.
    """

    samples: int
    content_hash: str
    problems: tuple[str, ...]


def verify_export(folder: Path) -> ExportCheck:
    """Compare files, ids and counts of an export with its manifest, and the manifest with its own hash.

    Raises:
        NotAnExportError: The folder holds no export.
    """
    said = _manifest(folder)
    problems = []
    if hash_of(said) != said[CONTENT_HASH]:
        problems.append(f"{MANIFEST} was changed: it does not hash to its {CONTENT_HASH}")
    problems += [f"{name} {problem}" for name, problem in _changes(folder, said["files"])]
    card = folder / CARD
    if card.is_file() and split_card(card.read_bytes())[1] != said.get(COMPARISON, ""):
        problems.append(f"{CARD} was changed: its verdict is not the manifest's")
    is_untouched = not any(problem.startswith(DATA) for problem in problems)
    ids = list(_ids(folder / DATA)) if is_untouched else []
    if is_untouched and fingerprint_of_ids(np.array(ids, "S32")) != said["subset"]:
        problems.append("the samples are not those of the subset that the manifest names")
    if is_untouched and len(ids) != said["samples"]:
        problems.append(f"{len(ids):,} samples, but the manifest says {said['samples']:,}")
    return ExportCheck(len(ids), str(said[CONTENT_HASH]), tuple(problems))


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST
    if not file.is_file():
        raise NotAnExportError(folder, f"no {MANIFEST}")
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotAnExportError(folder, f"{MANIFEST} is no JSON") from error
    lacking = [name for name in (CONTENT_HASH, "files", "subset", "samples") if name not in said]
    if lacking:
        raise NotAnExportError(folder, f"{MANIFEST} lacks {', '.join(lacking)}")
    return dict(said)


def _changes(folder: Path, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, known in files.items():
        if not (folder / name).is_file():
            yield name, "is gone"
        elif _hash_of_file(folder / name) != known:
            yield name, "was changed: its hash is not the manifest's"


def _ids(data: Path) -> Iterator[str]:
    with data.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["id"]
