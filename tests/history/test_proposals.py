import threading
import time
from dataclasses import replace

import pytest

from autoselection_core.errors.history import LockTimeoutError, NoProposalError, SupersededError
from autoselection_core.history.ledger import Ledger
from autoselection_core.recipe import Recipe
from tests.history.acts import Clock, at, begin, finish, propose, registered, reserve, subset_of


def test_the_first_proposal_of_a_trial_stays(ledger: Ledger) -> None:
    reservation = reserve(ledger, registered(ledger))
    propose(ledger, reservation)

    recorded = ledger.record_proposal(
        reservation,
        recipe=Recipe((), seed=99),
        subset=subset_of("other"),
        tokens=1,
        proposal={},
        seen=ledger.history(reservation.search),
    )

    assert recorded.recipe.seed == reservation.trial
    assert ledger.proposal(reservation) == recorded


def test_a_later_trial_waits_until_the_earlier_one_has_a_recipe(ledger: Ledger) -> None:
    first, second = ledger.reserve_free_slots(registered(ledger, slots=2))

    with pytest.raises(LockTimeoutError), ledger.proposal_lock(second, timeout_s=0.0):
        pass
    propose(ledger, first)
    with ledger.proposal_lock(second, timeout_s=0.0):
        propose(ledger, second)

    assert [trial.seen["pending"] for trial in ledger.trials("alpha")] == [[], [1]]


def test_a_later_trial_goes_on_when_the_earlier_one_fails_without_a_recipe(ledger: Ledger) -> None:
    first, second = ledger.reserve_free_slots(registered(ledger, slots=2))
    ledger.fail(first, "NoCandidatesError: none")

    with ledger.proposal_lock(second, timeout_s=0.0):
        propose(ledger, second)

    assert ledger.trials("alpha")[1].seen["failures"] == [1]


def test_only_one_process_at_a_time_holds_the_lock_of_a_trial(ledger: Ledger) -> None:
    reservation = reserve(ledger, registered(ledger))

    with (
        ledger.proposal_lock(reservation),
        pytest.raises(LockTimeoutError),
        ledger.proposal_lock(reservation, timeout_s=0.0),
    ):
        pass
    with ledger.proposal_lock(reservation, timeout_s=0.0):
        pass


def test_the_lock_of_a_crashed_holder_is_taken_over_after_its_lease(ledger: Ledger) -> None:
    clock = Clock()
    patient = replace(at(ledger, clock), lease_s=60.0)
    reservation = reserve(patient, registered(patient))
    crashed = patient.proposal_lock(reservation)
    crashed.__enter__()

    with pytest.raises(LockTimeoutError), patient.proposal_lock(reservation, timeout_s=0.0):
        pass
    clock.now += 61.0

    with patient.proposal_lock(reservation, timeout_s=0.0):
        pass


def test_a_trial_whose_worker_was_lost_holds_nobody_up(ledger: Ledger) -> None:
    clock = Clock()
    patient = at(ledger, clock)
    _, second = patient.reserve_free_slots(registered(patient, slots=2))
    clock.now += 30.0
    patient.heartbeat(second)
    clock.now += patient.reservation_lease_s - 29.0

    patient.heartbeat(second)
    with patient.proposal_lock(second, timeout_s=0.0):
        propose(patient, second)


def test_a_waiting_trial_gets_its_turn_as_soon_as_it_comes(ledger: Ledger) -> None:
    first, second = ledger.reserve_free_slots(registered(ledger, slots=2))
    late = threading.Timer(0.3, propose, (ledger, first))
    late.start()
    started = time.monotonic()

    with ledger.proposal_lock(second, timeout_s=10.0):
        assert time.monotonic() - started < 5.0
    late.join()


def test_an_evaluation_cannot_begin_before_its_recipe_is_recorded(ledger: Ledger) -> None:
    reservation = reserve(ledger, registered(ledger))

    with pytest.raises(NoProposalError):
        ledger.begin(reservation, "0" * 32)


def test_repetitions_of_one_subset_in_a_search_get_their_own_seeds(ledger: Ledger) -> None:
    search = registered(ledger, budget=3)
    for _ in range(2):
        finish(ledger, reserve(ledger, search), subset_of("same"))
    reservation = reserve(ledger, search)
    begin(ledger, reservation, subset_of("same"))
    ledger.fail(reservation, "TrainingFailedError: x")
    finish(ledger, reserve(ledger, search), subset_of("same"))

    assert [observation.replicate for observation in ledger.history(search).observations] == [0, 1, 2]


def test_a_lost_attempt_cannot_record_a_proposal_for_the_next_one(ledger: Ledger) -> None:
    clock = Clock()
    patient = at(ledger, clock)
    reservation = reserve(patient, registered(patient))
    clock.now += patient.reservation_lease_s + 1.0
    patient.release_lost()

    with pytest.raises(SupersededError, match="attempt 2 is waiting"):
        propose(patient, reservation)


def test_a_cheaper_evaluation_of_a_measured_subset_is_no_repetition_and_no_observation(
    ledger: Ledger,
) -> None:
    search = registered(ledger, budget=3)
    finish(ledger, reserve(ledger, search), subset_of("same"))
    reservation = reserve(ledger, search)
    recorded = ledger.record_proposal(
        reservation,
        recipe=Recipe(),
        subset=subset_of("same"),
        tokens=100,
        proposal={"origin": "pair", "fidelity": "short"},
        seen=ledger.history(search),
    )

    history = ledger.history(search)

    assert (recorded.replicate, recorded.fidelity) == (0, "short")
    assert [one.trial for one in history.observations] == [1]
    assert history.pending == ()
    assert [(one.trial, one.fidelity, one.utility) for one in history.cheap] == [(2, "short", None)]
    assert history.next_trial == 3
