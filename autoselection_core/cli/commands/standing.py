"""`autoselection status`: how far the searches are, as a table with a line for each that runs."""

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.commands.ingesting import show_gate
from autoselection_core.cli.output import show_table, tell
from autoselection_core.history.records import SearchRecord, SearchState
from autoselection_core.report.sections.tables import search_table
from autoselection_core.search.status import SearchStatus


def show_status(workspace: Workspace) -> None:
    """Show the searches, a line on each that still runs, and what the gate cut; programs get all of it."""
    ledger = workspace.ledger
    found = [SearchStatus.of(ledger, each.search) for each in ledger.searches()]
    show_table(search_table(tuple(status.record for status in found)))
    for status in found:
        if _is_open(status.record):
            tell(f"{status.record.search}: {status.sentence}")
    tell(ledger.why_idle(), searches=[dict(status.to_json()) for status in found])
    show_gate(workspace)


def _is_open(record: SearchRecord) -> bool:
    return record.held > 0 or record.open_arms > 0 or record.state is SearchState.ACTIVE
