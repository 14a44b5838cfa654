"""Free memory of the machine, looked at before work that would be killed in the middle for the lack of it."""

import re
from pathlib import Path

from autoselection_core.errors.store import LittleMemoryError

_MACHINE, _GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
_GB = 1e9


def require_memory(work: str, needed_bytes: int) -> None:
    """Refuse work that the machine has too little memory for; without a way to tell it begins.

    Args:
        work: Name of the work.
        needed_bytes: What it takes at its peak.

    Raises:
        LittleMemoryError: Less is free.
    """
    free = free_bytes()
    if free is not None and needed_bytes > free:
        raise LittleMemoryError(work, needed_bytes / _GB, free / _GB)


def free_bytes() -> int | None:
    """Memory that this process may still take, of the machine and of its control group; None if nobody says.

    What the kernel would give back of its caches counts as free.
    """
    found = [free for free in (_free_of_machine(), _free_of_group()) if free is not None]
    return min(found) if found else None


def _free_of_machine() -> int | None:
    if not _MACHINE.is_file():
        return None
    told = re.search(r"^MemAvailable:\s*(\d+) kB", _MACHINE.read_text("ascii"), re.MULTILINE)
    return None if told is None else int(told.group(1)) * 1024


def _free_of_group() -> int | None:
    """Rest of the limit of a container (cgroup v2); None without one."""
    limit, used = _GROUP / "memory.max", _GROUP / "memory.current"
    if not (limit.is_file() and used.is_file()) or (told := limit.read_text("ascii").strip()) == "max":
        return None
    stat = (_GROUP / "memory.stat").read_text("ascii")
    cached = re.search(r"^inactive_file (\d+)$", stat, re.MULTILINE)
    return int(told) - int(used.read_text("ascii")) + (int(cached.group(1)) if cached else 0)
