"""Parsing of recipes that people write, with errors that name the wrong place."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from autoselection_core.errors.recipe import RecipeFormatError, UnknownFieldError, UnknownOperatorError
from autoselection_core.errors.space import SettingError
from autoselection_core.errors.yaml import YamlError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.fields import MISSING, fields_of
from autoselection_core.operators.installed import installed_operators
from autoselection_core.recipe.program import UNION, Recipe, Step, Union
from autoselection_core.strict_yaml import read_yaml

_KEYS = ("process", "seed")

MAX_STEPS = 256
"""Steps of one recipe; searches write six."""

MAX_UNIONS = 16
"""Unions inside each other."""


def yaml_value(text: str) -> object:
    """The data of a YAML text.

    Raises:
        RecipeFormatError: It is not YAML, or no plain data; names the line.
    """
    try:
        return read_yaml(text)
    except YamlError as error:
        raise RecipeFormatError("recipe", str(error)) from error


def parse(value: object, operators: Iterable[type[Operator]] | None = None) -> Recipe:
    """The recipe that a value read from YAML or JSON describes.

    Raises:
        RecipeFormatError: It describes no recipe.
    """
    known = installed_operators() if operators is None else operators
    return _recipe(value, {operator.name: operator for operator in known}, "recipe", 0)


def json_value(text: str) -> object:
    """The data of a JSON text.

    Raises:
        RecipeFormatError: It is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeFormatError("recipe", f"is not JSON: {error}") from error


def _recipe(value: object, known: Mapping[str, type[Operator]], where: str, unions: int) -> Recipe:
    if unions > MAX_UNIONS:
        raise RecipeFormatError("recipe", f"has more than {MAX_UNIONS} unions inside each other.")
    value = {"process": value} if isinstance(value, list) else value
    if not isinstance(value, dict):
        raise RecipeFormatError(where, "must be a mapping with `process:`, or a list of steps.")
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        raise UnknownFieldError(where, str(unknown[0]), _KEYS)
    steps = value.get("process", [])
    if not isinstance(steps, list):
        raise RecipeFormatError(where, "`process:` must be a list of steps.")
    if len(steps) > MAX_STEPS:
        raise RecipeFormatError(where, f"has {len(steps):,} steps; at most {MAX_STEPS} are read.")
    prefix = "" if where == "recipe" else f"{where}, "
    return Recipe(
        tuple(
            _step(step, known, f"{prefix}step {number}", unions) for number, step in enumerate(steps, start=1)
        ),
        _seed(value.get("seed", 0), where),
    )


def _seed(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RecipeFormatError(where, f"`seed:` must be a whole number, not {value!r}.")
    return value


def _step(value: object, known: Mapping[str, type[Operator]], where: str, unions: int) -> Step:
    name, settings = _named_settings(value, where)
    if name == UNION:
        return Union(_recipe(settings, known, f"{where} ({UNION})", unions + 1))
    if name not in known:
        raise UnknownOperatorError(where, name, (*sorted(known), UNION))
    return _operator(known[name], settings, f"{where} ({name})")


def _named_settings(value: object, where: str) -> tuple[str, object]:
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict) or len(value) != 1:
        raise RecipeFormatError(where, f"must be one operator with its settings, not {value!r}.")
    ((name, settings),) = value.items()
    return str(name), {} if settings is None else settings


def _operator(operator: type[Operator], settings: object, where: str) -> Operator:
    if not isinstance(settings, dict):
        raise RecipeFormatError(where, f"settings must be a mapping, not {settings!r}.")
    fields = fields_of(operator)
    names = tuple(field.name for field in fields)
    for key in settings:
        if key not in names:
            raise UnknownFieldError(where, str(key), names)
    missing = [field.name for field in fields if field.default is MISSING and field.name not in settings]
    if missing:
        raise RecipeFormatError(where, f"needs the field {missing[0]!r}.")
    return _made(operator, settings, where)


def _made(operator: type[Operator], settings: Mapping[str, Any], where: str) -> Operator:
    try:
        return operator(**settings)
    except SettingError as error:
        raise RecipeFormatError(where, str(error)) from error
