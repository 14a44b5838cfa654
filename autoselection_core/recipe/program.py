"""Recipe: an ordered program of steps on a pool."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from autoselection_core.errors.campaign import YamlError
from autoselection_core.errors.recipe import (
    RecipeFormatError,
    SettingError,
    UnknownFieldError,
    UnknownOperatorError,
)
from autoselection_core.identity import Json, canonical_json, fingerprint
from autoselection_core.operators.base import Operator
from autoselection_core.operators.catalogue import installed_operators
from autoselection_core.operators.fields import MISSING, fields_of
from autoselection_core.strict_yaml import MAX_DIGITS, read_yaml, unwritable, write_yaml

MAX_STEPS = 6
"""Default limit on the steps of the programs that a search writes."""

UNION = "union"
"""Name of the step that unites with another recipe."""


FULL_POOL = "full pool"
"""Label of a recipe without steps."""

_CUT, _SPELLED = f"{UNION}(...)", 3
"""What stands for a union inside a union, and the steps of a united recipe that are spelled at most."""

_KEYS = ("process", "seed")

MAX_READ_STEPS = 256
"""Steps of a recipe that is read; searches write at most `MAX_STEPS`."""

MAX_UNIONS = 16
"""Unions inside each other."""


@dataclass(frozen=True)
class Union:
    """Add the rows of another recipe, realised on the whole pool.

    It holds the recipe itself rather than its name, so a recipe can be realised on a new pool.

    Attributes:
        recipe: The recipe whose rows are added.
    """

    recipe: "Recipe"

    @property
    def label(self) -> str:
        """Label of the step in reports."""
        return UNION

    @property
    def full_label(self) -> str:
        """Label with the united recipe."""
        return f"{UNION}[{self.recipe.full_label}]"

    @property
    def note(self) -> str:
        """Nothing that the label does not say."""
        return ""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the signals that the united recipe needs."""
        return self.recipe.reads

    @property
    def settings(self) -> dict[str, Json]:
        """The united recipe as JSON."""
        return self.recipe.settings

    @property
    def readable_settings(self) -> dict[str, Json]:
        """The united recipe as JSON, with the present names of signals."""
        return self.recipe.readable_settings


Step: TypeAlias = Operator | Union
"""An operator keeps some of the rows that enter it; a union adds rows."""


