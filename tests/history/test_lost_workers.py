from dataclasses import replace

import pytest

from autoselection_core.errors.history import SupersededError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Begin
from tests.history.acts import Clock, at, begin, measured, propose, registered, reserve


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patient(ledger: Ledger, clock: Clock) -> Ledger:
    return at(ledger, clock)


def test_a_silent_worker_loses_its_trial_and_the_next_attempt_keeps_the_recipe(
    patient: Ledger, clock: Clock
) -> None:
    search = registered(patient, budget=1)
    reservation = reserve(patient, search)
    begin(patient, reservation)
    clock.now += patient.lease_s + 1.0

    (lost,) = patient.release_lost()
    again = reserve(patient, search)

    assert lost == reservation
    assert again == replace(reservation, attempt=2)
    assert patient.proposal(again) == patient.proposal(reservation)
    assert [payment.outcome for payment in patient.payments()] == ["lost"]


def test_a_worker_that_gives_signs_of_life_keeps_its_trial(patient: Ledger, clock: Clock) -> None:
    reservation = reserve(patient, registered(patient))
    begin(patient, reservation)
    for _ in range(5):
        clock.now += patient.lease_s * 0.9
        assert patient.heartbeat(reservation)
        assert patient.release_lost() == ()


def test_a_worker_that_lost_its_trial_is_told_so(patient: Ledger, clock: Clock) -> None:
    reservation = reserve(patient, registered(patient))
    begin(patient, reservation)
    clock.now += patient.lease_s + 1.0
    patient.release_lost()

    assert not patient.heartbeat(reservation)
    with pytest.raises(SupersededError):
        patient.begin(reservation, "0" * 32)


def test_a_lost_worker_that_finishes_after_all_is_paid_once(patient: Ledger, clock: Clock) -> None:
    search = registered(patient, budget=1)
    slow = reserve(patient, search)
    measurement = begin(patient, slow)
    clock.now += patient.lease_s + 1.0
    patient.release_lost()
    again = reserve(patient, search)
    patient.begin(again, measurement.evaluation)

    patient.commit(slow, measurement)
    patient.commit(again, measurement)

    assert sum(payment.cost for payment in patient.payments()) == 1.0
    assert len(patient.history(search).observations) == 1


def test_a_trial_that_nobody_began_becomes_the_next_attempt_and_costs_nothing(
    patient: Ledger, clock: Clock
) -> None:
    search = registered(patient, budget=1)
    for attempt in range(1, patient.max_losses + 3):
        assert reserve(patient, search).attempt == attempt
        clock.now += patient.reservation_lease_s + 1.0
        patient.release_lost()

    assert {payment.outcome for payment in patient.payments()} == {"released"}


def test_a_trial_that_kills_every_worker_is_given_up(patient: Ledger, clock: Clock) -> None:
    search = registered(patient, budget=1)
    for _ in range(patient.max_losses):
        begin(patient, reserve(patient, search))
        clock.now += patient.lease_s + 1.0
        patient.release_lost()

    (failure,) = patient.history(search).failures
    assert "given up after 10 lost attempts" in failure.reason
    assert reserve(patient, search).trial == 2


def test_an_infrastructure_failure_is_tried_again_and_a_bad_recipe_is_not(ledger: Ledger) -> None:
    search = registered(ledger)
    reservation = reserve(ledger, search)
    begin(ledger, reservation)
    ledger.fail(reservation, "OSError: the device is gone", retryable=True)

    again = reserve(ledger, search)
    assert (again.trial, again.attempt) == (1, 2)

    ledger.begin(again, measured(ledger, again).evaluation)
    ledger.fail(again, "TrainingFailedError: diverged")
    assert reserve(ledger, search).trial == 2


def test_an_interrupted_trial_can_start_again_at_once_however_often(ledger: Ledger) -> None:
    search = registered(ledger)
    for attempt in range(1, 15):
        reservation = reserve(ledger, search)
        assert (reservation.trial, reservation.attempt) == (1, attempt)
        propose(ledger, reservation)
        assert ledger.begin(reservation, measured(ledger, reservation).evaluation) is Begin.TRAIN
        ledger.release(reservation, "interrupted")


def test_a_clock_that_jumps_ahead_costs_an_attempt_and_no_money(ledger: Ledger) -> None:
    clock = Clock()
    jumping = at(ledger, clock)
    search = registered(jumping, budget=1)
    first = reserve(jumping, search)
    measurement = begin(jumping, first)
    clock.now += 86_400.0

    (lost,) = jumping.release_lost()
    second = reserve(jumping, search)
    jumping.commit(first, measurement)  # it was alive all the time

    assert (lost.attempt, second.attempt) == (1, 2)
    assert jumping.search(search).spent == 1
    jumping.fail(second, "it came too late")
    assert len(jumping.history(search).observations) == 1


def test_a_clock_that_jumps_back_frees_nothing_that_is_held(ledger: Ledger) -> None:
    clock = Clock()
    jumping = at(ledger, clock)
    search = registered(jumping, budget=1)
    reservation = reserve(jumping, search)
    begin(jumping, reservation)
    clock.now -= 86_400.0

    assert jumping.release_lost() == ()
    assert jumping.reserve_free_slots(search) == ()
    assert jumping.heartbeat(reservation)


def test_a_clock_that_jumps_back_does_not_keep_what_a_dead_worker_held(patient: Ledger, clock: Clock) -> None:
    search = registered(patient, budget=1)
    dead = reserve(patient, search)
    patient.proposal_lock(dead).__enter__()
    clock.now -= 86_400.0

    assert patient.release_lost() == ()
    clock.now += patient.reservation_lease_s + 1.0
    (lost,) = patient.release_lost()

    assert lost == dead
    with patient.proposal_lock(reserve(patient, search), timeout_s=0.0):
        pass
