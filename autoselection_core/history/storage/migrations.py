"""Migrations of the ledger's tables: numbered steps, applied in order, never edited afterwards."""

import time
from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Connection, func, insert, inspect, select, text

from autoselection_core.errors.history import NewerSchemaError
from autoselection_core.history.storage.schema import VERSIONS

Migration: TypeAlias = Sequence[str]
"""SQL statements that both SQLite and PostgreSQL read."""

MIGRATIONS: tuple[Migration, ...] = (
    (
        "CREATE TABLE ledger_lock (id INTEGER PRIMARY KEY)",
        "INSERT INTO ledger_lock (id) VALUES (1)",
        (
            "CREATE TABLE searches (search VARCHAR(120) PRIMARY KEY, identity VARCHAR(32) NOT NULL,"
            " spec TEXT NOT NULL, budget INTEGER NOT NULL, slots INTEGER NOT NULL,"
            " report_evaluations INTEGER NOT NULL, stopped TEXT, counted_from INTEGER NOT NULL,"
            " lock_token VARCHAR(40), lock_until DOUBLE PRECISION, created_at DOUBLE PRECISION NOT NULL)"
        ),
        (
            "CREATE TABLE trials (search VARCHAR(120) NOT NULL, kind VARCHAR(10) NOT NULL,"
            " trial INTEGER NOT NULL,"
            " arm VARCHAR(40) NOT NULL, attempt INTEGER NOT NULL, state VARCHAR(10) NOT NULL,"
            " until DOUBLE PRECISION, recipe TEXT, subset VARCHAR(32), replicate INTEGER, tokens INTEGER,"
            " proposal TEXT, seen TEXT, evaluation VARCHAR(32), cost DOUBLE PRECISION NOT NULL,"
            " reused INTEGER NOT NULL, reason TEXT, PRIMARY KEY (search, kind, trial))"
        ),
        "CREATE INDEX trials_by_evaluation ON trials (evaluation)",
        "CREATE INDEX trials_by_state ON trials (state)",
        (
            "CREATE TABLE evaluations (evaluation VARCHAR(32) PRIMARY KEY, subset VARCHAR(32) NOT NULL,"
            " replicate INTEGER NOT NULL, utility DOUBLE PRECISION NOT NULL, scores TEXT NOT NULL,"
            " standard_error DOUBLE PRECISION, finished_at DOUBLE PRECISION NOT NULL)"
        ),
        (
            "CREATE TABLE money (search VARCHAR(120) NOT NULL, kind VARCHAR(10) NOT NULL,"
            " trial INTEGER NOT NULL,"
            " attempt INTEGER NOT NULL, outcome VARCHAR(10) NOT NULL, evaluation VARCHAR(32),"
            " cost DOUBLE PRECISION NOT NULL, seconds DOUBLE PRECISION NOT NULL,"
            " training_tokens INTEGER NOT NULL, scoring_tokens INTEGER NOT NULL, note TEXT NOT NULL,"
            " at DOUBLE PRECISION NOT NULL, PRIMARY KEY (search, kind, trial, attempt))"
        ),
    ),
    (
        "ALTER TABLE trials ADD COLUMN utility DOUBLE PRECISION",
        "ALTER TABLE trials ADD COLUMN standard_error DOUBLE PRECISION",
        (
            "UPDATE trials SET utility = (SELECT e.utility FROM evaluations e"
            " WHERE e.evaluation = trials.evaluation), standard_error = (SELECT e.standard_error"
            " FROM evaluations e WHERE e.evaluation = trials.evaluation) WHERE state = 'done'"
        ),
        "CREATE INDEX money_by_evaluation ON money (evaluation)",
    ),
    (
        "ALTER TABLE searches ADD COLUMN stop_cause VARCHAR(20)",
        (
            "UPDATE searches SET stop_cause = CASE stopped"
            " WHEN 'a person stopped it' THEN 'person'"
            " WHEN 'a search of a newer pool superseded it' THEN 'superseded'"
            " WHEN 'it holds arms of a study; nothing is searched here' THEN 'study'"
            " ELSE 'stuck' END WHERE stopped IS NOT NULL"
        ),
    ),
)


def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring a ledger to the newest schema inside the caller's transaction.

    Returns:
        The schema version that the ledger has now.

    Raises:
        NewerSchemaError: A newer release wrote the ledger; nothing was changed.
    """
    VERSIONS.create(connection, checkfirst=True)
    present = schema_version(connection)
    if present > len(migrations):
        raise NewerSchemaError(present, len(migrations))
    for version in range(present + 1, len(migrations) + 1):
        for statement in migrations[version - 1]:
            connection.execute(text(statement))
        connection.execute(insert(VERSIONS).values(version=version, applied_at=time.time()))
    return len(migrations)


def schema_version(connection: Connection) -> int:
    """The version that a ledger's tables have; 0 for an empty database."""
    if not inspect(connection).has_table(VERSIONS.name):
        return 0
    newest = select(func.coalesce(func.max(VERSIONS.c.version), 0))
    return int(connection.execute(newest).scalar_one())
