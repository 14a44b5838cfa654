"""Clusters, which run functions of bytes in other processes: protocol, and Ray, known to no other module."""

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from autoselection_core import environment_variables
from autoselection_core.errors.models import (
    ClusterUnreachableError,
    HeadLostError,
    RayNotInstalledError,
    WorkerLostError,
)

Task: TypeAlias = Callable[[bytes], bytes]
"""A function of an installed module: every process of the cluster finds it by its name.

What goes in and comes out is JSON or Arrow, never an object: see docs/decisions/0010-ray.md.
"""


class Cluster(Protocol):
    """Processes that run tasks, on machines that share the home folder."""

    def results(
        self,
        task: Task,
        asked: Iterable[bytes],
        *,
        on_device: bool,
        while_waiting: Callable[[], None] | None = None,
    ) -> Iterator[bytes]:
        """Results of a task, in the order of its inputs; many are worked on at once.

        A task whose process dies runs again, so a task has to come to the same however often it is begun.

        Args:
            task: The function to run.
            asked: Input of each run of it; taken as workers become free.
            on_device: Whether each run needs an accelerator, where the cluster has any.
            while_waiting: Called again and again until an answer is there; what it raises ends the work.

        Raises:
            ClusterUnreachableError: There is no such cluster.
            HeadLostError: It stopped answering meanwhile.
            WorkerLostError: A process died under the same work again and again.
        """
        ...


@dataclass(frozen=True)
class WorkerShare:
    """What one process of a cluster did of a piece of work.

    Attributes:
        worker: Name of its machine and its process id.
        work: The piece of work.
        tasks: Number of its tasks.
        size: Rows, or entries of ranges, that they looked at.
        seconds: Time in them by the clock.
        cpu_seconds: Time in them of the processor.
    """

    worker: str
    work: str
    tasks: int
    size: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Account:
    """Account of what each process of a cluster did; it stays empty where everything is done here."""

    _done: dict[tuple[str, str], WorkerShare] = field(default_factory=dict)

    def add(self, work: str, size: int, answer: Mapping[str, Any]) -> None:
        """A finished task.

        Args:
            work: The piece of work that it is part of.
            size: Rows, or entries of ranges, that it looked at.
            answer: What `Stopwatch.told` said of it.
        """
        key = (work, str(answer["worker"]))
        known = self._done.get(key, WorkerShare(key[1], work, 0, 0, 0.0, 0.0))
        self._done[key] = replace(
            known,
            tasks=known.tasks + 1,
            size=known.size + size,
            seconds=known.seconds + float(answer["seconds"]),
            cpu_seconds=known.cpu_seconds + float(answer["cpu_seconds"]),
        )

    @property
    def shares(self) -> tuple[WorkerShare, ...]:
        """What each did of each piece of work, in the order in which they began with it."""
        return tuple(self._done.values())


class Stopwatch:
    """Time of a task, in the process that runs it."""

    def __init__(self) -> None:
        self._started, self._cpu_started = time.perf_counter(), time.process_time()

    def told(self) -> dict[str, str]:
        """Who works, and for how many seconds by now, by the clock and of the processor."""
        seconds, cpu_seconds = time.perf_counter() - self._started, time.process_time() - self._cpu_started
        return {
            "worker": f"{socket.gethostname()}:{os.getpid()}",
            "seconds": f"{seconds:.4f}",
            "cpu_seconds": f"{cpu_seconds:.4f}",
        }


_POLL_S = 0.2
_ANSWERS_IN_S = 5.0
_LOOKED_AFTER_EVERY_S, _LOST_AFTER_S = 2.0, 20.0
"""How often a head is looked after, and how long it may be away; after a minute Ray ends this process."""

_WAITING_A_WORKER = 2
"""So many tasks a worker are under way: one runs, one follows. More would only hold memory."""

_connecting = threading.Lock()


