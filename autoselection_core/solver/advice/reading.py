"""Validation of a model's answer: JSON of the form that was asked for, with values within their ranges.

Nothing is repaired. An answer that needs guessing is refused with a reason, and the numbers decide.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.search import UnusableAnswerError
from autoselection_core.operators.catalogue import Template
from autoselection_core.operators.fields import fields_of
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.recipe.program import UNION
from autoselection_core.space import Interval

FINDINGS = (3, 5)
"""Fewest and most findings of a summary."""

_LONGEST_FINDING = 600
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A```(?:json)?\n(.*)\n```\Z", re.DOTALL)


@dataclass(frozen=True)
class Ranking:
    """An order of candidates.

    Attributes:
        order: Indices, the best first.
        confidence: As the model states it, in [0, 1].
        reason: As the model states it.
    """

    order: tuple[int, ...]
    confidence: float
    reason: str


@dataclass(frozen=True, eq=False)
class Grammar:
    """Operators, parents and length that a recipe of an answer may have.

    Attributes:
        templates: What a step may be.
        unions: Evaluated recipes by trial.
        max_steps: Longest recipe.
        seed: Seed of the recipes' own random operators.
    """

    templates: Sequence[Template]
    unions: Mapping[int, Recipe]
    max_steps: int
    seed: int


def json_in(text: str) -> object:
    """The JSON of an answer: the whole text, but for thoughts before it and a code fence around it.

    Raises:
        UnusableAnswerError: There is no JSON, or something beside it.
    """
    bare = _THOUGHTS.sub("", text).strip()
    fenced = _FENCE.match(bare)
    try:
        return json.loads(fenced.group(1) if fenced else bare)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswerError(bare, "is not JSON alone") from error


def findings_in(value: object) -> tuple[tuple[str, ...], str]:
    """The findings of a summary."""
    findings = _list(_entry(value, "findings"), "findings")
    low, high = FINDINGS
    if not low <= len(findings) <= high:
        raise UnusableAnswerError(findings, f"must have {low} to {high} findings")
    for finding in findings:
        if not isinstance(finding, str) or not 0 < len(finding) <= _LONGEST_FINDING:
            raise UnusableAnswerError(finding, "has a finding that is no short text")
    return tuple(str(finding) for finding in findings), ""


def recipes_in(value: object, grammar: Grammar, anchor: Recipe) -> tuple[tuple[Recipe, ...], str]:
    """The proposed recipes that are local edits of the anchor, and what is wrong with the others."""
    recipes: list[Recipe] = []
    problems: list[str] = []
    for number, entry in enumerate(_list(_entry(value, "recipes"), "recipes"), start=1):
        try:
            recipes.append(_edit_of(anchor, steps_in(entry, grammar)))
        except UnusableAnswerError as error:
            problems.append(f"recipe {number} {error}")
    if not recipes:
        raise UnusableAnswerError(value, "; ".join(problems) or "proposes no recipe")
    return tuple(recipes), "; ".join(problems)


def anchor_in(value: object, grammar: Grammar) -> tuple[Recipe, str]:
    """The recipe of a reseeder."""
    return steps_in(_entry(value, "steps"), grammar), ""


def ranking_in(value: object, count: int) -> tuple[Ranking, str]:
    """An order of all candidates from 0 to `count`."""
    listed = _list(_entry(value, "ranking"), "ranking")
    order = [index for index in listed if isinstance(index, int) and not isinstance(index, bool)]
    if len(order) < len(listed):
        raise UnusableAnswerError(listed, "ranks by something else than whole numbers")
    if sorted(order) != list(range(count)):
        raise UnusableAnswerError(order, f"does not rank 0 to {count - 1}, each once")
    confidence = _entry(value, "confidence")
    is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if not (is_number and 0 <= confidence <= 1):  # type: ignore[operator] # is_number narrows it
        raise UnusableAnswerError(confidence, "has a confidence outside 0 to 1")
    reason = _entry(value, "reason")
    if not isinstance(reason, str):
        raise UnusableAnswerError(reason, "has a reason that is no text")
    return Ranking(tuple(order), float(confidence), reason), ""  # type: ignore[arg-type] # as above


def steps_in(value: object, grammar: Grammar) -> Recipe:
    """A recipe, as a list of steps within the catalogue.

    Raises:
        UnusableAnswerError: It is none.
    """
    steps = _list(value, "steps")
    if not 1 <= len(steps) <= grammar.max_steps:
        raise UnusableAnswerError(steps, f"must have 1 to {grammar.max_steps} steps")
    return Recipe(tuple(_step(step, grammar) for step in steps), grammar.seed)


def differing_steps(before: Recipe, after: Recipe) -> int:
    """Edit distance of two programs in steps; two that change places count as one.

    Example:
        >>> differing_steps(Recipe(), Recipe())
        0
    """
    first, second = before.steps, after.steps
    width = len(second) + 1
    rows = [list(range(width))]
    for place, step in enumerate(first):
        row = [place + 1]
        for other in range(1, width):
            best = min(rows[-1][other] + 1, row[-1] + 1, rows[-1][other - 1] + (step != second[other - 1]))
            if place and other > 1 and (first[place - 1], step) == (second[other - 1], second[other - 2]):
                best = min(best, rows[-2][other - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def _edit_of(anchor: Recipe, recipe: Recipe) -> Recipe:
    changed = differing_steps(anchor, recipe)
    if not 1 <= changed <= _MAX_CHANGED:
        raise UnusableAnswerError(
            recipe.label, f"changes {changed} steps of the anchor, not 1 or {_MAX_CHANGED}"
        )
    return recipe


_MAX_CHANGED = 2
"""Steps of an anchor that a local edit changes."""


def _step(value: object, grammar: Grammar) -> Step:
    if not isinstance(value, dict) or len(value) != 1:
        raise UnusableAnswerError(value, "has a step that is not one operator")
    ((name, settings),) = value.items()
    if not isinstance(settings, dict):
        raise UnusableAnswerError(settings, f"has settings of {name!r} that are no mapping")
    return _union(settings, grammar) if name == UNION else _operator(name, settings, grammar)


def _union(settings: Mapping[str, object], grammar: Grammar) -> Union:
    trial = settings.get("trial")
    if not isinstance(trial, int) or isinstance(trial, bool) or len(settings) > 1:
        raise UnusableAnswerError(settings, "has a union that names no trial")
    if trial not in grammar.unions:
        raise UnusableAnswerError(
            settings, f"unites with something else than trials {sorted(grammar.unions)}"
        )
    return Union(grammar.unions[trial])


def _operator(name: str, settings: Mapping[str, object], grammar: Grammar) -> Step:
    template = next((one for one in grammar.templates if _fits(one, name, settings)), None)
    if template is None:
        raise UnusableAnswerError({name: settings}, "has a step outside the catalogue")
    numbers = {axis.name: settings.get(axis.name, axis.default) for axis in template.axes}
    for axis in template.axes:
        try:
            axis.space.check(numbers[axis.name], axis.name)
        except SettingError as error:
            raise UnusableAnswerError(settings, f"has a value of {name!r} out of range ({error})") from error
        if isinstance(axis.space, Interval):
            numbers[axis.name] = float(numbers[axis.name])  # type: ignore[arg-type] # checked to be a number
    return template.build(numbers)


def _fits(template: Template, name: str, settings: Mapping[str, object]) -> bool:
    """True where settings are those of a template, up to its numbers."""
    if template.operator.name != name:
        return False
    fixed = dict(template.fixed)
    if set(settings) - set(fixed) - {axis.name for axis in template.axes}:
        return False
    defaults = {field.name: field.default for field in fields_of(template.operator)}
    return all(settings.get(key, defaults[key]) == wanted for key, wanted in fixed.items())


def _entry(value: object, name: str) -> object:
    if not isinstance(value, dict):
        raise UnusableAnswerError(value, "is no JSON object")
    if name not in value:
        raise UnusableAnswerError(value, f"lacks {name!r}")
    return value[name]


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise UnusableAnswerError(value, f"has {name!r} that is no list")
    return value
