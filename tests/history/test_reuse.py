from dataclasses import replace

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Begin, SearchState
from tests.history.acts import Clock, at, begin, finish, measured, propose, registered, reserve, subset_of


def test_an_evaluation_that_another_search_paid_for_costs_nothing(ledger: Ledger) -> None:
    registered(ledger, "alpha")
    registered(ledger, "beta", seed=1)
    finish(ledger, reserve(ledger, "alpha"), subset_of("same"), utility=0.7)

    reservation = reserve(ledger, "beta")
    propose(ledger, reservation, subset_of("same"))
    measurement = measured(ledger, reservation)
    assert ledger.begin(reservation, measurement.evaluation) is Begin.REUSE
    known = ledger.measurement(measurement.evaluation)
    assert known is not None
    ledger.commit(reservation, known)

    (observation,) = ledger.history("beta").observations
    assert (observation.utility, observation.cost) == (0.7, 0.0)
    assert [payment.outcome for payment in ledger.payments("beta")] == ["reused"]
    assert ledger.search("beta").spent == 0.0
    assert ledger.paid_seconds(["alpha", "beta"]) == [each.seconds for each in ledger.payments("alpha")]
    assert ledger.paid_seconds(["beta"]) == ledger.paid_seconds([]) == []


def test_two_workers_never_train_the_same_evaluation_at_once(ledger: Ledger) -> None:
    registered(ledger, "alpha")
    registered(ledger, "beta", seed=1)
    first, second = reserve(ledger, "alpha"), reserve(ledger, "beta")
    measurement = begin(ledger, first, subset_of("same"))
    propose(ledger, second, subset_of("same"))

    assert ledger.begin(second, measurement.evaluation) is Begin.WAIT
    ledger.commit(first, measurement)
    assert ledger.begin(second, measurement.evaluation) is Begin.REUSE


def test_the_claim_of_a_lost_worker_does_not_hold_others_up(ledger: Ledger) -> None:
    clock = Clock()
    patient = at(ledger, clock)
    registered(patient, "alpha")
    measurement = begin(patient, reserve(patient, "alpha"), subset_of("same"))
    clock.now += patient.lease_s + 1.0
    registered(patient, "beta", seed=1)
    second = reserve(patient, "beta")
    propose(patient, second, subset_of("same"))

    assert patient.begin(second, measurement.evaluation) is Begin.TRAIN


def reuse_of(ledger: Ledger, count: int) -> str:
    registered(ledger, "alpha", budget=count)
    registered(ledger, "beta", seed=1, budget=99)
    for search in ("alpha", "beta"):
        for number in range(count):
            reservation = reserve(ledger, search)
            finish(ledger, reservation, subset_of(str(number)))
    return "beta"


def test_ten_reuses_in_a_row_stop_a_search_with_a_reason(ledger: Ledger) -> None:
    search = reuse_of(ledger, 10)

    record = ledger.search(search)
    assert record.state is SearchState.STOPPED
    assert "10 trials in a row" in record.reason
    assert ledger.reserve_free_slots(search) == ()


def test_nine_reuses_and_a_new_evaluation_do_not_stop_a_search(ledger: Ledger) -> None:
    search = reuse_of(ledger, 9)
    finish(ledger, reserve(ledger, search), subset_of("new"))

    assert ledger.search(search).state is SearchState.ACTIVE


def test_a_search_resumed_after_reuses_counts_from_there(ledger: Ledger) -> None:
    search = reuse_of(ledger, 10)
    ledger.resume(search)
    finish(ledger, reserve(ledger, search), subset_of("new"))

    assert ledger.search(search).state is SearchState.ACTIVE


def test_a_search_whose_latest_trials_all_failed_stops_with_their_reasons(ledger: Ledger) -> None:
    search = registered(ledger, budget=9)
    for number in range(3):
        ledger.fail(reserve(ledger, search), f"EmptySubsetError: step {number}")

    record = ledger.search(search)
    assert record.state is SearchState.STOPPED
    assert "all failed" in record.reason
    assert "step 2" in record.reason


def test_a_success_between_failures_lets_a_search_go_on(ledger: Ledger) -> None:
    search = registered(ledger, budget=9)
    for number in range(6):
        reservation = reserve(ledger, search)
        if number % 3 == 2:
            finish(ledger, reservation)
        else:
            ledger.fail(reservation, "EmptySubsetError: x")

    assert ledger.search(search).state is SearchState.ACTIVE


def test_with_many_slots_a_whole_round_may_fail_before_a_search_stops(ledger: Ledger) -> None:
    search = registered(ledger, budget=9, slots=5)
    reserved = ledger.reserve_free_slots(search)
    for reservation in reserved[:4]:
        ledger.fail(reservation, "EmptySubsetError: x")
    assert ledger.search(search).state is SearchState.ACTIVE

    ledger.fail(reserved[4], "EmptySubsetError: x")
    assert ledger.search(search).state is SearchState.STOPPED


def test_a_finished_evaluation_says_what_it_cost(ledger: Ledger) -> None:
    search = registered(ledger)
    reservation = reserve(ledger, search)
    measurement = replace(begin(ledger, reservation), seconds=7.0)
    ledger.commit(reservation, measurement)

    assert ledger.measurement(measurement.evaluation) == measurement
