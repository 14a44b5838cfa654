"""What a signal is: a definition with a version, and the numbers that it gives to samples."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows
from autoselection_core.identity import Json, fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures

Computed: TypeAlias = npt.NDArray[Any] | SparseFeatures | PairList
"""Values of a signal for some rows; `signals.store.kinds` tells the kind by the type."""

Given: TypeAlias = Mapping[str, Any]
"""What the signals that a signal needs have computed, aligned to the same rows, by name of the value."""

NAMES_A_FILE: Mapping[str, bool] = MappingProxyType({"names_a_file": True})
"""Metadata of a field that holds the path of a file or folder: campaigns reach only some."""

REASON = "reason"
"""Value that says why a sample has no score: its place in the signal's `reasons`. Shape (n,), int8."""


class Signal(ABC):
    """A definition that gives numbers to samples, each sample by itself.

    A subclass is a frozen dataclass. Its fields are the parameters of the definition. A field with
    `compare=False` changes how fast the values come or where they are read from, never what they are, and
    is no part of the version; what such a field points to (a model, a benchmark) is named by `reads`.

    Attributes:
        version: Raised when the implementation gives other values.
        chunk_rows: Rows that are computed and stored together; a killed process loses at most so many.
        reasons: Why a sample can have no score; place 0 means that it has one.
        undefined: Why a sample has no value, for a signal that gives no `REASON`.
    """

    version: ClassVar[int] = 1
    chunk_rows: ClassVar[int] = 16_384
    reasons: ClassVar[tuple[str, ...]] = ("",)
    undefined: ClassVar[str] = "undefined"

    @property
    @abstractmethod
    def name(self) -> str:
        """What a campaign calls it."""

    @abstractmethod
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """The values of all rows of a pool; NaN where a value is undefined.

        Args:
            pool: The samples; often a chunk of a larger pool.
            given: Values of the signals in `needs`, aligned to the rows of this pool.
            progress: Told how far it is.
        """

    def prepare(self, pool: Pool, given: Given, progress: Progress | None = None) -> None:  # noqa: B027 - most need nothing
        """Make, once, what all samples are measured by, and pin it: centres, an autoencoder.

        Called before `reads` is asked. What is there already stays as it is, however the pool has changed.
        """

    def needs(self) -> tuple["Signal", ...]:
        """Signals whose values `compute` is given."""
        return ()

    def reads(self) -> Mapping[str, str]:
        """Data versions of what it reads beside the samples: model, tokenizer, targets, other signals."""
        return {need.name: need.fingerprint for need in self.needs()}

    @property
    def code_version(self) -> str:
        """Names definition, parameters and implementation; known without loading anything."""
        parameters = [field.name for field in fields(self) if field.compare]  # type: ignore[arg-type] # a dataclass
        settings = {name: _spelled(getattr(self, name)) for name in parameters}
        return fingerprint({"signal": type(self).__name__, "version": self.version, "settings": settings})

    @property
    def fingerprint(self) -> str:
        """Names the values: equal fingerprints, equal values of a sample."""
        return fingerprint({"code": self.code_version, "reads": dict(self.reads())})


@dataclass(frozen=True, eq=False)
class Earlier:
    """What a pool signal knew of a pool that shares most of its samples with the one at hand.

    Attributes:
        values: Its values for the earlier pool.
        rows: Where each row of the earlier pool stands now, ascending; -1 where it left. Shape (earlier,).
    """

    values: Mapping[str, Computed]
    rows: Rows

    def new_rows(self, count: int) -> Rows:
        """The rows, of so many, that the earlier pool did not have. Ascending."""
        return unmatched(self.rows, count)


def unmatched(rows: Rows, count: int) -> Rows:
    """The places, of so many, that are not among some rows; rows below 0 name none. Ascending."""
    is_new = np.ones(count, np.bool_)
    is_new[rows[rows >= 0]] = False
    return np.flatnonzero(is_new)


class PoolSignal(Signal):
    """A signal of the pool as a whole: groups, pairs and whatever else a sample has only among others."""

    def extended(
        self,
        pool: Pool,  # noqa: ARG002 - read by subclasses
        given: Given,  # noqa: ARG002 - read by subclasses
        earlier: Earlier,  # noqa: ARG002 - read by subclasses
        progress: Progress | None = None,  # noqa: ARG002 - read by subclasses
    ) -> Mapping[str, Computed] | None:
        """The values from those of an earlier pool, at the cost of what is new; None if that cannot be."""
        return None


class SharedPass(ABC):
    """Signals whose values come from one reading of the samples.

    Each of them keeps a record of its own and can be computed by itself: sharing saves time and changes no
    value. They need no other signals.
    """

    @property
    @abstractmethod
    def signals(self) -> tuple[Signal, ...]:
        """The signals that it gives."""

    @abstractmethod
    def compute(self, pool: Pool, progress: Progress | None = None) -> tuple[Mapping[str, Computed], ...]:
        """The values of all rows, for each of the signals in order; see `Signal.compute`."""


def float_column(values: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401 any sequence of numbers
    """A column of a signal. Shape (n,)."""
    return np.asarray(values, np.float32)


def _spelled(value: Any) -> Json:  # noqa: ANN401 any parameter
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Signal):
        return value.code_version
    if isinstance(value, tuple):
        return [_spelled(each) for each in value]
    assert isinstance(value, str | int | float | bool | None), "a parameter of a definition is plain data"
    return value
