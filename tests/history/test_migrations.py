from collections.abc import Callable

import pytest
from sqlalchemy import Inspector, inspect, text

from autoselection_core.errors.history import NewerSchemaError
from autoselection_core.history.storage.database import Database
from autoselection_core.history.storage.migrations import MIGRATIONS, migrate, schema_version
from autoselection_core.history.storage.schema import METADATA


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

    with pytest.raises(NewerSchemaError, match="upgrade AutoSelection"):
        Database.open(url)
