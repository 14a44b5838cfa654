"""Report of scoring a pool: time, distributions of values, and samples without one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from autoselection_core.arrays import Labels, Mask, Values, Vectors
from autoselection_core.cluster import WorkerShare
from autoselection_core.signals.base import REASON, Computed, Signal
from autoselection_core.signals.joins.cosine import normalise
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.kinds import ValueKind, kind_of
from autoselection_core.signals.table import SOURCE, SignalTable


def distributions(table: SignalTable) -> dict[str, Values]:
    """Columns as they are; similarities of pairs, active features of rows, sizes of groups, directions.

    Parts without any known number are left out. NaN means unknown.

    Example:
        >>> table = SignalTable(
        ...     "pool", np.arange(3, dtype=np.uint64), {}, labels={"exact": np.array([0, 0, 1])}
        ... )
        >>> distributions(table)
        {'exact (rows of the group)': array([2., 2., 1.], dtype=float32)}
    """
    shown = dict(table.columns)
    shown |= {f"{name} (similarity of pairs)": pairs.similarity for name, pairs in table.pairs.items()}
    shown |= {
        f"{name} (features of a row)": np.diff(features.indptr).astype(np.float32)
        for name, features in table.sparse.items()
    }
    shown |= {
        f"{name} (rows of the group)": _group_sizes(labels)
        for name, labels in table.labels.items()
        if name != SOURCE
    }
    shown |= {
        f"{name} (cosine to the mean)": _cosine_to_the_mean(rows) for name, rows in table.vectors.items()
    }
    return {name: values for name, values in shown.items() if np.isfinite(values).any()}


def _group_sizes(labels: Labels) -> Values:
    """Sizes of the groups of all rows; NaN for a row without one. Shape (n,)."""
    known = labels >= 0
    sizes = np.bincount(labels[known], minlength=1)[np.maximum(labels, 0)]
    return np.where(known, sizes, np.nan).astype(np.float32)


def _cosine_to_the_mean(vectors: Vectors) -> Values:
    """NaN for an unknown vector. Shape (n,)."""
    unit = normalise(vectors)
    values: Values = unit @ normalise(unit.mean(axis=0, keepdims=True))[0]
    values[np.isnan(vectors).any(axis=1)] = np.nan
    return values


@dataclass(frozen=True)
class SignalReport:
    """Report of scoring a pool with one signal.

    Attributes:
        name: The signal.
        version: Its fingerprint.
        rows: Rows of the pool.
        computed: Samples that were scored now.
        reused: Samples that were scored before.
        finite_share: Share of the rows with a value, for each column, vector and list of features.
        unscored: Numbers of samples without a score, by reason.
        seconds: Duration.
        workers: What each process of a cluster did; empty where everything was computed here.
        number_types: Rows that were scored in each number type of a model's weights, as far as it is known.
    """

    name: str
    version: str
    rows: int
    computed: int
    reused: int
    finite_share: Mapping[str, float]
    unscored: Mapping[str, int]
    seconds: float
    workers: tuple[WorkerShare, ...] = ()
    number_types: Mapping[str, int] = field(default_factory=dict)

    @property
    def samples_per_s(self) -> float:
        """Samples scored a second; 0 when there was nothing to do."""
        return self.computed / self.seconds if self.computed else 0.0


def mixed_sentence(name: str, number_types: Mapping[str, int]) -> str | None:
    """A sentence where the values of a signal were made in several number types; None else."""
    if len(number_types) < 2:  # noqa: PLR2004 - several
        return None
    made = ", ".join(f"{count:,} in {kind}" for kind, count in number_types.items())
    return (
        f"{name}: values of one version round differently, {made}; with `dtype` under the signal all that "
        "are made from now on have one number type"
    )


def finite_shares(values: Mapping[str, Computed]) -> dict[str, float]:
    """Share of the rows with a value, by name; without values that cannot be unknown."""
    return {
        name: float(known.mean()) for name, value in values.items() if (known := _known(value)) is not None
    }


def _known(value: Computed) -> Mask | None:
    """Mask of the rows with a value; None for values without rows or without a way to be unknown."""
    if isinstance(value, SparseFeatures):
        return np.diff(value.indptr) > 0
    if isinstance(value, PairList) or kind_of(value) not in {ValueKind.COLUMN, ValueKind.VECTORS}:
        return None
    return np.asarray(np.isfinite(value).reshape(len(value), -1).all(axis=1), np.bool_)


def unscored(signal: Signal, values: Mapping[str, Computed]) -> dict[str, int]:
    """Numbers of rows without a value, by reason."""
    codes = values.get(REASON)
    if not isinstance(codes, np.ndarray):
        known = [each for value in values.values() if (each := _known(value)) is not None]
        unknown = int((~np.logical_and.reduce(known)).sum()) if known else 0
        return {signal.undefined: unknown} if unknown else {}
    counts = np.bincount(codes, minlength=len(signal.reasons))
    return {reason: int(count) for reason, count in zip(signal.reasons[1:], counts[1:], strict=True) if count}
