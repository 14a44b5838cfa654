"""Closed-form evaluator: a formula over signal columns with seeded noise, in milliseconds."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.evaluation.folder import CONFIG, FORMULA, EvaluationFolder, evaluation_key
from autoselection_core.identity import Json, fingerprint
from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Cost, Evaluation
from autoselection_core.score.score import CLOSED_FORM, BenchmarkScore, ItemScore
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, write_subset


@dataclass(frozen=True, eq=False)
class ClosedFormEvaluator:
    """Evaluator that scores a subset by the means of its signal columns, without any training.

    utility = sum of weight x (mean over the subset - mean over the pool) / deviation over the pool
              + size_weight x log2(share of the pool kept) + run noise

    An item's value is the utility plus the item's own offset, which all subsets share, plus item noise.
    Unknown (NaN) values are left out of means. It writes the folder that a real evaluation writes, so
    searches, ledgers and kill tests run on it unchanged.

    Attributes:
        home: Where evaluations are kept.
        signals: The columns that are read.
        weights: Weight of each column in the utility.
        size_weight: Utility of twice the rows.
        noise: Standard deviation of the run noise, seeded from subset and replicate.
        item_noise: Standard deviation of the noise of one item in one run.
        items: Items on either side.
        delay_s: Seconds that an evaluation takes at least, so that it can be killed in the middle.
    """

    home: Home
    signals: SignalTable
    weights: Mapping[str, float] = field(default_factory=dict)
    size_weight: float = 0.0
    noise: float = 0.0
    item_noise: float = 0.05
    items: int = 40
    delay_s: float = 0.0

    @property
    def fingerprint(self) -> str:
        """Hash of the formula and of the columns that it reads."""
        versions: dict[str, Json] = {name: self.signals.versions.get(name) for name in self.weights}
        return fingerprint({"formula": self._formula(), "pool": self.signals.pool_version, "read": versions})

    def key(self, subset: str, replicate: int) -> str:
        """The name of the evaluation of a subset, given by its hash."""
        return evaluation_key(self.fingerprint, subset, replicate)

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        """Dev scores of a subset; a finished evaluation is read back."""
        folder = EvaluationFolder(self.home.evaluation(self.key(subset.fingerprint, replicate)))
        return folder.get_or_make(partial(self._make, folder, subset, replicate), progress=progress)

    def load_finished(self, key: str) -> Evaluation | None:
        """A complete evaluation; None if there is none."""
        return EvaluationFolder(self.home.evaluation(key)).load_finished()

    def open_test(self, key: str, reason: str) -> tuple[BenchmarkScore, ...]:
        """Score the test items of an evaluation, and log that they were opened and why.

        Raises:
            NotEvaluatedError: There is no complete evaluation of that key.
        """
        folder = EvaluationFolder(self.home.evaluation(key)).require_complete()
        with folder.lock():
            folder.log_opening(reason)
            if not folder.has_test_scores:
                level = float(folder.read_json(FORMULA)["level"])
                folder.write_test((self._score(key, level, Side.TEST),), seconds=0.0)
            return folder.read_test()

    def level(self, rows: Rows, key: str) -> float:
        """The utility of some rows with the run noise of an evaluation's key."""
        size = np.log2(max(len(rows), 1) / len(self.signals))
        parts = [weight * self._shift(name, rows) for name, weight in self.weights.items()]
        return float(sum(parts) + self.size_weight * size + self.noise * _draws(1, "run", key)[0])

    def _make(self, folder: EvaluationFolder, subset: Subset, replicate: int, progress: Progress) -> None:
        write_subset(subset, self.signals.ids, self.home)
        started = time.monotonic()
        self._wait(progress)
        level = self.level(subset.rows, folder.key)
        score = self._score(folder.key, level, Side.DEV)
        folder.write_json(CONFIG, self._formula())
        folder.write_json(FORMULA, {"level": level})
        folder.write_result(
            Evaluation(
                key=folder.key,
                subset=subset.fingerprint,
                replicate=replicate,
                utility=score.mean,
                standard_error=score.standard_error,
                scores=(score,),
                cost=Cost(time.monotonic() - started, self._tokens(subset.rows), self.items, 0),
                seeds={"run": replicate},
                selected_count=len(subset.rows),
                trained_count=len(subset.rows),
                trained_hash=subset.fingerprint,
            )
        )

    def _wait(self, progress: Progress) -> None:
        ticks = max(1, round(self.delay_s / 0.05))
        for tick in range(ticks):
            progress("closed form", tick, ticks)
            time.sleep(self.delay_s / ticks)

    def _shift(self, name: str, rows: Rows) -> float:
        column = self.signals[name].astype(np.float64)
        deviation = np.nanstd(column)
        known = column[rows][~np.isnan(column[rows])]
        if len(known) == 0 or not deviation > 0.0:
            return 0.0
        return float((known.mean() - np.nanmean(column)) / deviation)

    def _score(self, key: str, level: float, side: Side) -> BenchmarkScore:
        offsets = _draws(self.items, "offset", side)
        noise = self.item_noise * _draws(self.items, "item", side, key)
        values = level + (offsets - offsets.mean()) + (noise - noise.mean())
        scores = tuple(
            ItemScore(fingerprint(["closed form", side, number]), float(value))
            for number, value in enumerate(values)
        )
        return BenchmarkScore(CLOSED_FORM, Metric.LOG_LIKELIHOOD, side, scores)

    def _tokens(self, rows: Rows) -> int:
        if "tokens" not in self.signals.columns:
            return len(rows)
        return int(np.nansum(self.signals["tokens"][rows]))

    def _formula(self) -> dict[str, Json]:
        return {
            "weights": dict(self.weights),
            "size_weight": self.size_weight,
            "noise": self.noise,
            "item_noise": self.item_noise,
            "items": self.items,
        }


def _draws(count: int, *names: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(int(fingerprint(list(names)), 16)).standard_normal(count)
