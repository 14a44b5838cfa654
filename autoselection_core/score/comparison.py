"""Comparison of the scores of two models, or of two arms of several runs.

Items are shared by all models, so differences are taken item by item: an item that is hard for everyone
cancels. Runs of one arm differ by training seed and, for random arms, by the draw; an interval that claims
anything about an arm must contain that too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np

from autoselection_core.score.resampling import Arm, Draws, Run, arm_draws, item_draws, paired_items
from autoselection_core.score.score import CONFIDENCE


class Verdict(StrEnum):
    """Verdict of a comparison: whether the first contestant is better than the second."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


_VERDICT = "verdict.json"


@dataclass(frozen=True)
class StatedVerdict:
    """Verdict of a written report, for readers that do not open its test items again.

    Attributes:
        subset: Hash of the subset that the report compares; empty where none of its runs is there.
        words: The verdict in a few words.
        sentences: Headline, comparisons and mean test scores; empty where nothing was compared.
        measured: Measured trials and report evaluations that it was written after; None where an earlier
            release wrote it.
        warnings: Reasons to doubt the verdict; empty, too, where an earlier release wrote it.
    """

    subset: str
    words: str
    sentences: tuple[str, ...]
    measured: tuple[int, int] | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def read(cls, report: Path) -> Self | None:
        """The verdict in a report's folder; None without a report, and where an earlier release wrote it."""
        file = report / _VERDICT
        if not file.is_file():
            return None
        said = json.loads(file.read_text(encoding="utf-8"))
        measured = said.get("measured")
        counts = None if measured is None else (int(measured[0]), int(measured[1]))
        warnings = tuple(said.get("warnings", ()))
        return cls(said["subset"], said["words"], tuple(said["sentences"]), counts, warnings)

    def files(self) -> dict[str, bytes]:
        """The verdict as a file of the report's folder."""
        return {_VERDICT: (json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n").encode()}


def has_single_run(runs: tuple[int, int]) -> bool:
    """Whether one of two arms has one run, so that the verdict is open wherever the interval lies."""
    return min(runs) == 1


def single_run_mark(runs: tuple[int, int]) -> str:
    """The same as `single_run_note` in two words."""
    return " (one run)" if has_single_run(runs) else ""


def single_run_note(runs: tuple[int, int]) -> str:
    """Note behind a verdict over two arms of so many runs; empty where both have more than one."""
    if not has_single_run(runs):
        return ""
    return " (wherever the interval lies: an arm of one run says nothing about luck between runs)"


@dataclass(frozen=True)
class Difference:
    """Difference of two utilities, first minus second, in their unit, with its interval and verdict.

    Attributes:
        value: The difference of the means.
        low: Lower end of the interval.
        high: Upper end of the interval.
        confidence: Share of such intervals that hold the true difference.
        verdict: Whether the first is better.
    """

    value: float
    low: float
    high: float
    confidence: float
    verdict: Verdict


def paired_difference(
    first: Run,
    second: Run,
    *,
    seed: int,
    weights: Mapping[str, float] | None = None,
    confidence: float = CONFIDENCE,
) -> Difference:
    """Paired difference of two models on the same items, resampling items.

    It is about these two models, not about the ways they were made: for that, see
    `arm_difference`.

    Args:
        first: Scores of the one model.
        second: Scores of the other on the same items.
        seed: Of the resampling.
        weights: Weight of each benchmark in the utility; None for equal weights.
        confidence: Of the interval.

    Raises:
        ItemsDifferError: The models were scored on different items.
    """
    pairs = paired_items([first], [second], weights)
    draws = item_draws(pairs, np.random.default_rng(seed))
    return _difference(pairs, draws, confidence, is_decided=True)


def arm_difference(
    first: Arm,
    second: Arm,
    *,
    seed: int,
    weights: Mapping[str, float] | None = None,
    confidence: float = CONFIDENCE,
    beside: Sequence[Arm] = (),
) -> Difference:
    """The difference of two arms, resampling runs and items.

    Items are resampled with replacement, the same ones for both arms. Resampling two or three runs would
    understate how much they vary, so their part is drawn from Student's t with the variance pooled over
    all arms. An arm of one run has no estimate of its variance: the verdict is then "undecided", and where
    no arm has two runs the interval is of items alone.

    Args:
        first: Runs of the one arm.
        second: Runs of the other on the same items.
        seed: Of the resampling.
        weights: Weight of each benchmark in the utility; None for equal weights.
        confidence: Of the interval.
        beside: Further arms of the same trainer, whose runs only add to the estimate of that variance.

    Raises:
        NoScoresError: An arm has no run.
        ItemsDifferError: Runs were scored on different items.
    """
    pairs = paired_items(first, second, weights)
    draws = arm_draws(first, second, weights=weights, rng=np.random.default_rng(seed), beside=beside)
    return _difference(pairs, draws, confidence, is_decided=min(len(first), len(second)) > 1)


def _difference(pairs: Sequence[Draws], draws: Draws, confidence: float, *, is_decided: bool) -> Difference:
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    verdict = Verdict.UNDECIDED
    if is_decided and low > 0:
        verdict = Verdict.YES
    elif is_decided and high < 0:
        verdict = Verdict.NO
    value = sum(float(pair.mean()) for pair in pairs)
    return Difference(value, float(low), float(high), confidence, verdict)
