"""Rendering of chat templates within bounds, and their rendering without transformers, in a sandbox.

A fingerprint needs the second, because it loads nothing heavy.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from typing_extensions import override

from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.models.chat.template_bounds import WATCH, Watch, require_short

REFUSALS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError)
"""What a template raises on a conversation that it does not take, or that its author did not think of."""


def rendered(template: str, said: object, render: Callable[[], object], sample_id: str = "probe") -> str:
    """The text that a chat template writes, within its bounds; every rendering of one goes through here.

    Args:
        template: The template.
        said: What it is given.
        render: Renders it.
        sample_id: Whose rendering it is, for an error.

    Raises:
        ChatTemplateError: The template refuses what it is given, or exceeds a bound.
    """
    try:
        return within_bounds(template, said, lambda: str(render()))
    except REFUSALS as error:
        raise ChatTemplateError(sample_id, str(error)) from error


def within_bounds(template: str, said: object, render: Callable[[], str], watch: Watch = WATCH) -> str:
    """The text of a rendering within its bounds.

    Args:
        template: The template.
        said: What it is given.
        render: Renders it.
        watch: Bounds its time and memory.

    Raises:
        TemplateError: The template computes without bounds, takes too long or too much memory, or writes too
            much.
    """
    if (problem := _boundless(template)) is not None:
        raise TemplateError(problem)
    try:
        with watch.bounded():
            return require_short(render(), said)
    except MemoryError as error:
        problem = f"it takes more memory than the {watch.max_bytes / 1e6:,.0f} MB that it may"
        raise TemplateError(problem) from error


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
    template: str, special_tokens: Mapping[str, str], *, answer_follows: bool = False
) -> Callable[[Sequence[Mapping[str, Any]]], str]:
    """Renderer of conversations in a chat template, as `apply_chat_template` of transformers does it.

    Args:
        template: The template.
        special_tokens: Texts of `bos_token`, `eos_token` and their kind.
        answer_follows: Whether what asks for an answer is written behind.

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
                    add_generation_prompt=answer_follows,
                    **special_tokens,
                )
            )

        return rendered(template, turns, written)

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
