"""Asset of a campaign's pool, cut at the contamination gate, with its checks."""

from collections.abc import Iterator

import dagster as dg
import numpy as np

from autoselection_core.campaign.pools import PreparedPool
from autoselection_core.pool.ingest import Ingestion
from autoselection_core.pool.pool import Pool
from autoselection_core.report.lineage.differing import pool_change
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.tables import (
    fields_table,
    formats_table,
    gate_table,
    quarantine_table,
    sources_table,
)
from autoselection_core.signals.contamination.decontaminate import GateResult
from autoselection_dagster.assets.asset_checks import Check
from autoselection_dagster.assets.progress import Logged
from autoselection_dagster.beta import versioned_output
from autoselection_dagster.names import Group
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, with_prefixed_resources
from autoselection_dagster.values.managers import POOLS
from autoselection_dagster.values.metadata.rendering import Facts
from autoselection_dagster.values.metadata.tables import table_value

COUNTS_ADD_UP = Check("counts_add_up", "Every record is a sample, merged or in quarantine: none is lost.")
IDS_ARE_UNIQUE = Check(
    "ids_are_unique", "Row numbers replace ids everywhere else, so a repeated id would hide samples."
)
HOLDS_NO_QUESTION = Check(
    "holds_no_benchmark_question",
    "A model that was trained on the questions is better at them and at nothing else, in every arm.",
)
MAX_CUT_SHARE = 0.5
"""Maximum share of cut samples: above it the sources are the benchmark, and no pool to search."""
_SHOWN_ROWS = 5
_SHOWN_CHARACTERS = 120


def pool_asset(place: Place) -> dg.AssetsDefinition:
    """The pool of a campaign."""
    key = place.key("pool")

    @dg.asset(
        key=key,
        group_name=place.group(Group.POOL),
        deps=[place.key("raw_sources"), *(place.key("benchmark", name) for name in place.campaign.weights)],
        io_manager_key=POOLS,
        kinds={"arrow"},
        check_specs=[COUNTS_ADD_UP.spec(key), IDS_ARE_UNIQUE.spec(key), HOLDS_NO_QUESTION.spec(key)],
    )
    @with_prefixed_resources
    def pool(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.Output[Pool] | dg.AssetCheckResult]:
        """The samples of all sources, each once, without those that hold a benchmark's question."""
        told = Logged(context.log, "reading records", "records")
        found = place.workspace(home).ingest(told, told)
        yield versioned_output(found.pool, _facts(found), found.pool.version)
        yield counts_add_up(found.ingestion)
        yield ids_are_unique(found.pool)
        yield holds_no_question(found.gated)

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


def holds_no_question(gated: GateResult) -> dg.AssetCheckResult:
    """Samples that hold a benchmark's question are out of the pool, and they were not most of it."""
    cut = {cut.sample.encode() for cut in gated.cuts}
    left = int(np.isin(gated.pool.ids, np.array(sorted(cut), gated.pool.ids.dtype)).sum())
    share = len(cut) / (len(cut) + len(gated.pool))
    by_match = {
        f"{benchmark}: {match.value}": count
        for benchmark, counts in gated.counts.items()
        for match, count in counts.items()
        if count
    }
    return HOLDS_NO_QUESTION.result(
        passed=left == 0 and share <= MAX_CUT_SHARE,
        left_in_the_pool=left,
        cut=len(cut),
        share_cut=share,
        **by_match,
    )


def _facts(prepared: PreparedPool) -> Facts:
    found = prepared.ingestion
    return {
        "dagster/row_count": len(prepared.pool),
        "records": found.records,
        "samples": found.samples,
        "merged": found.merged,
        "quarantined": found.quarantined,
        "trimmed": found.trimmed,
        "by_source": table_value(sources_table(found)),
        **({"merged_samples": _MERGED} if found.merged else {}),
        "pinned": ", ".join(found.pinned) or "no data set of a hub",
        "formats": table_value(formats_table(found)),
        "fields": table_value(fields_table(found)),
        "quarantine": table_value(quarantine_table(found)),
        # A path would widen the whole page.
        "quarantine_file": "in the folder quarantine of the home, named by the version of the pool",
        "contaminated": prepared.gated.samples_cut,
        "contamination": table_value(gate_table(prepared.gated)),
        "sources": table_value(_per_source(prepared.pool)),
        **_change(prepared),
        "first_rows": table_value(_first_rows(prepared.pool)),
        "version": prepared.pool.version,
    }


_MERGED = (
    "a sample that records of several sources hold counts in `by_source` for the source that was read first, "
    "and in `sources` and `change_by_source` for the source of its first origin"
)


def _change(prepared: PreparedPool) -> Facts:
    if prepared.before is None:
        return {"change": "the first pool of the campaign"}
    change = pool_change(prepared.before, prepared.pool)
    return {"change": change.sentence, "change_by_source": table_value(change.by_source)}


def _per_source(pool: Pool) -> Table:
    counts = np.bincount(pool.source_codes, minlength=len(pool.source_names)).tolist()
    rows = tuple(zip(pool.source_names, counts, strict=True))
    return Table("Samples by primary source", ("source", "samples"), rows)


def _first_rows(pool: Pool) -> Table:
    frame = pool.take(np.arange(min(_SHOWN_ROWS, len(pool)))).to_pandas()
    columns = ("id", "source", "instruction", "response")
    rows = tuple(
        tuple(str(value)[:_SHOWN_CHARACTERS] for value in row)
        for row in frame[list(columns)].itertuples(index=False)
    )
    return Table("The first samples", columns, rows)
