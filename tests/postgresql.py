"""A PostgreSQL server of the tests' own: on loopback, in a folder that goes with it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from autoselection_core.loopback import free_port

_PROGRAMS = "/usr/lib/postgresql"
"""Where Debian's package lays them, by release."""

_NUMBERS = count(1)


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        port: Where it listens on 127.0.0.1.
        programs: The folder of `psql` and its like.
    """

    port: int
    programs: Path

    def url(self, database: str = "postgres", schema: str = "public") -> str:
        """The URL of a schema of a database. What is made over it is made there."""
        options = "" if schema == "public" else f"?options=-csearch_path%3D{schema}"
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}{options}"

    def new_url(self) -> str:
        """The URL of a new, empty schema: as good as a database to whoever uses it, and made at once."""
        schema = f"made_{os.getpid()}_{next(_NUMBERS)}"
        self._do(f"CREATE SCHEMA {schema}")
        return self.url(schema=schema)

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"made_{os.getpid()}_{next(_NUMBERS)}"
        self._do(f"CREATE DATABASE {name}")
        return self.url(name)

    def _do(self, statement: str) -> None:
        url = f"postgresql+psycopg2{self.url().removeprefix('postgresql')}"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def postgresql() -> Iterator[Server]:
    """A server that lives while the block runs. It refuses to be run by root, so `postgres` runs it then.

    Its folder is none of pytest's: those are closed to other users.
    """
    programs = max(Path(_PROGRAMS).glob("*/bin"), key=lambda found: int(found.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="autoselection-postgresql-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    data, log = folder / "data", folder / "log"
    port = free_port()
    # What a test writes may go with the machine; nothing waits for the disk.
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=200"
    try:
        _as_postgres(programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync")
        _as_postgres(programs / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
        try:
            yield Server(port, programs)
        finally:
            _as_postgres(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _as_postgres(*command: str | Path) -> None:
    switch = ("runuser", "-u", "postgres", "--") if os.getuid() == 0 else ()
    subprocess.run([*switch, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
