"""Runs of the command line: from arguments to an exit code."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from autoselection_core.cli.app import app
from autoselection_core.cli.output import AS_JSON, finish, output_of
from autoselection_core.cli.session import unwritable_home
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.campaign import ArgumentsError, SearchInterruptedError
from autoselection_core.errors.store import UnusablePathError

DONE, FINDING, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


_UNUSABLE = frozenset(
    (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EROFS)
)
"""Errors of the operating system about a path that somebody named."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    A mistake of the user is one sentence on standard error; any other exception is a bug and shows its
    traceback.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # the command shows its own progress
    given = sys.argv[1:] if arguments is None else list(arguments)
    with _stopped_as_by_ctrl_c(), output_of(given) as output:
        code, error = _outcome([each for each in given if each != AS_JSON])
        finish(output, code, error)
    return code


@contextmanager
def _stopped_as_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, with what is kept and how to go on.

    A caller's own handler stays, and so does what a child process does by default.
    """
    mine = os.getpid()

    def stop(number: int, _frame: FrameType | None) -> None:
        if os.getpid() == mine:
            raise KeyboardInterrupt
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _outcome(arguments: list[str]) -> tuple[int, BaseException | None]:
    """Exit code, and the mistake that a person can mend, if there is one."""
    try:
        code = typer.main.get_command(app).main(arguments, standalone_mode=False)
    except AutoSelectionError as error:
        return INTERRUPTED if isinstance(error, SearchInterruptedError) else BAD_INPUT, error
    except typer.Exit as finished:
        return finished.exit_code, None
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except OSError as error:
        if (refused := unwritable_home(error) or _unusable_path(error)) is None:
            raise
        return BAD_INPUT, refused
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return BAD_INPUT, ArgumentsError(error.format_message())  # worded by the parser
    if code == INTERRUPTED:  # which the parser makes of Ctrl-C
        return code, KeyboardInterrupt("interrupted; nothing is lost, run the same command again to go on")
    return code if isinstance(code, int) else DONE, None


def _unusable_path(error: OSError) -> AutoSelectionError | None:
    """The mistake of a path that somebody named; None for another error."""
    if error.errno not in _UNUSABLE or error.filename is None:
        return None
    return UnusablePathError(Path(error.filename), str(error.strerror))
