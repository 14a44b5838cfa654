"""Chat templates rendered without transformers, in a sandbox, so that a fingerprint needs no heavy import."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from typing_extensions import override

from autoselection_core.errors.models import ChatTemplateError

REFUSALS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError)
"""What a template raises on a conversation that it does not take, or that its author did not think of."""


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
        try:
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
