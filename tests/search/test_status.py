"""Status of a search, from the ledger alone."""

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.evaluation.folder import TRAINING, EvaluationFolder, Present
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Measurement, StopCause, TrialKind, TrialState
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.progress import Advance, Progress
from autoselection_core.report.sections.tables import search_table, status_table
from autoselection_core.score.comparison import StatedVerdict
from autoselection_core.score.score import CLOSED_FORM
from autoselection_core.search.awaited import FailedReport, UnbegunRuns
from autoselection_core.search.decisions import decide_again
from autoselection_core.search.loop import Stage, run_search
from autoselection_core.search.propose import propose
from autoselection_core.search.report_evaluations import plan_arms, report_arms, runs_covered
from autoselection_core.search.status import SearchStatus, measured_counts
from autoselection_core.search.time_left import PAUSE_S, WRITING_S, Ahead, UnitTimes
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


def test_no_number_of_trials_moves_where_trials_cost_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """`trial 3 of 6` became `trial 4 of 7` with every evaluation that was known."""
    evaluator, told = closed_form(tmp_path), []
    first = ledger.register(spec(evaluator, budget=2))
    run_search(ledger, first, InOrder(table(), []), evaluator)
    second = ledger.register(spec(evaluator, budget=3, seed=1))

    def tell(_: Stage) -> None:
        told.append(SearchStatus.of(ledger, second, Home(tmp_path)).stage)

    run_search(ledger, second, InOrder(table(), []), evaluator, tell)

    counts = [re.findall(r"trial (\d) of (\d)", stage) for stage in told]
    assert {of for found in counts for _, of in found} == {"3"}
    assert any(stage.startswith("trial 5 is") for stage in told)


def test_a_report_that_failed_says_why_and_when_it_is_tried_again(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, home = closed_form(tmp_path), Home(tmp_path)
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, search, InOrder(table(), []), evaluator)
    before = SearchStatus.of(ledger, search, home)
    failure = FailedReport("OSError: no room", ledger.clock() + 1000.0)

    assert failure.keep(home, search)
    assert not failure.keep(home, search), "it is told once"
    failed = SearchStatus.of(ledger, search, home)
    report_arms(ledger, search, InOrder(table(), []), evaluator)
    write_verdict(ledger, search, home)
    reported = SearchStatus.of(ledger, search, home)

    assert failed.stage == failure.sentence
    assert "its report failed (OSError: no room) and is tried again at" in failed.sentence
    assert failed.to_json()["report_failure"] == "OSError: no room"
    assert before.seconds_left is not None
    assert failed.seconds_left is not None
    assert failed.seconds_left > before.seconds_left + 900
    assert (reported.stage, reported.to_json()["report_failure"]) == ("done", None)


def test_a_trial_whose_process_was_killed_is_told_once_its_lease_ran_out(
    ledger: Ledger, tmp_path: Path
) -> None:
    evaluator, now = closed_form(tmp_path), [1_000.0]
    timed = replace(ledger, clock=lambda: now[0])
    search = timed.register(spec(evaluator, budget=3, report_evaluations=0))
    (reservation,) = timed.reserve_free_slots(search, max_trials=1)
    propose(timed, reservation, InOrder(table(), []))
    recorded = timed.proposal(reservation)
    assert recorded is not None
    timed.begin(reservation, evaluator.key(recorded.subset, recorded.replicate))

    now[0] += timed.lease_s - 1
    working = SearchStatus.of(timed, search, Home(tmp_path)).sentence
    now[0] += 2
    killed = SearchStatus.of(timed, search, Home(tmp_path)).sentence
    timed.stop(search, "a person stopped it", StopCause.PERSON)
    stopped = SearchStatus.of(timed, search, Home(tmp_path)).sentence

    assert working.startswith(
        "trial 1 of 3 is being evaluated; 0 of 3 trainings spent, 1 held by those that run"
    )
    assert killed.startswith(
        "trial 1 of 3 began, but no process works on the search; "
        f"go on with `autoselection search --name {search}`; 0 of 3 trainings spent; second"
    )
    assert stopped.startswith("stopped: a person stopped it; nothing runs; 0 of 3 trainings spent; second")


