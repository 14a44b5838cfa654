"""From arguments to an exit code."""

import os
import sys
from collections.abc import Sequence

import typer
from rich.console import Console

from autoselection_core.cli.app import app
from autoselection_core.errors.base import AutoSelectionError

DONE, FINDING, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    A mistake of the user is one sentence on standard error; any other exception is a bug and shows its
    traceback.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # the command tells of its own progress
    command = typer.main.get_command(app)
    try:
        code = command.main(list(arguments) if arguments is not None else None, standalone_mode=False)
    except AutoSelectionError as error:
        _complain(str(error))
        return BAD_INPUT
    except typer.Exit as finished:
        return finished.exit_code
    except typer.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        _complain("interrupted; nothing is lost, run the same command again to go on")
        return INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        _complain(error.format_message())  # a mistake in the arguments, told by the parser
        return BAD_INPUT
    return code if isinstance(code, int) else DONE


def _complain(sentence: str) -> None:
    Console(file=sys.stderr, soft_wrap=True, highlight=False, markup=False).print(
        f"autoselection: {sentence}"
    )
