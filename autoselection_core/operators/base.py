"""Interface of operators: a mask over the rows that enter a step of a recipe."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from autoselection_core.arrays import Mask, Rows
from autoselection_core.identity import Json
from autoselection_core.operators.fields import MISSING, FieldKind, OperatorField, fields_of
from autoselection_core.operators.reason import Reason
from autoselection_core.signals.table import CONTAMINATION, RELEVANCE, SignalTable
from autoselection_core.space import Setting, check_settings


@dataclass(frozen=True)
class Operator(ABC):
    """Step of a recipe that keeps some of the rows that enter it.

    A subclass is a frozen dataclass with a `name`, fields and `keep`. Fields that a search may change carry
    their range (`Annotated[float, Interval(0.05, 1.0)]`), fields that name a signal are typed `Column`,
    `Label`, `Pairs` or `VectorsName`. Everything else is read from them: validation, YAML, the axes of the
    surrogate, the catalogue, and the tests that hold for every operator.

    Because `keep` answers with a mask over the rows it was given, an operator cannot add, reorder or rewrite
    samples.

    Attributes:
        name: Name in recipes.
        nested_in: Fields with monotone results: a higher value keeps all that a lower value keeps.
        is_idempotent: Whether a second application to the result changes nothing.

    Raises:
        SettingError: A field has the wrong type or is outside its range.
    """

    name: ClassVar[str]
    nested_in: ClassVar[tuple[str, ...]] = ()
    is_idempotent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for field in fields_of(type(self)):
            object.__setattr__(self, field.name, field.convert(getattr(self, field.name)))
        check_settings(self)

    @abstractmethod
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        """Mask of the rows that stay.

        Args:
            rows: Rows that enter the step.
            signals: Signals of the pool.
            seed: Seed of random choices; a deterministic operator ignores it.
        """

    def __call__(self, rows: Rows, signals: SignalTable, seed: int = 0) -> Rows:
        """Rows that stay."""
        return rows[self.keep(rows, signals, seed)]

    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:  # noqa: ARG002
        """Reason why one of the rows stays or goes. A subclass gives value, rank and cut-off."""
        return Reason(self.name, len(rows))

    @property
    def label(self) -> str:
        """Name with the signals and choices it was set to, such as `keep_top[ifd,lowest]`.

        Choices are named where they differ from the default.
        """
        named = [text for field in fields_of(type(self)) for text in self._named(field)]
        return f"{self.name}[{','.join(named)}]" if named else self.name

    @property
    def full_label(self) -> str:
        """Label with its numbers, such as `keep_top[ifd,fraction=0.22]`: what tells two recipes apart."""
        fields = {field.name: getattr(self, field.name) for field in fields_of(type(self))}
        numbers = [f"{name}={value:.3g}" for name, value in fields.items() if isinstance(value, int | float)]
        named = [text for field in fields_of(type(self)) for text in self._named(field)]
        return f"{self.name}[{','.join([*named, *numbers])}]" if named or numbers else self.name

    @property
    def note(self) -> str:
        """Remark for a reader of its row counts; empty where the settings say it all."""
        return ""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the signals it needs; `relevance/*` stands for all benchmarks."""
        return tuple(name for field in fields_of(type(self)) for name in self._reads(field))

    @property
    def settings(self) -> dict[str, Json]:
        """Fields as JSON, as recipes store them.

        Fields without a value are left out, and renamed signals keep their first name: so neither a new
        optional field nor another name of a signal gives an old recipe another hash.
        """
        return {
            field.name: _as_json(field.to_stored(value))
            for field in fields_of(type(self))
            if (value := getattr(self, field.name)) is not None
        }

    @property
    def readable_settings(self) -> dict[str, Json]:
        """Fields as JSON with the present names of signals, for people."""
        stored = self.settings
        return {**stored, **{name: getattr(self, name) for name in self._pair_lists if name in stored}}

    @classmethod
    def variants(cls, signals: SignalTable) -> tuple[dict[str, Setting], ...]:
        """Names and choices that are worth searching on this table.

        A signal that must be named takes every name of its kind; one with a default takes that, where the
        table has it; a choice takes each option. An operator that a search should not draw returns none, and
        contamination by a benchmark is left to recipes by hand.
        """
        options = [_options(field, signals) for field in fields_of(cls)]
        return tuple(
            {name: value for name, value in zip(_names(cls), values, strict=True) if value is not None}
            for values in itertools.product(*options)
        )

    @classmethod
    def weighed_groups(cls, signals: SignalTable) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG003 # most have none
        """Groupings whose weights (field `weights`) a search changes, with the names of their groups."""
        return {}

    def lower_ends(self, signals: SignalTable) -> Mapping[str, float]:  # noqa: ARG002  # most have none
        """Lower ends of ranges that the signals raise, by field."""
        return {}

    @property
    def _pair_lists(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields_of(type(self)) if field.reads is FieldKind.PAIRS)

    def _named(self, field: OperatorField) -> tuple[str, ...]:
        value = getattr(self, field.name)
        is_telling = value != field.default and (field.choice is not None or field.reads is not None)
        return tuple(_members(value)) if is_telling else ()

    def _reads(self, field: OperatorField) -> tuple[str, ...]:
        names = _members(getattr(self, field.name))
        if field.reads is FieldKind.BENCHMARK:
            return tuple(RELEVANCE + name for name in names or ("*",))
        return names if field.reads else ()


def _options(field: OperatorField, signals: SignalTable) -> tuple[Setting | None, ...]:
    """Values of a field in the catalogue; None leaves it at its default."""
    if field.choice is not None:
        return field.choice.options
    if field.reads is None or field.default is None:
        return (None,)
    # A search that could rank by contamination would win by training on the benchmark's own questions.
    names = tuple(name for name in field.reads.names(signals) if not name.startswith(CONTAMINATION))
    return names if field.default is MISSING else tuple(name for name in names if name == field.default)


def _names(cls: type[Operator]) -> tuple[str, ...]:
    return tuple(field.name for field in fields_of(cls))


def _members(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(str(member) for member in value)
    return () if value is None else (str(value),)


def _as_json(value: Any) -> Json:  # noqa: ANN401  # any field value
    if not isinstance(value, tuple):
        return value  # type: ignore[no-any-return]  # `checked` lets only JSON values through
    if value and all(isinstance(member, tuple) for member in value):
        return {name: _as_json(share) for name, share in value}
    return [_as_json(member) for member in value]
