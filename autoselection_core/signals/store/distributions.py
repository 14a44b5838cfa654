"""Numbers of every part of a signal table whose distributions are shown as histograms."""

import numpy as np

from autoselection_core.arrays import Labels, Values, Vectors
from autoselection_core.signals.joins.cosine import normalise
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
