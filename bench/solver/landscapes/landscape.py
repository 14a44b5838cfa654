"""Six utilities over subsets of real rows, in points, each with another structure.

A utility is a weighted sum of terms over hidden per-row values. Every term is standardised over random
recipes, and so is the sum: a random recipe has mean 0 and standard deviation 3 points, which is the order of
the spread that the paper's Table 10 shows. No hidden column correlates above 0.6 with any signal.

Another `draw` keeps the six structures and draws anew what their hidden columns are made of
(`redrawn_columns`), so that settings can be tried without looking at the landscapes that are reported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows
from autoselection_core.signals.table import SignalTable
from bench.solver.landscapes.world import LandscapeWorld, Numbers, to_ranks


def redrawn_columns(world: LandscapeWorld, rng: np.random.Generator) -> dict[str, Numbers]:
    """A column for each name that the suite's terms use: the same weights on drawn parts with drawn signs."""
    ranks = [to_ranks(world.signals[name]) for name in sorted(world.signals.columns)]
    styles = [world.style[name] for name in sorted(world.style)]
    sources = np.asarray(world.signals.label("source"), np.int64)
    by_source = rng.normal(size=int(sources.max()) + 1)[sources]

    def theme() -> Numbers:
        return np.asarray(world.themes[:, rng.integers(1, world.themes.shape[1])])

    def rank() -> Numbers:
        return _signed(ranks[rng.integers(len(ranks))], rng)

    def style() -> Numbers:
        return _signed(styles[rng.integers(len(styles))], rng)

    return {
        "clear": 0.6 * rank() + 0.5 * theme() + 0.4 * style(),
        "exact": 0.6 * rank() + 0.4 * theme() + 0.4 * style(),
        "sources": 0.7 * by_source + 0.5 * theme() + 0.4 * rank(),
        "typical": -0.8 * np.abs(rank() - rng.uniform(-0.8, 0.8)) + 0.5 * theme() + 0.3 * rank(),
        "short": 0.7 * rank() + 0.5 * style() + 0.4 * theme(),
        "hard": 0.7 * rank() + 0.5 * rank() + 0.5 * theme(),
    }


def _signed(values: Numbers, rng: np.random.Generator) -> Numbers:
    return values if rng.random() < 0.5 else -values


SPREAD_POINTS = 3.0
HIGHEST_CORRELATION = 0.6

TUNED = ("quality", "redundancy", "mix")
"""Landscapes that settings were tuned on."""

UNSEEN = ("coverage", "saturating", "deceptive")
"""Landscapes that were looked at once, for the report."""

Term = Callable[[Rows], float]


@dataclass(frozen=True, eq=False)
class Landscape:
    """A utility of subsets.

    Attributes:
        name: Name in reports.
        raw: The utility before it is scaled.
        center: Mean of the raw utility over random recipes.
        spread: Its standard deviation.
    """

    name: str
    raw: Term
    center: float
    spread: float

    def __call__(self, rows: Rows) -> float:
        """The true utility of a subset, in points."""
        return SPREAD_POINTS * (self.raw(rows) - self.center) / self.spread


def landscapes(world: LandscapeWorld, reference: Sequence[Rows], draw: int = 0) -> dict[str, Landscape]:
    """All landscapes, scaled on the subsets of random recipes; 0 is the draw that is reported."""
    terms = {name: _scale(term, reference) for name, term in _terms(world, draw).items()}
    made = {}
    for name, weights in _WEIGHTS.items():
        raw = _sum(terms, weights)
        values = np.array([raw(rows) for rows in reference])
        made[name] = Landscape(name, raw, float(values.mean()), float(values.std()))
    broad, narrow = _sum(terms, _BROAD), _sum(terms, _NARROW)
    values = np.array([np.logaddexp(2 * broad(rows), 2 * narrow(rows)) for rows in reference])
    made["deceptive"] = Landscape(
        "deceptive",
        lambda rows: float(np.logaddexp(2 * broad(rows), 2 * narrow(rows))),
        float(values.mean()),
        float(values.std()),
    )
    return made


_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "quality": {"clear": 1.0, "enough": 0.4, "distinct": 0.3},
    "redundancy": {"distinct": 1.0, "exact": 0.6, "enough": 0.5},
    "mix": {"balanced": 1.0, "sources": 0.5, "enough": 0.3},
    "coverage": {"covered": 1.0, "typical": 0.9, "distinct": 0.5},
    "saturating": {"plenty": 1.0, "short": 1.1, "distinct": 0.3},
}
_BROAD = {"clear": 0.8, "plenty": 0.6}
_NARROW = {"hard": 1.2, "small": 0.8, "distinct": 0.3}
"""`deceptive` is nearly the higher of a broad hill (clear and large) and a narrow one (hard and small)."""