def test_no_time_left_is_told_of_a_search_which_no_process_works_on(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, home, now = closed_form(tmp_path), Home(tmp_path), [time.time()]
    timed = replace(ledger, clock=lambda: now[0])
    first = timed.register(spec(evaluator, budget=2, report_evaluations=2))
    run_search(timed, first, InOrder(table(), []), evaluator)
    second = timed.register(spec(evaluator, budget=3, seed=1))

    begun = SearchStatus.observed(timed, second, home)
    now[0] += 2 * PAUSE_S
    waiting, reporting = (SearchStatus.observed(timed, search, home) for search in (second, first))
    working = SearchStatus.of(timed, second, home)

    assert "; time left: about " in begun.sentence
    assert "; time left: about " in working.sentence, "the process that asks works on it"
    again = f"; no process works on it; go on with `autoselection search --name {second}`, which takes about "
    assert again in waiting.sentence
    assert "no process works on it" in reporting.sentence
    for idle in (waiting, reporting):
        assert "time left" not in idle.sentence
        assert (idle.seconds_left, idle.to_json()["seconds_left"]) == (None, None)

    (reservation,) = timed.reserve_free_slots(second, max_trials=1)
    propose(timed, reservation, InOrder(table(), []))
    timed.begin(reservation, "an evaluation")
    now[0] += timed.lease_s + 1
    killed = SearchStatus.of(timed, second, home).sentence
    assert "; what is left takes about " in killed, "behind other parts `which` would mean the last of them"
    assert "which" not in killed


def test_a_search_that_waits_in_a_queue_is_told_from_one_that_nobody_works_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    home, now, waits = Home(tmp_path), [time.time()], "its worker waits in Dagster's queue"
    timed = replace(ledger, clock=lambda: now[0])
    search = timed.register(spec(closed_form(tmp_path), budget=3))
    now[0] += 2 * PAUSE_S
    nobody = SearchStatus.observed(timed, search, home)
    UnbegunRuns({search: waits}, now[0]).note(home)
    queued = SearchStatus.observed(timed, search, home)
    now[0] += 2 * PAUSE_S
    daemon_died = SearchStatus.observed(timed, search, home)
    UnbegunRuns({search: waits}, now[0]).note(home)
    again = SearchStatus.observed(timed, search, home)
    UnbegunRuns({}, now[0]).note(home)
    forgotten = SearchStatus.observed(timed, search, home)

    told = f"; {waits}; time left: "
    assert [told in each.sentence for each in (nobody, queued, daemon_died, again, forgotten)] == [
        *(False, True, False, True, False)
    ]
    idle = "no process works on it"
    assert [idle in each.sentence for each in (nobody, queued, daemon_died, again, forgotten)] == [
        *(True, False, True, False, True)
    ]
    assert (nobody.to_json()["waits"], queued.to_json()["waits"]) == (
        None,
        waits,
    )


def test_a_search_whose_trial_was_given_back_is_worked_on_by_nobody(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, home = closed_form(tmp_path), Home(tmp_path)
    search = ledger.register(spec(evaluator, budget=3))
    (reservation,) = ledger.reserve_free_slots(search, max_trials=1)

    held = SearchStatus.observed(ledger, search, home)
    ledger.release(reservation, "interrupted")
    interrupted = SearchStatus.observed(ledger, search, home)

    assert not held.is_idle
    assert interrupted.is_idle
    assert "time left" not in interrupted.sentence


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
    assert stopped.startswith("stopped: a person stopped it; nothing runs; 0 of 3 trainings spent")


def test_a_reason_that_is_a_sentence_goes_on_without_its_full_stop(ledger: Ledger, tmp_path: Path) -> None:
    search = ledger.register(spec(closed_form(tmp_path), budget=3))
    ledger.stop(search, "the base model cannot be loaded. Name a folder.", StopCause.BROKEN)

    told = SearchStatus.of(ledger, search, Home(tmp_path)).sentence

    assert told.startswith("stopped: the base model cannot be loaded. Name a folder; nothing runs; ")


def test_time_left_counts_the_report_that_is_still_to_come(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, search, InOrder(table(), []), evaluator)

    status = SearchStatus.of(ledger, search, Home(tmp_path))

    assert status.trainings_left == 2
    assert status.ahead is not None
    assert status.ahead.times is not None
    assert status.seconds_left is not None
    assert status.seconds_left >= 2 * status.ahead.times.evaluation_s + WRITING_S
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
    write_verdict(ledger, search, Home(tmp_path))

    status = SearchStatus.of(ledger, search, Home(tmp_path))
    best = max(ledger.history(search).observations, key=lambda entry: entry.utility)

    assert status.best is not None
    assert (status.stage, status.best.trial) == ("done", best.trial)
    assert status.to_json()["trainings_left"] == 0


def test_a_search_is_not_done_while_its_report_is_scored(ledger: Ledger, tmp_path: Path) -> None:
    """A newcomer was told `first is done` three minutes before its report was there."""
    evaluator, home = closed_form(tmp_path), Home(tmp_path)
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2, metric=CLOSED_FORM))
    run_search(ledger, search, InOrder(table(), []), evaluator)
    report_arms(ledger, search, InOrder(table(), []), evaluator)
    arms = SearchStatus.of(ledger, search, home).arms
    (home.evaluation(str(arms[0].evaluation)) / "test.json").unlink()

    scoring = SearchStatus.of(ledger, search, home)
    evaluator.open_test(str(arms[0].evaluation), "a report")
    scored = SearchStatus.of(ledger, search, home)
    write_verdict(ledger, search, home)
    reported = SearchStatus.of(ledger, search, home)

    count = scored.measured_arms
    told = f"its report is being scored, test items of {count - 1} of {count} evaluations done"
    assert scoring.stage == told, "a formula has no models"
    assert (scoring.is_done, scoring.state, scored.is_done, scored.state) == (
        *(False, "searched"),
        *(False, "searched"),
    )
    assert scored.stage == "all is measured; its report is written next"
    assert scoring.seconds_left is not None
    assert scoring.seconds_left >= WRITING_S
    assert (reported.stage, reported.is_done, reported.state) == ("done", True, "done")
    assert (reported.seconds_left, reported.time_left) == (0.0, "")


