"""Seconds and memory of ingesting the 90,000-record pool and of opening it again.

python -m bench.pool
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.identity import Json
from autoselection_core.pool import Ingestion, Pool, Scope, Source, ingest
from autoselection_core.store.home import Home
from bench.result import REAL_DATA, measure, write_result

_OPENINGS = 5


def main() -> None:
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        figures = _figures(home)
    print(json.dumps(figures, indent=2))
    print(write_result("pool", figures))


def _figures(home: Home) -> dict[str, Json]:
    ingestion = measure(lambda: ingest([Source(str(REAL_DATA / "pool_90k.parquet"))], home))
    folder = home.pool(ingestion.value.pool.version)
    openings = [measure(lambda: _open(folder)) for _ in range(_OPENINGS)]
    texts = measure(lambda: Pool.open(folder).texts(Scope.ALL))
    samples = measure(lambda: sum(1 for _ in Pool.open(folder).samples()))
    return {
        "counts": _counts(ingestion.value),
        "ingest": ingestion.cost,
        "open_with_ids_keys_sources": min(openings, key=lambda opening: opening.seconds).cost,
        "all_texts": texts.cost,
        "all_samples": samples.cost,
        "pool_mb": round(sum(file.stat().st_size for file in folder.iterdir()) / 1e6),
    }


def _open(folder: Path) -> Pool:
    """Everything that the engine reads of a pool: no text."""
    pool = Pool.open(folder)
    _ = pool.ids, pool.keys, pool.source_codes
    return pool


def _counts(ingestion: Ingestion) -> dict[str, Json]:
    return {
        "pool_version": ingestion.pool.version,
        "records": ingestion.records,
        "samples": ingestion.samples,
        "merged": ingestion.merged,
        "quarantined": ingestion.quarantined,
        "trimmed": ingestion.trimmed,
        "reasons": ingestion.reasons,
    }


if __name__ == "__main__":
    main()
