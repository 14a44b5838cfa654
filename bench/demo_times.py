"""Time, memory and silences of a whole demo, from an empty home folder to its last line.

    python -m bench.demo_times native
    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python -m bench.demo_times avx2

Installation is not in it. The second command lets torch use what a processor without AVX512-BF16 has.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

from autoselection_core.identity import Json
from bench.result import REPOSITORY, write_result

_EVERY_S = 2.0
_LEFT = re.compile(r"^\[(\d+):(\d+), about (\d+):(\d+) left\] (.*)")
_VERDICT = re.compile(r"^Better than (.*?)\? (.*)")


@dataclass(frozen=True)
class Line:
    """A line that the demo printed.

    Attributes:
        at_s: Seconds since the start.
        text: The line.
    """

    at_s: float
    text: str


def print_output(command: list[str], home: Path) -> Iterator[Line]:
    """The lines of a command as they come."""
    began = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "AUTOSELECTION_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            print(text, end="", flush=True)
            yield Line(time.monotonic() - began, text.rstrip())
    assert process.returncode == 0, f"the demo ended with {process.returncode}"


class Memory:
    """Peak of the memory that this process and all below it share fairly (proportional set sizes)."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._measure, daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watch.join()

    def _measure(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            self.peak_bytes = max(self.peak_bytes, sum(map(_pss, _family(os.getpid()))))


def _family(root: int) -> list[int]:
    """A process and all below it, those in other sessions too."""
    parents = {int(each.name): _parent(each) for each in Path("/proc").iterdir() if each.name.isdecimal()}
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def _parent(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return None


def _pss(process: int) -> int:
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:  # it has ended meanwhile
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return 1024 * int(found.group(1)) if found else 0


def stages(lines: list[Line]) -> dict[str, Json]:
    """Seconds from the first line of each stage of a run to the first line of the next."""
    begins: dict[str, float] = {}
    for line in lines:
        if (found := _LEFT.match(line.text)) is not None:
            stage = re.split(r" \(at it for|:| are in ", found.group(5))[0]  # no folder of this machine
            begins.setdefault(stage, line.at_s)
    ends = [*list(begins.values())[1:], lines[-1].at_s]
    return {name: round(end - begin, 1) for (name, begin), end in zip(begins.items(), ends, strict=True)}


def figures_of(lines: list[Line], memory: Memory) -> dict[str, Json]:
    """Figures of one run: times, and what it printed."""
    waits = [(after.at_s - before.at_s, after) for before, after in pairwise(lines)]
    longest, next_line = max([(lines[0].at_s, lines[0]), *waits], key=lambda wait: wait[0])
    promised = next((found for line in lines if (found := _LEFT.match(line.text))), None)
    assert promised is not None, "the demo never said how long it takes"
    begun, ahead = (60 * int(promised.group(at)) + int(promised.group(at + 1)) for at in (1, 3))
    total_s, used = lines[-1].at_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(total_s, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_memory_gb": round(memory.peak_bytes / 1e9, 2),
        "first_estimate_s": begun + ahead,
        "first_estimate_over_truth": round((begun + ahead) / total_s, 2),
        "longest_silence_s": round(longest, 1),
        "line_after_the_longest_silence": next_line.text,
        "verdicts": [line.text for line in lines if _VERDICT.match(line.text)],
        "stages_s": stages(lines),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine", help="kind of machine, part of the result's name")
    parser.add_argument("--home", type=Path, help="home folder of the demo; a new one without it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, Memory() as memory:
        lines = list(print_output([sys.executable, "-m", "demo"], arguments.home or Path(scratch) / "home"))
    torch = {name: os.environ.get(name) for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")}
    figures: dict[str, Json] = {"environment": dict(torch), **figures_of(lines, memory)}
    print(write_result(f"demo_times_{arguments.machine}", figures))


if __name__ == "__main__":
    main()
