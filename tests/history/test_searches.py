import pickle
from pathlib import Path

import pytest

from autoselection_core.errors.history import (
    LedgerBusyError,
    LedgerUnreachableError,
    SearchConflictError,
    SearchNameError,
    UnknownSearchError,
    UnknownTrialError,
)
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation
from autoselection_core.history.specification.spec import SearchSpec
from autoselection_core.history.storage.database import Database
from tests.history.acts import SPEC, finish, registered, reserve


def test_registering_a_search_again_changes_nothing(ledger: Ledger) -> None:
    assert ledger.register(SPEC) == ledger.register(SPEC)
    assert len(ledger.searches()) == 1


def test_a_search_is_found_again_under_another_budget_and_keeps_its_own(ledger: Ledger) -> None:
    search = ledger.register(SPEC)

    assert ledger.register(SearchSpec(campaign="demo", budget=9)) == search
    assert ledger.search(search).budget == SPEC.budget


def test_a_name_that_is_taken_by_another_search_is_refused(ledger: Ledger) -> None:
    registered(ledger, "alpha")

    with pytest.raises(SearchConflictError, match="seed"):
        registered(ledger, "alpha", seed=1)


@pytest.mark.parametrize("name", ["a|b", "", "-x", "a b", "x" * 101, "a,b"])
def test_a_name_that_breaks_partition_keys_is_refused(ledger: Ledger, name: str) -> None:
    if name:
        with pytest.raises(SearchNameError):
            ledger.register(SPEC, name)


def test_an_unknown_search_is_named_with_the_one_that_was_meant(ledger: Ledger) -> None:
    registered(ledger, "alpha")

    with pytest.raises(UnknownSearchError, match=r"Did you mean 'alpha'\?") as caught:
        ledger.history("alhpa")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


def test_an_unknown_trial_is_named_with_those_that_exist(ledger: Ledger) -> None:
    registered(ledger, "alpha")

    with pytest.raises(UnknownTrialError, match="no trial 7"):
        ledger.proposal(Reservation("alpha", 7))


def test_a_history_that_cannot_be_opened_says_where_it_looked() -> None:
    with pytest.raises(LedgerUnreachableError, match="AUTOSELECTION_HISTORY_URL"):
        Ledger.open("sqlite:////proc/history.sqlite")
    with pytest.raises(LedgerUnreachableError):
        Ledger.open("nonsense://user:secret@host/db")


def test_a_lock_that_is_held_beyond_the_time_out_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.sqlite'}"
    first, second = Database.open(url), Database.open(url, busy_timeout_s=0.2)

    with (
        first.writing(),
        pytest.raises(LedgerBusyError, match=r"history\.sqlite was locked .* for 0\.2 s"),
        second.writing(),
    ):
        pytest.fail("two writers at once")


def test_an_idle_ledger_says_that_there_is_nothing_to_do(ledger: Ledger) -> None:
    assert ledger.why_idle() == "no search is registered"


def test_many_finished_searches_do_not_hide_what_the_others_wait_for(ledger: Ledger) -> None:
    for number in range(5):
        finish(ledger, reserve(ledger, registered(ledger, f"old-{number}", budget=1)))
    registered(ledger, "new")

    assert (
        ledger.why_idle()
        == "new has free slots and budget: a trial starts at the next tick; 5 searches are done"
    )
