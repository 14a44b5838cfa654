"""Write a subset as a folder: data, card and manifest."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoselection_core.errors.export import ExportExistsError
from autoselection_core.export.formats import FORMATS
from autoselection_core.identity import fingerprint_file
from autoselection_core.pool.pool import Pool
from autoselection_core.store.atomic import atomic_folder
from autoselection_core.subset import Subset

DATA, CARD, MANIFEST = "data.jsonl", "README.md", "manifest.json"


@dataclass(frozen=True)
class Origin:
    """Where an exported subset comes from.

    Attributes:
        search: The search.
        trial: The trial that evaluated it.
        score: What is known of it, in a sentence.
    """

    search: str
    trial: int
    score: str


def export_subset(
    pool: Pool, subset: Subset, origin: Origin, folder: Path, spelling: str = "messages"
) -> Path:
    """Write the samples of a subset with a data card; the folder appears whole or not at all.

    An export that lies there already is left as it is if it holds the same.

    Args:
        pool: The samples.
        subset: Which of them.
        origin: Where the subset comes from.
        folder: What to write.
        spelling: One of `FORMATS`.

    Raises:
        ExportExistsError: Something else lies there.
        StorageFullError: The disk has no room; nothing is left behind.
    """
    if folder.exists():
        _require_same(folder, subset, spelling)
        return folder
    with atomic_folder(folder) as draft:
        with (draft / DATA).open("w", encoding="utf-8") as data:
            data.writelines(_lines(pool, subset, spelling))
        manifest = _manifest(pool, subset, origin, spelling, fingerprint_file(draft / DATA))
        (draft / MANIFEST).write_text(
            json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        (draft / CARD).write_text(_card(manifest), encoding="utf-8")
    return folder


def _require_same(folder: Path, subset: Subset, spelling: str) -> None:
    manifest = folder / MANIFEST
    known = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    if (known.get("subset"), known.get("format")) != (subset.fingerprint, spelling):
        raise ExportExistsError(folder)


def _lines(pool: Pool, subset: Subset, spelling: str) -> Iterator[str]:
    spell = FORMATS[spelling]
    for row, sample in zip(subset.rows, pool.samples(subset.rows), strict=True):
        origins = pool.origins(int(row))
        line = {
            "id": sample.id,
            **spell(sample),
            "sources": sorted({origin.source for origin in origins}),
            "licences": sorted({origin.licence or "none stated" for origin in origins}),
        }
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _manifest(pool: Pool, subset: Subset, origin: Origin, spelling: str, data_hash: str) -> dict[str, Any]:
    return {
        "format": spelling,
        "samples": len(subset),
        "subset": subset.fingerprint,
        "data_hash": data_hash,
        "pool_version": subset.pool_version,
        "pool_samples": len(pool),
        "recipe": subset.recipe.settings,
        "steps": [{"step": step.label, "rows": step.rows_out} for step in subset.steps],
        "signal_versions": dict(subset.signal_versions),
        "search": origin.search,
        "trial": origin.trial,
        "score": origin.score,
        "sources": _counts(pool, subset, "source"),
        "licences": _counts(pool, subset, "licence"),
    }


def _counts(pool: Pool, subset: Subset, attribute: str) -> dict[str, int]:
    """Samples by source or licence; one that occurs in several counts for each."""
    counts: Counter[str] = Counter()
    for row in subset.rows:
        found = {getattr(origin, attribute) or "none stated" for origin in pool.origins(int(row))}
        counts.update(found)
    return dict(sorted(counts.items()))


def _card(manifest: Mapping[str, Any]) -> str:
    steps = "\n".join(
        f"{number}. `{step['step']}`: {step['rows']:,} rows"
        for number, step in enumerate(manifest["steps"], 1)
    )
    return f"""---
tags: [autoselection, instruction-tuning]
---

# A subset of {manifest["samples"]:,} samples

Selected from a pool of {manifest["pool_samples"]:,} samples.
Search `{manifest["search"]}`, trial {manifest["trial"]}.
{manifest["score"]}

- Format: `{manifest["format"]}`, one JSON record a line in `{DATA}`
- Subset hash: `{manifest["subset"]}`
- Data hash: `{manifest["data_hash"]}`
- Pool version: `{manifest["pool_version"]}`

## Licences

The samples keep the licences of their sources; one that occurs in several sources counts for each.

{_list(manifest["licences"])}

## Sources

{_list(manifest["sources"])}

## Recipe

{steps or "The full pool."}

`autoselection verify` compares this folder with its manifest.
"""


def _list(counts: Mapping[str, int]) -> str:
    return "\n".join(f"- {name}: {count:,} samples" for name, count in counts.items())
