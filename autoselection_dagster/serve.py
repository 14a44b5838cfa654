"""Server of an installation: `python -m autoselection_dagster.serve` (what `make ui` runs)."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.history import HistoryError, NewerSchemaError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchState
from autoselection_core.loopback import UI_PORT
from autoselection_core.search.status import SearchStatus
from autoselection_core.store.home import Home
from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.client import reload_code
from autoselection_dagster.serving.services import Services, known_reports_port, serving


def serve(
    home: Annotated[Path | None, typer.Option(help="Home folder; AUTOSELECTION_HOME by default.")] = None,
    campaigns: Annotated[Path | None, typer.Option(help="File that declares the campaigns.")] = None,
    port: Annotated[int, typer.Option(help="Port of the UI on 127.0.0.1.")] = UI_PORT,
) -> None:
    """Run the webserver, the daemon and the code server until Ctrl-C."""
    found = Installation.from_environment()
    installation = Installation((home or found.home).resolve(), (campaigns or found.campaigns).resolve())
    signal.signal(signal.SIGTERM, _stop)
    linked = known_reports_port(installation)
    try:
        with serving(installation, port) as services:
            typer.echo(
                f"AutoSelection serves {installation.home} on http://127.0.0.1:{port}  (Ctrl-C stops it)"
            )
            typer.echo(f"Written reports: {services.reports_url}/reports")
            if linked not in (None, services.reports_port):
                typer.echo(
                    f"Pages that were made before link to port {linked}, which another program has now; "
                    "Materialize makes a page anew",
                    err=True,
                )
            if problem := _why_not_loaded(installation):
                typer.echo(f"{problem}; mend it and click Reload (Deployment)", err=True)
            for each in unfinished(installation):
                typer.echo(each)
            _look_after(services)
    except AutoSelectionError as error:
        typer.echo(f"autoselection: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("stopped")


_SCHEMA_EVERY_S = 10.0


def _look_after(services: Services) -> None:
    """Start again what died, and load the code anew once a newer release migrated the history."""
    checked, reloaded = time.monotonic(), 0
    while True:
        time.sleep(1)
        services.supervise()
        if time.monotonic() - checked >= _SCHEMA_EVERY_S:
            checked, found = time.monotonic(), _newer_schema(services.installation)
            if found not in (0, reloaded):
                reloaded = found
                typer.echo(
                    f"A newer release brought the history to schema {found}; its code is loaded now",
                    err=True,
                )
                reload_code(services)


def _newer_schema(installation: Installation) -> int:
    """Schema version of the history, where it is newer than this process knows; 0 else.

    Code that is loaded stays as it was when files are upgraded, and each tick would fail.
    """
    try:
        Ledger.open(Home(installation.home).history_url)
    except NewerSchemaError as error:
        return error.found
    except HistoryError:
        return 0  # a database that is away for a moment: the ticks say so
    return 0


def _why_not_loaded(installation: Installation) -> str:
    """Reason why the campaigns do not load, in a sentence; empty where they do."""
    try:
        load_campaigns(installation.campaigns, Home(installation.home))
    except AutoSelectionError as error:
        return f"the campaigns cannot be loaded, and the UI has no job before they can: {error}"
    return ""


def unfinished(installation: Installation) -> Iterator[str]:
    """A sentence for each search that the served installation goes on with unasked, as it has budget left."""
    home = Home(installation.home)
    try:
        campaigns, ledger = load_campaigns(installation.campaigns, home), Ledger.open(home.history_url)
    except AutoSelectionError:
        return  # said already, or by the ticks
    for record in ledger.searches():
        is_open = record.state is SearchState.ACTIVE or record.open_arms
        if is_open and record.spec.campaign in campaigns:
            left = SearchStatus.of(ledger, record.search, home).trainings_left
            unit = "evaluation" if record.spec.is_formula else "training"
            yield (
                f"Goes on with {record.search} ({left} {unit}{'' if left == 1 else 's'} left); to stop it, "
                f"launch the job stop_search with `search: {record.search}`"
            )


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    typer.run(serve)
