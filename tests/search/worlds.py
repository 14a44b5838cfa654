"""A small pool, solvers that a test can read, and the cheap evaluator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from typing_extensions import override

from autoselection_core.errors.evaluation import TrainingFailedError
from autoselection_core.errors.search import NoCandidatesError
from autoselection_core.evaluation.closed_form import ClosedFormEvaluator
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import History
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.progress import Progress
from autoselection_core.recipe import Recipe
from autoselection_core.score.evaluation import Evaluation, UntrainedScores
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Candidate, Proposal, Recommendation
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, realise

ROWS = 300
WEIGHTS: Mapping[str, float] = {"quality": 1.0}


def table(rows: int = ROWS) -> SignalTable:
    rng = np.random.default_rng(0)
    names = np.array(sorted(rng.bytes(16).hex() for _ in range(rows)), "S32")
    keys = np.array([int(name[:16], 16) for name in names], np.uint64)
    columns = {
        "quality": rng.standard_normal(rows).astype(np.float32),
        "tokens": rng.integers(10, 100, rows).astype(np.float32),
        "word_entropy": rng.standard_normal(rows).astype(np.float32),
    }
    return SignalTable("pool", keys, columns, ids=names)


def closed_form(
    folder: Path, signals: SignalTable | None = None, delay_s: float = 0.0
) -> ClosedFormEvaluator:
    return ClosedFormEvaluator(
        Home(folder), signals or table(), WEIGHTS, size_weight=0.1, noise=0.05, delay_s=delay_s
    )


def spec(evaluator: ClosedFormEvaluator, **fields: int | str) -> SearchSpec:
    fixed = {"pool_version": "pool", "evaluator": evaluator.fingerprint, "report_evaluations": 6}
    return SearchSpec.from_json({**SearchSpec(campaign="test").to_json(), **fixed, **fields})


@dataclass(frozen=True, eq=False)
class InOrder:
    """Asks for the full pool, then for ever other random rows; notes how often it was asked."""

    signals: SignalTable
    asked: list[int]
    max_tokens: int | None = None

    def ask(self, history: History, k: int = 1) -> tuple[Candidate, ...]:
        self.asked.append(history.next_trial)
        return tuple(self._candidate(history.next_trial + offset) for offset in range(k))

    def _candidate(self, trial: int) -> Candidate:
        recipe = Recipe((KeepRandom(fraction=0.5),) if trial > 1 else (), seed=trial)
        return Candidate(recipe, realise(recipe, self.signals), Proposal("test"))

    def recommend(self, history: History) -> Recommendation:
        best = max(history.observations, key=lambda observation: observation.utility)
        return Recommendation(best.trial, best.recipe, best.subset, best.utility, 0.1, 0.1, 1, best.trial)


@dataclass(frozen=True, eq=False)
class Content(InOrder):
    """Recommends the full pool, before the best of what leaves something out."""

    @override
    def recommend(self, history: History) -> Recommendation:
        others = [observation for observation in history.observations if observation.trial > 1]
        best = max(others, key=lambda observation: observation.utility, default=None)
        whole = super().recommend(replace(history, observations=history.observations[:1]))
        return replace(whole, proper_subset=None if best is None else best.recipe)


@dataclass(frozen=True, eq=False)
class Exhausted(InOrder):
    """Has two candidates and no more."""

    def ask(self, history: History, k: int = 1) -> tuple[Candidate, ...]:
        if history.next_trial > 2:
            raise NoCandidatesError(history.next_trial, {"already tried": 7})
        return super().ask(history, k)


@dataclass(frozen=True, eq=False)
class Insistent(InOrder):
    """Always asks for the same rows."""

    def _candidate(self, trial: int) -> Candidate:  # noqa: ARG002 - that is the point
        recipe = Recipe((KeepTop("quality", fraction=0.5),))
        return Candidate(recipe, realise(recipe, self.signals), Proposal("test"))


@dataclass(frozen=True, eq=False)
class Delegating:
    """Judges as the cheap evaluator does; a subclass says where it differs."""

    evaluator: ClosedFormEvaluator

    @property
    def fingerprint(self) -> str:
        return self.evaluator.fingerprint

    def key(self, subset: str, replicate: int) -> str:
        return self.evaluator.key(subset, replicate)

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        return self.evaluator.evaluate(subset, replicate, progress)

    def load_finished(self, key: str) -> Evaluation | None:
        return self.evaluator.load_finished(key)

    def open_test(self, key: str, reason: str) -> tuple[BenchmarkScore, ...]:
        return self.evaluator.open_test(key, reason)


@dataclass(frozen=True, eq=False)
class Untrained(Delegating):
    """Scores a base model as an evaluation of the whole pool; notes why it was asked."""

    asked: list[str]

    def score_base_model(self, reason: str, progress: Progress | None = None) -> UntrainedScores:
        self.asked.append(reason)
        dev = self.evaluate(realise(Recipe(), self.evaluator.signals), 99, progress)
        return UntrainedScores(dev, self.open_test(dev.key, reason))


@dataclass(frozen=True, eq=False)
class Picky(Delegating):
    """Fails on small subsets."""

    error: BaseException
    fails_below: int

    @override
    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        if len(subset) < self.fails_below:
            raise self.error
        return super().evaluate(subset, replicate, progress)


@dataclass(frozen=True, eq=False)
class Weighing(Delegating):
    """Its scores count with another weight."""

    weight: float

    @override
    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        found = super().evaluate(subset, replicate, progress)
        return replace(found, utility=self.weight * found.utility)

    @override
    def load_finished(self, key: str) -> Evaluation | None:
        found = super().load_finished(key)
        return None if found is None else replace(found, utility=self.weight * found.utility)


def training_failed() -> TrainingFailedError:
    return TrainingFailedError("0" * 32, "it diverged")
