from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Inspector, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from autoselection_core.errors.history import NewerSchemaError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import ArmPlan, Reservation, StopCause, TrialKind, TrialState
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.storage.database import Database
from autoselection_core.history.storage.migrations import MIGRATIONS, migrate, schema_version
from autoselection_core.history.storage.schema import METADATA
from autoselection_core.recipe import Recipe
from tests.history.acts import begin, finish, measured, registered, reserve, subset_of


def test_the_migrations_build_the_tables_that_the_code_speaks_of(new_url: Callable[[], str]) -> None:
    built = inspect(Database.open(new_url()).engine)
    declared_engine = Database.open(new_url()).engine
    METADATA.drop_all(declared_engine)
    METADATA.create_all(declared_engine)
    declared = inspect(declared_engine)

    for table in METADATA.tables:
        assert _shape(built, table) == _shape(declared, table)
    declared_engine.dispose()


def _shape(tables: Inspector, table: str) -> list[tuple[str, str, bool]]:
    keys = tables.get_pk_constraint(table)["constrained_columns"]
    return [
        (column["name"], _kind(str(column["type"])), bool(column["nullable"]) and column["name"] not in keys)
        for column in tables.get_columns(table)
    ]


def _kind(name: str) -> str:
    return "DOUBLE" if name in ("DOUBLE PRECISION", "FLOAT", "REAL") else name


def test_opening_a_ledger_again_migrates_nothing(url: str) -> None:
    Database.open(url)
    database = Database.open(url)

    with database.reading() as connection:
        assert schema_version(connection) == len(MIGRATIONS)


def test_an_old_ledger_is_brought_forward_and_keeps_its_rows(url: str) -> None:
    database = Database.open(url)
    later = (*MIGRATIONS, ("ALTER TABLE money ADD COLUMN currency VARCHAR(3)",))

    with database.writing() as connection:
        assert migrate(connection, later) == len(later)

    with database.reading() as connection:
        assert schema_version(connection) == len(later)
        assert connection.execute(text("SELECT count(currency) FROM money")).scalar_one() == 0
        assert connection.execute(text("SELECT id FROM ledger_lock")).scalars().all() == [1]


def test_a_stop_that_an_earlier_release_stored_as_a_sentence_has_its_cause(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'earlier.sqlite'}"
    sentences = {
        "left": "a person stopped it",
        "older": "a search of a newer pool superseded it",
        "arms": "it holds arms of a study; nothing is searched here",
        "failing": "the last 3 trials all failed: no room",
    }
    with create_engine(url, poolclass=NullPool).begin() as connection:
        migrate(connection, MIGRATIONS[:2])
        for name, sentence in sentences.items():
            row = {"search": name, "spec": SearchSpec(campaign="demo").to_text(), "stopped": sentence}
            connection.execute(
                text(
                    "INSERT INTO searches (search, identity, spec, budget, slots, report_evaluations,"
                    " stopped, counted_from, created_at)"
                    " VALUES (:search, 'x', :spec, 3, 1, 2, :stopped, 0, 0.0)"
                ),
                row,
            )

    found = {each.search: (each.stop_cause, each.reason) for each in Ledger.open(url).searches()}

    causes = (StopCause.PERSON, StopCause.SUPERSEDED, StopCause.STUDY, StopCause.STUCK)
    assert found == dict(zip(sentences, zip(causes, sentences.values(), strict=True), strict=True))


def test_a_migration_that_breaks_leaves_the_ledger_as_it_was(url: str) -> None:
    database = Database.open(url)
    broken = (*MIGRATIONS, ("ALTER TABLE money ADD COLUMN currency VARCHAR(3)", "NONSENSE"))

    with pytest.raises(Exception, match="NONSENSE"), database.writing() as connection:
        migrate(connection, broken)

    assert "currency" not in {column["name"] for column in inspect(database.engine).get_columns("money")}


def test_a_ledger_of_a_newer_release_is_left_alone(url: str) -> None:
    database = Database.open(url)
    with database.writing() as connection:
        connection.execute(text("INSERT INTO schema_versions (version, applied_at) VALUES (99, 0.0)"))

    with pytest.raises(NewerSchemaError, match="Upgrade AutoSelection, then start this process again"):
        Database.open(url)


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
    states = [trial.state for trial in ledger.trials(search, TrialKind.REPORT)]
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
    assert arm == Reservation(search, 1, kind=TrialKind.REPORT)

    begin(ledger, trial)
    ledger.fail(trial, "x")

    assert ledger.trials(search, TrialKind.REPORT)[0].state is TrialState.RESERVED


def test_the_record_of_a_reservation_is_of_its_number_and_kind(ledger: Ledger) -> None:
    search = registered(ledger, budget=2, slots=2, report_evaluations=1)
    trials = ledger.reserve_free_slots(search)
    ledger.plan_report(search, [ArmPlan("winner", Recipe(), subset_of("full"), 100, 0)])
    arm = ledger.reserve_report(search)

    assert arm is not None
    assert len(trials) == 2
    assert [ledger.trial(each) for each in trials] == list(ledger.trials(search))
    assert [ledger.trial(arm)] == list(ledger.trials(search, TrialKind.REPORT))
