"""Clusters, which run functions of bytes in other processes: protocol, and Ray, known to no other module."""

import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from autoselection_core import environment_variables
from autoselection_core.errors.models import ClusterUnreachableError, RayNotInstalledError, WorkerLostError

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
            WorkerLostError: A process died under the same work again and again.
        """
        ...


_POLL_S = 0.2
_ANSWERS_IN_S = 5.0
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
                    yield _answer(ray, running, task, while_waiting)
            while running:
                yield _answer(ray, running, task, while_waiting)
        finally:
            for unanswered in running:
                ray.cancel(unanswered, force=True)

    def _connected(self) -> Any:  # noqa: ANN401 - the module
        """Ray itself, connected; a process has one connection."""
        with _connecting:
            ray = self._imported()
            if not ray.is_initialized():
                self._connect(ray)
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
            host, port = self.address.rsplit(":", 1)
            socket.create_connection((host, int(port)), timeout=_ANSWERS_IN_S).close()
            ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError, ray.exceptions.AuthenticationError) as error:
            raise ClusterUnreachableError(self.address, str(error).splitlines()[0]) from error


def cluster_from_environment() -> RayCluster | None:
    """The cluster that AUTOSELECTION_RAY_ADDRESS names; None where work is done by whoever asks for it."""
    address = os.environ.get(environment_variables.RAY_ADDRESS)
    return RayCluster(address) if address else None


def _answer(ray: Any, running: deque[Any], task: Task, while_waiting: Callable[[], None] | None) -> bytes:  # noqa: ANN401 - the module
    """Result of the oldest task, which leaves `running`. What the task raised is raised here."""
    while not ray.wait([running[0]], timeout=_POLL_S)[0]:
        if while_waiting is not None:
            while_waiting()
    try:
        answer: bytes = ray.get(running.popleft())
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except ray.exceptions.RayError as error:
        raise WorkerLostError(task.__name__, str(error).strip().splitlines()[0]) from error
    return answer
