"""Connections to the ledger's database and the one kind of transaction that writes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool

from autoselection_core.errors.history import LedgerBusyError, LedgerUnreachableError
from autoselection_core.errors.store import StorageFullError
from autoselection_core.history.storage.migrations import MIGRATIONS, migrate, schema_version
from autoselection_core.history.storage.schema import LOCK

BUSY_TIMEOUT_S = 60.0
"""Seconds after which a writer that waits for its turn gives up."""

_WRITES = {"autoselection_writes": True}
_POSTGRESQL = "postgresql+psycopg2"
"""The driver that Dagster's own storage brings, so that one is enough. SQLAlchemy's default is another."""

_NO_ROOM = ("disk is full", "disk I/O error", "No space left")
"""Messages of SQLite and PostgreSQL for a write without free space."""

_LOCKED = ("database is locked", "lock timeout")
"""Their messages for a lock that another process held for too long."""


@dataclass(frozen=True)
class Database:
    """A ledger's database. Every connection is opened for one transaction: safe across forks and threads.

    Attributes:
        engine: Makes the connections.
        busy_timeout_s: Seconds that a transaction waits for the lock of another process.
    """

    engine: Engine
    busy_timeout_s: float = BUSY_TIMEOUT_S

    @classmethod
    def open(cls, url: str, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Connect, and bring the schema up to date.

        Raises:
            LedgerBusyError: Another process holds the database's lock.
            LedgerUnreachableError: The database cannot be opened.
            NewerSchemaError: A newer release wrote the ledger.
        """
        try:
            database = cls(_engine(url, busy_timeout_s), busy_timeout_s)
            database._migrate()
        except (DBAPIError, ArgumentError, NoSuchModuleError, OSError) as error:
            raise LedgerUnreachableError(_without_password(url), str(error).splitlines()[0]) from error
        except ValueError as error:  # of its port, and it quotes what may be the password
            hint = "it is no database URL; in a password, @ / : and # are written %40 %2F %3A and %23"
            raise LedgerUnreachableError(_without_password(url), hint) from error
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
            LedgerBusyError: Another process held the lock for too long; the history stays as it was.
            StorageFullError: The disk has no room; the history stays as it was.
        """
        with self._transaction(_WRITES) as connection:
            connection.execute(select(LOCK).with_for_update())
            yield connection

    @contextmanager
    def _transaction(self, options: Mapping[str, Any]) -> Iterator[Connection]:
        with (
            self._typed_errors(),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            said = str(error.orig)
            if any(sign in said for sign in _LOCKED):
                url = _without_password(str(self.engine.url))
                raise LedgerBusyError(url, self.busy_timeout_s) from error
            if any(sign in said for sign in _NO_ROOM):
                raise StorageFullError(Path(self.engine.url.database or ""), said) from error
            raise

    def _migrate(self) -> None:
        with self.reading() as connection:
            if schema_version(connection) == len(MIGRATIONS):
                return
        with self._transaction(_WRITES) as connection:
            migrate(connection)


def _engine(url: str, busy_timeout_s: float) -> Engine:
    parsed = make_url(url)
    if _is_host_of_password(parsed):
        reason = "an @ in the password"
        raise ValueError(reason)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername=_POSTGRESQL)
    engine = create_engine(parsed, poolclass=NullPool)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", partial(_prepare_sqlite, busy_timeout_s))
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(busy_timeout_s: float, connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says so
    connection.execute(f"PRAGMA busy_timeout={round(busy_timeout_s * 1000)}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes SQLite's lock at once: one that first reads can be refused in the middle."""
    writes = connection.get_execution_options().get("autoselection_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _is_host_of_password(url: URL) -> bool:
    """Whether what follows an @ in a password was read as host and database."""
    return bool(url.host) and "@" in f"{url.host}{url.database}"


def _without_password(url: str) -> str:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "the history URL"
    if _is_host_of_password(parsed):
        return "the history URL"
    shown = {name: "***" if "pass" in name.lower() else value for name, value in parsed.query.items()}
    return parsed.set(query=shown).render_as_string(hide_password=True)
