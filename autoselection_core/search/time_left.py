"""Time left of a search and of its report, by its latest evaluations and by the speed of the present one."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Self

from autoselection_core.evaluation.folder import TRAINING, EvaluationFolder, Present
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import AttemptOutcome, Payment, SearchRecord
from autoselection_core.progress import remaining
from autoselection_core.store.home import Home

LATEST = 3
"""Evaluations whose median is expected of the next one: a machine is as busy as it was last."""

_RECENT = 20
"""Evaluations that are looked at: a history may hold thousands."""

_MIN_SHARE = 0.05
"""Share of a training's steps from which their speed is believed."""

PAUSE_S = 60.0
"""Seconds between two evaluations from which nobody worked on a search, unless an evaluation takes longer."""

WRITING_S = 10.0
"""Allowance for the writing of a report, in seconds: its pictures and pages."""


@dataclass(frozen=True)
class UnitTimes:
    """Durations of the latest full evaluations, medians in seconds.

    Attributes:
        evaluation_s: Training and dev scores.
        training_s: Training alone; None where none was timed by itself (a formula, a program of the user).
        between_s: From the end of one to the beginning of the next: choosing a subset, loading the model.
        test_s: Test scores of a model; before the first ones what dev scores take.
        at_once: Evaluations at the same time; 0 where none of this search is finished.
    """

    evaluation_s: float
    training_s: float | None
    between_s: float
    test_s: float
    at_once: int

    @classmethod
    def of(cls, ledger: Ledger, record: SearchRecord, home: Home) -> Self | None:
        """Times of a search's own evaluations, else of others by its evaluator; None where there are none."""
        own = _full(ledger, [record.search])
        between = _between(own)
        known = own if between else _full(ledger, _alike(ledger, record))  # the first of a search has no gap
        paid = own or known
        return cls._of(paid, between or _between(known), home, own) if paid else None

    @classmethod
    def _of(
        cls, paid: Sequence[Payment], between: Sequence[float], home: Home, own: Sequence[Payment]
    ) -> Self:
        latest = paid[-LATEST:]
        folders = [EvaluationFolder(home.evaluation(str(each.evaluation))) for each in latest]
        trained = [seconds for folder in folders if (seconds := folder.trained_s) is not None]
        tested = list(_tested(paid, home))
        times = cls(
            median(each.seconds for each in latest),
            median(trained) if trained else None,
            median(between or [0.0]),
            median(tested) if tested else 0.0,
            _at_once(own) if own else 0,
        )
        return times if tested else replace(times, test_s=times.scoring_s)

    @property
    def scoring_s(self) -> float:
        """Dev scores; 0 where no training was timed by itself."""
        return 0.0 if self.training_s is None else max(0.0, self.evaluation_s - self.training_s)

    def slower(self, factor: float) -> Self:
        """The times on a machine that takes so many times as long."""
        training_s = None if self.training_s is None else factor * self.training_s
        return replace(
            self,
            evaluation_s=factor * self.evaluation_s,
            training_s=training_s,
            between_s=factor * self.between_s,
            test_s=factor * self.test_s,
        )


def models_tested(evaluations: int) -> int:
    """Models whose test items a report scores at most: its runs, the search's of the full pool, the base."""
    return evaluations + 2 if evaluations else 0


def _alike(ledger: Ledger, record: SearchRecord) -> list[str]:
    return [each.search for each in ledger.searches() if each.spec.evaluator == record.spec.evaluator]


def _full(ledger: Ledger, searches: Sequence[str]) -> list[Payment]:
    """Recent paid evaluations of some searches at full fidelity, in the order in which they ended."""
    payments = [payment for search in searches for payment in ledger.payments(search)]
    paid = [each for each in payments if each.outcome is AttemptOutcome.PAID and each.cost >= 1.0]
    return sorted(paid, key=lambda each: each.at)[-_RECENT:]


def _tested(paid: Sequence[Payment], home: Home) -> Iterator[float]:
    """Seconds of the test scores of the latest evaluations that have some."""
    found = 0
    for each in reversed(paid):
        seconds = EvaluationFolder(home.evaluation(str(each.evaluation))).test_seconds
        if seconds is not None:
            yield seconds
            found += 1
        if found == LATEST:
            return


def _between(paid: Sequence[Payment]) -> list[float]:
    """Seconds before each evaluation since the end of another of its search, without pauses of the search."""
    gaps = []
    for each in paid:
        begin = each.at - each.seconds
        ends = [other.at for other in paid if other.search == each.search and other.at <= begin]
        if ends and begin - max(ends) <= max(each.seconds, PAUSE_S):
            gaps.append(begin - max(ends))
    return gaps


