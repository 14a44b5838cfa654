"""Progress of a running search as materializations of its report, so that its page is never empty."""

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.search.status import SearchStatus
from autoselection_dagster.place import Place
from autoselection_dagster.values.metadata.search_facts import progress_facts


def show_progress(instance: dg.DagsterInstance, place: Place, ledger: Ledger, search: str) -> None:
    """Refresh `search_report` of a search with what the ledger says now; no run is started for it."""
    for addition in place.partitions.adding([search]):
        instance.add_dynamic_partitions(addition.partitions_def_name, list(addition.partition_keys))
    facts = progress_facts(SearchStatus.of(ledger, search), place.names)
    instance.report_runless_asset_event(
        dg.AssetMaterialization(place.key("search_report"), metadata=dict(facts), partition=search)
    )
