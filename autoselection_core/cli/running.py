"""Runs of the command line: from arguments to an exit code."""

import os
import sys
from collections.abc import Sequence

import typer

from autoselection_core.cli.app import app
from autoselection_core.cli.output import AS_JSON, finish, output_of
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.campaign import ArgumentsError

DONE, FINDING, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    A mistake of the user is one sentence on standard error; any other exception is a bug and shows its
    traceback.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # the command shows its own progress
    given = sys.argv[1:] if arguments is None else list(arguments)
    with output_of(given) as output:
        code, error = _outcome([each for each in given if each != AS_JSON])
        finish(output, code, error)
    return code


def _outcome(arguments: list[str]) -> tuple[int, BaseException | None]:
    """Exit code, and the mistake that a person can mend, if there is one."""
    try:
        code = typer.main.get_command(app).main(arguments, standalone_mode=False)
    except AutoSelectionError as error:
        return BAD_INPUT, error
    except typer.Exit as finished:
        return finished.exit_code, None
    except (typer.Abort, KeyboardInterrupt):  # the parser turns Ctrl-C into the former
        return INTERRUPTED, KeyboardInterrupt(
            "interrupted; nothing is lost, run the same command again to go on"
        )
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return BAD_INPUT, ArgumentsError(error.format_message())  # worded by the parser
    return code if isinstance(code, int) else DONE, None
