import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.history import (
    LedgerBusyError,
    LedgerUnreachableError,
    SearchConflictError,
    SearchNameError,
    SpecError,
    UnknownSearchError,
    UnknownTrialError,
)
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, TrialKind
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.storage.database import Database
from autoselection_core.history.values import FailedTrial, History, Observation, Pending
from autoselection_core.recipe import Recipe
from tests.history.acts import SPEC, finish, registered, reserve

NAMES = st.text("abcdef", min_size=1, max_size=5)

specs = st.builds(
    SearchSpec,
    campaign=NAMES,
    seed=st.integers(0, 2**31),
    budget=st.integers(1, 10**6),
    slots=st.integers(1, 64),
    signal_versions=st.dictionaries(NAMES, NAMES),
    benchmarks=st.lists(NAMES).map(tuple),
    weights=st.dictionaries(NAMES, st.floats(0, 1)),
)


def observation(trial: int, subset: str = "a", replicate: int = 0, cost: float = 1.0) -> Observation:
    return Observation(trial, Recipe(), subset, replicate, 0.5, {}, None, cost, 10)


@given(specs)
def test_a_spec_survives_json(spec: SearchSpec) -> None:
    assert SearchSpec.from_json(spec.to_json()) == spec


@given(specs, st.integers(1, 99), st.integers(1, 99))
def test_the_amount_of_money_does_not_change_which_search_it_is(
    spec: SearchSpec, budget: int, slots: int
) -> None:
    other = SearchSpec.from_json({**spec.to_json(), "budget": budget, "slots": slots})

    assert other.identity == spec.identity


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"policy": "random"}, {"pool_version": "p"}, {"evaluator": "e"}]
)
def test_what_a_search_asks_for_changes_which_search_it_is(change: dict[str, object]) -> None:
    spec = SearchSpec(campaign="demo")

    assert SearchSpec.from_json({**spec.to_json(), **change}).identity != spec.identity


@pytest.mark.parametrize("change", [{"budget": 0}, {"slots": 0}, {"seed": -1}, {"report_evaluations": -1}])
def test_a_search_that_cannot_run_is_refused_and_names_the_field(change: dict[str, int]) -> None:
    with pytest.raises(SpecError, match=next(iter(change))):
        SearchSpec.from_json({**SearchSpec(campaign="demo").to_json(), **change})


def test_a_history_knows_what_it_spent_and_what_comes_next() -> None:
    history = History(
        "alpha",
        0,
        9,
        observations=(observation(1), observation(2, cost=0.0)),
        pending=(Pending(4, Recipe(), "b", 0),),
        failures=(FailedTrial(3, None, "why"),),
    )

    assert history.spent == 1.0
    assert history.next_trial == 5
    assert History("alpha", 0, 9).next_trial == 1


def test_replicates_of_a_subset_are_numbered_over_measured_and_pending_trials() -> None:
    history = History("a", 0, 9, (observation(1),), (Pending(2, Recipe(), "a", 1),))

    assert [history.replicate_of(subset) for subset in "ab"] == [2, 0]


def test_a_run_key_names_search_trial_and_attempt() -> None:
    assert Reservation("alpha", 2, 3).run_key == "alpha|002|3"
    assert Reservation("alpha", 2, 3).partition == "alpha|002"


def test_an_evaluation_of_a_report_is_no_trial_of_the_search_by_name() -> None:
    trial, arm = Reservation("alpha", 2), Reservation("alpha", 2, kind=TrialKind.REPORT)

    assert arm.partition == "alpha|report-02"
    assert trial.run_key != arm.run_key


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

    assert ledger.find_search("alhpa") is None
    assert ledger.find_search("alpha") == ledger.search("alpha")
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

    assert ledger.why_idle() == (
        "new has free slots and budget for a trial: Dagster's daemon starts one, and "
        "`autoselection search --name new` goes on here; the trials of 5 searches are done"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://somebody:s3cret@127.0.0.1:1/x",
        "postgresql://somebody@127.0.0.1:1/x?password=s3cret",
        "postgresql://somebody:a@127.0.0.1:1/x?sslpassword=s3cret",
        "postgresql://somebody:a:s3cret@127.0.0.1:s3cret/x",
        "postgresql://somebody:a@s3cret@127.0.0.1:1/x",
        "postgresql://somebody:a@b/s3cret@127.0.0.1:1/x",
        "postgres//somebody:s3cret@127.0.0.1/x",
        "nosuch://somebody:s3cret@127.0.0.1/x",
    ],
)
def test_no_error_about_a_database_quotes_its_password(url: str) -> None:
    with pytest.raises(LedgerUnreachableError) as refused:
        Ledger.open(url)

    assert "s3cret" not in str(refused.value)
    assert "AUTOSELECTION_HISTORY_URL" in str(refused.value)
