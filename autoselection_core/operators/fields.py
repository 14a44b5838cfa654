"""Fields of operators: the signals that they name, and the values that they may have."""

import dataclasses
import math
import types
from dataclasses import MISSING, dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from autoselection_core.errors.recipe import SettingError
from autoselection_core.signals.table import SignalTable, first_name, present_name
from autoselection_core.space import Choice

__all__ = [
    "MISSING",
    "Column",
    "FieldKind",
    "Label",
    "OperatorField",
    "OrderName",
    "Pairs",
    "Reads",
    "VectorsName",
    "fields_of",
]


class FieldKind(StrEnum):
    """Parts of a signal table."""

    COLUMN = "column"
    LABEL = "label"
    PAIRS = "pairs"
    VECTORS = "vectors"
    BENCHMARK = "benchmark"

    def names(self, signals: SignalTable) -> tuple[str, ...]:
        """Names of this kind in a table, in ascending order."""
        if self is FieldKind.BENCHMARK:
            return signals.benchmarks
        part = {"column": signals.columns, "label": signals.labels, "pairs": signals.pairs}
        return tuple(sorted(part.get(self.value, signals.vectors)))


@dataclass(frozen=True)
class Reads:
    """Mark of a field that names a signal (or several), for validation, catalogue, lineage and tests."""

    kind: FieldKind


Column: TypeAlias = Annotated[str, Reads(FieldKind.COLUMN)]
"""Name of a column."""

Label: TypeAlias = Annotated[str, Reads(FieldKind.LABEL)]
"""Name of a grouping of the rows."""

Pairs: TypeAlias = Annotated[str, Reads(FieldKind.PAIRS)]
"""Name of a list of pairs."""

VectorsName: TypeAlias = Annotated[str, Reads(FieldKind.VECTORS)]
"""Name of a set of vectors."""

OrderName: TypeAlias = Annotated[str, Choice(("highest", "lowest"))]
"""End of a ranking that comes first."""


@dataclass(frozen=True)
class OperatorField:
    """Field of an operator class.

    Attributes:
        name: Name of the field.
        hint: Type without annotations.
        reads: Kind of signal that it names; None where it names none.
        choice: Its options; None where any value is allowed.
        default: `MISSING` where it must be given.
    """

    name: str
    hint: Any
    reads: FieldKind | None
    choice: Choice | None
    default: object

    def convert(self, value: object) -> Any:  # noqa: ANN401  # the type is the field's own
        """Value converted to the field's type: whole numbers become floats, lists and mappings become tuples.

        A first name of a list of pairs becomes its present name.

        Raises:
            SettingError: The value is of another type.
        """
        checked = _as(self.hint, value, self.name)
        return present_name(checked) if self.reads is FieldKind.PAIRS else checked

    def to_stored(self, value: object) -> object:
        """Value as recipes have always stored it: a renamed list of pairs keeps its first name there."""
        return first_name(str(value)) if self.reads is FieldKind.PAIRS else value


@cache
def fields_of(cls: type) -> tuple[OperatorField, ...]:
    """Fields of an operator class, in their order."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(_field(field, hints[field.name]) for field in dataclasses.fields(cls))


def _field(field: "dataclasses.Field[Any]", hint: object) -> OperatorField:
    marks = _marks(hint)
    return OperatorField(
        field.name,
        _bare(hint),
        next((mark.kind for mark in marks if isinstance(mark, Reads)), None),
        next((mark for mark in marks if isinstance(mark, Choice)), None),
        field.default,
    )


def _marks(hint: object) -> tuple[object, ...]:
    """Annotations of a type and of the members of a union or a tuple."""
    own = getattr(hint, "__metadata__", ())
    inner = get_args(hint)[:1] if own else get_args(hint)
    return (*own, *(mark for member in inner for mark in _marks(member)))


def _bare(hint: Any) -> Any:  # noqa: ANN401  # types have no narrower type
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return Union[tuple(_bare(member) for member in get_args(hint))]  # noqa: UP007  # built at run time
    if get_origin(hint) is tuple:
        return tuple[tuple(_bare(member) for member in get_args(hint))]  # type: ignore[misc]  # at run time
    return hint


def _as(hint: Any, value: Any, name: str) -> Any:  # noqa: ANN401  # checks any value against any type
    if get_origin(hint) is Union:
        return None if value is None else _as(_only_member(hint), value, name)
    if get_origin(hint) is tuple:
        return _as_tuple(get_args(hint), value, name)
    if hint is float:
        return _as_float(value, name)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise SettingError(name, value, _spell(hint))
    return value


def _as_float(value: Any, name: str) -> float:  # noqa: ANN401
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise SettingError(name, value, _spell(float))
    return float(value)


def _as_tuple(members: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:  # noqa: ANN401
    if isinstance(value, dict):
        value = sorted(value.items())
    if not isinstance(value, list | tuple):
        raise SettingError(name, value, "a list")
    if members[-1] is Ellipsis:
        members = members[:1] * len(value)
    if len(members) != len(value):
        raise SettingError(name, value, f"a list of {len(members)}")
    return tuple(_as(member, item, name) for member, item in zip(members, value, strict=True))


def _only_member(hint: Any) -> Any:  # noqa: ANN401
    return next(member for member in get_args(hint) if member is not type(None))


def _spell(hint: Any) -> str:  # noqa: ANN401
    return {str: "a name", float: "a finite number", int: "a whole number"}.get(hint, str(hint))