def _at_once(paid: Sequence[Payment]) -> int:
    """Number of evaluations that ran in the middle of the latest ones, at most."""
    spans = [(each.at - each.seconds, each.at) for each in paid]
    middles = [(begin + end) / 2 for begin, end in spans[-LATEST:]]
    return max(sum(begin <= middle <= end for begin, end in spans) for middle in middles)


@dataclass(frozen=True)
class Ahead:
    """Work that is left of a search, and the speed at which it goes.

    Attributes:
        times: Times of the latest evaluations; None before the first.
        present: Evaluations that are held, one by one; None where nothing is known of it.
        trials: Full trainings of the search that nobody has begun.
        arms: Evaluations of its report that nobody has begun.
        models: Models whose test items are to be scored.
        slots: Evaluations at the same time, at most.
        now: Seconds since the epoch.
        has_equal_trainings: Whether every training reads as many tokens.
        is_reported: Whether the report is written.
    """

    times: UnitTimes | None
    present: tuple[Present | None, ...]
    trials: int
    arms: int
    models: int
    slots: int
    now: float
    has_equal_trainings: bool = True
    is_reported: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether the seconds are those that are left at least: no evaluation was finished yet."""
        return self.times is None

    @property
    def trials_s(self) -> float | None:
        """Seconds left of the search without its report; None before a training has advanced."""
        if (times := self._times) is None:
            return None
        present = max((self._left_of(each, times) for each in self.present), default=0.0)
        return present + self._rounds(self.trials) * (times.evaluation_s + times.between_s)

    @property
    def seconds(self) -> float | None:
        """Seconds left of the search with its report; None before a training has advanced."""
        if (times := self._times) is None or (trials_s := self.trials_s) is None:
            return None
        arms_s = self._rounds(self.arms) * (times.evaluation_s + times.between_s)
        return trials_s + arms_s + self.models * times.test_s + (0.0 if self.is_reported else WRITING_S)

    @property
    def _times(self) -> UnitTimes | None:
        """Times of the evaluations ahead, at the speed of the present one where that is known."""
        if self.times is None:
            trained = [seconds for each in self.present if (seconds := _training_s(each)) is not None]
            return UnitTimes(median(trained), median(trained), 0.0, 0.0, 0) if trained else None
        factors = [factor for each in self.present if (factor := self._factor(each)) is not None]
        return self.times.slower(median(factors)) if factors and self.has_equal_trainings else self.times

    def _factor(self, present: Present | None) -> float | None:
        """Duration of a present training, or of one that overruns, as a multiple of the usual one."""
        assert self.times is not None, "the multiple is of what was measured"
        if (seconds := _training_s(present)) is not None and self.times.training_s:
            return seconds / self.times.training_s
        if present is None or not self.times.evaluation_s:
            return None
        return max(1.0, (self.now - present.began_at) / self.times.evaluation_s)

    def _left_of(self, present: Present | None, times: UnitTimes) -> float:
        """Seconds left of an evaluation that somebody makes."""
        if present is None:
            return times.evaluation_s
        if present.stage == TRAINING and (left_s := present.steps.left_s(self.now)) is not None:
            return left_s + times.scoring_s
        if present.trained_at is not None:
            return remaining(times.scoring_s, self.now - present.trained_at)
        return remaining((self.times or times).evaluation_s, self.now - present.began_at)

    def _rounds(self, evaluations: int) -> int:
        """Evaluations one after the other, as many at once as there were lately."""
        lately = max(len(self.present), 0 if self.times is None else self.times.at_once)
        return math.ceil(evaluations / max(1, min(lately or self.slots, self.slots)))


def _training_s(present: Present | None) -> float | None:
    """Seconds of a present training, by its steps or as it ended; None while too little is known."""
    if present is None or present.trained_s is not None:
        return None if present is None else present.trained_s
    steps = present.steps
    if present.stage != TRAINING or steps.total is None or steps.step_s is None:
        return None
    return steps.step_s * steps.total if steps.done - steps.first_done >= _MIN_SHARE * steps.total else None


@dataclass
class Refreshed:
    """Words that take a while to find, found anew at most every few seconds.

    Attributes:
        find: Finds them.
        every_s: Minimum seconds between two looks.
        clock: Seconds, from any beginning.
    """

    find: Callable[[], str]
    every_s: float
    clock: Callable[[], float]
    _found: str = ""
    _found_at: float = field(default=-math.inf)

    def __call__(self) -> str:
        """Words as they were found last."""
        if self.clock() - self._found_at >= self.every_s:
            self._found, self._found_at = self.find(), self.clock()
        return self._found

    def forget(self) -> None:
        """Find the words anew when they are wanted next."""
        self._found_at = -math.inf
