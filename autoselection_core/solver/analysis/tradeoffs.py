"""Several objectives at once: the score of each benchmark, and the tokens that a subset costs.

A search maximises one utility. What it measured says more: a subset may be the best for one benchmark, or
nearly as good with half of the tokens. A tried subset is on the front if no other one is at least as good in
everything and better in something. Scores are noisy, so each benchmark has a surrogate of its own, and the
chance of being on the front is over joint draws from their posteriors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.arrays import Mask
from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.evidence.constraints import surrogate_of_benchmark
from autoselection_core.solver.evidence.fitted import fitting_for
from autoselection_core.solver.evidence.observations import ObservedSubset, observed_subsets
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.solver import Solver
from autoselection_core.solver.surrogate.gp import Numbers, Surrogate
from autoselection_core.solver.surrogate.kernel import RIDGE

_DRAWS = 64
"""Joint draws of a benchmark's scores under each hyper-parameter vector."""


@dataclass(frozen=True)
class Scored:
    """Score of a subset on one benchmark, observed and estimated, in the benchmark's unit.

    Attributes:
        observed: Mean over its evaluations.
        mean: Posterior mean; the observed one where too little was measured for a surrogate.
        deviation: Posterior standard deviation; None where there is no surrogate.
    """

    observed: float
    mean: float
    deviation: float | None


@dataclass(frozen=True)
class Standing:
    """Place of a tried subset among the others.

    Attributes:
        trial: The first trial that evaluated it.
        recipe: The program.
        tokens: Its size; fewer are better.
        scores: By benchmark.
        is_on_front: Whether it is on the front by the posterior means.
        chance: Probability that it is on the front; None where there is no surrogate.
    """

    trial: int
    recipe: Recipe
    tokens: int
    scores: Mapping[str, Scored]
    is_on_front: bool
    chance: float | None


def standings(solver: Solver, history: History, signs: Mapping[str, float]) -> tuple[Standing, ...]:
    """Every measured subset with its place among the others, by trial.

    Args:
        solver: With the pool and the policy.
        history: Measurements; benchmarks that a trial has no score of leave that trial out.
        signs: For each benchmark 1 where higher scores are better, -1 where lower ones are.
    """
    sizes = {one.subset: one.tokens for one in history.observations}
    if not history.observations or not signs:
        return ()
    with one_thread():
        context = solver.context(history.seed)
    observed = [
        one
        for one in observed_subsets(history, context.signals)
        if one.scores and all(set(signs) <= set(scores) for scores in one.scores)
    ]
    if not observed:
        return ()
    with one_thread():
        features = context.describe_subsets([one.subset for one in observed])
        learned = {name: _learn(context, observed, features, name) for name in signs}
        scores = {name: _score(learned[name], observed, features, name) for name in signs}
        tokens = np.array([-float(sizes[one.name]) for one in observed])
        means = [sign * np.array([each.mean for each in scores[name]]) for name, sign in signs.items()]
        front = on_front(np.stack([*means, tokens], axis=-1))
        chances = _chances(context, learned, features, signs, tokens)
    return tuple(
        Standing(
            one.trial,
            one.recipe,
            sizes[one.name],
            {name: scores[name][place] for name in signs},
            bool(front[place]),
            None if chances is None else float(chances[place]),
        )
        for place, one in enumerate(observed)
    )


def on_front(values: Numbers) -> Mask:
    """Pareto front: points that no other one equals in everything and beats in something.

    Args:
        values: Higher is better. Shape (..., m, objectives).

    Returns:
        Shape (..., m).

    Example:
        >>> on_front(np.array([[1.0, 5.0], [2.0, 4.0], [1.0, 4.0], [2.0, 4.0]])).tolist()
        [True, True, False, True]
    """
    one, other = values[..., :, None, :], values[..., None, :, :]
    beaten = (other >= one).all(-1) & (other > one).any(-1)
    return np.asarray(~beaten.any(-1))


def _learn(
    context: SearchContext, observed: Sequence[ObservedSubset], features: Features, name: str
) -> Surrogate | None:
    fitting = fitting_for(context, len(observed))
    return surrogate_of_benchmark(observed, features, context.describer.layout, name, fitting)


def _score(
    surrogate: Surrogate | None, observed: Sequence[ObservedSubset], features: Features, name: str
) -> list[Scored]:
    values = [float(np.mean([scores[name] for scores in one.scores])) for one in observed]
    if surrogate is None:
        return [Scored(value, value, None) for value in values]
    means, deviations = surrogate.posterior(features)
    return [
        Scored(value, float(mean), float(deviation))
        for value, mean, deviation in zip(values, means, deviations, strict=True)
    ]


def _chances(
    context: SearchContext,
    learned: Mapping[str, Surrogate | None],
    features: Features,
    signs: Mapping[str, float],
    tokens: Numbers,
) -> Numbers | None:
    """Probability that each subset is on the front; each benchmark is drawn by itself. Shape (m,)."""
    draws = []
    for name, sign in signs.items():
        surrogate = learned[name]
        if surrogate is None:
            return None
        draws.append(sign * _draw(surrogate, features, seed_for("tradeoffs", context.seed, name)))
    values = np.stack([*draws, np.broadcast_to(tokens, draws[0].shape)], axis=-1)
    # Part by part: comparing all draws at once would take the square of the subsets for each of them.
    return np.asarray(np.mean([on_front(part).mean(0) for part in values], axis=0))


def _draw(surrogate: Surrogate, features: Features, seed: int) -> Numbers:
    """Joint draws of the noise-free scores, in deviations. Shape (draws, s, m)."""
    import torch

    points = torch.from_numpy(surrogate.layout.pad_features(features))
    generator = torch.Generator().manual_seed(seed)
    shape = (_DRAWS, len(surrogate.log_hyper), len(points))
    normal = torch.randn(shape, generator=generator, dtype=points.dtype)
    return np.asarray(surrogate.draws(points, normal, RIDGE).numpy())
