"""Mutants: small faults in the code of the rooms that measure.

A mutant is the tree with one small fault: a comparison, sign, connective, number or decision turned, or a
statement left out. As many are drawn of each room, evenly over its places.
"""

import ast
import random
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from bench.result import REPOSITORY

_HUNK = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
ROOMS = ("score", "signals", "benchmarks", "evaluation", "export")
PACKAGE = "autoselection_core"


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
        tests: Tests that were run on it.
        left_out: Tests that reach the place but were too dear to run.
    """

    room: str
    file: str
    line: int
    before: str
    after: str
    occurrence: int
    fate: str = ""
    by: str = ""
    tests: int = 0
    left_out: int = 0


def sample(count: int, seed: int, since: str | None = None) -> list[Mutant]:
    """As many mutants of each room, evenly over its places.

    Only over lines that are new since a commit, where one is given: all of a room that has fewer.
    """
    rng = random.Random(seed)  # noqa: S311 a sample, not a secret
    drawn: list[Mutant] = []
    for place, room in enumerate(ROOMS):
        share = count // len(ROOMS) + (place < count % len(ROOMS))
        found = list(_of_room(room, since))
        drawn += rng.sample(found, share if since is None else min(share, len(found)))
    return drawn


def _of_room(room: str, since: str | None) -> Iterator[Mutant]:
    for path in sorted((REPOSITORY / PACKAGE / room).rglob("*.py")):
        file = path.relative_to(REPOSITORY).as_posix()
        new = None if since is None else _new_lines(file, since)
        seen: Counter[tuple[str, str]] = Counter()
        for line, before, after, _ in places(path.read_text("utf-8")):
            if new is None or line in new:
                yield Mutant(room, file, line, before, after, seen[before, after])
            seen[before, after] += 1


def _new_lines(file: str, since: str) -> set[int]:
    """Lines of a file that a commit does not have in it, nor in the file that it was renamed from."""
    earlier = {after: before for before, after in _renamed(since).items()}.get(file, file)
    new: set[int] = set()
    for line in _git("diff", "-U0", "-M", since, "HEAD", "--", earlier, file).splitlines():
        if found := _HUNK.match(line):
            begin, count = int(found[1]), int(found[2] or 1)
            new |= set(range(begin, begin + count))
    return new


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


def place_today(mutant: Mutant, commit: str) -> tuple[str, int, int] | None:
    """File of a mutant of an earlier tree, and where its code begins and ends in it, in bytes.

    The file is followed through renames. None where the file or the line is another one today.
    """
    fault = (mutant.before, mutant.after)
    earlier = _git("show", f"{commit}:{mutant.file}")
    drawn = [at for _, before, after, at in places(earlier) if (before, after) == fault][mutant.occurrence]
    file = _renamed(commit).get(mutant.file, mutant.file)
    path = REPOSITORY / file
    if not path.exists():
        return None
    today = path.read_bytes()
    moved = _moved(earlier.encode(), today, *drawn)
    held = [at for _, before, after, at in places(today.decode()) if (before, after) == fault]
    return (file, *moved) if moved in held else None


@cache
def _renamed(commit: str) -> dict[str, str]:
    """Files of an earlier tree that have another name today."""
    said = _git("diff", "-M", "--diff-filter=R", "--name-status", commit, "HEAD", "--", PACKAGE)
    return {before: after for _, before, after in (line.split("\t") for line in said.splitlines())}


def _moved(earlier: bytes, today: bytes, begin: int, end: int) -> tuple[int, int] | None:
    """Where bytes of an earlier text are today, if their lines are the same."""
    before, after = earlier.splitlines(keepends=True), today.splitlines(keepends=True)
    first, last = earlier.count(b"\n", 0, begin), earlier.count(b"\n", 0, end)
    for match in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        if match.a <= first and last < match.a + match.size:
            shift = sum(map(len, after[: match.b])) - sum(map(len, before[: match.a]))
            return begin + shift, end + shift
    return None


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


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
