"""A measured figure, with what it takes to measure it again: commit, command and machine."""

import gzip
import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from autoselection_core.identity import Json

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "bench" / "results"
REAL_DATA = REPOSITORY.parent / "shared" / "data"

T = TypeVar("T")


@dataclass(frozen=True)
class Measured(Generic[T]):
    """Outcome of a piece of work, with its time and memory.

    Attributes:
        value: What it gave.
        seconds: By the clock on the wall.
        cpu_seconds: Of all threads of this process.
        peak_bytes: Largest resident set of the process while it worked, with mapped files and imports.
        private_bytes: Largest part of it that no file backs, which the kernel cannot take back; looked at
            twenty times a second.
    """

    value: T
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    private_bytes: int

    @property
    def cost(self) -> dict[str, Json]:
        """The figures, rounded to what a repetition would show again."""
        return {
            "seconds": round(self.seconds, 4),
            "cpu_seconds": round(self.cpu_seconds, 4),
            "peak_mb": round(self.peak_bytes / 1e6),
            "private_mb": round(self.private_bytes / 1e6),
        }

    def pace(self, samples: int) -> dict[str, Json]:
        """The cost, and how many samples a second that is: by the clock, and of the processor's time."""
        by_clock, of_processor = samples / self.seconds, samples / max(self.cpu_seconds, 1e-3)
        return {
            **self.cost,
            "samples": samples,
            "samples_per_s": round(by_clock, 3),
            "samples_per_cpu_s": round(of_processor, 3),
        }


def resident_mb() -> int:
    """Memory that this process holds now."""
    return round(_proc("self/status", "VmRSS") * 1024 / 1e6)


def measure(work: Callable[[], T]) -> Measured[T]:
    """Do a piece of work and say what it took."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # forgets the peak so far, see proc(5)
    with _private_memory() as seen:
        started, cpu_started = time.perf_counter(), time.process_time()
        value = work()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return Measured(value, seconds, cpu_seconds, _proc("self/status", "VmHWM") * 1024, max(seen))


@contextmanager
def _private_memory() -> Iterator[list[int]]:
    """Bytes of this process that no file backs, looked at now and then until the block ends."""
    seen, ended = [_private_bytes()], threading.Event()

    def look() -> None:
        while not ended.wait(_LOOKS_EVERY_S):
            seen.append(_private_bytes())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()
        seen.append(_private_bytes())


_LOOKS_EVERY_S = 0.05


def _private_bytes() -> int:
    return _proc("self/status", "RssAnon") * 1024


@dataclass(frozen=True)
class Machine:
    """Machine that a figure was measured on.

    Attributes:
        processor: The processor's own name.
        cores: Processors that this process may use.
        memory_gb: Memory of the machine.
        python: Version of the interpreter.
        load: Processes that wanted to run, on average over the last minute: above 1, others were at work.
    """

    processor: str
    cores: int
    memory_gb: int
    python: str
    load: float

    @classmethod
    def here(cls) -> "Machine":
        """This machine, now."""
        names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
        return cls(
            processor=names[0] if names else platform.machine(),
            cores=len(os.sched_getaffinity(0)),
            memory_gb=round(_proc("meminfo", "MemTotal") * 1024 / 1e9),
            python=platform.python_version(),
            load=os.getloadavg()[0],
        )


def write_result(name: str, figures: Mapping[str, Json], note: str = "") -> Path:
    """Leave figures in `bench/results/<name>.json`; those of `<suite>/<part>` under that part.

    Args:
        name: What was measured.
        figures: The numbers, with their units in the names.
        note: What a reader has to know to compare them, such as what else was running.
    """
    suite, _, part = name.partition("/")
    path = RESULTS / f"{suite}.json"
    path.parent.mkdir(exist_ok=True)
    result: dict[str, Json] = {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", "autoselection_core", "bench/*.py")),
        "command": " ".join(["python", *sys.orig_argv[1:]]),
        "machine": asdict(Machine.here()),
        "note": note,
        "figures": figures,
    }
    if part:
        parts = json.loads(path.read_text("utf-8")) if path.exists() else {}
        result = dict(sorted({**parts, part: result}.items()))
    path.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return path


def stored_lines(shard: Path) -> list[dict[str, Any]]:
    """Finished searches of a shard, a compressed file of JSON lines."""
    if not shard.exists():
        return []
    with gzip.open(shard, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def store_lines(shard: Path, *lines: Mapping[str, Any]) -> None:
    """Append finished searches to a shard: a killed run loses the search that it was at."""
    shard.parent.mkdir(parents=True, exist_ok=True)
    with shard.open("ab") as end, gzip.GzipFile("", "ab", fileobj=end, mtime=0) as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines).encode())


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _proc(file: str, field: str) -> int:
    """A number of kilobytes that the kernel states."""
    found = re.search(rf"^{field}:\s*(\d+) kB", Path("/proc", file).read_text("ascii"), re.MULTILINE)
    assert found, f"/proc/{file} has no {field}"
    return int(found.group(1))
