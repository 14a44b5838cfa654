"""Schema of a signal in campaigns: fields that a campaign sets, and fields that it fills in itself."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cached_property
from math import isfinite
from types import NoneType, UnionType
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from autoselection_core.errors.recipe import SettingError
from autoselection_core.identity import Json
from autoselection_core.pool.sample import Scope
from autoselection_core.signals.base import FIRST_NAME, NAMES_A_FILE, Signal

Settings: TypeAlias = Mapping[str, Json]

_MAX_COUNT = 1_000_000_000

MODEL, BENCHMARK = "model", "benchmark"
"""Fields that the campaign fills in with its base model, and with each of its benchmarks."""


@dataclass(frozen=True)
class SignalSchema:
    """Schema of one signal that campaigns can name.

    Attributes:
        definition: The class.
    """

    definition: type[Signal]

    @property
    def settings(self) -> tuple[str, ...]:
        """Settings that a campaign may give."""
        given = (MODEL, BENCHMARK, *self.signals)
        return tuple(name for name in self._fields if name not in given)

    @property
    def first_names(self) -> Mapping[str, str]:
        """Settings that had another name, by that first name: campaigns may still use it."""
        renamed = ((self._fields[name].metadata.get(FIRST_NAME), name) for name in self.settings)
        return {first: name for first, name in renamed if first is not None}

    @property
    def required(self) -> tuple[str, ...]:
        """The settings without a default."""
        return tuple(name for name in self.settings if _is_required(self._fields[name]))

    @property
    def files(self) -> tuple[str, ...]:
        """The settings that hold the path of a file or folder."""
        return tuple(
            name for name in self.settings if NAMES_A_FILE.items() <= self._fields[name].metadata.items()
        )

    @cached_property
    def signals(self) -> Mapping[str, type[Signal]]:
        """The fields that hold another signal: the campaign's own of that class, where it has one."""
        kinds = ((name, self._types[name]) for name in self._fields)
        return {name: kind for name, kind in kinds if isinstance(kind, type) and issubclass(kind, Signal)}

    @property
    def required_signals(self) -> tuple[type[Signal], ...]:
        """The signals that a campaign must have to name this one."""
        return tuple(kind for name, kind in self.signals.items() if _is_required(self._fields[name]))

    @property
    def reads_model(self) -> bool:
        """Whether it, or a signal that it holds, needs the base model."""
        return MODEL in self._fields or any(SignalSchema(kind).reads_model for kind in self.signals.values())

    @property
    def reads_benchmark(self) -> bool:
        """Whether there is one for each benchmark."""
        return BENCHMARK in self._fields

    @property
    def depth(self) -> int:
        """Depth of the signals that it holds."""
        return max((1 + SignalSchema(kind).depth for kind in self.signals.values()), default=0)

    def build(self, settings: Settings, model: str | None, **given: object) -> Signal:
        """The signal with a campaign's settings.

        Raises:
            SettingError: A value is none of those that the field can have.
        """
        typed = {name: self.convert(name, value) for name, value in settings.items()}
        read = {MODEL: model} if MODEL in self._fields else {}
        return self.definition(**typed, **read, **given)

    def convert(self, name: str, value: object) -> object:
        """A setting as its field holds it: YAML knows no scopes, and no lists that never change.

        Raises:
            SettingError: It is no value of the field's type, or a number out of range.
        """
        if self._types[name] is not Scope:
            held = tuple(value) if isinstance(value, list) else value
            default = self._fields[name].default
            low = min(1, default) if isinstance(default, int) else 1
            if (wanted := _wanted(self._types[name], held, low)) is not None:
                raise SettingError(name, value, wanted)
            return held
        if value not in tuple(Scope):
            raise SettingError(name, value, f"one of {', '.join(Scope)}")
        return Scope(str(value))

    @cached_property
    def _types(self) -> Mapping[str, Any]:
        return get_type_hints(self.definition)

    @cached_property
    def _fields(self) -> Mapping[str, Field[Any]]:
        return {field.name: field for field in fields(self.definition)}  # type: ignore[arg-type] # every subclass is a dataclass


def _wanted(kind: Any, value: object, low: int) -> str | None:  # noqa: ANN401 any type of a field
    """What values of a type are, in words, where this is none; None where it is one, or the type another."""
    if isinstance(kind, UnionType):
        known = [_wanted(each, value, low) for each in get_args(kind) if each is not NoneType]
        is_one = None in known or (value is None and NoneType in get_args(kind))
        return None if is_one else " or ".join(filter(None, known))
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        refused = [_wanted(item, each, low) for each in value] if isinstance(value, tuple) else []
        return None if refused and not any(refused) else f"a list, each entry {_wanted(item, kind, low)}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        is_one = is_number and isinstance(value, int) and low <= value <= _MAX_COUNT
        return None if is_one else f"a whole number from {low} to {_MAX_COUNT}"
    if kind is float:
        return None if is_number and isfinite(value) else "a finite number"  # type: ignore[arg-type] # narrowed
    if kind in (str, bool):
        return None if isinstance(value, kind) else {str: "text", bool: "true or false"}[kind]
    return None


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
