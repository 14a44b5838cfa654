"""Runs of pytest in a copy of the tree: in forked processes, and with the lines that each test reaches."""

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from inspect import CO_OPTIMIZED
from math import ceil
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NoReturn, TypeAlias

import pytest

from autoselection_core.identity import fingerprint_file
from bench.mutation.faults import PACKAGE
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


RECORDING_S = 3_600

Steps: TypeAlias = Generator[None, object, object]
"""What a wrapping hook of pytest is."""


@dataclass(frozen=True)
class Reach:
    """A test that passes, and the lines of a room that it executes.

    Attributes:
        name: Of the test, as pytest spells it.
        seconds: Of the processor, what it and the processes that it waited for took while it was recorded.
        lines: Lines of functions by file; a line of a module or class runs once for all tests.
    """

    name: str
    seconds: float
    lines: dict[str, list[int]]


class Recorder:
    """Plugin of pytest that writes the reach of every test that passes.

    Lines that a fixture of a wider scope executes count for every test that asks for the fixture.
    """

    def __init__(self, tree: Path, room: str, output: Path) -> None:
        self.folder, self.tree, self.output = f"{tree}/{PACKAGE}/{room}/", tree, output
        self.found: list[Reach] = []
        self._lines: set[tuple[str, int]] = set()
        self._of_fixture: defaultdict[int, set[tuple[str, int]]] = defaultdict(set)
        self._is_ours: dict[CodeType, bool] = {}
        self._failed = False

    def _enter(self, frame: FrameType, _event: str, _given: object) -> Any:  # noqa: ANN401 as sys.settrace has it
        code = frame.f_code
        if code not in self._is_ours:
            of_function = bool(code.co_flags & CO_OPTIMIZED)
            self._is_ours[code] = of_function and code.co_filename.startswith(self.folder)
        return self._step if self._is_ours[code] else None

    def _step(self, frame: FrameType, event: str, _given: object) -> Any:  # noqa: ANN401 as sys.settrace has it
        if event == "line":
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._step

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Steps:
        """Keep the lines of a fixture's setup for the other tests that ask for it."""
        before, self._lines = self._lines, set()
        try:
            return (yield)
        finally:
            self._of_fixture[id(fixturedef)] |= self._lines
            self._lines |= before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice a test that does not pass."""
        self._failed |= not report.passed

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Steps:
        """Trace a test with its setup."""
        self._lines, self._failed, started = set(), False, _used_s()
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            if not self._failed:
                self.found.append(Reach(item.nodeid, _used_s() - started, self._by_file(item)))

    def _by_file(self, item: pytest.Item) -> dict[str, list[int]]:
        lines = set(self._lines)
        known = getattr(item, "_fixtureinfo", None)
        for definitions in known.name2fixturedefs.values() if known else ():
            lines |= set().union(*(self._of_fixture[id(each)] for each in definitions))
        found: defaultdict[str, list[int]] = defaultdict(list)
        for file, line in sorted(lines):
            found[str(Path(file).relative_to(self.tree))].append(line)
        return dict(found)

    def pytest_sessionfinish(self) -> None:
        """Write what was found."""
        self.output.write_text(json.dumps([asdict(each) for each in self.found]), "utf-8")


class Reaches:
    """The reach of all fast tests of a room. A test file is recorded again when its content has changed."""

    def __init__(self, room: str, tree: Path, kept: Path) -> None:
        self._tree = tree
        path = kept / f"{room}.json"
        known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        sources = {file: fingerprint_file(tree / file) for file in _files(tree / PACKAGE / room, tree)}
        tests = {
            file: fingerprint_file(tree / file) for file in _files(tree / "tests" / room, tree)
        } | sources
        stale = [file for file in tests if known.get(file, {}).get("content") != tests[file]]
        if stale:
            recorded = self._recorded(room, stale, kept)
            for file in stale:
                mine = [each for each in recorded if each["name"].partition("::")[0] == file]
                known[file] = {"content": tests[file], "sources": sources, "tests": mine}
            kept.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(known), "utf-8")
        self._known = [
            (record["sources"], record["tests"]) for file, record in known.items() if file in tests
        ]

    def _recorded(self, room: str, files: Sequence[str], kept: Path) -> list[dict[str, Any]]:
        kept.mkdir(parents=True, exist_ok=True)
        output = kept / f"{room}.recorded.json"
        arguments = ["-q", "-p", "no:cacheprovider", "-m", "not e2e", *files]
        status, said = pytest_in(self._tree, arguments, Recorder(self._tree, room, output), RECORDING_S)
        if status is None or not output.exists():
            sys.exit(f"the tests of {room} could not be recorded:\n{said[-2000:]}")
        print(f"{room}: {said.strip().splitlines()[-1]}", flush=True)
        found: list[dict[str, Any]] = json.loads(output.read_text("utf-8"))
        return found

    def of(self, file: str, lines: range, content: str) -> list[Reach]:
        """Tests that reach some lines of a file, the quickest first.

        All that reach the file, where the lines run once for all tests, or where the file was another one
        when the test was recorded.
        """
        near, anywhere = [], []
        for sources, tests in self._known:
            for each in tests:
                if file in each["lines"]:
                    anywhere.append(Reach(**each))
                    if sources.get(file) != content or not set(lines).isdisjoint(each["lines"][file]):
                        near.append(Reach(**each))
        return sorted(near or anywhere, key=lambda each: (each.seconds, each.name))


def _used_s() -> float:
    """The processor's time of this process and of those that it waited for."""
    return sum(os.times()[:4])


def _files(folder: Path, tree: Path) -> list[str]:
    """Python files of tests and sources, from the top of the tree."""
    return [
        path.relative_to(tree).as_posix()
        for path in sorted(folder.rglob("*.py"))
        if path.name.startswith("test_") or PACKAGE in path.parts
    ]