def test_a_report_of_fewer_measurements_is_not_the_report_of_a_search(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, home = closed_form(tmp_path), Home(tmp_path)
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, search, InOrder(table(), []), evaluator)
    write_verdict(ledger, search, home)
    report_arms(ledger, search, InOrder(table(), []), evaluator)

    planned = SearchStatus.of(ledger, search, home)
    write_verdict(ledger, search, home)
    ledger.raise_budget(search, 4)
    run_search(ledger, search, InOrder(table(), []), evaluator)
    raised = SearchStatus.of(ledger, search, home)

    assert (planned.is_searched, planned.is_done) == (True, False)
    assert (raised.is_searched, raised.is_done) == (True, False)


def write_verdict(ledger: Ledger, search: str, home: Home) -> None:
    """What a report states of itself, without its page."""
    measured = measured_counts(ledger.trials(search), ledger.trials(search, TrialKind.REPORT))
    home.report(search).mkdir(parents=True, exist_ok=True)
    for name, content in StatedVerdict("subset", "better", (), measured).files().items():
        (home.report(search) / name).write_bytes(content)


def test_no_report_evaluation_is_listed_that_is_never_paid_for(ledger: Ledger, tmp_path: Path) -> None:
    """A finished search showed `report-08` and `report-09` as waiting for ever."""
    evaluator, solver = closed_form(tmp_path), InOrder(table(), [])
    search = ledger.register(spec(evaluator, budget=3, report_evaluations=2))
    run_search(ledger, search, solver, evaluator)
    ledger.plan_report(search, plan_arms(ledger, search, solver))
    before = SearchStatus.of(ledger, search, Home(tmp_path))
    report_arms(ledger, search, solver, evaluator)
    after = SearchStatus.of(ledger, search, Home(tmp_path))

    assert any(arm.state is TrialState.WAITING for arm in after.arms), "the plan is longer than the budget"
    assert all(arm.state.has_ended for arm in after.listed_arms)
    assert [arm.trial for arm in before.listed_arms] == [arm.trial for arm in after.listed_arms]
    listed = status_table(after, TrialKind.REPORT)
    assert [row[0] for row in listed.texts] == [arm.reservation.number for arm in after.listed_arms]


MINUTE_S, UNIT_S, TRAINING_S, TEST_S = 60.0, 40.0, 30.0, 10.0


def ahead(present: Present | None = None, times: UnitTimes | None = None, **changed: Any) -> Ahead:
    """Three trials and six report evaluations after the present trial, a minute after the epoch."""
    usual = UnitTimes(UNIT_S, TRAINING_S, between_s=2.0, test_s=TEST_S, at_once=1)
    work = {"trials": 3, "arms": 6, "models": 8, "slots": 1, "now": MINUTE_S, **changed}
    return Ahead(usual if times is None else times, (present,), **work)


def training(took_s: float, done: int = 50, total: int = 100) -> Present:
    """A training that made some steps in the last seconds."""
    first = Advance.begun(MINUTE_S - took_s, 0, total)
    return Present(MINUTE_S - took_s - 3.0, TRAINING, first.reported(MINUTE_S, done, total))


def test_on_a_steady_machine_time_left_is_the_work_that_follows() -> None:
    truth = TRAINING_S / 2 + 10.0 + 9 * (UNIT_S + 2.0) + 8 * TEST_S + WRITING_S

    assert ahead(training(TRAINING_S / 2)).seconds == pytest.approx(truth, rel=0.01)
    assert ahead(training(TRAINING_S / 2)).trials_s == pytest.approx(25.0 + 3 * 42.0, rel=0.01)


