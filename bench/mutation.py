"""Mutants of the rooms that measure, each given to the tests that concern it.

python -m bench.mutation [--sample N] [--seed SEED]   draws the sample and tries it
python -m bench.mutation --again                      tries those that survived, or were not tried, once more

A mutant is the tree with one small fault: a comparison, sign, connective, number or decision turned, or a
statement left out. As many are drawn of each room, evenly over its places. A mutant is tried on a copy of the
tracked files, first with the tests that name its module and its own examples, then with the fast tests of its
room (trainings that diverge take minutes and are run where they name the module). It is killed by a test that
fails or runs out of time. The result file names every mutant and the test that killed it;
`docs/explanation/untested.md` explains those that survive.
"""

import argparse
import ast
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from autoselection_core.identity import Json
from bench.result import REPOSITORY, RESULTS, write_result

ROOMS = ("score", "signals", "benchmarks", "evaluation", "export")
_PACKAGE = "autoselection_core"
_TEST_SECONDS, _MUTANT_SECONDS = 600, 2_400
_SLOW = "tests/evaluation/test_divergence.py"
_ENDED = ("killed", "out of time")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """One fault in one place.

    Attributes:
        room: The room of the module.
        file: The module, from the repository's root.
        line: Line of the place in the tree that the sample was drawn from.
        before: The code of the place.
        after: The code of the fault.
        occurrence: Number of the place among equal ones of the file.
        fate: `killed`, `out of time`, `survived`, `gone` where the place does not exist any more, or empty
            where it was not tried.
        by: The test that failed.
    """

    room: str
    file: str
    line: int
    before: str
    after: str
    occurrence: int
    fate: str = ""
    by: str = ""


