"""Connections to the ledger's database and the one kind of transaction that writes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool

from autoselection_core.errors.history import LedgerUnreachableError
from autoselection_core.errors.store import StorageFullError
from autoselection_core.history.migrations import MIGRATIONS, migrate, schema_version
from autoselection_core.history.schema import LOCK

_BUSY_TIMEOUT_MS = 60_000
_WRITES = {"autoselection_writes": True}
_POSTGRESQL = "postgresql+psycopg2"
"""The driver that Dagster's own storage brings, so that one is enough. SQLAlchemy's default is another."""

_NO_ROOM = ("disk is full", "disk I/O error", "No space left")
"""What SQLite and PostgreSQL say when a write finds no room."""


@dataclass(frozen=True)
class Database:
    """A ledger's database. Every connection is opened for one transaction: safe across forks and threads."""

    engine: Engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect, and bring the schema up to date.

        Raises:
            LedgerUnreachableError: The database cannot be opened.
            NewerSchemaError: A newer release wrote the ledger.
        """
        try:
            database = cls(_engine(url))
            database._migrate()
        except (DBAPIError, ArgumentError, NoSuchModuleError, OSError) as error:
            raise LedgerUnreachableError(_without_password(url), str(error).splitlines()[0]) from error
        except ModuleNotFoundError as error:
            hint = f"{error}; pip install 'autoselection[postgres]'"
            raise LedgerUnreachableError(_without_password(url), hint) from error
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view; nothing that is written meanwhile shows.

        Raises:
            StorageFullError: SQLite found no room for its own files.
        """
        # SQLite reads from one snapshot anyway; elsewhere each statement would see its own.
        is_sqlite = self.engine.dialect.name == "sqlite"
        with self._transaction({} if is_sqlite else {"isolation_level": "REPEATABLE READ"}) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer can run beside; an exception undoes it.

        Raises:
            StorageFullError: The disk has no room; the history stays as it was.
        """
        with self._transaction(_WRITES) as connection:
            connection.execute(select(LOCK).with_for_update())
            yield connection

    @contextmanager
    def _transaction(self, options: Mapping[str, Any]) -> Iterator[Connection]:
        with (
            self._room(),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if not any(sign in str(error.orig) for sign in _NO_ROOM):
                raise
            raise StorageFullError(Path(self.engine.url.database or ""), str(error.orig)) from error

    def _migrate(self) -> None:
        with self.reading() as connection:
            if schema_version(connection) == len(MIGRATIONS):
                return
        with self._transaction(_WRITES) as connection:
            migrate(connection)


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername=_POSTGRESQL)
    engine = create_engine(parsed, poolclass=NullPool)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says so
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes SQLite's lock at once: one that first reads can be refused in the middle."""
    writes = connection.get_execution_options().get("autoselection_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "the history URL"
