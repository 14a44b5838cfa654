"""Facts of a study, read from the ledger and the evaluation folders alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoselection_core.errors.search import NothingMeasuredError
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Payment, TrialKind, TrialRecord, TrialState
from autoselection_core.history.values import History
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.score.resampling import Run, pooled_variance, utilities
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.search.arms import FULL_POOL, RANDOM, WINNER
from autoselection_core.store.home import Home
from autoselection_core.study.arms import CANDIDATE
from autoselection_core.study.loading import Contest, contests, entries, transfer_entry
from autoselection_core.study.results.item_sampling import MIN_LEADING, SampledItems, read_sampled_items
from autoselection_core.study.results.states import StudyStates, read_states
from autoselection_core.study.study import Study


@dataclass(frozen=True, eq=False)
class MeasuredArm:
    """One finished evaluation of an arm.

    Attributes:
        arm: Its arm.
        trial: What the ledger says of it.
        evaluation: Its dev scores and cost.
        test: Its test scores; None where the test items were not opened.
        held_out: Its scores on benchmarks that selected nothing.
    """

    arm: str
    trial: TrialRecord
    evaluation: Evaluation
    test: Run | None
    held_out: tuple[BenchmarkScore, ...]


@dataclass(frozen=True, eq=False)
class StudyFacts:
    """A study with everything that it measured.

    Attributes:
        study: Declaration of the study.
        home: Home folder.
    """

    study: Study
    home: Home

    @cached_property
    def ledger(self) -> Ledger:
        """The history of the home folder."""
        return Ledger.open(self.home.history_url)

    @property
    def weights(self) -> Mapping[str, float] | None:
        """Weight of each benchmark in the utility; None for equal ones."""
        return None if self.study.campaign.closed_form is not None else self.study.campaign.weights or None

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """Names of the study's entries in the ledger.

        Raises:
            NothingMeasuredError: There is none.
        """
        found = entries(self.study, self.ledger)
        if not found:
            raise NothingMeasuredError(self.study.name)
        return found

    @cached_property
    def states(self) -> StudyStates | None:
        """States of the evaluated subsets; None where the study has not ended."""
        return read_states(self.study, self.home)

    @cached_property
    def metric(self) -> str:
        """Meaning of the scores that drove the searches."""
        return self.ledger.search(self.entries[0]).spec.metric

    @cached_property
    def arms(self) -> tuple[MeasuredArm, ...]:
        """The finished evaluations of all arms, in the order in which they were planned."""
        trials = self.ledger.trials(self.entries[0], TrialKind.REPORT)
        # One evaluation is one run of an arm, however often it was planned.
        done = {(trial.arm, trial.evaluation): trial for trial in trials if trial.state is TrialState.DONE}
        return tuple(self._measured(trial) for trial in done.values())

    @cached_property
    def transferred(self) -> tuple[MeasuredArm, ...]:
        """The finished evaluations on the other base model."""
        known = {record.search for record in self.ledger.searches()}
        entry = transfer_entry(self.study)
        trials = self.ledger.trials(entry, TrialKind.REPORT) if entry in known else ()
        return tuple(self._measured(trial) for trial in trials if trial.state is TrialState.DONE)

    @cached_property
    def contests(self) -> tuple[Contest, ...]:
        """The contests whose winner has been evaluated."""
        named = {measured.arm for measured in self.arms}
        return tuple(each for each in contests(self.study) if f"{WINNER}/{each.name}" in named)

    @cached_property
    def histories(self) -> dict[str, History]:
        """History of each search, by the name of its contest."""
        searched = [each for each in contests(self.study) if each.arm is not None]
        return {each.name: self.ledger.history(each.entry) for each in searched if each.entry in self.entries}

    @cached_property
    def failures(self) -> tuple[TrialRecord, ...]:
        """Trials and arms that ended without a score."""
        return tuple(
            trial
            for entry in self.entries
            for kind in TrialKind
            for trial in self.ledger.trials(entry, kind)
            if trial.state is TrialState.FAILED
        )

    @cached_property
    def payments(self) -> tuple[Payment, ...]:
        """Outcome and cost of every attempt."""
        return tuple(payment for entry in self.entries for payment in self.ledger.payments(entry))

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Every evaluation on the campaign's base model, each once."""
        keys = {
            trial.evaluation
            for entry in self.entries
            for kind in TrialKind
            for trial in self.ledger.trials(entry, kind)
            if trial.state is TrialState.DONE and trial.evaluation is not None
        }
        return tuple(self._folder(key).read_result(self.weights) for key in sorted(keys))

    @cached_property
    def sampled_items(self) -> SampledItems | None:
        """The further test items of the leading arms; None where none were drawn."""
        return read_sampled_items(self.study, self.home)

    @property
    def has_further_scores(self) -> bool:
        """Whether the further items that the study asks for are scored, or no two arms could lead."""
        if self.study.further_items is None:
            return True
        if self.sampled_items is None:
            return sum(bool(self.tests_of(arm)) for arm in self.compared_arms) < MIN_LEADING
        leading = [each.evaluation.key for each in self.arms if each.arm in self.sampled_items.arms]
        return all(self.sampled_items.is_scored(self._folder(key)) for key in leading)

    def further_runs(self, arm: str) -> list[Run]:
        """First and further test scores of a leading arm's runs, part by part of the benchmarks."""
        sampled_items = self.sampled_items
        if sampled_items is None:
            return []
        return [
            sampled_items.combined_run(each.test, self._folder(each.evaluation.key))
            for each in self.arms
            if each.arm == arm
            and each.test is not None
            and sampled_items.is_scored(self._folder(each.evaluation.key))
        ]

    def tests_of(self, arm: str) -> list[Run]:
        """The test scores of an arm's runs."""
        return [each.test for each in self.arms if each.arm == arm and each.test is not None]

    def subsets_of(self, *arms: str) -> set[str | None]:
        """Hashes of the subsets that some arms trained on."""
        return {each.trial.subset for each in self.arms if each.arm in arms}

    def all_scores_of(self, arm: str) -> list[Run]:
        """The test scores of an arm's runs, those on held-out benchmarks too."""
        return [(*(each.test or ()), *each.held_out) for each in self.arms if each.arm == arm]

    def arm_label(self, arm: str) -> str:
        """An arm for people."""
        kind, _, name = arm.partition("/")
        if kind == FULL_POOL:
            return "full pool"
        if kind == RANDOM:
            return f"random, tokens of {name}"
        return f"{name}, recommended" if kind == WINNER else name

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The arms that have a finished evaluation, in the order in which they were planned."""
        return tuple(dict.fromkeys(measured.arm for measured in self.arms))

    @property
    def compared_arms(self) -> tuple[str, ...]:
        """The arms without the equal candidates, which are there to be chosen from."""
        return tuple(arm for arm in self.arm_names if not arm.startswith(f"{CANDIDATE}/"))

    def test_utilities(self, arm: str) -> list[float]:
        """The utility on test items of each run of an arm."""
        runs = self.tests_of(arm)
        return [float(value) for value in utilities(runs, self.weights)] if runs else []

    @property
    def pooled_deviation(self) -> float | None:
        """Standard deviation between runs of one arm on test items; None where no arm has two runs."""
        values = [np.array(self.test_utilities(arm)) for arm in self.arm_names]
        variance, freedom = pooled_variance([each for each in values if len(each)])
        return float(np.sqrt(variance)) if freedom else None

    def _measured(self, trial: TrialRecord) -> MeasuredArm:
        assert trial.evaluation is not None, "a trial is done only with an evaluation"
        folder = self._folder(trial.evaluation)
        test = folder.read_test() if folder.has_test_scores else None
        return MeasuredArm(
            trial.arm, trial, folder.read_result(self.weights), test, folder.read_all_held_out()
        )

    def _folder(self, key: str) -> EvaluationFolder:
        return EvaluationFolder(self.home.evaluation(key))
