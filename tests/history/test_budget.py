import collections
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.errors.history import BudgetLoweredError, SupersededError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchState
from tests.history.acts import SPEC, begin, finish, measured, propose, registered, reserve

HAMMER = Path(__file__).parent / "hammer.py"
PROCESSES = 6
BUDGETS = {"alpha": 6, "beta": 9}


def hammer(ledger_url: str, trained: Path) -> None:
    path = {**os.environ, "PYTHONPATH": str(HAMMER.parents[2])}
    workers = [
        subprocess.Popen([sys.executable, HAMMER, ledger_url, str(seed), trained], env=path)
        for seed in range(PROCESSES)
    ]
    assert [worker.wait(timeout=1_200) for worker in workers] == [0] * PROCESSES


def test_no_number_of_processes_exceeds_a_budget_or_pays_twice(url: str, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    trained.mkdir()
    ledger = Ledger.open(url)
    for seed, (search, budget) in enumerate(BUDGETS.items()):
        ledger.register(replace(SPEC, seed=seed, budget=budget, slots=3), search)

    hammer(url, trained)

    money = ledger.payments()
    assert {search: ledger.search(search).spent for search in BUDGETS} == BUDGETS
    paid = collections.Counter(payment.evaluation for payment in money if payment.outcome == "paid")
    assert set(paid.values()) == {1}
    assert sum(payment.cost for payment in money) == sum(BUDGETS.values())
    for search in BUDGETS:
        observations = ledger.history(search).observations
        assert len({observation.trial for observation in observations}) == len(observations)
        assert len({(entry.subset, entry.replicate) for entry in observations}) == len(observations)


def test_a_search_reserves_as_many_trials_as_slots_are_free(ledger: Ledger) -> None:
    search = registered(ledger, budget=5, slots=2)

    first = ledger.reserve_free_slots(search)
    second = ledger.reserve_free_slots(search)

    assert [reservation.trial for reservation in first] == [1, 2]
    assert second == ()
    assert "at once as it may" in ledger.why_idle(search)


def test_a_reservation_holds_budget_before_anything_is_paid(ledger: Ledger) -> None:
    search = registered(ledger, budget=3, slots=9)

    assert len(ledger.reserve_free_slots(search)) == 3
    assert ledger.reserve_free_slots(search) == ()


def test_a_spent_budget_ends_a_search_and_a_raised_one_lets_it_go_on(ledger: Ledger) -> None:
    search = registered(ledger, budget=1)
    finish(ledger, reserve(ledger, search))
    assert ledger.search(search).state is SearchState.DONE
    assert "done" in ledger.why_idle(search)

    ledger.raise_budget(search, 2)

    assert reserve(ledger, search).trial == 2


def test_a_budget_never_shrinks(ledger: Ledger) -> None:
    search = registered(ledger, budget=3)

    with pytest.raises(BudgetLoweredError, match="cannot become 2"):
        ledger.raise_budget(search, 2)


def test_cheaper_evaluations_cost_their_share(ledger: Ledger) -> None:
    search = registered(ledger, budget=2)
    for _ in range(5):
        reservation = reserve(ledger, search)
        measurement = begin(ledger, reservation)
        ledger.commit(reservation, replace(measurement, cost=0.25))

    assert ledger.search(search).spent == 1.25
    assert ledger.reserve_free_slots(search) == ()
    assert ledger.search(search).state is SearchState.DONE
    assert "is spent but for 0.75, less than a full training" in ledger.search(search).reason


def test_ten_tenths_are_one_training_and_leave_the_rest(ledger: Ledger) -> None:
    search = registered(ledger, budget=3)
    for _ in range(10):
        reservation = reserve(ledger, search)
        measurement = begin(ledger, reservation)
        ledger.commit(reservation, replace(measurement, cost=0.1))

    finish(ledger, reserve(ledger, search))
    finish(ledger, reserve(ledger, search))

    assert ledger.search(search).spent == pytest.approx(3)
    assert ledger.search(search).state is SearchState.DONE
    assert ledger.search(search).reason == "its budget of 3 is spent"


def test_a_failed_evaluation_leaves_no_score_and_frees_its_budget(ledger: Ledger) -> None:
    search = registered(ledger, budget=1)
    reservation = reserve(ledger, search)
    begin(ledger, reservation)

    ledger.fail(reservation, "TrainingFailedError: the loss is not a number")

    history = ledger.history(search)
    assert history.observations == ()
    assert [failure.reason for failure in history.failures] == [
        "TrainingFailedError: the loss is not a number"
    ]
    assert reserve(ledger, search).trial == 2


def test_a_commit_done_twice_is_charged_once(ledger: Ledger) -> None:
    search = registered(ledger)
    reservation = reserve(ledger, search)
    measurement = begin(ledger, reservation)

    ledger.commit(reservation, measurement)
    ledger.commit(reservation, measurement)

    assert [payment.cost for payment in ledger.payments(search)] == [1.0]


def test_score_and_payment_stand_or_fall_together(ledger: Ledger) -> None:
    search = registered(ledger)
    reservation = reserve(ledger, search)
    measurement = begin(ledger, reservation)

    with pytest.raises(ValueError, match="JSON"):
        ledger.commit(reservation, replace(measurement, scores={"task": float("nan")}))

    assert ledger.payments(search) == ()
    assert ledger.history(search).observations == ()


def test_a_score_for_a_trial_that_was_given_up_is_refused(ledger: Ledger) -> None:
    search = registered(ledger)
    reservation = reserve(ledger, search)
    measurement = begin(ledger, reservation)
    ledger.fail(reservation, "OutOfMemoryError: no")

    with pytest.raises(SupersededError, match="failed"):
        ledger.commit(reservation, measurement)


def test_a_stopped_search_starts_nothing_until_it_is_resumed(ledger: Ledger) -> None:
    search = registered(ledger, slots=2)
    running = ledger.reserve_free_slots(search)[0]
    ledger.stop(search, "a person stopped it")
    propose(ledger, running)

    ledger.begin(running, measured(ledger, running).evaluation)
    assert ledger.reserve_free_slots(search) == ()
    assert ledger.search(search).reason == "a person stopped it"

    ledger.commit(running, measured(ledger, running))
    ledger.resume(search)
    assert len(ledger.reserve_free_slots(search)) == 1


def test_sensors_of_all_searches_reserve_for_each_within_its_budget(ledger: Ledger) -> None:
    registered(ledger, "alpha", budget=1)
    registered(ledger, "beta", budget=2, slots=2)

    reserved = [reservation.partition for reservation in ledger.reserve_free_slots()]

    assert reserved == ["alpha|001", "beta|001", "beta|002"]
