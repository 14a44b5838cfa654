"""Recipe: an ordered program of steps on a pool."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from autoselection_core.errors.recipe import RecipeFormatError
from autoselection_core.identity import Json, canonical_json, fingerprint
from autoselection_core.operators.base import Operator
from autoselection_core.strict_yaml import write_yaml

MAX_STEPS = 6
"""Default limit on the steps of the programs that a search writes."""

UNION = "union"
"""Name of the step that unites with another recipe."""


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
        return " > ".join(step.label for step in self.steps) or "full pool"

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
        from autoselection_core.recipe.parsing import json_value, parse

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
        from autoselection_core.recipe.parsing import parse, yaml_value

        return parse(yaml_value(text), operators)


def _name(step: Step) -> str:
    return step.name if isinstance(step, Operator) else UNION
