"""Manifest of an export, for programs: origin of its samples, and hashes of its files."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoselection_core.export.content import Content
from autoselection_core.identity import fingerprint, fingerprint_file
from autoselection_core.pool.pool import Pool
from autoselection_core.subset import Subset

DATA, CARD, MANIFEST = "data.jsonl", "README.md", "manifest.json"

CONTENT_HASH = "content_hash"
_NO_LICENCE = "none stated"


@dataclass(frozen=True)
class Origin:
    """Origin of an exported subset.

    Attributes:
        search: The search.
        trial: The trial that evaluated it.
        score: Its score, in a sentence.
    """

    search: str
    trial: int
    score: str


def manifest_of(
    pool: Pool, subset: Subset, origin: Origin, spelling: str, content: Content
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

    A training program's config has no hash here: it is there to be changed.
    """
    whole = {**facts, "files": {name: fingerprint_file(folder / name) for name in (DATA, CARD)}}
    return {**whole, CONTENT_HASH: fingerprint(whole)}


def hash_of(manifest: Mapping[str, Any]) -> str:
    """The hash over what a manifest says."""
    return fingerprint({name: value for name, value in manifest.items() if name != CONTENT_HASH})


def _sources(pool: Pool, subset: Subset) -> Mapping[str, Counter[str]]:
    """Samples by source and licence; one that occurs in several counts for each."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in subset.rows:
        places = {(origin.source, origin.licence or _NO_LICENCE) for origin in pool.origins(int(row))}
        for source, licence in places:
            found[source][licence] += 1
    return found


def _licences(pool: Pool, subset: Subset) -> dict[str, int]:
    """Samples by licence; one with several licences counts for each."""
    counts: Counter[str] = Counter()
    for row in subset.rows:
        counts.update({origin.licence or _NO_LICENCE for origin in pool.origins(int(row))})
    return dict(sorted(counts.items()))