def main() -> None:
    """Draw a sample, or take the survivors of the last one, and leave the result file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=200, help="mutants drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing")
    parser.add_argument("--again", action="store_true", help="try the survivors of the result file once more")
    asked = parser.parse_args()
    stored = json.loads((RESULTS / "mutation.json").read_text("utf-8"))["figures"] if asked.again else {}
    mutants = [Mutant(**each) for each in stored["mutants"]] if stored else sample(asked.sample, asked.seed)
    drawn = {"seed": stored["seed"], "commit": stored["commit"]} if stored else _drawn(asked.seed)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tried = dict(enumerate(mutants))
    with tempfile.TemporaryDirectory() as folder:
        tree = _copy(Path(folder))
        try:
            for place in sorted(tried, key=lambda place: _turn(mutants, place)):
                if tried[place].fate not in _ENDED:
                    tried[place] = _tried(mutants[place], tree)
                    print(json.dumps(asdict(tried[place])), flush=True)
        except KeyboardInterrupt:
            print("interrupted: --again goes on from here", flush=True)
        tried = dict(enumerate(_sound(list(tried.values()), tree)))
    found = list(tried.values())
    figures = {**drawn, "fates": _fates(found), "mutants": [asdict(each) for each in found]}
    print(write_result("mutation", figures))


def _turn(mutants: Sequence[Mutant], place: int) -> tuple[int, str]:
    """Rooms take turns, so that what was tried of an interrupted sample is even, too."""
    room = mutants[place].room
    return sum(each.room == room for each in mutants[:place]), room


def _drawn(seed: int) -> dict[str, Json]:
    """Name of a sample: the seed, and the commit whose places it was drawn from."""
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return {"seed": seed, "commit": commit}


def sample(count: int, seed: int) -> list[Mutant]:
    """As many mutants of each room, evenly over its places."""
    rng = random.Random(seed)  # noqa: S311 a sample, not a secret
    drawn: list[Mutant] = []
    for place, room in enumerate(ROOMS):
        share = count // len(ROOMS) + (place < count % len(ROOMS))
        drawn += rng.sample(list(_of_room(room)), share)
    return drawn


def _of_room(room: str) -> Iterator[Mutant]:
    for path in sorted((REPOSITORY / _PACKAGE / room).rglob("*.py")):
        file = path.relative_to(REPOSITORY).as_posix()
        seen: Counter[tuple[str, str]] = Counter()
        for line, before, after, _ in places(path.read_text("utf-8")):
            yield Mutant(room, file, line, before, after, seen[before, after])
            seen[before, after] += 1


def places(source: str) -> Iterator[tuple[int, str, str, tuple[int, int]]]:
    """Faults of a module: line, code before and after, and where the code begins and ends, in bytes."""
    tree, encoded = ast.parse(source), source.encode()
    starts = [0]
    for line in encoded.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _executed(tree):
        for after in _faults(node):
            assert isinstance(node, ast.expr | ast.stmt)
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            yield node.lineno, encoded[begin:end].decode(), after, (begin, end)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run: no annotation, no text, no part of an f-string, which has no place of its own."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases"} or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _executed(child)


_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_NAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}


def _faults(node: ast.AST) -> Iterator[str]:
    yield from _turned(node) if isinstance(node, ast.expr) else _left_out(node)


def _turned(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            yield _written(ast.Compare(left, [_COMPARED[type(operator)]()], [right]))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _COMPUTED:
            if not any(_is_text(each) for each in (left, right)) and not _is_path(left):
                yield _written(ast.BinOp(left, _COMPUTED[type(operator)](), right))
        case ast.BoolOp(op=operator, values=values):
            yield _written(ast.BoolOp(ast.And() if isinstance(operator, ast.Or) else ast.Or(), values))
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield _written(operand)
        case ast.Constant(value=bool() | int() | float() as value):
            yield str(not value) if isinstance(value, bool) else str(value + 1)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in _NAMED:
            yield _written(ast.Call(ast.Name(_NAMED[name]), arguments, keywords))
        case ast.IfExp(test=ast.Name() | ast.Call() | ast.Attribute() as test, body=body, orelse=orelse):
            yield _written(ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse))


def _left_out(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield "pass"
        case ast.AugAssign(target=target, op=operator, value=value) if type(operator) in _COMPUTED:
            yield ast.unparse(ast.AugAssign(target, _COMPUTED[type(operator)](), value))
        case ast.Continue():
            yield "break"
        case ast.Break():
            yield "continue"


def _written(node: ast.expr) -> str:
    return f"({ast.unparse(ast.fix_missing_locations(node))})"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_path(node: ast.expr) -> bool:
    """Whether a quotient is a path below a folder: any other sign would not even run."""
    return re.search("folder|path|home|root", ast.unparse(node)) is not None


def _copy(folder: Path) -> Path:
    """The tracked files as they are now."""
    command = ["git", "-C", str(REPOSITORY), "ls-files", "-z"]
    for name in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, folder / name)
    return folder


def _sound(tried: list[Mutant], tree: Path) -> list[Mutant]:
    """Mutants, without the fate of those that were killed by a test that fails without them, too."""
    killers = sorted({each.by.partition("[")[0] for each in tried if each.fate == "killed"})
    failing = [test for test in killers if _fate([test], tree)[0] != "survived"] if killers else []
    return [replace(each, fate="", by="") if each.by.partition("[")[0] in failing else each for each in tried]


def _tried(mutant: Mutant, tree: Path) -> Mutant:
    path = tree / mutant.file
    whole = path.read_bytes() if path.exists() else b""
    found = [at for _, before, after, at in places(whole.decode()) if (before, after) == _fault_of(mutant)]
    if len(found) <= mutant.occurrence:
        return replace(mutant, fate="gone")
    begin, end = found[mutant.occurrence]
    path.write_bytes(whole[:begin] + mutant.after.encode() + whole[end:])
    try:
        named = _tests_that_name(mutant.file, mutant.room, tree)
        fate, by = _fate([*named, mutant.file], tree)
        if fate == "survived":
            fate, by = _fate([f"tests/{mutant.room}", "--ignore", _SLOW], tree)
    finally:
        path.write_bytes(whole)
    return replace(mutant, fate=fate, by=by)


def _fault_of(mutant: Mutant) -> tuple[str, str]:
    return mutant.before, mutant.after


def _tests_that_name(file: str, room: str, tree: Path) -> list[str]:
    """Test files of the room that import the module, the shortest first."""
    module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    texts = {path: path.read_text("utf-8") for path in (tree / "tests" / room).rglob("test_*.py")}
    named = [path for path, text in texts.items() if re.search(rf"\b{re.escape(module)}\b", text)]
    return [path.relative_to(tree).as_posix() for path in sorted(named, key=lambda path: len(texts[path]))]


def _fate(tests: Sequence[str], tree: Path) -> tuple[str, str]:
    """Fate of the tree as it is in some tests, and the test that fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not e2e"]
    command += ["--timeout", str(_TEST_SECONDS), *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    started = time.monotonic()
    try:
        run = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=_MUTANT_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "out of time", f"after {time.monotonic() - started:.0f} s"
    if run.returncode in {0, 5}:
        return "survived", ""
    failed = _FAILED.findall(run.stdout)
    return "killed", failed[0] if failed else (run.stdout + run.stderr).strip()[-200:]


def _fates(tried: Sequence[Mutant]) -> dict[str, dict[str, int]]:
    return {room: dict(Counter(each.fate for each in tried if each.room == room)) for room in ROOMS}


if __name__ == "__main__":
    main()
