"""`autoselection status`: how far the searches are, as a table with a line for each that runs, or as JSON."""

import json

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.ingesting import show_gate
from autoselection_core.cli.output import show_table, tell
from autoselection_core.history.records import SearchRecord
from autoselection_core.report.sections.tables import search_table
from autoselection_core.search.status import SearchStatus


def show_status(workspace: Workspace) -> None:
    """Print the searches, a line on each that still runs, and what the gate cut."""
    ledger = workspace.ledger
    searches = ledger.searches()
    show_table(search_table(searches))
    for record in filter(_is_open, searches):
        tell(f"{record.search}: {SearchStatus.of(ledger, record.search).sentence}")
    tell(ledger.why_idle())
    show_gate(workspace)


def print_status(workspace: Workspace) -> None:
    """Print the status of every search as a JSON list, oldest first."""
    ledger = workspace.ledger
    print(
        json.dumps([SearchStatus.of(ledger, each.search).to_json() for each in ledger.searches()], indent=2)
    )


def _is_open(record: SearchRecord) -> bool:
    return record.held > 0 or record.open_arms > 0 or record.state == "active"
