"""One search of one contestant on one landscape, measured after every few evaluations."""

import time
from dataclasses import asdict, dataclass, replace

import numpy as np

from autoselection_core.history.values import History, Observation
from autoselection_core.solver import Candidate, Proposal
from bench.solver.contestants import Contestant
from bench.solver.landscapes.landscape import Landscape

CHECKPOINTS = (5, 10, 15, 20, 30, 40)
"""Evaluations after which the recommendation is measured."""

QUANTILES = {50: 0.6745, 90: 1.6449}
"""Half-widths of central normal intervals, in standard deviations, where a proposal has no interval."""


@dataclass(frozen=True)
class Run:
    """Result of a search, checkpoint by checkpoint.

    Attributes:
        contestant: Name of the contestant.
        landscape: Name of the landscape.
        seed: Of the search and of the noise.
        noise: Run-to-run standard deviation, in points.
        budget: Evaluations.
        recommended: True utility of the recommendation after each checkpoint.
        luckiest: True utility of the best observation after each checkpoint.
        best: Best true utility among the evaluated after each checkpoint.
        ask_seconds: Mean seconds of an answer.
        covered: Share of predictions, made before an evaluation, whose interval held the true utility.
        log_density: Mean log density of observations under the prediction, and under a constant with the
            noise and spread of what was seen before.
        predictions: Number of predictions.
        origins: Numbers of trials by origin.
    """

    contestant: str
    landscape: str
    seed: int
    noise: float
    budget: int
    recommended: dict[str, float]
    luckiest: dict[str, float]
    best: dict[str, float]
    ask_seconds: float
    covered: dict[str, float]
    log_density: tuple[float, float]
    predictions: int
    origins: dict[str, int]

    def to_json(self) -> dict[str, object]:
        """The run as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Prediction:
    """Prediction for a candidate before its evaluation, beside its true and its observed utility."""

    mean: float
    deviation: float
    noise: float
    truth: float
    observed: float
    before: tuple[float, ...]
    interval: tuple[float, ...]

    def holds(self, level: int) -> bool:
        """Whether the central interval held the truth."""
        if self.interval:
            low, middle_low, middle_high, high = self.interval
            return (
                low <= self.truth <= high
                if level == max(QUANTILES)
                else middle_low <= self.truth <= middle_high
            )
        return abs(self.truth - self.mean) <= QUANTILES[level] * self.deviation


def race(who: Contestant, name: str, landscape: Landscape, *, seed: int, noise: float, budget: int) -> Run:
    """Run a search, and measure its recommendation at every checkpoint."""
    rng = np.random.default_rng((seed, len(landscape.name), int(noise * 10)))
    history = History("bench", seed, budget)
    truths: dict[str, float] = {}
    seconds, predictions, marks = 0.0, list[_Prediction](), dict[str, tuple[float, float, float]]()
    for trial in range(1, budget + 1):
        started = time.perf_counter()
        (asked,) = who.ask(history)
        seconds += time.perf_counter() - started
        truth = truths.setdefault(asked.subset.fingerprint, landscape(asked.subset.rows))
        utility = truth + noise * float(rng.normal())
        predictions += _prediction(asked.proposal, truth, utility, history)
        history = with_observation(history, asked, trial, utility)
        if trial in CHECKPOINTS:
            lucky = max(history.observations, key=lambda one: one.utility).subset
            marks[str(trial)] = (truths[who.recommend(history)], truths[lucky], max(truths.values()))
    origins = [str(one.proposal["origin"]) for one in history.observations]
    return Run(
        contestant=name,
        landscape=landscape.name,
        seed=seed,
        noise=noise,
        budget=budget,
        recommended={mark: round(values[0], 4) for mark, values in marks.items()},
        luckiest={mark: round(values[1], 4) for mark, values in marks.items()},
        best={mark: round(values[2], 4) for mark, values in marks.items()},
        ask_seconds=round(seconds / budget, 4),
        covered=_coverage(predictions),
        log_density=_density(predictions),
        predictions=len(predictions),
        origins={origin: origins.count(origin) for origin in sorted(set(origins))},
    )


def with_observation(history: History, asked: Candidate, trial: int, utility: float) -> History:
    """The history once a candidate was measured."""
    name = asked.subset.fingerprint
    replicate, size = history.replicate_of(name), len(asked.subset)
    proposal = asked.proposal.to_json()
    seen = Observation(trial, asked.recipe, name, replicate, utility, {}, None, 1.0, size, proposal)
    return replace(history, observations=(*history.observations, seen))


def _prediction(proposal: Proposal, truth: float, utility: float, history: History) -> list[_Prediction]:
    if proposal.mean is None or proposal.deviation is None or proposal.noise is None:
        return []
    before = tuple(one.utility for one in history.observations)
    mean, deviation, noise = proposal.mean, proposal.deviation, proposal.noise
    return [_Prediction(mean, deviation, noise, truth, utility, before, proposal.interval)]


def _coverage(predictions: list[_Prediction]) -> dict[str, float]:
    if not predictions:
        return {}
    return {
        str(level): round(float(np.mean([one.holds(level) for one in predictions])), 4) for level in QUANTILES
    }


def _density(predictions: list[_Prediction]) -> tuple[float, float]:
    if not predictions:
        return 0.0, 0.0
    ours = [
        _log_normal(one.observed, one.mean, (one.deviation**2 + one.noise**2) ** 0.5) for one in predictions
    ]
    flat = [
        _log_normal(one.observed, float(np.mean(one.before)), max(float(np.std(one.before, ddof=1)), 1e-6))
        for one in predictions
    ]
    return round(float(np.mean(ours)), 4), round(float(np.mean(flat)), 4)


def _log_normal(value: float, mean: float, deviation: float) -> float:
    return float(-0.5 * ((value - mean) / deviation) ** 2 - np.log(deviation) - 0.5 * np.log(2 * np.pi))
