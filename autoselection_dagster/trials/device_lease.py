"""Devices of its own for each worker of a machine with several."""

import contextlib
import fcntl
import re
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"


def devices(environ: MutableMapping[str, str], nodes: Path = Path("/dev")) -> tuple[str, ...]:
    """Names of the devices that a process may use: of `CUDA_VISIBLE_DEVICES`, else all of the machine."""
    if VISIBLE in environ:
        return tuple(name.strip() for name in environ[VISIBLE].split(",") if name.strip())
    numbers = (re.fullmatch(r"nvidia(\d+)", each.name) for each in nodes.iterdir())
    return tuple(sorted((found[1] for found in numbers if found is not None), key=int))


@contextmanager
def lease_devices(
    folder: Path, names: Sequence[str], count: int, environ: MutableMapping[str, str]
) -> Iterator[tuple[str, ...]]:
    """Let this process see as many devices as it trains on, which no other worker has, while the block runs.

    Called before torch is imported, which reads the variable once. The lease is a lock of the operating
    system, so that of a killed process is free at once. Where a training takes all devices there is
    nothing to divide, and where too few are free a worker shares them, as the pool `gpu` allows.

    Args:
        folder: Holds a file for each device.
        names: The devices.
        count: Devices of one training.
        environ: Where the choice is set while the block runs.

    Yields:
        The devices; none where all are visible.
    """
    with contextlib.ExitStack() as held:
        taken = _take(folder, names, count, held) if len(names) > count else ()
        before = environ.get(VISIBLE)
        if taken:
            environ[VISIBLE] = ",".join(taken)
        try:
            yield taken
        finally:
            if taken:
                environ.pop(VISIBLE)
                if before is not None:
                    environ[VISIBLE] = before


def _take(folder: Path, names: Sequence[str], count: int, held: contextlib.ExitStack) -> tuple[str, ...]:
    """The first free devices, locked until the stack is left; none, and no lock, where too few are free."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[str] = []
    with contextlib.ExitStack() as locks:
        for name in names:
            file = locks.enter_context((folder / f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)}.lock").open("a"))
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                taken.append(name)
            if len(taken) == count:
                held.push(locks.pop_all())
                return tuple(taken)
    return ()
