from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import ArmPlan, Kind, Reservation, TrialState
from autoselection_core.recipe import Recipe
from tests.history.acts import begin, finish, measured, registered, reserve, subset_of


def plan(count: int, arm: str = "random") -> list[ArmPlan]:
    return [
        ArmPlan(arm, Recipe((), seed), subset_of(f"{arm}{seed}"), 50, replicate=0) for seed in range(count)
    ]


def spend(ledger: Ledger, search: str) -> int:
    paid = 0
    while (reservation := ledger.reserve_report(search)) is not None:
        measurement = measured(ledger, reservation)
        ledger.begin(reservation, measurement.evaluation)
        ledger.commit(reservation, measurement)
        paid += 1
    return paid


def test_a_report_spends_its_own_budget_and_not_the_search_s(ledger: Ledger) -> None:
    search = registered(ledger, budget=2, report_evaluations=3)
    ledger.plan_report(search, plan(5))

    assert spend(ledger, search) == 3

    record = ledger.search(search)
    assert (record.spent, record.report_spent) == (0.0, 3.0)
    assert ledger.history(search).observations == ()


def test_a_raised_report_budget_pays_for_the_rest(ledger: Ledger) -> None:
    search = registered(ledger, report_evaluations=1)
    ledger.plan_report(search, plan(3))
    spend(ledger, search)

    ledger.raise_report_evaluations(search, 3)

    assert spend(ledger, search) == 2


def test_planning_a_report_again_adds_only_what_is_new(ledger: Ledger) -> None:
    search = registered(ledger, report_evaluations=9)
    ledger.plan_report(search, plan(3))
    spend(ledger, search)

    ledger.plan_report(search, plan(4))

    assert spend(ledger, search) == 1


def test_arms_of_a_recipe_that_no_longer_leads_are_not_paid_for(ledger: Ledger) -> None:
    search = registered(ledger, report_evaluations=9)
    ledger.plan_report(search, plan(2, "winner"))

    ledger.plan_report(search, [ArmPlan("winner", Recipe((), 9), subset_of("new"), 50, 0)])

    assert spend(ledger, search) == 1
    states = [trial.state for trial in ledger.trials(search, Kind.REPORT)]
    assert states == [TrialState.FAILED, TrialState.FAILED, TrialState.DONE]


def test_an_arm_that_the_search_evaluated_already_is_reused(ledger: Ledger) -> None:
    search = registered(ledger)
    reservation = reserve(ledger, search)
    finish(ledger, reservation, subset_of("full"))

    ledger.plan_report(search, [ArmPlan("full_pool", Recipe(), subset_of("full"), 50, 0)])

    assert spend(ledger, search) == 1
    assert ledger.search(search).report_spent == 0.0


def test_trials_and_arms_of_one_number_do_not_mix(ledger: Ledger) -> None:
    search = registered(ledger)
    trial = reserve(ledger, search)
    ledger.plan_report(search, plan(1))
    arm = ledger.reserve_report(search)
    assert arm == Reservation(search, 1, kind=Kind.REPORT)

    begin(ledger, trial)
    ledger.fail(trial, "x")

    assert ledger.trials(search, Kind.REPORT)[0].state is TrialState.RESERVED
