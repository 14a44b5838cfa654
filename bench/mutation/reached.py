"""Lines that each test reaches, recorded once and kept by the content of its file."""

import json
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeAlias

import pytest

from autoselection_core.identity import fingerprint_file
from bench.mutation.faults import PACKAGE
from bench.mutation.forked import pytest_in

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
