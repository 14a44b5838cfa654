"""Bounds of the rendering of chat templates: its time, its memory, and what it writes.

A template comes with a model and may be anybody's. A sandbox, transformers' or ours, keeps it from files and
code, but bounds nothing of what it computes.
"""

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread, get_ident
from time import sleep

from jinja2 import TemplateError

MAX_SECONDS = 10.0
"""Time of one rendering; a usual one takes less than a thousandth of it."""

MAX_BYTES = 1 << 30
"""Memory that this process may take beside what it has while a template is rendered."""

MAX_TEXT = 1_000_000
"""Characters that a rendering may always have."""

MAX_GROWTH = 16
"""As many times the characters of what it is given are what a longer one may have."""

_TICK_S = 0.1
_IDLE_TICKS = 10

_STATM, _PRIVATE = Path("/proc/self/statm"), 5
"""File in which Linux shows the pages of a process, and the place of those that are its own there."""


class TooLongRenderingError(TemplateError):
    """A rendering takes too long."""

    def __init__(self) -> None:
        super().__init__(f"it takes more than {MAX_SECONDS:g} seconds")


@dataclass
class Watch:
    """Ends renderings of this process that take too long, from a thread that is there while some are at work.

    An exception is raised in the thread that renders. Seconds are counted as the watching thread lives them,
    so that a process that was stopped in between has not used them up. While anything is rendered the process
    has a limit of its memory (Linux only), at which Python raises an error: any one operation of a template
    may ask for more than there is.

    Attributes:
        max_seconds: Time of one rendering.
        max_bytes: Memory beside what the process has when the first of several renderings begins.
    """

    max_seconds: float = MAX_SECONDS
    max_bytes: int = MAX_BYTES
    _limits: tuple[int, int] | None = None
    _lock: Lock = field(default_factory=Lock)
    _at_work: dict[int, object] = field(default_factory=dict)
    _thread: Thread | None = None

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Bound what this thread does.

        Raises:
            TooLongRenderingError: It takes too long.
            MemoryError: It takes too much memory.
        """
        me = get_ident()
        with self._lock:
            if not self._at_work:
                self._limits = _limit_memory(self.max_bytes)
            before = self._at_work.get(me)
            self._at_work[me] = object()
            if self._thread is None:
                self._thread = Thread(target=self._watch, name="chat templates", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:  # who holds the lock is sent no exception any more
                if before is None:
                    del self._at_work[me]
                else:
                    self._at_work[me] = before
                if not self._at_work:
                    self._lift()

    def begin_anew(self) -> None:
        """Forget threads that a forked process does not have, and their limit."""
        self._lock, self._at_work, self._thread = Lock(), {}, None
        self._lift()

    def _lift(self) -> None:
        if self._limits is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._limits)
            self._limits = None

    def _watch(self) -> None:
        seen: dict[int, tuple[object, int]] = {}
        idle = 0
        while idle < _IDLE_TICKS:
            sleep(_TICK_S)
            with self._lock:
                seen = {
                    thread: (work, seen[thread][1] + 1 if seen.get(thread, (None, 0))[0] is work else 1)
                    for thread, work in self._at_work.items()
                }
                for thread, (_, ticks) in seen.items():
                    if ticks * _TICK_S > self.max_seconds:
                        ctypes.pythonapi.PyThreadState_SetAsyncExc(
                            ctypes.c_ulong(thread), ctypes.py_object(TooLongRenderingError)
                        )
                idle = 0 if seen else idle + 1
                if idle >= _IDLE_TICKS:
                    self._thread = None


def _limit_memory(max_bytes: int) -> tuple[int, int] | None:
    """Let this process take some memory beside what it has; the limits before, None where none was set."""
    if not _STATM.exists():
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    own = int(_STATM.read_text().split()[_PRIVATE]) * resource.getpagesize()
    limit = own + max_bytes
    if any(known != resource.RLIM_INFINITY and known <= limit for known in (soft, hard)):
        return None
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    return soft, hard


WATCH = Watch()
"""The watch over all renderings of this process."""

os.register_at_fork(after_in_child=WATCH.begin_anew)


def require_short(text: str, said: object) -> str:
    """The text, unless it is too long for what the template was given.

    Raises:
        TemplateError: It is.
    """
    if len(text) > MAX_TEXT and len(text) > (most := MAX_TEXT + MAX_GROWTH * len(str(said))):
        problem = f"it writes {len(text):,} characters, more than the {most:,} that are taken"
        raise TemplateError(problem)
    return text
