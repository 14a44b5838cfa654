"""The prompts: a file for each role, whose first line is its version; the facts follow as JSON."""

import json
from functools import cache
from importlib.resources import files

from autoselection_core.identity import Json
from autoselection_core.solver.advice.exchange import Question
from autoselection_core.solver.advice.settings import AdviserSettings, Role

_DIGITS = 4


def question_of(settings: AdviserSettings, role: Role, facts: Json) -> Question:
    """The question of a role about some facts; the same facts are the same question, letter by letter."""
    version, system = prompt_of(role)
    user = json.dumps(_rounded(facts), ensure_ascii=False, sort_keys=True)
    return Question(
        role.value, version, settings.model, system, user, settings.temperature, settings.max_tokens
    )


@cache
def prompt_of(role: Role) -> tuple[str, str]:
    """Version and text of a role's prompt file."""
    file = files("autoselection_core.solver.advice") / "prompts" / f"{role.value}.md"
    first, _, rest = file.read_text(encoding="utf-8").partition("\n")
    return first.removeprefix("version:").strip(), rest.strip()


def _rounded(value: Json) -> Json:
    """Numbers with few digits: a model reads no more, and a last bit changes no question."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
