"""Data-parallel training on several devices of this machine: one process a device, all ended together."""

import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from autoselection_core.errors import evaluation as failures
from autoselection_core.evaluation.training.fine_tune import halve
from autoselection_core.evaluation.training.job import Job
from autoselection_core.evaluation.training.rank_process import PROGRESS, outcome_file
from autoselection_core.evaluation.training.weights import SavedTraining
from autoselection_core.loopback import free_port
from autoselection_core.pool.sample import Sample
from autoselection_core.progress import Progress

_LOG = "devices.log"
_WORKER = "autoselection_core.evaluation.training.rank_process"


def train_on_devices(job: Job, samples: Mapping[str, Sample], progress: Progress | None) -> SavedTraining:
    """Fine-tune with one process a device. Each optimiser step is the one that a single device would make.

    When memory runs out on any device, all start anew with forward passes of half the size. When this process
    is killed, its processes end too, and a later call goes on from the last checkpoint.

    Args:
        job: What is trained, and on how many devices.
        samples: The selected samples by id.
        progress: Called with how many steps are done.

    Returns:
        The record of rank 0; the weights are in the evaluation's folder.

    Raises:
        WorkerDiedError: A process ended without saying why.
        TrainingFailedError: See `train`.
    """
    job.write(samples)
    pack_tokens = job.training.pack_tokens
    while "longest" in (found := _together(job, pack_tokens, progress)):
        pack_tokens = halve(pack_tokens, found["longest"], job.trainee)
    shutil.rmtree(job.folder)
    return SavedTraining(**found)


def _together(job: Job, pack_tokens: int, progress: Progress | None) -> dict[str, Any]:
    """Outcome of one attempt: that memory ran out on some device, else the record of rank 0."""
    count = job.training.devices
    for number in range(count):
        outcome_file(job.folder, number).unlink(missing_ok=True)
    arguments = ["-m", _WORKER, str(job.folder), str(pack_tokens)]
    with start_workers(arguments, count, job.trainee.folder / _LOG) as workers:
        for line in workers.lines():
            _pass_on(line, progress)
        codes = workers.codes()
    said = [_outcome(job, number) for number in range(count)]
    for outcome in said:
        if outcome is not None and "failed" in outcome:
            raise getattr(failures, outcome["failed"])(*outcome["about"])
    starved = next((outcome for outcome in said if outcome is not None and "longest" in outcome), None)
    if starved is not None:
        return starved
    # A process that was killed takes the others with it: it is the one to name.
    for number in sorted(range(count), key=lambda number: codes[number]):
        if said[number] is None:
            raise failures.WorkerDiedError(job.trainee.key, number, codes[number])
    first = said[0]
    assert first is not None, "every process has said what became of it"
    return first


def _outcome(job: Job, number: int) -> dict[str, Any] | None:
    file = outcome_file(job.folder, number)
    if not file.exists():
        return None
    said: dict[str, Any] = json.loads(file.read_text())
    return said


def _pass_on(line: str, progress: Progress | None) -> None:
    word, _, rest = line.partition(" ")
    if word == PROGRESS and progress is not None:
        stage, done, total = rest.rsplit(" ", 2)
        progress(stage, int(done), int(total))


_POLL_S = 0.1
_LAST_WORDS_S = 10.0
"""Seconds that processes may take to end by themselves once one of them has ended."""


@dataclass(eq=False)
class RankProcesses:
    """Processes that train together.

    Attributes:
        processes: By rank.
    """

    processes: tuple[subprocess.Popen[bytes], ...]
    _unread: bytes = field(default=b"", init=False)
    _is_read: bool = field(default=False, init=False)
    """Whether the output of rank 0 has been read to its end."""

    def lines(self) -> Iterator[str]:
        """Output lines of rank 0 until any process has ended, and its last ones, for some seconds."""
        said = self.processes[0].stdout
        assert said is not None, "the first process speaks to a pipe"
        with selectors.DefaultSelector() as selector:
            selector.register(said, selectors.EVENT_READ)
            while all(process.poll() is None for process in self.processes):
                if selector.select(_POLL_S):
                    yield from self._read(said)
            # Another rank may have ended before the first one has said anything.
            until = time.monotonic() + _LAST_WORDS_S
            while not self._is_read and (left := until - time.monotonic()) > 0 and selector.select(left):
                yield from self._read(said)

    def codes(self) -> list[int]:
        """Exit codes once all have ended; those that outlast the first by far are killed."""
        for process in self.processes:
            try:
                process.wait(_LAST_WORDS_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return [process.wait() for process in self.processes]

    def kill(self) -> None:
        """End those that still run."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()

    def _read(self, said: IO[bytes]) -> Iterator[str]:
        chunk = os.read(said.fileno(), 1 << 16)
        self._is_read = not chunk
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        yield from (line.decode() for line in lines)


@contextmanager
def start_workers(arguments: list[str], count: int, log: Path) -> Iterator[RankProcesses]:
    """Start processes that find each other on this machine's loopback; none outlives the block.

    Args:
        arguments: What Python runs.
        count: How many processes.
        log: Where everything but the first one's output goes; it is written anew.
    """
    shared = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(count),
    }
    shared |= {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": str(max(1, _threads() // count))}
    with log.open("wb") as file:
        workers = RankProcesses(
            tuple(
                subprocess.Popen(  # noqa: S603 this program, again
                    [sys.executable, *arguments],
                    env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE if rank == 0 else file,
                    stderr=file,
                )
                for rank in range(count)
            )
        )
        try:
            yield workers
        finally:
            workers.kill()
            for process in workers.processes:
                process.communicate()


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
