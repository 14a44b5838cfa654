"""A device of its own for each worker of a search with several slots."""

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
def lease_device(
    folder: Path, names: Sequence[str], environ: MutableMapping[str, str]
) -> Iterator[str | None]:
    """Let this process see one device that no other worker has, while the block runs.

    Called before torch is imported, which reads the variable once. The lease is a lock of the operating
    system, so that of a killed process is free at once. With one device there is nothing to divide, and where
    all are taken a worker shares them, as the pool `gpu` allows.

    Args:
        folder: Holds a file for each device.
        names: The devices.
        environ: Where the choice is set while the block runs.

    Yields:
        The device; None where all are visible.
    """
    with contextlib.ExitStack() as held:
        taken = _take(folder, names, held) if len(names) > 1 else None
        before = environ.get(VISIBLE)
        if taken is not None:
            environ[VISIBLE] = taken
        try:
            yield taken
        finally:
            if taken is not None:
                environ.pop(VISIBLE)
                if before is not None:
                    environ[VISIBLE] = before


def _take(folder: Path, names: Sequence[str], held: contextlib.ExitStack) -> str | None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        file = held.enter_context((folder / f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)}.lock").open("a"))
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            return name
    return None
