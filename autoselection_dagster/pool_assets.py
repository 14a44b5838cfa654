"""The pool: the samples of all sources, each once."""

from collections.abc import Iterator, Mapping

import dagster as dg
import numpy as np

from autoselection_core.pool.ingest import Ingestion
from autoselection_core.pool.pool import Pool
from autoselection_dagster.beta import versioned
from autoselection_dagster.blocking import Check
from autoselection_dagster.names import Group
from autoselection_dagster.pictures import Cell, Facts, table
from autoselection_dagster.place import Place
from autoselection_dagster.progress import Logged
from autoselection_dagster.resources import HomeResource

COUNTS_ADD_UP = Check("counts_add_up", "Every record is a sample, merged or in quarantine: none is lost.")
IDS_ARE_UNIQUE = Check(
    "ids_are_unique", "Row numbers stand in for ids everywhere else, so a repeated id would hide samples."
)
_SHOWN_ROWS = 5
_SHOWN_CHARACTERS = 120


def pool_asset(place: Place) -> dg.AssetsDefinition:
    """The pool of a campaign."""
    key = place.key("pool")

    @dg.asset(
        key=key,
        group_name=place.group(Group.POOL),
        deps=[place.key("raw_sources")],
        io_manager_key="pools",
        kinds={"arrow"},
        check_specs=[COUNTS_ADD_UP.spec(key), IDS_ARE_UNIQUE.spec(key)],
    )
    def pool(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.Output[Pool] | dg.AssetCheckResult]:
        """The samples of all sources, each once, with an account of every record."""
        found = place.workspace(home).ingest(Logged(context.log, "reading records"))
        yield versioned(found.pool, _facts(found), found.pool.version)
        yield counts_add_up(found)
        yield ids_are_unique(found.pool)

    return pool


def counts_add_up(found: Ingestion) -> dg.AssetCheckResult:
    """Records in = samples + merged + quarantined."""
    accounted = found.samples + found.merged + found.quarantined
    return COUNTS_ADD_UP.result(
        passed=found.records == accounted and found.samples == len(found.pool),
        records=found.records,
        accounted=accounted,
    )


def ids_are_unique(pool: Pool) -> dg.AssetCheckResult:
    """No two rows have one id."""
    repeated = len(pool) - len(np.unique(pool.ids))
    return IDS_ARE_UNIQUE.result(passed=repeated == 0, repeated_ids=repeated)


def _facts(found: Ingestion) -> Facts:
    reasons: list[Mapping[str, Cell]] = [
        {"source": source, "reason": str(reason), "records": count}
        for source, counts in found.reasons.items()
        for reason, count in counts.items()
    ]
    return {
        "dagster/row_count": len(found.pool),
        "records": found.records,
        "samples": found.samples,
        "merged": found.merged,
        "quarantined": found.quarantined,
        "trimmed": found.trimmed,
        "quarantine": table(reasons),
        "quarantine_file": dg.MetadataValue.path(found.quarantine_path),
        "sources": table(_per_source(found.pool)),
        "first_rows": table(_first_rows(found.pool)),
        "version": found.pool.version,
    }


def _per_source(pool: Pool) -> list[Mapping[str, Cell]]:
    counts = np.bincount(pool.source_codes, minlength=len(pool.source_names))
    return [
        {"source": name, "samples": int(count)} for name, count in zip(pool.source_names, counts, strict=True)
    ]


def _first_rows(pool: Pool) -> list[Mapping[str, Cell]]:
    rows = pool.take(np.arange(min(_SHOWN_ROWS, len(pool)))).to_pandas()
    shown = rows[["id", "source", "instruction", "response"]].astype(str)
    return [
        {str(name): str(value)[:_SHOWN_CHARACTERS] for name, value in row.items()}
        for row in shown.to_dict("records")
    ]
