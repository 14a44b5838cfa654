"""Runs of pytest in forked processes, which have the heavy packages when they begin."""

import contextlib
import importlib
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import NoReturn

import pytest

from bench.result import REPOSITORY

HEAVY = (
    "numpy", "scipy.stats", "scipy.sparse", "pandas", "pyarrow.parquet", "sklearn.cluster", "sqlalchemy",
    "torch", "transformers", "peft", "datasets", "icu4py", "regex", "yaml", "jinja2", "doctest",
)  # fmt: skip
"""Loaded once. None of these starts a thread of Python when it is imported: it would not live in the fork."""

_OURS = ("autoselection_core", "autoselection_dagster", "bench", "demo", "tests")
_TICK_S = 0.05
_STUCK = 60
"""How much more time by the clock than of the processor a run may take."""
_TO_END_S = 30


def load_heavy_packages() -> None:
    """Load what nearly every test file imports."""
    for name in HEAVY:
        importlib.import_module(name)


def pytest_in(tree: Path, arguments: Sequence[str], plugin: object, seconds: float) -> tuple[int | None, str]:
    """Exit status of pytest in a copy of the tree, None where it ran out of time; and what it printed.

    Args:
        tree: The copy.
        arguments: Of pytest.
        plugin: One further plugin.
        seconds: Of the processor that the run may take.
    """
    with tempfile.TemporaryFile() as said:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            # Plugins that are loaded already cannot be rewritten, and need not be.
            given = ["-W", "ignore::pytest.PytestAssertRewriteWarning", *arguments]
            resource.setrlimit(resource.RLIMIT_CPU, (ceil(seconds), ceil(seconds) + _TO_END_S))
            _serve(lambda: pytest.main(given, plugins=[plugin]), tree, said.fileno())
        status = _waited(child, _STUCK * seconds)
        said.seek(0)
        return status, said.read().decode("utf-8", "replace")


def _serve(work: Callable[[], int], tree: Path, output: int) -> NoReturn:
    """Do the work in a session of its own, with the modules of the copy, and end the process."""
    status = 1
    try:
        os.setsid()
        for stream in (1, 2):
            os.dup2(output, stream)
        os.chdir(tree)
        os.environ.update(PYTHONPATH=str(tree), OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")
        sys.path[:] = [str(tree), *(each for each in sys.path if Path(each).resolve() != REPOSITORY)]
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            del sys.modules[name]
        status = int(work())
    except BaseException:  # noqa: BLE001 the process ends here, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _waited(child: int, seconds: float) -> int | None:
    """Exit status of a child; None where its time is over. What it started ends with it."""
    end = time.monotonic() + seconds
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended and time.monotonic() < end:
        time.sleep(_TICK_S)
        ended, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not ended:
        os.waitpid(child, 0)
        return None
    code = os.waitstatus_to_exitcode(status)
    return None if code == -signal.SIGXCPU else code