def test_time_left_follows_the_speed_of_the_training_that_runs() -> None:
    """A busy machine said "about 6 s left" where nine minutes followed."""
    usual, slow = ahead(training(TRAINING_S / 2)).seconds, ahead(training(3 * TRAINING_S / 2)).seconds

    assert usual is not None
    assert slow == pytest.approx(3 * (usual - WRITING_S) + WRITING_S, rel=0.01)


def test_the_end_of_a_stage_is_not_the_end_of_what_is_left() -> None:
    nearly = ahead(training(TRAINING_S, 99))

    assert nearly.present[0] is not None
    assert (nearly.present[0].steps.left_s(MINUTE_S) or 0.0) < 1.0
    assert (nearly.seconds or 0.0) > 9 * UNIT_S


@given(st.floats(0.0, 10_000.0))
def test_time_left_is_never_below_what_the_present_evaluation_has_overrun(elapsed_s: float) -> None:
    begun = Present(MINUTE_S - elapsed_s, "judge", Advance.begun(MINUTE_S - elapsed_s, 0, None))
    times = UnitTimes(UNIT_S, None, between_s=0.0, test_s=0.0, at_once=1)

    left = ahead(begun, times, trials=0, arms=1).seconds

    assert left is not None
    assert left >= abs(UNIT_S - elapsed_s) + max(UNIT_S, elapsed_s)


def test_before_the_first_evaluation_the_steps_of_its_training_bound_what_is_left() -> None:
    first = replace(ahead(training(TRAINING_S / 2)), times=None)
    unknown = replace(ahead(training(0.0, 0)), times=None)

    assert first.is_bound
    assert first.seconds == pytest.approx(TRAINING_S / 2 + 9 * TRAINING_S + WRITING_S, rel=0.01)
    assert unknown.seconds is None


def test_trainings_of_unequal_length_say_nothing_of_each_other() -> None:
    long = ahead(training(3 * TRAINING_S / 2), has_equal_trainings=False)

    assert long.seconds == pytest.approx(45.0 + 10.0 + 9 * 42.0 + 8 * TEST_S + WRITING_S, rel=0.01)


def test_evaluations_at_the_same_time_share_what_is_left() -> None:
    alone, together = ahead(slots=4), replace(ahead(slots=4), present=(None, None))

    assert alone.seconds == UNIT_S + 9 * 42.0 + 8 * TEST_S + WRITING_S
    assert together.seconds == UNIT_S + (2 + 3) * 42.0 + 8 * TEST_S + WRITING_S


def test_a_pause_of_a_search_is_no_time_between_its_evaluations(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, now = closed_form(tmp_path), [1_000.0]
    slow = replace(ledger, clock=lambda: now[0])
    search = slow.register(spec(evaluator, budget=5, report_evaluations=0))
    for pause in (0.0, 8.0, 8.0, 30_000.0):
        (reservation,) = slow.reserve_free_slots(search, max_trials=1)
        propose(slow, reservation, InOrder(table(), []))
        recorded = slow.proposal(reservation)
        assert recorded is not None
        key = evaluator.key(recorded.subset, recorded.replicate)
        slow.begin(reservation, key)
        now[0] += pause + 20.0
        made = Measurement(key, recorded.subset, recorded.replicate, 0.1, {}, seconds=20.0)
        slow.commit(reservation, made)

    times = UnitTimes.of(slow, slow.search(search), Home(tmp_path))

    assert times is not None
    assert (times.evaluation_s, times.between_s, times.at_once) == (20.0, 8.0, 1)


def test_a_watcher_sees_the_stage_of_an_evaluation_that_another_process_makes(tmp_path: Path) -> None:
    folder, seen = EvaluationFolder(tmp_path / "evaluation"), []

    def make(progress: Progress) -> None:
        folder.write_json("trained.json", {"seconds": 3.0})  # of an attempt before this one
        progress(TRAINING, 1, 4)
        again = EvaluationFolder(folder.path).present
        assert again is not None
        assert again.trained_s is None
        progress("scoring on benchmark sums", 0, 9)
        seen.append(EvaluationFolder(folder.path).present)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        folder.get_or_make(make)

    (present,) = seen
    assert present is not None
    assert (present.stage, present.steps.done, present.steps.total) == ("scoring on benchmark sums", 0, 9)
    assert present.trained_s == 3.0
    assert folder.present is None, "nobody makes it any more"


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
