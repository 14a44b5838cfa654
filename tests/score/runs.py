"""Scores made from plain numbers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.score.resampling import Run
from autoselection_core.score.score import BenchmarkScore, ItemScore


def scored(
    values: Sequence[float] | npt.NDArray[np.float64],
    benchmark: str = "sums",
    metric: Metric = Metric.LOG_LIKELIHOOD,
) -> BenchmarkScore:
    items = tuple(ItemScore(f"item {number}", float(value)) for number, value in enumerate(values))
    return BenchmarkScore(benchmark, metric, Side.DEV, items)


def run(values: Sequence[float] | npt.NDArray[np.float64]) -> Run:
    return (scored(values),)
