"""Mutants of the rooms that measure, each given to the tests that reach it.

python -m bench.mutation [--sample N] [--seed SEED] [--since COMMIT]   draws the sample and tries it
python -m bench.mutation --again [--seed SEED]   tries those not yet tried, then the survivors

A mutant (`bench/mutation/faults.py`) is tried on a copy of the tracked files. First its tests are those of
its room, and the examples in the room's docstrings, that execute the place: the quickest first, as many as
take `--seconds` of the processor together; how many are left out is stated. A mutant that they let live is
given to test files elsewhere that name its module, those that name the fewest modules first, for as many
seconds again. Slow tests (e2e) have no part. A mutant is killed by a test that fails, or by a test of its
room that runs out of time; all times are the processor's, so that a busy machine kills nothing.

Recording takes minutes a room, and hours on a busy machine. With `--by-name` a room that was not recorded
yet is not: its mutants are given to the test files that name the module, in the room and elsewhere.

`--again` finds the place of an earlier tree by its line, and calls a mutant gone where the line was changed.
Which test executes what is recorded once, in `build/mutation/`. The result file is written after every
mutant; `docs/explanation/untested.md` explains those that survive.
"""

import argparse
import json
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from autoselection_core.identity import Json, fingerprint_file
from bench.mutation.faults import PACKAGE, ROOMS, Mutant, place_today, sample
from bench.mutation.runs import RECORDING_S, Reach, Reaches, load_heavy_packages, pytest_in
from bench.result import REPOSITORY, RESULTS, write_result

_KEPT = REPOSITORY / "build" / "mutation"
_ENDED = ("killed", "out of time")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
_SLOWER = 10
"""How much longer than recorded a test may take."""
_PATIENCE_S = 60
_STUCK_S = 900
"""Seconds by the clock after which a test waits for something that does not come."""
_NO_TESTS = 5


def main() -> None:
    """Draw a sample, or go on with the last one, and leave the result file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=200, help="mutants drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing")
    parser.add_argument("--seconds", type=float, default=120, help="of tests that a mutant is given at most")
    parser.add_argument("--since", help="commit: draw from lines that are new since then")
    parser.add_argument("--by-name", action="store_true", help="record no room that was not recorded yet")
    parser.add_argument("--again", action="store_true", help="go on with the result file")
    asked = parser.parse_args()
    stored = _stored(asked.seed) if asked.again else {}
    mutants = [Mutant(**each) for each in stored["mutants"]] if stored else []
    mutants = mutants or sample(asked.sample, asked.seed, asked.since)
    commit = stored.get("commit") or _commit()
    drawn = {"seed": asked.seed, "commit": commit, "since": stored.get("since", asked.since)}
    drawn["first_fates"] = stored.get("first_fates", {})
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    load_heavy_packages()
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(_copy(Path(folder).resolve()), asked.seconds, commit, asked.by_name)
        try:
            for place in sorted(range(len(mutants)), key=lambda place: _turn(mutants, place)):
                if mutants[place].fate not in _ENDED:
                    mutants[place] = trial.of(mutants[place])
                    print(json.dumps(asdict(mutants[place])), flush=True)
                    _write(drawn, mutants)
        except KeyboardInterrupt:
            print("interrupted: --again goes on from here", flush=True)
        mutants = trial.sound(mutants)
    print(_write({**drawn, "first_fates": drawn["first_fates"] or _fates(mutants)}, mutants))


def _stored(seed: int) -> dict[str, Any]:
    """Figures of an earlier run with a seed."""
    results: dict[str, dict[str, Any]] = json.loads((RESULTS / "mutation.json").read_text("utf-8"))
    figures: dict[str, Any] = results[f"seed_{seed}"]["figures"]
    return figures


def _turn(mutants: Sequence[Mutant], place: int) -> tuple[bool, int, str]:
    """Untried ones first; rooms take turns, so that what was tried of an interrupted sample is even, too."""
    mutant = mutants[place]
    return bool(mutant.fate), sum(each.room == mutant.room for each in mutants[:place]), mutant.room


def _commit() -> str:
    """The commit whose places a sample is drawn from."""
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _write(drawn: Mapping[str, Json], mutants: Sequence[Mutant]) -> Path:
    figures: dict[str, Json] = {**drawn, "fates": _fates(mutants)}
    figures["mutants"] = [asdict(each) for each in mutants]
    return write_result(f"mutation/seed_{drawn['seed']}", figures)


def _fates(mutants: Sequence[Mutant]) -> dict[str, Json]:
    return {room: dict(Counter(each.fate for each in mutants if each.room == room)) for room in ROOMS}


def _copy(folder: Path) -> Path:
    """The tracked files as they are now."""
    command = ["git", "-C", str(REPOSITORY), "ls-files", "-z"]
    for name in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, folder / name)
    return folder


@dataclass(frozen=True)
class Chosen:
    """Plugin of pytest that keeps some tests, file by file, the file with the quickest one first.

    Attributes:
        tests: Names of the tests, the quickest first.
    """

    tests: Collection[str]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep and order the tests that were collected."""
        places = {name: place for place, name in enumerate(self.tests)}
        first: dict[str, int] = {}
        for name, place in places.items():
            first.setdefault(name.partition("::")[0], place)
        kept = [item for item in items if item.nodeid in places]
        kept.sort(key=lambda item: (first[item.nodeid.partition("::")[0]], places[item.nodeid]))
        items[:] = kept


