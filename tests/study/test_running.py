import shutil
import time
from pathlib import Path

import pytest

from autoselection_core.errors.search import ChangedEvaluatorError
from autoselection_core.history.records import SearchState, TrialKind, TrialState
from autoselection_core.store.home import Home
from autoselection_core.study.arms import candidate_arms
from autoselection_core.study.loading import arms_entry, contests, entries
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.running.cost_estimate import estimated_cost
from autoselection_core.study.running.runner import register_arms, run_study
from autoselection_core.study.study_run import StudyRun
from tests.study.conftest import STUDY, evaluated, study_run_in


def test_everything_together_stays_below_one_budget(finished: StudyRun) -> None:
    records = [finished.ledger.search(entry) for entry in entries(finished.study, finished.ledger)]

    assert sum(record.spent + record.report_spent for record in records) <= finished.study.budget
    assert estimated_cost(finished).evaluations == 0


def test_every_contest_has_fresh_runs_and_random_draws_of_equal_tokens(finished: StudyRun) -> None:
    facts = StudyFacts(finished.study, finished.home)
    for contest in contests(finished.study):
        winners = [each for each in facts.arms if each.arm == f"winner/{contest.name}"]
        draws = [each for each in facts.arms if each.arm == f"random/{contest.name}"]
        assert (len(winners), len(draws)) == (2, 3)
        assert {each.trial.tokens for each in draws} == {winners[0].trial.tokens}
        assert len({each.trial.subset for each in draws}) == 3


def test_the_runs_of_a_winner_are_runs_that_nobody_chose_by(finished: StudyRun) -> None:
    facts = StudyFacts(finished.study, finished.home)
    for contest in facts.contests:
        winner = next(each.trial for each in facts.arms if each.arm == f"winner/{contest.name}")
        arms = finished.ledger.trials(facts.entries[0], TrialKind.REPORT)
        others = [each for each in arms if not each.arm.startswith("winner")]
        trials = [*finished.ledger.trials(contest.entry), *others]
        chosen_by = [each for each in trials if each.subset == winner.subset]
        assert chosen_by
        assert winner.replicate not in {each.replicate for each in chosen_by}


def test_random_draws_of_two_contests_are_different_draws(finished: StudyRun) -> None:
    facts = StudyFacts(finished.study, finished.home)
    seeds = {
        name: {each.trial.recipe.seed for each in facts.arms if each.arm == name and each.trial.recipe}
        for name in facts.arm_names
        if name.startswith("random/")
    }
    assert len(set().union(*seeds.values())) == sum(map(len, seeds.values()))


def test_a_study_that_is_run_again_trains_nothing(finished: StudyRun) -> None:
    made = evaluated(finished.home)
    trials = finished.ledger.trials(arms_entry(finished.study), TrialKind.REPORT)

    run_study(StudyRun(finished.study, finished.home, lambda *_: None))

    assert evaluated(finished.home) == made
    assert finished.ledger.trials(arms_entry(finished.study), TrialKind.REPORT) == trials


class _KilledError(Exception):
    pass


@pytest.mark.e2e
@pytest.mark.parametrize("after", [25, 60])
def test_a_study_that_was_cut_off_goes_on_to_the_same_end(
    tmp_path: Path, finished: StudyRun, after: int
) -> None:
    told = 0

    def cut(*_: object) -> None:
        nonlocal told
        told += 1
        if told == after:
            raise _KilledError

    study_run = study_run_in(tmp_path)
    with pytest.raises(_KilledError):
        run_study(StudyRun(study_run.study, study_run.home, cut))
    made = evaluated(study_run.home)
    study_run.ledger.release_lost(now=time.time() + 3600)  # rather than wait for the lease

    run_study(study_run)

    now = evaluated(study_run.home)
    assert {key: now[key] for key in made} == made
    assert now.keys() == evaluated(finished.home).keys()


def test_no_winner_is_chosen_while_another_process_holds_a_candidate(tmp_path: Path) -> None:
    text = STUDY.replace("searches:\n  searched: {budget: 4, policy: random}\n", "")
    study_run = study_run_in(tmp_path, text.replace("seeds: [0, 1]", "seeds: [0]"))
    ledger, entry = (
        study_run.ledger,
        register_arms(study_run, arms_entry(study_run.study), 40, study_run.evaluator),
    )
    ledger.plan_report(entry, candidate_arms(study_run, contests(study_run.study)[0]))
    held = ledger.reserve_report(entry)
    assert held is not None
    waited: list[int] = []

    def give_back(stage: str, _: int, __: int | None) -> None:
        if stage.startswith("waiting for 1 evaluations"):
            waited.append(len(ledger.trials(entry, TrialKind.REPORT)))
            ledger.release(held, "its process has ended")

    run_study(StudyRun(study_run.study, study_run.home, give_back))

    assert len(waited) == 1
    arms = ledger.trials(entry, TrialKind.REPORT)
    candidates = [trial for trial in arms if trial.arm.startswith("candidate/")]
    assert [trial.state for trial in candidates] == [TrialState.DONE] * 3
    best = max(candidates, key=lambda trial: trial.utility or 0.0)
    assert {trial.subset for trial in arms if trial.arm == "winner/same/0"} == {best.subset}


def test_the_entry_of_the_arms_never_searches(finished: StudyRun) -> None:
    assert finished.ledger.search(arms_entry(finished.study)).state is SearchState.STOPPED


def test_a_finished_study_needs_no_pool(tmp_path: Path, finished: StudyRun) -> None:
    for name in ("history.sqlite", "evaluations", "studies"):
        there = finished.home.root / name
        copy = shutil.copy if there.is_file() else shutil.copytree
        copy(there, tmp_path / name)

    run_study(StudyRun(finished.study, Home(tmp_path), lambda *_: None))

    assert not (tmp_path / "pools").exists()


def test_another_judge_is_another_study(tmp_path: Path) -> None:
    small = STUDY.replace("same: {candidates: 3, share: 0.3}\n", "").replace("budget: 4,", "budget: 1,")
    run_study(study_run_in(tmp_path, small))

    with pytest.raises(ChangedEvaluatorError):
        run_study(study_run_in(tmp_path, small.replace("noise: 0.02", "noise: 0.03")))


def test_arms_that_are_the_same_subset_are_trainings_of_their_own(tmp_path: Path) -> None:
    """A search may recommend the full pool: no run of it may count for two arms, nor twice for one."""
    text = STUDY.replace("same: {candidates: 3, share: 0.3}\n", "").replace("seeds: [0, 1]", "seeds: [0]")
    everything = "  everything: [keep_top: {signal: word_entropy, fraction: 1.0}]\n  top: ["
    study_run = study_run_in(tmp_path, text.replace("  top: [", everything))

    run_study(study_run)

    arms = [each for each in StudyFacts(study_run.study, study_run.home).arms if each.trial.subset]
    full = {each.trial.subset for each in arms if each.arm == "full_pool"}
    runs = [each.evaluation.key for each in arms if each.trial.subset in full]
    assert {each.arm for each in arms if each.trial.subset in full} >= {"full_pool", "recipe/everything"}
    assert len(runs) == len(set(runs)) >= 4
    run_study(StudyRun(study_run.study, study_run.home, lambda *_: None))
    assert len(StudyFacts(study_run.study, study_run.home).arms) == len(arms)