def _terms(world: LandscapeWorld, draw: int) -> dict[str, Term]:
    hidden = hidden_columns(world, draw)
    size = len(world.signals)
    sources = np.asarray(world.signals.label("source"), np.int64)
    ideal = _generator(11, draw).dirichlet(np.full(int(sources.max()) + 1, 0.7))
    wealth = _generator(12, draw).gamma(1.0, 1.0, int(world.topics.max()) + 1)
    return {
        **{name: _mean_of(column) for name, column in hidden.items()},
        "enough": lambda rows: 1 - float(np.exp(-len(rows) / size / 0.10)),
        "plenty": lambda rows: 1 - float(np.exp(-len(rows) / size / 0.35)),
        "small": lambda rows: -float(max(0.0, len(rows) / size - 0.15)),
        "distinct": lambda rows: len(np.unique(world.copies[rows])) / (len(rows) + 0.05 * size),
        "covered": lambda rows: _covered(world.topics[rows], wealth, size),
        "balanced": lambda rows: -_divergence(sources[rows], ideal),
    }


def hidden_columns(world: LandscapeWorld, draw: int = 0) -> dict[str, Numbers]:
    """Per-row values that means are taken of; standardised, and kept away from every signal."""
    rng = _generator(7, draw)
    mixed = redrawn_columns(world, rng) if draw else _columns(world, rng)
    return {
        name: _kept_away(column + 0.8 * rng.normal(size=len(column)), world.signals, rng)
        for name, column in mixed.items()
    }


def _columns(world: LandscapeWorld, rng: np.random.Generator) -> dict[str, Numbers]:
    rank = {name: to_ranks(column) for name, column in world.signals.columns.items()}
    themes, style = world.themes, world.style
    sources = np.asarray(world.signals.label("source"), np.int64)
    by_source = rng.normal(size=int(sources.max()) + 1)[sources]
    return {
        "clear": 0.6 * rank["word_entropy"] + 0.5 * themes[:, 2] + 0.4 * style["punctuation"],
        "exact": 0.6 * rank["relevance/gsm8k"] + 0.4 * themes[:, 1] + 0.4 * style["digits"],
        "sources": 0.7 * by_source + 0.5 * themes[:, 3] - 0.4 * rank["tokens"],
        "typical": -0.8 * np.abs(rank["tokens"] - 0.4) + 0.5 * themes[:, 5] + 0.3 * rank["relevance/mmlu"],
        "short": -0.7 * rank["response_tokens"] + 0.5 * style["word_length"] + 0.4 * themes[:, 4],
        "hard": 0.7 * rank["relevance/bbh"] - 0.5 * rank["word_entropy"] + 0.5 * themes[:, 6],
    }


def _generator(seed: int, draw: int) -> np.random.Generator:
    return np.random.default_rng((seed, draw) if draw else seed)


def correlation(column: Numbers, signals: SignalTable) -> float:
    """The highest absolute correlation of a column with a signal, by value or by rank."""
    return max(
        abs(float(np.corrcoef(column, other)[0, 1]))
        for values in signals.columns.values()
        for other in (np.nan_to_num(values.astype(np.float64)), to_ranks(values))
    )


def _kept_away(column: Numbers, signals: SignalTable, rng: np.random.Generator) -> Numbers:
    while correlation(column, signals) > HIGHEST_CORRELATION:
        column = column + 0.3 * column.std() * rng.normal(size=len(column))
    return np.asarray((column - column.mean()) / column.std())


def _mean_of(column: Numbers) -> Term:
    return lambda rows: float(column[rows].mean())


def _covered(topics: npt.NDArray[np.int64], wealth: Numbers, size: int) -> float:
    counts = np.bincount(topics, minlength=len(wealth))
    return float((wealth * (1 - np.exp(-counts / (0.01 * size)))).sum())


def _divergence(sources: npt.NDArray[np.int64], ideal: Numbers) -> float:
    shares = (np.bincount(sources, minlength=len(ideal)) + 1) / (len(sources) + len(ideal))
    return float((ideal * np.log((ideal + 1e-4) / shares)).sum())


def _scale(term: Term, reference: Sequence[Rows]) -> Term:
    values = np.array([term(rows) for rows in reference])
    center, spread = float(values.mean()), float(values.std())
    return lambda rows: (term(rows) - center) / spread


def _sum(terms: Mapping[str, Term], weights: Mapping[str, float]) -> Term:
    return lambda rows: sum(weight * terms[name](rows) for name, weight in weights.items())
