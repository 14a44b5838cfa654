"""The processes of one training: started together, heard, and ended together."""

import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_POLL_S = 0.1
_LAST_WORDS_S = 10.0
"""Seconds that processes may take to end by themselves once one of them has ended."""


@dataclass(eq=False)
class Workers:
    """Processes that train together.

    Attributes:
        processes: By rank.
    """

    processes: tuple[subprocess.Popen[bytes], ...]
    _unread: bytes = field(default=b"", init=False)

    def lines(self) -> Iterator[str]:
        """Output lines of rank 0 until any process has ended."""
        said = self.processes[0].stdout
        assert said is not None, "the first process speaks to a pipe"
        with selectors.DefaultSelector() as selector:
            selector.register(said, selectors.EVENT_READ)
            while all(process.poll() is None for process in self.processes):
                if selector.select(_POLL_S):
                    yield from self._read(said)
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
        *lines, self._unread = (self._unread + os.read(said.fileno(), 1 << 16)).split(b"\n")
        yield from (line.decode() for line in lines)


@contextmanager
def started(arguments: list[str], count: int, log: Path) -> Iterator[Workers]:
    """Start processes that find each other on this machine's loopback; none outlives the block.

    Args:
        arguments: What Python runs.
        count: How many processes.
        log: Where everything but the first one's output goes; it is written anew.
    """
    shared = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(count),
    }
    shared |= {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": str(max(1, _threads() // count))}
    with log.open("wb") as file:
        workers = Workers(
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


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
