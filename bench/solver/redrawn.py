"""Hidden columns of the suite's structures, made of other signals, themes and styles in every draw."""

import numpy as np

from bench.solver.world import Numbers, World, ranked


def redrawn_columns(world: World, rng: np.random.Generator) -> dict[str, Numbers]:
    """A column for each name that the suite's terms use: the same weights on drawn parts with drawn signs."""
    ranks = [ranked(world.signals[name]) for name in sorted(world.signals.columns)]
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
