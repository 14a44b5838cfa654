"""Interface of signals: versioned definitions of values for the samples of a pool."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Rows
from autoselection_core.identity import Json, fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.shards import IN_MEMORY, Scratch
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures

Computed: TypeAlias = npt.NDArray[Any] | SparseFeatures | PairList
"""Values of a signal for some rows; `signals.store.kinds` derives the kind from the type."""

Given: TypeAlias = Mapping[str, Any]
"""Values of the signals that a signal needs, aligned to the same rows, by name of the value."""

NAMES_A_FILE: Mapping[str, bool] = MappingProxyType({"names_a_file": True})
"""Metadata of a field that holds the path of a file or folder: campaigns reach only some."""

FIRST_NAME = "first_name"


def renamed_from(name: str) -> Mapping[str, str]:
    """Metadata of a renamed field: versions keep its first name, and campaigns may still use it."""
    return {FIRST_NAME: name}


formerly = renamed_from
"""First name, by which packages of other people import it."""


REASON = "reason"
"""Name of the value that codes why a sample has no score: index into `Signal.reasons`. Shape (n,), int8."""


class Signal(ABC):
    """Versioned definition of values for samples, each sample by itself.

    A subclass is a frozen dataclass. Its fields are the parameters of the definition. A field with
    `compare=False` changes how fast the values come or where they are read from, never what they are, and
    is no part of the version; what such a field points to (a model, a benchmark) is named by `reads`.

    Attributes:
        definition: Name of the definition in its version: the name of the class, unless the class sets it.
            A renamed class keeps its first name here, so that stored values are not scored again.
        version: Raised when the implementation gives other values.
        chunk_rows: Rows that are computed and stored together; a killed process loses at most so many.
        reasons: Why a sample can have no score; place 0 means that it has one.
        undefined: Why a sample has no value, for a signal that gives no `REASON`.
        needs_targets: Whether it compares samples with the targets of its benchmark.
    """

    definition: ClassVar[str]
    version: ClassVar[int] = 1
    chunk_rows: ClassVar[int] = 16_384
    reasons: ClassVar[tuple[str, ...]] = ("",)
    undefined: ClassVar[str] = "undefined"
    needs_targets: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "definition" not in cls.__dict__:
            cls.definition = cls.__name__

    @property
    @abstractmethod
    def name(self) -> str:
        """Name in a campaign, a table and the store."""

    @abstractmethod
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """Values of all rows of a pool; NaN where a value is undefined.

        Args:
            pool: The samples; often a chunk of a larger pool.
            given: Values of the signals in `needs`, aligned to the rows of this pool.
            progress: Called with the rows that are done.
        """

    def prepare(self, pool: Pool, given: Given, progress: Progress | None = None) -> None:  # noqa: B027 - most need nothing
        """Fit, once, what all samples are measured by, and pin it: centres, an autoencoder.

        Called before `reads`. A fit that exists stays as it is, however the pool has changed.
        """

    def needs(self) -> tuple["Signal", ...]:
        """Signals whose values `compute` is given."""
        return ()

    def reads(self) -> Mapping[str, str]:
        """Data versions of what is read beside the samples: model, tokenizer, targets, other signals."""
        return {need.name: need.fingerprint for need in self.needs()}

    def number_type(self) -> str | None:
        """Number type and device of the weights that `compute` has read here; None where it read none.

        No part of the version: values of two number types differ by rounding, which the store notes.
        """
        return None

    @property
    def code_version(self) -> str:
        """Hash of definition, parameters and implementation; known without loading anything."""
        parameters = [field for field in fields(self) if field.compare]  # type: ignore[arg-type] # a dataclass
        settings = {
            field.metadata.get(FIRST_NAME, field.name): _as_json(getattr(self, field.name))
            for field in parameters
        }
        return fingerprint({"signal": self.definition, "version": self.version, "settings": settings})

    @property
    def fingerprint(self) -> str:
        """Hash that names the values: equal fingerprints, equal values of a sample."""
        return fingerprint({"code": self.code_version, "reads": dict(self.reads())})


@dataclass(frozen=True, eq=False)
class EarlierValues:
    """Values of a pool signal for an earlier pool that shares most of its samples with the present one.

    Attributes:
        values: Its values for the earlier pool.
        rows: Present row of each row of the earlier pool, ascending; -1 where it left. Shape (earlier,).
    """

    values: Mapping[str, Computed]
    rows: Rows

    def new_rows(self, count: int) -> Rows:
        """Rows of a pool with `count` rows that the earlier pool did not have. Ascending."""
        return missing_rows(self.rows, count)


def missing_rows(rows: Rows, count: int) -> Rows:
    """Indices below `count` that are not among some rows; negative rows name none. Ascending."""
    is_new = np.ones(count, np.bool_)
    is_new[rows[rows >= 0]] = False
    return np.flatnonzero(is_new)


class PoolSignal(Signal):
    """Signal of the pool as a whole: groups, pairs and whatever else depends on the other samples."""

    def memory_bytes(self, pool: Pool) -> int:  # noqa: ARG002 - read by subclasses
        """Memory that a computation takes at its peak, as far as it grows with the pool and was measured."""
        return 0

    def compute_in(
        self,
        scratch: Scratch,  # noqa: ARG002 - read by subclasses
        pool: Pool,
        given: Given,
        progress: Progress | None = None,
    ) -> Mapping[str, Computed]:
        """Values that `compute` gives, with a place on the disk for what would fill the memory.

        Args:
            scratch: Folder that is there until the values are written, and how shards are run.
            pool: The samples.
            given: Values of the signals in `needs`.
            progress: Called with the rows that are done.
        """
        return self.compute(pool, given, progress)

    def update(
        self,
        pool: Pool,  # noqa: ARG002 - read by subclasses
        given: Given,  # noqa: ARG002 - read by subclasses
        earlier: EarlierValues,  # noqa: ARG002 - read by subclasses
        progress: Progress | None = None,  # noqa: ARG002 - read by subclasses
    ) -> Mapping[str, Computed] | None:
        """Values updated from those of an earlier pool at the cost of the new rows; None if impossible."""
        return None


class ShardedSignal(PoolSignal):
    """Signal of the pool as a whole that is computed shard by shard, in memory or in files."""

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        return self.compute_in(IN_MEMORY, pool, given, progress)

    @abstractmethod
    @override
    def compute_in(
        self, scratch: Scratch, pool: Pool, given: Given, progress: Progress | None = None
    ) -> Mapping[str, Computed]: ...


class SharedPass(ABC):
    """Signals that are computed together in one pass over the samples.

    Each of them keeps a record of its own and can be computed by itself: sharing saves time and changes no
    value. They need no other signals.
    """

    @property
    @abstractmethod
    def signals(self) -> tuple[Signal, ...]:
        """The signals that the pass computes."""

    @abstractmethod
    def compute(self, pool: Pool, progress: Progress | None = None) -> tuple[Mapping[str, Computed], ...]:
        """Values of all rows, for each of the signals in order; see `Signal.compute`."""


def float_column(values: Any) -> npt.NDArray[np.float32]:  # noqa: ANN401 any sequence of numbers
    """Column of a signal. Shape (n,)."""
    return np.asarray(values, np.float32)


def _as_json(value: Any) -> Json:  # noqa: ANN401 any parameter
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Signal):
        return value.code_version
    if isinstance(value, tuple):
        return [_as_json(each) for each in value]
    assert isinstance(value, str | int | float | bool | None), "a parameter of a definition is plain data"
    return value
