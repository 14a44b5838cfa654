"""Child processes that serve an installation: code server, daemon and, if wanted, the webserver.

Each child leads a session of its own, so that Ctrl-C in a terminal reaches only the parent, which then
stops the children in order, by process id. Their ids are kept in a file: what a killed parent left behind
is stopped by the next one.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoselection_core import environment_variables
from autoselection_core.loopback import UI_PORT, free_port
from autoselection_core.store.atomic import atomic_file
from autoselection_dagster.errors import AlreadyServedError, PortTakenError, ServiceFailedError
from autoselection_dagster.installation import LOCATION, Installation

DEFINITIONS = "autoselection_dagster.definitions"
"""Module that Dagster loads."""

_PATIENCE_S = 20.0
_HEALTHY_S = 60.0
_RESTARTS = 5
_LAST_LINES = 12


@dataclass
class Service:
    """One child process, started again when it dies.

    Attributes:
        name: What it is called in messages and log files.
        command: Arguments after the Python interpreter.
        log: The file that takes its output.
        process: The running child, once started.
        starts: How often it was started without living for a minute in between.
        started: When it was started last, on the monotonic clock.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0
    started: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def waits(self) -> bool:
        """Whether a child that died again is to be started later: the pause doubles with each death."""
        again = self.starts - 1
        return again > 0 and time.monotonic() - self.started < 2.0**again

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the child in a session of its own.

        Raises:
            ServiceFailedError: It died too often to try again.
        """
        now = time.monotonic()
        self.starts = 1 if now - self.started > _HEALTHY_S else self.starts + 1
        if self.starts > _RESTARTS:
            raise self.failure()
        self.started = now
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - the command is put together below, from constants
                [sys.executable, *self.command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def failure(self) -> ServiceFailedError:
        """The error of a child that does not run, with the end of its log."""
        said = self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""
        return ServiceFailedError(self.name, self.log, "\n".join(said.splitlines()[-_LAST_LINES:]))


@dataclass
class Services:
    """The children of one installation.

    Attributes:
        installation: What they serve.
        port: Where the webserver listens on 127.0.0.1; None means no webserver.
        module: The code location.
        code_port: Where the code server listens on 127.0.0.1.
        reports_port: Where the reports are read on 127.0.0.1, beside the webserver.
    """

    installation: Installation
    port: int | None = None
    module: str = DEFINITIONS
    code_port: int = field(default_factory=free_port)
    reports_port: int = field(default_factory=free_port)
    children: tuple[Service, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Put the commands together."""
        workspace = ("-w", str(self.installation.workspace))
        listen = ("-h", "127.0.0.1", "-p")
        code = ("-m", "dagster", "code-server", "start", "-m", self.module, *listen, str(self.code_port))
        children = [
            self._service("code-server", (*code, "--location-name", LOCATION)),
            self._service("daemon", ("-m", "dagster._daemon", "run", *workspace)),
        ]
        if self.port is not None:
            reports = ("-m", "autoselection_core.report.serving", "--port", str(self.reports_port))
            web = ("-m", "dagster_webserver", *workspace, *listen, str(self.port))
            children += [self._service("reports", reports), self._service("webserver", web)]
        self.children = tuple(children)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process that works on the installation."""
        url = {} if self.port is None else {environment_variables.REPORTS_URL: self.reports_url}
        # A process that loaded campaigns itself must not hand them down: a code server reads the file.
        inherited = {
            name: value for name, value in os.environ.items() if name != environment_variables.LOADED
        }
        return {**url, **inherited, **self.installation.environment}

    @property
    def reports_url(self) -> str:
        """Where browsers on this machine reach the report server."""
        return f"http://127.0.0.1:{self.reports_port}"

    def _service(self, name: str, command: tuple[str, ...]) -> Service:
        return Service(name, command, self.installation.instance / f"{name}.log")

    def start(self) -> None:
        """Start the code server, wait until it answers, then start the others.

        Raises:
            PortTakenError: Another program listens where the webserver would.
            ServiceFailedError: A child does not start; its log says why.
        """
        _stop_groups(_left_behind(self._pids))
        if self.port is not None and _listens(self.port):
            raise PortTakenError(self.port)
        self.installation.prepare(self.code_port)
        code, *others = self.children
        code.start(self.environment)
        self._await_port(code, self.code_port)
        for service in others:
            service.start(self.environment)
        if self.port is not None:
            self._await_port(self.children[-1], self.port)
        self._remember()

    def supervise(self) -> None:
        """Start again what died. Call it every second or so."""
        for service in self.children:
            if not service.alive and not service.waits:
                service.start(self.environment)
                self._remember()

    def stop(self) -> None:
        """Stop the children, the last started first; whatever does not listen is killed."""
        _stop_groups([child.process.pid for child in reversed(self.children) if child.process is not None])
        for child in self.children:
            if child.process is not None:
                child.process.wait(_PATIENCE_S)
        self._pids.unlink(missing_ok=True)

    @property
    def _pids(self) -> Path:
        return self.installation.instance / "services.json"

    def _remember(self) -> None:
        pids = {child.process.pid: _start_time(child.process.pid) for child in self.children if child.process}
        self._pids.write_text(json.dumps(pids))

    def _await_port(self, service: Service, port: int) -> None:
        deadline = time.monotonic() + 120
        while not _listens(port):
            if not service.alive or time.monotonic() > deadline:
                raise service.failure()
            time.sleep(0.1)


@contextlib.contextmanager
def serving(
    installation: Installation, port: int | None = None, module: str = DEFINITIONS
) -> Iterator[Services]:
    """Serve an installation while the block runs.

    Args:
        installation: Home folder and campaigns.
        port: Where the webserver listens on 127.0.0.1; None means no webserver.
        module: The code location.

    Raises:
        AlreadyServedError: Another living process serves it.
        PortTakenError: Another program listens where the webserver would.
        ServiceFailedError: A child could not start; its log says why.
    """
    # A shell that started this program with `&` made it ignore SIGINT. Children would inherit that, and
    # Dagster's processes would then not stop for SIGTERM either.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    installation.instance.mkdir(parents=True, exist_ok=True)
    with (installation.instance / "served.lock").open("a+") as lock:
        _take(lock.fileno(), installation)
        beside = {} if port is None else {"reports_port": reports_port(installation, port)}
        services = Services(installation, port, module, **beside)
        try:
            services.start()
            yield services
        finally:
            # A second Ctrl-C, or the signal of an impatient supervisor, would leave children behind.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            services.stop()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def reports_port(installation: Installation, port: int = UI_PORT) -> int:
    """Port of a home's written reports, which stays: pages of Dagster keep links, and the UI may get another.

    The first time it is the one after the UI's, if that is free, and it is kept in the home. A port that
    another program has since taken is given up for a new one; links that were made before are dead then.

    Args:
        installation: Whose reports are served.
        port: Port of the UI.
    """
    known = known_reports_port(installation)
    if known not in (None, port) and not _listens(known):
        return known
    chosen = free_port() if _listens(port + 1) else port + 1
    installation.instance.mkdir(parents=True, exist_ok=True)
    with atomic_file(_reports_port_file(installation)) as draft:
        draft.write_text(str(chosen))
    return chosen


def known_reports_port(installation: Installation) -> int | None:
    """Port that links to a home's reports name; None where there is none yet."""
    file = _reports_port_file(installation)
    return int(file.read_text()) if file.is_file() else None


def _reports_port_file(installation: Installation) -> Path:
    return installation.instance / "reports.port"


def _take(lock: int, installation: Installation) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyServedError(installation.home) from None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _start_time(pid: int) -> str | None:
    """Start time of a process, in clock ticks since boot; None if there is no such process."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return status.rpartition(")")[2].split()[19]


def _left_behind(pids: Path) -> list[int]:
    """Children of a parent that was killed: process ids of the file that still mean the same process."""
    if not pids.exists():
        return []
    remembered: dict[str, str] = json.loads(pids.read_text())
    return [int(pid) for pid, started in remembered.items() if _start_time(int(pid)) == started]


def _stop_groups(leaders: list[int]) -> None:
    """Ask each group to stop, one after the other; kill what has not stopped in time."""
    for pid in leaders:
        _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        while _lives(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        _signal(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
