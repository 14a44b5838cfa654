"""A Ray cluster of some worker processes on loopback, started and stopped by process id."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from autoselection_core.loopback import free_port

REPOSITORY = Path(__file__).parents[2]
OBJECT_STORE_BYTES = 80_000_000
"""The least that Ray takes; nothing larger than a chunk of values travels."""


@dataclass(frozen=True)
class Head:
    """A running cluster.

    Attributes:
        address: What clients connect to.
        process: Its first process; all others descend from it.
        environment: What a client needs in its environment, the cluster's token among it.
    """

    address: str
    process: psutil.Process
    environment: dict[str, str]

    def workers_at(self, task: str) -> list[psutil.Process]:
        """The worker processes that run a task right now."""
        return [each for each in self._all() if _title(each).startswith(f"ray::{task}")]

    def listening(self) -> set[str]:
        """The addresses on which any process of the cluster listens."""
        held = [each.net_connections("inet") for each in self._all()]
        return {one.laddr.ip for each in held for one in each if one.status == psutil.CONN_LISTEN}

    def kill(self) -> None:
        """Kill all processes of the cluster, as a machine that fails does."""
        for each in self._all():
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def _all(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def ray_head(
    dashboard_port: int | None = None, *, workers: int = 2, port: int | None = None
) -> Iterator[Head]:
    """A cluster of one node with some workers; clients need its token."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    token, port = folder / "token", port or free_port()
    token.write_text(secrets.token_hex(16))
    wanted = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # else it listens on all interfaces of a single machine
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
    }
    command = [
        *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats"),
        *(f"--num-cpus={workers}", "--node-ip-address=127.0.0.1", f"--port={port}", f"--temp-dir={folder}"),
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--include-dashboard={'false' if dashboard_port is None else 'true'}",
        *(
            ()
            if dashboard_port is None
            else (
                *("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard_port}"),
                # Jobs go through the agent, which does not start on a port that another cluster has.
                f"--dashboard-agent-listen-port={free_port()}",
            )
        ),
    ]
    python = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("wb") as log:
        started = subprocess.Popen(
            command, env=python | wanted, stdout=log, stderr=log, start_new_session=True
        )
        try:
            for needed in (port, dashboard_port):
                if needed is not None:
                    _wait_for(needed, started)
            yield Head(f"127.0.0.1:{port}", psutil.Process(started.pid), wanted)
        finally:
            _end(started)
            shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int, started: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert started.poll() is None, "the cluster did not start"
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(port)


def _end(started: "subprocess.Popen[bytes]") -> None:
    """End the cluster's processes and no other: `ray stop` ends every Ray of the machine."""
    first = psutil.Process(started.pid)
    descended = first.children(recursive=True)
    for process in (first, *descended):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    started.wait()
    psutil.wait_procs(descended, timeout=10)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
