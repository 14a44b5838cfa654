"""Status of a search: stage, budgets, best score and time left, by the ledger and its evaluations."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autoselection_core.evaluation.folder import EvaluationFolder, Present, untrained_key
from autoselection_core.evaluation.training.settings import Schedule, fine_tuning
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import (
    AttemptOutcome,
    SearchRecord,
    SearchState,
    StopCause,
    TrialKind,
    TrialRecord,
    TrialState,
)
from autoselection_core.history.transactions.arms import ABLATION
from autoselection_core.identity import Json
from autoselection_core.progress import duration_text
from autoselection_core.score.comparison import StatedVerdict
from autoselection_core.search.awaited import FailedReport, UnbegunRuns
from autoselection_core.search.time_left import PAUSE_S, Ahead, UnitTimes, models_tested
from autoselection_core.store.home import Home

_OVERRUN = 3.0
"""Times as long as usual that the scoring of a model takes, at which the process is believed to be gone."""

TIME_LEFT = "time left: "
"""Beginning of the words of the time left."""

_DOING = {
    TrialState.WAITING: "waits for a worker",
    TrialState.RESERVED: "is being chosen",
    TrialState.RUNNING: "is being evaluated",
}


@dataclass(frozen=True)
class SearchStatus:
    """A search and how far it is.

    Attributes:
        record: The search with its budgets.
        trials: Its trials, in order.
        arms: The evaluations of its report, in order; empty before they are planned.
        ahead: Work that is left and its speed; None where nothing is.
        finished: Subset and replicate of full evaluations by the same evaluator, read while the report's
            are open: one among them is found finished and costs nothing.
        unscored: Finished report evaluations whose test items are not scored yet. A winner without one of
            its steps is not among them: its test items stay closed.
        is_reported: Whether a report of all that was measured is written.
        failed_report: The failure of its report that waits for the next attempt; None where none does.
        overdue: Kind and number of the open trials whose worker was silent for longer than their lease.
        waits: What Dagster has in hand for it while nobody works on a trial; empty where nothing is known of.
        seen_at: Time of the last sign of a process that works on it, in seconds since the epoch: the end of
            an attempt, or of test scores. Infinite for a process that goes on with it.
    """

    record: SearchRecord
    trials: tuple[TrialRecord, ...]
    arms: tuple[TrialRecord, ...]
    unscored: tuple[TrialRecord, ...] = ()
    finished: frozenset[tuple[str | None, int | None]] = frozenset()
    is_reported: bool = False
    ahead: Ahead | None = None
    failed_report: FailedReport | None = None
    overdue: frozenset[tuple[TrialKind, int]] = frozenset()
    waits: str = ""
    seen_at: float = math.inf

    @classmethod
    def of(cls, ledger: Ledger, search: str, home: Home) -> "SearchStatus":
        """The status of a search now.

        Args:
            ledger: The history.
            search: Name of the search.
            home: Folder of its evaluations, which say what test items are scored, and of its report.

        Raises:
            UnknownSearchError: No search has this name.
        """
        record, trials = ledger.search(search), ledger.trials(search)
        arms = ledger.trials(search, TrialKind.REPORT)
        unscored = tuple(arm for arm in arms if _is_unscored(arm, home))
        finished = _finished(ledger, record.spec.evaluator) if record.open_arms else frozenset()
        is_reported = _is_reported(home, search, measured_counts(trials, arms))
        failed = None if is_reported else FailedReport.read(home, search)
        overdue = ledger.overdue(search)
        status = cls(
            record,
            trials,
            arms,
            unscored,
            finished,
            is_reported,
            failed_report=failed,
            overdue=overdue,
        )
        if status.is_done:
            return status
        waits = "" if status.running else UnbegunRuns.read(home, ledger.clock()).get(search, "")
        return replace(status, ahead=status._ahead(ledger, home), waits=waits)

    @classmethod
    def observed(cls, ledger: Ledger, search: str, home: Home) -> "SearchStatus":
        """The status for somebody who only looks at a search: whether a process works on it is not known.

        Raises:
            UnknownSearchError: No search has this name.
        """
        status = cls.of(ledger, search, home)
        return replace(status, seen_at=_seen_at(ledger, status.record, status.arms, home))

    def _ahead(self, ledger: Ledger, home: Home) -> Ahead:
        """Work that is left of the search and its report."""
        record = self.record
        held = [trial for trial in self.running if not trial.fidelity]
        trials_held = sum(trial.kind is TrialKind.SEARCH for trial in held)
        return Ahead(
            times=UnitTimes.of(ledger, record, home),
            present=tuple(_present(trial, home) for trial in held),
            trials=max(0, self._trials_left - trials_held),
            arms=max(0, self._arms_left - (len(held) - trials_held)),
            models=self._models_left(home),
            slots=record.slots,
            now=ledger.clock(),
            has_equal_trainings=_has_equal_trainings(record),
            is_reported=not self._will_be_reported,
        )

    @property
    def _will_be_reported(self) -> bool:
        """Whether a report is still to be made: none is of a search that a person stopped or has to mend."""
        is_left = self.record.stop_cause not in (None, StopCause.STUCK)
        return not is_left and (not self.is_reported or bool(self.trainings_left))

    def _models_left(self, home: Home) -> int:
        """Models whose test items the report is to score."""
        if not self._will_be_reported:
            return 0
        if not self.arms:
            return models_tested(self.record.report_evaluations)
        base = EvaluationFolder(home.evaluation(untrained_key(self.record.spec.evaluator)))
        is_trained = not self.record.spec.is_formula and not base.has_test_scores
        covered = sum(arm.arm != ABLATION for arm in self._covered)
        return covered + len(self.unscored) + int(is_trained and covered > 0)

    @property
    def listed_arms(self) -> tuple[TrialRecord, ...]:
        """Report evaluations that have ended, run or are covered: none that the second budget never pays."""
        covered = self._covered
        return tuple(arm for arm in self.arms if arm.state.has_ended or arm in covered)

    @property
    def running(self) -> tuple[TrialRecord, ...]:
        """Trials and report evaluations that somebody works on."""
        return tuple(trial for trial in (*self.trials, *self.arms) if trial.state.is_held)

    @property
    def is_deserted(self) -> bool:
        """Whether every open trial has lost its worker, and nobody took it back since."""
        return bool(self.running) and all((each.kind, each.trial) in self.overdue for each in self.running)

    @property
    def is_idle(self) -> bool:
        """Whether no process works on it: none holds a trial, and none has shown a sign of itself lately."""
        if self.ahead is None or self.failed_report is not None or self.waits:
            return False  # nothing is left, a time is set, or Dagster has it in hand
        if self.running:
            return self.is_deserted
        # A process that scores test items shows itself after each model only.
        scoring_s = 0.0 if self.ahead.times is None else self.ahead.times.test_s
        return self.ahead.now - self.seen_at > max(PAUSE_S, _OVERRUN * scoring_s)

    @property
    def _again(self) -> str:
        return f"`autoselection search --name {self.record.search}`"

    @property
    def best(self) -> TrialRecord | None:
        """The full-fidelity trial with the highest score; the recommendation may be another one."""
        measured = [trial for trial in self.trials if trial.utility is not None and not trial.fidelity]
        return max(measured, key=lambda trial: (trial.utility or 0.0, -trial.trial), default=None)

    @property
    def stage(self) -> str:
        """Present stage in words, for instance `trial 3 of 6 is being evaluated`."""
        if self.is_deserted and self.record.state is not SearchState.STOPPED:
            named = " and ".join(map(self._named, self.running))
            return f"{named} began, but no process works on the search; go on with {self._again}"
        if self.running and not self.is_deserted:
            return "; ".join(f"{self._named(trial)} {_doing(trial)}" for trial in self.running)
        if self.record.state is SearchState.STOPPED:
            return "stopped"
        if self.record.state is SearchState.ACTIVE:
            return f"{self._count(self.trials)}{self._of_trials} trials done; the next one waits"
        return self._report_stage

    @property
    def _report_stage(self) -> str:
        """Present stage of a search whose trials are over."""
        if self.record.open_arms:
            return (
                f"{self._count(self.arms)} of {self.planned_arms} report evaluations done; the next one waits"
            )
        if self.failed_report is not None:
            return self.failed_report.sentence
        if self._is_before_its_report:
            return "trials done; the report plans its evaluations next"
        if self.unscored:
            return (
                f"its report is being scored, test items of {self.tested_arms} of "
                f"{self.measured_arms} {self._tested_noun} done"
            )
        return "done" if self.is_done else "all is measured; its report is written next"

    @property
    def _tested_noun(self) -> str:
        return "evaluations" if self.record.spec.is_formula else "models"  # a formula has no model

    @property
    def is_searched(self) -> bool:
        """Whether no trial or report evaluation runs, waits or is to be planned, and none is still scored."""
        is_open = self.running or self.record.open_arms or self._is_before_its_report or self.unscored
        return self.record.state is SearchState.DONE and not is_open

    @property
    def is_done(self) -> bool:
        """Whether the search is over and its report is there; one without a second budget needs none."""
        needs_none = not self.record.report_evaluations or self.best is None
        return self.is_searched and (self.is_reported or (needs_none and self.failed_report is None))

    @property
    def state(self) -> str:
        """State of the search in a word: `searched` from the end of its trials until its report is there."""
        return "searched" if self.is_reporting else self.record.state.value

    @property
    def is_reporting(self) -> bool:
        """Whether the trials are over and the report is not: a verdict is still to come."""
        return self.record.state is SearchState.DONE and not self.is_done

    @property
    def _is_before_its_report(self) -> bool:
        """Whether the trials are over, and the report has not planned what it compares them with."""
        return bool(self.record.measured and self.record.report_evaluations and not self.arms)

    def _named(self, trial: TrialRecord) -> str:
        if trial.kind is TrialKind.SEARCH:
            return f"trial {trial.trial}{self._of_trials}"
        return f"report evaluation {trial.trial} of {self.planned_arms} ({trial.arm.replace('_', ' ')})"

    @staticmethod
    def _count(trials: Sequence[TrialRecord]) -> int:
        return sum(trial.state.has_ended for trial in trials)

    @property
    def _of_trials(self) -> str:
        """Number of trials in words; empty where it is open, as some cost less than a full training."""
        is_open = any(trial.cost != 1 for trial in self.trials if trial.state.has_ended)
        return "" if is_open else f" of {self.record.budget}"

    @property
    def planned_arms(self) -> int:
        """Report evaluations that have ended or that the second budget still covers."""
        return self._count(self.arms) + len(self._covered) if self.arms else self.record.report_evaluations

    @property
    def found_arms(self) -> int:
        """Report evaluations that cost nothing: reused ones, and open ones that are found finished."""
        return sum(arm.is_reused for arm in self.arms) + sum(map(self._is_found, self._covered))

    @property
    def _covered(self) -> tuple[TrialRecord, ...]:
        """Open report evaluations that run, or that the second budget pays for in their order."""
        covered = [arm for arm in self.arms if arm.state.is_held]
        left = self.record.report_evaluations - self.record.report_spent
        left -= sum(not self._is_found(arm) for arm in covered)
        for arm in self.arms:
            if arm.state is TrialState.WAITING and left >= 1:
                covered.append(arm)
                left -= not self._is_found(arm)
        return tuple(covered)

    def _is_found(self, arm: TrialRecord) -> bool:
        return (arm.subset, arm.replicate) in self.finished

    @property
    def measured_arms(self) -> int:
        """Report evaluations that have a dev score; the report scores the test items of each."""
        return sum(arm.state is TrialState.DONE and arm.arm != ABLATION for arm in self.arms)

    @property
    def tested_arms(self) -> int:
        """Report evaluations whose test items are scored."""
        return self.measured_arms - len(self.unscored)

    @property
    def trainings_left(self) -> int:
        """Trainings that both budgets still pay for, those that run included."""
        return self._trials_left + self._arms_left

    @property
    def _trials_left(self) -> int:
        record = self.record
        return int(record.budget - record.spent) if record.state is SearchState.ACTIVE else int(record.held)

    @property
    def _arms_left(self) -> int:
        record = self.record
        if record.state is SearchState.STOPPED:
            return record.report_held
        return record.open_arms if self.arms else record.report_evaluations

    @property
    def training_s(self) -> float | None:
        """Median seconds of the latest full evaluations; None where nothing was paid, or nothing is left."""
        return None if self.ahead is None or self.ahead.times is None else self.ahead.times.evaluation_s

    @property
    def seconds_left(self) -> float | None:
        """Expected seconds until the report is there; 0 when it is.

        None before a training has advanced, and while no process works on it.
        """
        if self.ahead is None or not self._goes_on:
            return 0.0
        return None if self.is_idle else self._work_s

    @property
    def _work_s(self) -> float | None:
        """Seconds that what is left takes, with the pause before a failed report; None where not known."""
        assert self.ahead is not None, "something is left"
        pause = 0.0 if self.failed_report is None else self.failed_report.again_at - self.ahead.now
        known = self.ahead.seconds
        return None if known is None else known + max(0.0, pause)

    @property
    def _goes_on(self) -> bool:
        """Whether something is left that will be done without being asked for."""
        return not self._is_at_rest and (bool(self.trainings_left) or self._will_be_reported)

    @property
    def _is_at_rest(self) -> bool:
        """Whether the search is stopped, and nothing of it runs on."""
        return self.record.state is SearchState.STOPPED and not self.running

    @property
    def time_left(self) -> str:
        """Time left in words, of the search and with its report; empty where unknown or nothing is left."""
        return f"{TIME_LEFT}{self._work}" if self.seconds_left else ""

    @property
    def _work(self) -> str:
        """What is left in words, as time of a process that works on it; empty where it is not known."""
        if self.ahead is None or not (whole_s := self._work_s):
            return ""
        about = "at least" if self.ahead.is_bound else "about"
        whole, trials_s = duration_text(whole_s), self.ahead.trials_s
        if self.record.state is not SearchState.ACTIVE or not self._trials_left or trials_s is None:
            return f"{about} {whole}"
        return f"{about} {duration_text(trials_s)}, with the report {whole}"

    @property
    def _ending(self) -> str:
        """How long it goes on, or that nothing goes on and how it would; empty where that is said already."""
        unit = "evaluation" if self.record.spec.is_formula else "training"
        if not self.is_idle:
            left = self.time_left or f"{TIME_LEFT}unknown before the first {unit}"
            return "; ".join(filter(None, (self.waits, left)))
        if self.record.state is SearchState.STOPPED:
            return ""
        if self.is_deserted:
            return f"what is left takes {self._work}" if self._work else ""
        lasts = f", which takes {self._work}" if self._work else ""
        return f"no process works on it; go on with {self._again}{lasts}"

    @property
    def sentence(self) -> str:
        """The status in one line."""
        record = self.record
        unit = "evaluation" if record.spec.is_formula else "training"  # a formula trains nothing
        held = f", {record.report_held:g} held" if record.report_held and not self.is_deserted else ""
        parts = [
            self._opening,
            f"{record.spent:,g} of {record.budget:,} {unit}s spent"
            + (f", {record.held:g} held by those that run" if self._is_held else ""),
            f"second budget: {record.report_spent:,g} of {record.report_evaluations:,} spent{held}",
        ]
        if self.found_arms:
            known = (
                "costs nothing, as its evaluation is"
                if self.found_arms == 1
                else ("cost nothing, as their evaluations are")
            )
            parts.append(f"{self.found_arms} beside them {known} known")
        if self.best is not None:
            parts.append(f"best so far: trial {self.best.trial} with a dev score of {self.best.utility:.4g}")
        if self._goes_on and self._ending:
            parts.append(self._ending)
        if record.state is SearchState.STOPPED:
            resume = f"`autoselection search --name {record.search} --resume`, or the job resume_search"
            parts.append(f"resume it with {resume}")
        return "; ".join(parts)

    @property
    def _is_held(self) -> bool:
        """Whether trials hold a part of the budget that will be spent as things are."""
        return bool(self.record.held) and not self.is_deserted and not self._is_at_rest

    @property
    def _opening(self) -> str:
        """The stage, or the reason of a stop with what still runs."""
        if self.record.state is not SearchState.STOPPED:
            return self.stage
        runs = (
            f"; {self.stage}, and may finish" if self.running and not self.is_deserted else "; nothing runs"
        )
        failed = "" if self.failed_report is None else f"; {self.failed_report.sentence}"
        return f"stopped: {self.record.reason.removesuffix('.')}{runs}{failed}"

    def to_json(self) -> Mapping[str, Json]:
        """The status as data."""
        record, best = self.record, self.best
        return {
            "search": record.search,
            "campaign": record.spec.campaign,
            "state": self.state,
            "is_done": self.is_done,
            "reason": record.reason,
            "report_failure": None if self.failed_report is None else self.failed_report.reason,
            "report_again_at": None if self.failed_report is None else self.failed_report.again_at,
            "stage": self.stage,
            "waits": self.waits or None,
            "trials_done": self._count(self.trials),
            "budget": record.budget,
            "spent": record.spent,
            "held": record.held,
            "report_evaluations": record.report_evaluations,
            "report_spent": record.report_spent,
            "report_held": record.report_held,
            "report_evaluations_done": self._count(self.arms),
            "report_evaluations_unscored": len(self.unscored),
            # Their names up to version 0.2.0, which scripts read.
            "baselines_done": self._count(self.arms),
            "baselines_unscored": len(self.unscored),
            "best_trial": None if best is None else best.trial,
            "best_score": None if best is None else best.utility,
            "best_standard_error": None if best is None else best.standard_error,
            "trainings_left": self.trainings_left,
            "seconds_left": self.seconds_left,
        }


def _finished(ledger: Ledger, evaluator: str) -> frozenset[tuple[str | None, int | None]]:
    """Subset and replicate of every full evaluation by an evaluator that the history holds."""
    alike = [each.search for each in ledger.searches() if each.spec.evaluator == evaluator]
    trials = [trial for search in alike for kind in TrialKind for trial in ledger.trials(search, kind)]
    done = [trial for trial in trials if trial.state is TrialState.DONE and not trial.fidelity]
    return frozenset((trial.subset, trial.replicate) for trial in done)


def _is_unscored(arm: TrialRecord, home: Home) -> bool:
    """Whether an evaluation waits for its test scores; one whose folder was removed does not."""
    if arm.state is not TrialState.DONE or arm.evaluation is None or arm.arm == ABLATION:
        return False
    folder = EvaluationFolder(home.evaluation(arm.evaluation))
    return folder.is_complete and not folder.has_test_scores


def measured_counts(trials: Sequence[TrialRecord], arms: Sequence[TrialRecord]) -> tuple[int, int]:
    """Measured trials and report evaluations, as a report states what it was written after.

    A winner without one of its steps is not counted: no verdict is about it.
    """
    done = [[each for each in some if each.state is TrialState.DONE] for some in (trials, arms)]
    return len(done[0]), sum(arm.arm != ABLATION for arm in done[1])


def _is_reported(home: Home, search: str, measured: tuple[int, int]) -> bool:
    """Whether the report of a search was written after its last measurement."""
    folder = home.report(search)
    stated = StatedVerdict.read(folder)
    if stated is None:
        return (folder / "report.html").is_file()  # an earlier release stated no verdict beside it
    if stated.measured is None:
        return bool(stated.subset) or not measured[1]  # a report that only planned compared nothing
    return stated.measured == measured


def _seen_at(ledger: Ledger, record: SearchRecord, arms: Sequence[TrialRecord], home: Home) -> float:
    """Time of the last sign of a process that works on a search; minus infinity where it gave up a trial."""
    latest = max(ledger.payments(record.search), key=lambda each: each.at, default=None)
    if latest is not None and latest.outcome is AttemptOutcome.RELEASED:
        return -math.inf
    folders = [
        EvaluationFolder(home.evaluation(arm.evaluation)) for arm in arms if arm.evaluation is not None
    ]
    folders.append(EvaluationFolder(home.evaluation(untrained_key(record.spec.evaluator))))
    tested = [seen for each in folders if (seen := each.tested_at) is not None]
    return max([record.created_at, *([] if latest is None else [latest.at]), *tested])


def _present(trial: TrialRecord, home: Home) -> Present | None:
    """How far an evaluation is that somebody makes; None where nothing is known of it."""
    return None if trial.evaluation is None else EvaluationFolder(home.evaluation(trial.evaluation)).present


def _has_equal_trainings(record: SearchRecord) -> bool:
    """Whether every training of a search reads as much, so that the present one says how fast others are."""
    return record.spec.is_formula or fine_tuning(record.spec.training).schedule is not Schedule.EPOCHS


def _doing(trial: TrialRecord) -> str:
    """What becomes of an open trial at present; a report evaluation has its recipe from the plan."""
    is_planned = trial.kind is TrialKind.REPORT and trial.state is TrialState.RESERVED
    return "begins" if is_planned else _DOING[trial.state]