@dataclass(frozen=True)
class RayCluster:
    """Client of a running Ray cluster, which runs tasks on it; it starts and stops none.

    Attributes:
        address: Host and port of the cluster's head.
        max_retries: So many processes may die under one task.
    """

    address: str
    max_retries: int = 3

    def results(
        self,
        task: Task,
        asked: Iterable[bytes],
        *,
        on_device: bool,
        while_waiting: Callable[[], None] | None = None,
    ) -> Iterator[bytes]:
        """Results of a task, in the order of its inputs; see `Cluster`."""
        ray = self._connected()
        has_devices = on_device and ray.cluster_resources().get("GPU", 0) >= 1
        remote = ray.remote(task).options(
            num_cpus=1, num_gpus=int(has_devices), max_retries=self.max_retries, name=task.__name__
        )
        workers = ray.cluster_resources().get("GPU" if has_devices else "CPU", 1)
        running: deque[Any] = deque()
        try:
            for one in asked:
                running.append(remote.remote(one))
                if len(running) >= _WAITING_A_WORKER * workers:
                    yield self._answer(ray, running, task, while_waiting)
            while running:
                yield self._answer(ray, running, task, while_waiting)
        except HeadLostError:
            running.clear()
            ray.shutdown()  # or it would end this process once it gives the head up
            raise
        finally:
            for unanswered in running:
                ray.cancel(unanswered, force=True)

    def _answer(
        self,
        ray: Any,  # noqa: ANN401 - the module
        running: deque[Any],
        task: Task,
        while_waiting: Callable[[], None] | None,
    ) -> bytes:
        """Result of the oldest task, which leaves `running`. What the task raised is raised here."""
        head = _HeadWatch(self.address)
        try:
            while not ray.wait([running[0]], timeout=_POLL_S)[0]:
                if while_waiting is not None:
                    while_waiting()
                head.look()
            answer: bytes = ray.get(running[0])
        except ray.exceptions.RayTaskError as error:
            running.popleft()
            raise error.cause from error
        except ray.exceptions.RayError as error:
            if _has_gone(self.address):
                raise HeadLostError(self.address) from error
            running.popleft()
            raise WorkerLostError(task.__name__, str(error).strip().splitlines()[0]) from error
        except OSError as error:  # Ray's own process on this machine is gone
            raise HeadLostError(self.address) from error
        running.popleft()
        return answer

    def _connected(self) -> Any:  # noqa: ANN401 - the module
        """Ray itself, connected; a process has one connection."""
        with _connecting:
            ray = self._imported()
            if not ray.is_initialized():
                self._connect(ray)
            elif not _listens(self.address):
                ray.shutdown()
                raise HeadLostError(self.address)
        return ray

    def _imported(self) -> Any:  # noqa: ANN401 - the module
        """Ray, which reads these settings while it is imported."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if self.address.startswith("127."):
            # Ray takes a loopback address for another one of this machine's, unless it takes it for a Mac.
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        try:
            import ray
        except ModuleNotFoundError as error:
            raise RayNotInstalledError(environment_variables.RAY_ADDRESS) from error
        return ray

    def _connect(self, ray: Any) -> None:  # noqa: ANN401 - the module
        # Asked first whether anybody listens, because Ray would go on trying for minutes.
        try:
            _reach(self.address)
            ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError, ray.exceptions.AuthenticationError) as error:
            raise ClusterUnreachableError(self.address, str(error).splitlines()[0]) from error


def cluster_from_environment() -> RayCluster | None:
    """The cluster that AUTOSELECTION_RAY_ADDRESS names; None where work is done by whoever asks for it."""
    address = os.environ.get(environment_variables.RAY_ADDRESS)
    return RayCluster(address) if address else None


class _HeadWatch:
    """Watch over a cluster's head while an answer is waited for.

    Args:
        address: Host and port of the head.
    """

    def __init__(self, address: str) -> None:
        self._address, self._seen_s, self._looked_s = address, time.monotonic(), time.monotonic()

    def look(self) -> None:
        """Look whether the head listens, if that is long ago.

        Raises:
            HeadLostError: It has not for a while.
        """
        now = time.monotonic()
        if now - self._looked_s < _LOOKED_AFTER_EVERY_S:
            return
        self._looked_s = now
        if _listens(self._address):
            self._seen_s = now
        elif now - self._seen_s > _LOST_AFTER_S:
            raise HeadLostError(self._address)


def _listens(address: str) -> bool:
    try:
        _reach(address)
    except OSError:
        return False
    return True


def _has_gone(address: str) -> bool:
    """Whether a head listens no more; looked at twice, since the processes of a cluster die one by one."""
    if _listens(address):
        time.sleep(_LOOKED_AFTER_EVERY_S)
    return not _listens(address)


def _reach(address: str) -> None:
    host, port = address.rsplit(":", 1)
    socket.create_connection((host, int(port)), timeout=_ANSWERS_IN_S).close()