@dataclass(frozen=True)
class Trial:
    """Mutants, one after the other, in one copy of the tree.

    Attributes:
        tree: The copy.
        seconds: Of tests that a mutant is given at most.
        commit: The tree that the mutants were drawn from.
        by_name: Whether rooms that were not recorded yet are not recorded.
    """

    tree: Path
    seconds: float
    commit: str
    by_name: bool = False
    reaches: dict[str, Reaches] = field(default_factory=dict)

    def of(self, mutant: Mutant) -> Mutant:
        """A mutant with its fate."""
        found = place_today(mutant, self.commit)
        if found is None:
            return replace(mutant, fate="gone")
        file, begin, end = found
        path = self.tree / file
        whole = path.read_bytes()
        lines = range(whole.count(b"\n", 0, begin) + 1, whole.count(b"\n", 0, end) + 2)
        is_named = self.by_name and not (_KEPT / f"{mutant.room}.json").exists()
        tests = [] if is_named else self._reaches(mutant.room).of(file, lines, fingerprint_file(path))
        given = _affordable(tests, self.seconds)
        _replace(path, whole[:begin] + mutant.after.encode() + whole[end:])
        try:
            fate, by = self._fate(given)
            if fate == "survived":
                fate, by = self._fate_by_name(file, "" if is_named else mutant.room)
        finally:
            _replace(path, whole)
        return replace(mutant, fate=fate, by=by, tests=len(given), left_out=len(tests) - len(given))

    def _reaches(self, room: str) -> Reaches:
        if room not in self.reaches:
            self.reaches[room] = Reaches(room, self.tree, _KEPT)
        return self.reaches[room]

    def _fate(self, tests: Sequence[Reach]) -> tuple[str, str]:
        if not tests:
            return "survived", ""
        names = [each.name for each in tests]
        seconds = _PATIENCE_S + _SLOWER * sum(each.seconds for each in tests)
        return _verdict(*self._run(["-x", *_files_of(names)], Chosen(names), seconds))

    def _fate_by_name(self, file: str, room: str) -> tuple[str, str]:
        """Fate under the test files outside a room that name the module; running out of time is no kill."""
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        texts = {path: path.read_text("utf-8") for path in sorted((self.tree / "tests").rglob("test_*.py"))}
        named = [path for path, text in texts.items() if re.search(rf"\b{re.escape(module)}\b", text)]
        named.sort(key=lambda path: texts[path].count(f"from {PACKAGE}"))
        files = [path.relative_to(self.tree).as_posix() for path in named]
        files = [each for each in files if not (room and each.startswith(f"tests/{room}/"))]
        if not files:
            return "survived", ""
        status, said = self._run(["-x", *files], object(), self.seconds)
        return ("survived", "") if status is None else _verdict(status, said)

    def _run(self, arguments: Sequence[str], plugin: object, seconds: float) -> tuple[int | None, str]:
        given = ["-q", "-p", "no:cacheprovider", "-m", "not e2e", "--timeout", str(_STUCK_S), *arguments]
        return pytest_in(self.tree, given, plugin, seconds)

    def sound(self, tried: Sequence[Mutant]) -> list[Mutant]:
        """Mutants, without the fate of those that were killed by a test that fails without them, too."""
        killers = sorted({each.by for each in tried if each.fate == "killed" and "::" in each.by})
        if not killers:
            return list(tried)
        _, said = self._run([*_files_of(killers)], Chosen(killers), RECORDING_S)
        failing = set(_FAILED.findall(said))
        return [replace(each, fate="", by="") if each.by in failing else each for each in tried]


def _affordable(tests: Sequence[Reach], seconds: float) -> list[Reach]:
    """The quickest tests that take no longer together; at least one."""
    given: list[Reach] = []
    for each in tests:
        if given and sum(one.seconds for one in given) + each.seconds > seconds:
            break
        given.append(each)
    return given


def _files_of(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.partition("::")[0] for name in names))


def _replace(path: Path, content: bytes) -> None:
    """Write a module; compiled code of the same second and size would be taken for it."""
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()
    path.write_bytes(content)


def _verdict(status: int | None, said: str) -> tuple[str, str]:
    if status is None:
        return "out of time", ""
    if status in {0, _NO_TESTS}:
        return "survived", ""
    failed = _FAILED.findall(said)
    return "killed", failed[0] if failed else said.strip()[-200:]


if __name__ == "__main__":
    main()
