"""Twelve utilities: the six of the suite, and six that depend on structures of real pools.

Utilities of the new six depend on sources and their interplay, on topics, on the middle of a signal, on a
threshold and on a small intersection. Topics and clusters that contestants see are cut elsewhere than those
that utilities are made of; contestants see embeddings, and may weigh sources and topics. Half of the twelve
are held out: they are looked at in the last run only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from autoselection_core.arrays import Rows
from autoselection_core.signals.table import TOPIC
from bench.solver.landscapes.landscape import Landscape, Term, landscapes
from bench.solver.landscapes.world import LandscapeWorld, Numbers, to_ranks

HELD_OUT = ("saturating", "coverage", "deceptive", "interplay", "middle", "intersection")
"""Landscapes that no setting is tried on."""

OPEN = ("quality", "redundancy", "mix", "sources_worth", "topics_worth", "threshold")
"""Landscapes that settings may be tried on."""

_CLUSTERS, _TOPICS = (10, 20, 40), 20
_TIGHT = 0.05
"""Share of the pool below which a subset of the right rows is too small."""


def with_topics(world: LandscapeWorld) -> LandscapeWorld:
    """The same world with embeddings, clusters and named topics among the signals."""
    themes = world.themes.astype(np.float32)
    labels = {
        f"cluster/{count}": MiniBatchKMeans(count, random_state=50 + count, n_init=3)
        .fit_predict(world.themes)
        .astype(np.int32)
        for count in _CLUSTERS
    }
    labels[TOPIC] = labels[f"cluster/{_TOPICS}"]
    signals = replace(
        world.signals,
        vectors={**world.signals.vectors, "embedding": themes},
        labels={**world.signals.labels, **labels},
        label_names={**world.signals.label_names, TOPIC: tuple(f"topic {n}" for n in range(_TOPICS))},
    )
    return replace(world, signals=signals)


def wide_landscapes(world: LandscapeWorld, reference: Sequence[Rows], draw: int = 0) -> dict[str, Landscape]:
    """All twelve, scaled on the subsets of random recipes; 0 is the draw that is reported."""
    made = landscapes(world, reference, draw)
    for name, (first, second, weight) in _structures(world, draw).items():
        one, other = _scale(first, reference), _scale(second, reference)

        def raw(rows: Rows, one: Term = one, other: Term = other, weight: float = weight) -> float:
            return one(rows) + weight * other(rows)

        values = np.array([raw(rows) for rows in reference])
        made[name] = Landscape(name, raw, float(values.mean()), float(values.std()))
    return made


def _structures(world: LandscapeWorld, draw: int) -> Mapping[str, tuple[Term, Term, float]]:
    """Two terms and the weight of the second, by name."""
    rng = np.random.default_rng((31, draw))
    sources = np.asarray(world.signals.label("source"), np.int64)
    worth = rng.normal(size=int(sources.max()) + 1)
    first, second = _halves(len(worth), rng)
    topics = rng.normal(size=int(world.topics.max()) + 1)
    columns = {name: to_ranks(world.signals[name]) for name in sorted(world.signals.columns)}
    names = list(columns)
    theme, style = world.themes[:, int(rng.integers(1, 8))], world.style[min(world.style)]
    middle = -np.abs(columns[names[int(rng.integers(len(names)))]] - rng.uniform(-0.6, 0.6))
    relevance, entropy = columns["relevance/gsm8k"], columns["word_entropy"]
    small = np.asarray((relevance > 0.6) & (entropy > 0.3), np.float64)
    above = np.asarray((theme > 0.5) & (style > 0), np.float64)
    size = len(world.signals)
    return {
        "sources_worth": (_mean(worth[sources]), _mean(theme), 0.4),
        "interplay": (_product(np.isin(sources, first), np.isin(sources, second)), _mean(theme), 0.4),
        "topics_worth": (_mean(topics[world.topics]), _mean(style), 0.4),
        "middle": (_mean(middle + 0.5 * rng.normal(size=size)), _mean(theme), 0.5),
        "threshold": (_mean(above), _enough(size), 0.5),
        "intersection": (_mean(small + 0.3 * rng.normal(size=size)), _enough(size), 0.4),
    }


def _halves(count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Two thirds of the sources, in two parts."""
    order, third = rng.permutation(count), max(1, count // 3)
    return order[:third], order[third : 2 * third]


def _mean(column: Numbers) -> Term:
    return lambda rows: float(column[rows].mean())


def _product(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> Term:
    """Geometric mean of two shares: either without the other is worth nothing."""
    return lambda rows: float((one[rows].mean() * other[rows].mean()) ** 0.5)


def _enough(size: int) -> Term:
    return lambda rows: 1 - float(np.exp(-len(rows) / size / _TIGHT))


def _scale(term: Term, reference: Sequence[Rows]) -> Term:
    values = np.array([term(rows) for rows in reference])
    center, spread = float(values.mean()), max(float(values.std()), 1e-9)
    return lambda rows: (term(rows) - center) / spread
