"""Options of commands that follow from the settings they set."""

from typing import Any

import typer

from autoselection_core.history.specification.settings import SearchSettings
from autoselection_core.space import meanings


def setting(name: str, more: str = "") -> Any:  # noqa: ANN401 - what typer makes of it
    """Option for a field of `SearchSettings`; left out, it is as the campaign declares it.

    Args:
        name: The field.
        more: Further help on the command line, beside its meaning.
    """
    return typer.Option(help=f"{meanings(SearchSettings)[name]} {more}".rstrip())
