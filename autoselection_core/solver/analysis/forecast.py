"""Forecast of the gain of more evaluations, by simulated searches over draws from the posterior.

Utilities of some hundred candidates are drawn from their joint posterior. On each draw a search
with expected improvement is played to its end, noise included; the gain is the true utility of what it would
recommend over that of what would be used without it. A real search goes on to candidates that are unknown
today, so the forecast is on the careful side, most of all before anything was measured.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe
from autoselection_core.solver.acquisition.expected_improvement import expected_improvement
from autoselection_core.solver.acquisition.log_nei import Improvement
from autoselection_core.solver.candidates.local_search import search_locally
from autoselection_core.solver.candidates.phase import phase_of
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.evidence.fitted import fit_model, fitting_for
from autoselection_core.solver.evidence.observations import (
    low_fidelity_observations,
    observed_subsets,
    transferred_observations,
)
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.policies.default import known_subsets
from autoselection_core.solver.solver import Solver
from autoselection_core.solver.surrogate.gp import Numbers
from autoselection_core.solver.surrogate.hyper_parameters import noise_variance
from autoselection_core.solver.surrogate.kernel import RIDGE, covariance
from autoselection_core.subset import realise

if TYPE_CHECKING:
    from torch import Tensor

_CANDIDATES = 300
_PLAYS = 64


@dataclass(frozen=True)
class Forecast:
    """Distribution of the gain of some more evaluations.

    Attributes:
        evaluations: Number of further evaluations.
        low: 5 % quantile of the gain.
        median: Its median.
        high: Its 95 % quantile.
        mean: Its mean; divided by `evaluations` it is the expected gain a training.
        unit: `utility`, or `run-to-run deviations` where nothing is known of the utility's unit yet.
        over: Reference of the gain: `trial 7`, or `the full pool` before anything was measured.
    """

    evaluations: int
    low: float
    median: float
    high: float
    mean: float
    unit: str
    over: str


@dataclass(frozen=True, eq=False)
class _Start:
    """State of knowledge before the first simulated search: observations, hyper-parameters and candidates."""

    points: Features
    targets: Numbers
    candidates: Features
    log_hyper: "Tensor"
    scale: float
    unit: str
    over: str
    layout: Layout


def forecast(solver: Solver, history: History, evaluations: int) -> Forecast:
    """Simulate `evaluations` more evaluations many times, without any training.

    Args:
        solver: With the pool and the policy.
        history: History of the search; it may be empty.
        evaluations: Number of further evaluations, at least 1.
    """
    with one_thread():
        context = solver.context(history.seed)
        start = _start(context, history)
        rng = np.random.default_rng(seed_for("forecast", context.seed, evaluations))
        gains = np.array([_play(start, place, evaluations, rng) for place in range(_PLAYS)]) * start.scale
    low, median, high = np.quantile(gains, [0.05, 0.5, 0.95])
    mean = float(gains.mean())
    return Forecast(evaluations, float(low), float(median), float(high), mean, start.unit, start.over)


def _start(context: SearchContext, history: History) -> _Start:
    """The recommended candidate, or the full pool, is the first candidate."""
    import torch

    if not history.observations:
        full = context.describe_subsets([realise(Recipe((), context.seed), context.signals)])
        candidates = np.concatenate([full, context.features[: _CANDIDATES - 1]])
        fitting = fitting_for(context, 0)
        prior = fitting.prior(context.describer.layout)
        rng = np.random.default_rng(seed_for("forecast", context.seed))
        draws = prior.mean + prior.spread * rng.normal(size=(context.policy.draws, len(prior.mean)))
        noise = context.policy.noise_prior
        unit = "utility" if noise else "run-to-run deviations"
        empty = np.zeros((0, candidates.shape[1]))
        return _Start(
            empty,
            np.zeros(0),
            candidates,
            torch.from_numpy(draws),
            (noise or 1.0) / fitting.priors.noise_share,
            unit,
            "the full pool",
            context.describer.layout,
        )
    observed = observed_subsets(history, context.signals)
    transferred, low_fidelity = (
        transferred_observations(history, context.signals),
        low_fidelity_observations(history, context.signals),
    )
    learned = fit_model(context, observed, transferred, low_fidelity)
    surrogate, best = learned.surrogate, learned.incumbent
    gain = Improvement.over(surrogate, learned.features, seed_for("forecast", context.seed))
    known = known_subsets(context, history, observed)
    phase = phase_of(context, history, learned)
    found = search_locally(context, learned, phase, gain, known=known, trial=history.next_trial)
    order = np.argsort(-found.gains, kind="stable")
    likely, others = (
        order[: _CANDIDATES // 2],
        order[_CANDIDATES // 2 :: max(1, 2 * len(order) // _CANDIDATES)],
    )
    chosen = found.features[np.concatenate([likely, others])]
    candidates = surrogate.layout.pad_features(np.concatenate([learned.features[[best]], chosen]))
    (points,), targets = surrogate.model.train_inputs, surrogate.model.train_targets
    return _Start(
        points.numpy(),
        targets.numpy().reshape(-1)[: len(points)],
        candidates,
        surrogate.log_hyper,
        surrogate.standard.scale,
        "utility",
        f"trial {learned.observed[best].trial}",
        surrogate.layout,
    )


def _play(start: _Start, place: int, evaluations: int, rng: np.random.Generator) -> float:
    """The gain of one search on one draw, standardised."""
    mean, cov, noise = _posterior(start, place)
    truth = rng.multivariate_normal(mean, cov, method="cholesky")
    is_seen = np.zeros(len(mean), np.bool_)
    is_seen[0] = bool(len(start.points))
    for _ in range(evaluations):
        chosen = _most_improving(mean, np.diag(cov), is_seen)
        is_seen[chosen] = True
        gain = cov[:, chosen] / (cov[chosen, chosen] + noise)
        mean = mean + gain * (truth[chosen] + noise**0.5 * rng.normal() - mean[chosen])
        cov = cov - np.outer(gain, cov[chosen])
    return float(truth[np.argmax(np.where(is_seen, mean, -np.inf))] - truth[0])


def _posterior(start: _Start, place: int) -> tuple[Numbers, Numbers, float]:
    """Mean, covariance and noise variance over the candidates under one hyper-parameter vector."""
    import torch

    hyper = start.log_hyper[[place % len(start.log_hyper)]]
    both = torch.from_numpy(np.concatenate([start.points, start.candidates]))
    prior_cov = covariance(hyper, both, both, start.layout)[0].numpy()
    noise, count = float(noise_variance(hyper)[0]), len(start.points)
    own = prior_cov[count:, count:] + RIDGE * np.eye(len(start.candidates))
    if not count:
        return np.zeros(len(own)), own, noise
    seen, cross = prior_cov[:count, :count] + noise * np.eye(count), prior_cov[count:, :count]
    weights = np.linalg.solve(seen, cross.T).T
    return weights @ start.targets, own - weights @ cross.T + RIDGE * np.eye(len(own)), noise


def _most_improving(mean: Numbers, variance: Numbers, is_seen: np.ndarray) -> int:
    """The candidate with the highest expected improvement on the best mean seen."""
    import torch

    spread = np.sqrt(np.maximum(variance, RIDGE))
    best = mean[is_seen].max() if is_seen.any() else mean[0]
    z = (mean - best) / spread
    gains = spread * expected_improvement(torch.from_numpy(z)).numpy()
    return int(np.argmax(np.where(is_seen, -np.inf, gains)))
