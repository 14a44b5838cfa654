import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.history import SpecError
from autoselection_core.history.records import Kind, Reservation
from autoselection_core.history.specification.spec import SearchSpec
from autoselection_core.history.values import FailedTrial, History, Observation, Pending
from autoselection_core.recipe import Recipe

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
    trial, arm = Reservation("alpha", 2), Reservation("alpha", 2, kind=Kind.REPORT)

    assert arm.partition == "alpha|report-02"
    assert trial.run_key != arm.run_key
