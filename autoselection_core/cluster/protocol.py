"""Protocol of a cluster: it runs functions of bytes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

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
