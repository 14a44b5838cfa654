"""Bounds of the rendering of chat templates, and their rendering without transformers, in a sandbox.

A template comes with a model and may be anybody's. Its sandbox keeps it from files and code; its time and
what it writes are bounded here, for transformers' rendering as well as for ours, which a fingerprint needs
because it loads nothing heavy.
"""

import ctypes
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock, Thread, get_ident
from time import sleep
from typing import Any, NoReturn

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from typing_extensions import override

from autoselection_core.errors.models import ChatTemplateError

MAX_SECONDS = 10.0
"""Time of one rendering; a usual one takes less than a thousandth of it."""

MAX_TEXT = 1_000_000
"""Characters that a rendering may always have."""

MAX_GROWTH = 16
"""As many times the characters of what it is given are what a longer one may have."""

_TICK_S = 0.1
_IDLE_TICKS = 10

REFUSALS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError)
"""What a template raises on a conversation that it does not take, or that its author did not think of."""


class TooLongRenderingError(TemplateError):
    """A rendering takes too long."""

    def __init__(self) -> None:
        super().__init__(f"it takes more than {MAX_SECONDS:g} seconds")


@dataclass
class Watch:
    """Ends renderings of this process that take too long, from a thread that is there while some are at work.

    An exception is raised in the thread that renders. Seconds are counted as the watching thread lives them,
    so that a process that was stopped in between has not used them up.

    Attributes:
        max_seconds: Time of one rendering.
    """

    max_seconds: float = MAX_SECONDS
    _lock: Lock = field(default_factory=Lock)
    _at_work: dict[int, object] = field(default_factory=dict)
    _thread: Thread | None = None

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Bound what this thread does.

        Raises:
            TooLongRenderingError: It takes too long.
        """
        me = get_ident()
        with self._lock:
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

    def begin_anew(self) -> None:
        """Forget threads that a forked process does not have."""
        self._lock, self._at_work, self._thread = Lock(), {}, None

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


_WATCH = Watch()
os.register_at_fork(after_in_child=_WATCH.begin_anew)


def rendered(template: str, said: object, render: Callable[[], str], watch: Watch = _WATCH) -> str:
    """The text of a rendering within its bounds.

    Args:
        template: The template.
        said: What it is given.
        render: Renders it.
        watch: Bounds its time.

    Raises:
        TemplateError: The template computes without bounds, takes too long, or writes too much.
    """
    if (problem := _boundless(template)) is not None:
        raise TemplateError(problem)
    with watch.bounded():
        text = render()
    if len(text) > MAX_TEXT and len(text) > (most := MAX_TEXT + MAX_GROWTH * len(str(said))):
        problem = f"it writes {len(text):,} characters, more than the {most:,} that are taken"
        raise TemplateError(problem)
    return text


@lru_cache(maxsize=64)
def _boundless(template: str) -> str | None:
    """Arithmetic of a template that one operation of may take for ever, which nothing can interrupt."""
    try:
        tree = _environment().parse(template)
    except (TemplateError, RecursionError, ValueError):
        return None  # whoever renders it says so
    if any(tree.find_all(nodes.Pow)):
        return "it raises a number to a power (`**`), which may take for ever"
    is_open = (not {type(each.left), type(each.right)} & {nodes.Const} for each in tree.find_all(nodes.Mul))
    return (
        "it multiplies two values, neither of which it states, which may take for ever"
        if any(is_open)
        else None
    )


class _Generation(Extension):
    """The tag `generation`, which marks answers for masks: its content, as it is."""

    tags = {"generation"}  # noqa: RUF012 jinja2 declares it as a set of the class

    @override
    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def renderer_of(
    template: str, special_tokens: Mapping[str, str]
) -> Callable[[Sequence[Mapping[str, Any]]], str]:
    """Renderer of conversations in a chat template, as `apply_chat_template` of transformers does it.

    Args:
        template: The template.
        special_tokens: Texts of `bos_token`, `eos_token` and their kind.

    Raises:
        ChatTemplateError: From the renderer: the template cannot be read, or refuses a conversation.
    """

    def render(turns: Sequence[Mapping[str, Any]]) -> str:
        def written() -> str:
            return (
                _environment()
                .from_string(template)
                .render(
                    messages=[dict(turn) for turn in turns],
                    tools=None,
                    documents=None,
                    add_generation_prompt=False,
                    **special_tokens,
                )
            )

        try:
            return rendered(template, turns, written)
        except REFUSALS as error:
            raise ChatTemplateError("probe", str(error)) from error

    return render


def _environment() -> Environment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _as_json
    environment.globals["raise_exception"] = _refuse
    # The year is that of no day in particular: a fingerprint does not change overnight.
    environment.globals["strftime_now"] = datetime(2000, 1, 1, tzinfo=UTC).strftime
    return environment


def _as_json(value: Any, **settings: Any) -> str:  # noqa: ANN401 any JSON
    return json.dumps(value, ensure_ascii=False, **settings)


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