@dataclass(frozen=True)
class Recipe:
    """An ordered program of steps. Without steps it is the full pool.

    Attributes:
        steps: The steps, in order.
        seed: Decides what the steps leave to chance.

    Raises:
        RecipeFormatError: A step is neither an operator nor a union.

    Example:
        >>> from autoselection_core.operators.definitions.score import KeepTop
        >>> print(Recipe((KeepTop("ifd", fraction=0.2),)).to_yaml())
        process:
        - keep_top:
            signal: ifd
            fraction: 0.2
            order: highest
        seed: 0
        <BLANKLINE>
    """

    steps: tuple[Step, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        steps: tuple[object, ...] = self.steps
        for number, step in enumerate(steps, start=1):
            if not isinstance(step, Operator | Union):
                where = f"step {number}"
                raise RecipeFormatError(where, f"{step!r} is neither an operator nor a union.")

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.steps)

    def __bool__(self) -> bool:
        """A recipe without steps is a recipe too."""
        return True

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the recipe's canonical JSON: 32 hexadecimal digits."""
        return fingerprint(self.settings)

    @property
    def label(self) -> str:
        """The steps' labels in order, for people."""
        return " > ".join(step.label for step in self.steps) or FULL_POOL

    @property
    def step_labels(self) -> tuple[str, ...]:
        """Label of each step; those of one label have their numbers, which tell them apart.

        Example:
            >>> from autoselection_core.operators.definitions.score import KeepTop
            >>> Recipe((KeepTop("ifd"), KeepTop("words"), KeepTop("ifd", fraction=0.2))).step_labels
            ('keep_top[ifd,fraction=0.5]', 'keep_top[words]', 'keep_top[ifd,fraction=0.2]')
        """
        count = Counter(step.label for step in self.steps)
        return tuple(
            step.full_label if count[step.label] > 1 and isinstance(step, Operator) else step.label
            for step in self.steps
        )

    @property
    def outline(self) -> str:
        """The steps' labels with the recipes that they unite with; long ones and unions inside are cut.

        Example:
            >>> from autoselection_core.operators.definitions.score import KeepTop
            >>> inner = Recipe((KeepTop("words", order="lowest"),))
            >>> Recipe((KeepTop("ifd"), Union(Recipe((*inner.steps, Union(inner)))))).outline
            'keep_top[ifd] > union(keep_top[words,lowest] > union(...))'
        """
        named = zip(self.steps, self.step_labels, strict=True)
        return " > ".join(_outline(step, label) for step, label in named) or FULL_POOL

    @property
    def full_label(self) -> str:
        """The steps' labels with their numbers."""
        return " > ".join(step.full_label for step in self.steps) or FULL_POOL

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of all signals that it needs, each once, in ascending order."""
        return tuple(sorted({name for step in self.steps for name in step.reads}))

    @property
    def settings(self) -> dict[str, Json]:
        """The recipe as JSON."""
        return {"process": [{_name(step): step.settings} for step in self.steps], "seed": self.seed}

    @property
    def readable_settings(self) -> dict[str, Json]:
        """The recipe as JSON with the present names of signals, for people."""
        return {"process": [{_name(step): step.readable_settings} for step in self.steps], "seed": self.seed}

    def with_steps(self, steps: Iterable[Step]) -> "Recipe":
        """The recipe with other steps and the same seed."""
        return replace(self, steps=tuple(steps))

    def to_json(self) -> str:
        """Canonical JSON: equal recipes have equal texts."""
        return canonical_json(self.settings)

    @classmethod
    def from_json(cls, text: str, operators: Iterable[type[Operator]] | None = None) -> "Recipe":
        """The recipe that `to_json` wrote.

        Args:
            text: JSON.
            operators: The operator classes that it may name; those that are installed by default.

        Raises:
            RecipeFormatError: The text is no recipe; names the step and the field.
        """
        return parse(json_value(text), operators)

    def to_yaml(self) -> str:
        """YAML that `from_yaml` reads back unchanged."""
        return write_yaml(self.readable_settings)

    @classmethod
    def from_yaml(cls, text: str, operators: Iterable[type[Operator]] | None = None) -> "Recipe":
        """A recipe written by hand: `process:` with a list of single-key mappings, or that list alone.

        Args:
            text: YAML; a step without settings may be its name alone.
            operators: The operator classes that it may name; those that are installed by default.

        Raises:
            RecipeFormatError: The text is no recipe; names the step and the field.
        """
        return parse(yaml_value(text), operators)


def _outline(step: Step, label: str) -> str:
    """Label of a step; that of a union holds the labels of the recipe that it unites with."""
    if not isinstance(step, Union):
        return label
    named = zip(step.recipe.steps, step.recipe.step_labels, strict=True)
    inner = [_CUT if isinstance(each, Union) else own for each, own in named]
    spelled = inner if len(inner) <= _SPELLED else [*inner[: _SPELLED - 1], "..."]
    return f"{UNION}({' > '.join(spelled) or FULL_POOL})"


def outlines(recipes: Sequence[Recipe | None]) -> list[str | None]:
    """Outlines of recipes that stand beside each other; different ones that would read alike are in full.

    Example:
        >>> from autoselection_core.operators.definitions.score import KeepTop
        >>> ranked = [Recipe((KeepTop("ifd", fraction=share),)) for share in (0.1, 0.2)]
        >>> outlines([*ranked, Recipe((KeepTop("words"),)), None])
        ['keep_top[ifd,fraction=0.1]', 'keep_top[ifd,fraction=0.2]', 'keep_top[words]', None]
    """
    spelled: defaultdict[str, set[str]] = defaultdict(set)
    for each in recipes:
        if each is not None:
            spelled[each.outline].add(each.full_label)
    return [
        None if each is None else each.outline if len(spelled[each.outline]) == 1 else each.full_label
        for each in recipes
    ]


def _name(step: Step) -> str:
    return step.name if isinstance(step, Operator) else UNION


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
        value: object = json.loads(text)
        problem = next(_problems(value), None)
    except (ValueError, RecursionError) as error:
        raise RecipeFormatError("recipe", f"is not JSON: {error}") from error
    if problem is not None:
        raise RecipeFormatError("recipe", f"{problem}.")
    return value


def _problems(value: object) -> Iterator[str]:
    """Problems of texts and numbers that JSON can spell and a recipe cannot hold."""
    if isinstance(value, str) and (problem := unwritable(value)) is not None:
        yield problem
    elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        yield f"has a number of more than {MAX_DIGITS} digits"
    elif isinstance(value, list | dict):
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        for each in inside:
            yield from _problems(each)


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
    if len(steps) > MAX_READ_STEPS:
        raise RecipeFormatError(where, f"has {len(steps):,} steps; at most {MAX_READ_STEPS} are read.")
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
    return _make(operator, settings, where)


def _make(operator: type[Operator], settings: Mapping[str, Any], where: str) -> Operator:
    try:
        return operator(**settings)
    except SettingError as error:
        raise RecipeFormatError(where, str(error)) from error
