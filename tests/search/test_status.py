"""Status of a search, from the ledger alone."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import StopCause
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.report.sections.tables import search_table
from autoselection_core.search.decisions import decide_again
from autoselection_core.search.loop import run_search
from autoselection_core.search.report_evaluations import plan_arms, report_arms, runs_covered
from autoselection_core.search.status import SearchStatus
from autoselection_core.solver import Policy, Solver
from autoselection_core.solver.advice.consultation import Adviser
from autoselection_core.solver.advice.endpoint import Endpoint
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.store.home import Home
from tests.search.worlds import InOrder, closed_form, spec, table
from tests.solver.advice.speaking import speaking

QUICK = Policy(fresh=40, edits=20, draws=2, patience=1)


@pytest.mark.parametrize("name", ["default", "published"])
def test_an_advised_search_is_decided_again_without_its_model(tmp_path: Path, name: str) -> None:
    signals, evaluator = table(), closed_form(tmp_path)
    ledger = Ledger.open(f"sqlite:///{tmp_path}/history.sqlite")
    ledger.register(spec(evaluator, budget=7, seed=2), "first")
    with speaking() as model:
        adviser = Adviser(AdviserSettings(model.url, "tiny"), Endpoint(model.url, AdviserSettings.timeout_s))
        solver = Solver(signals, catalogue(signals), QUICK.with_settings(name=name), adviser=adviser)
        run_search(ledger, "first", solver, evaluator)
    asked = len(model.asked)

    decisions = decide_again(ledger, "first", solver)
    unadvised = decide_again(ledger, "first", replace(solver, adviser=None))
    other = decide_again(ledger, "first", replace(solver, policy=Policy("random")))

    assert asked > 0
    assert len(model.asked) == asked
    assert [one.trial for one in decisions] == list(range(1, 8))
    assert all(one.is_same for one in decisions)
    assert name == "default" or not all(one.is_same for one in unadvised)
    assert not all(one.is_same for one in other)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path / 'history.sqlite'}")


def test_a_search_that_nobody_works_on_waits_for_its_first_trial(ledger: Ledger, tmp_path: Path) -> None:
    search = ledger.register(spec(closed_form(tmp_path), budget=3))

    status = SearchStatus.of(ledger, search, Home(tmp_path))

    assert status.stage == "0 of 3 trials done; the next one waits"
    assert (status.best, status.seconds_left) == (None, None)
    assert "time left: unknown before the first training" in status.sentence


def test_a_reserved_trial_is_the_stage(ledger: Ledger, tmp_path: Path) -> None:
    search = ledger.register(spec(closed_form(tmp_path), budget=3))
    ledger.reserve_free_slots(search, max_trials=1)

    assert SearchStatus.of(ledger, search, Home(tmp_path)).stage == "trial 1 of 3 is being chosen"


def test_a_stopped_search_says_once_why_what_still_runs_and_how_it_goes_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    search = ledger.register(spec(closed_form(tmp_path), budget=3))
    ledger.reserve_free_slots(search, max_trials=1)
    ledger.stop(search, "a person stopped it", StopCause.PERSON)

    running = SearchStatus.of(ledger, search, Home(tmp_path)).sentence
    ledger.release(ledger.open_trials()[0].reservation, "its run was cancelled")
    ledger.stop(search, "a person stopped it", StopCause.PERSON)
    stopped = SearchStatus.of(ledger, search, Home(tmp_path)).sentence

    begun = "stopped: a person stopped it; trial 1 of 3 is being chosen, and may finish; 0 of 3 trainings"
    assert running.startswith(begun)
    assert running.count("stopped:") == 1
    assert "resume it with `autoselection search --name" in running
    assert stopped.startswith("stopped: a person stopped it; 0 of 3 trainings spent")


def test_time_left_is_trainings_left_times_the_median_training(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, search, InOrder(table(), []), evaluator)

    status = SearchStatus.of(ledger, search, Home(tmp_path))

    assert status.training_s is not None
    assert status.trainings_left == 2
    assert status.seconds_left == 2 * status.training_s
    assert status.stage == "trials done; the report plans its evaluations next"
    shown = search_table([status], {})
    assert shown.texts[0][shown.columns.index("state")] == "at its report", "a verdict is still to come"


def test_time_left_is_said_of_the_search_and_with_its_report(ledger: Ledger, tmp_path: Path) -> None:
    """Progress promised 3.9 min while `status` said 20."""
    evaluator = closed_form(tmp_path)
    first = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, first, InOrder(table(), []), evaluator)
    second = ledger.register(spec(evaluator, budget=4, report_evaluations=2, seed=1))

    status = SearchStatus.of(ledger, second, Home(tmp_path))
    reported = SearchStatus.of(ledger, first, Home(tmp_path))

    assert re.fullmatch(r"time left: about [^,]+, with the report [^,]+", status.time_left)
    assert status.time_left in status.sentence
    assert re.fullmatch(r"time left: about [^,]+", reported.time_left)


def test_a_reported_search_has_nothing_left_and_names_its_best_trial(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, search, InOrder(table(), []), evaluator)
    report_arms(ledger, search, InOrder(table(), []), evaluator)

    status = SearchStatus.of(ledger, search, Home(tmp_path))
    best = max(ledger.history(search).observations, key=lambda entry: entry.utility)

    assert status.best is not None
    assert (status.stage, status.best.trial) == ("done", best.trial)
    assert status.to_json()["trainings_left"] == 0


def test_a_search_is_not_done_while_its_report_is_scored(ledger: Ledger, tmp_path: Path) -> None:
    """A newcomer was told `first is done` three minutes before its report was there."""
    evaluator, home = closed_form(tmp_path), Home(tmp_path)
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, search, InOrder(table(), []), evaluator)
    report_arms(ledger, search, InOrder(table(), []), evaluator)
    arms = SearchStatus.of(ledger, search, home).arms
    (home.evaluation(str(arms[0].evaluation)) / "test.json").unlink()

    scoring = SearchStatus.of(ledger, search, home)
    evaluator.open_test(str(arms[0].evaluation), "a report")
    scored = SearchStatus.of(ledger, search, home)

    count = scored.measured_arms
    assert scoring.stage == f"its report is being scored, test items of {count - 1} of {count} models done"
    assert (scoring.is_done, scoring.seconds_left) == (False, None)
    assert (scored.stage, scored.is_done) == ("done", True)


def test_a_report_evaluation_that_is_found_finished_is_counted_from_the_beginning(
    ledger: Ledger, tmp_path: Path
) -> None:
    """A report of 8 went from `0 of 8` to `1 of 9`, and its time left was that of a reused evaluation."""
    evaluator, solver = closed_form(tmp_path), InOrder(table(), [])
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, search, solver, evaluator)
    ledger.plan_report(search, plan_arms(ledger, search, solver))
    before = SearchStatus.of(ledger, search, Home(tmp_path))
    report_arms(ledger, search, solver, evaluator)
    after = SearchStatus.of(ledger, search, Home(tmp_path))

    ended = sum(arm.state.has_ended for arm in after.arms)
    assert (before.planned_arms, before.found_arms) == (ended, sum(arm.is_reused for arm in after.arms))
    assert before.planned_arms - before.found_arms == 2


@pytest.mark.parametrize(
    ("evaluations", "runs"),
    [
        (0, {}),
        (3, {"full_pool": 1, "winner": 2, "random": 1}),
        (4, {"full_pool": 1, "winner": 2, "random": 2}),
        (6, {"full_pool": 2, "winner": 2, "random": 3}),
    ],
)
def test_a_second_budget_buys_the_runs_of_its_arms_in_order(evaluations: int, runs: dict[str, int]) -> None:
    assert dict(runs_covered(evaluations)) == runs


def test_a_second_budget_buys_runs_of_the_best_plain_filter_where_there_is_one() -> None:
    assert dict(runs_covered(6, 2)) == {"full_pool": 1, "winner": 2, "random": 2, "plain_filter": 2}
    assert dict(runs_covered(8, 2)) == {"full_pool": 2, "winner": 2, "random": 3, "plain_filter": 2}
