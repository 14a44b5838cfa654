"""PostgreSQL databases as files, by PostgreSQL's own programs."""

import os
import subprocess
from pathlib import Path
from shutil import which

from sqlalchemy.engine import URL, make_url

from autoselection_core.errors.store import DatabaseToolError

_DEBIAN = "/usr/lib/postgresql"


def is_postgresql(url: str) -> bool:
    """Whether a URL names a PostgreSQL database."""
    return url.startswith("postgresql")


def dump(url: str, file: Path) -> Path:
    """Copy a database, as it is at one moment.

    Raises:
        DatabaseToolError: The program is not there, or refuses.
    """
    _run("pg_dump", url, "--format=custom", "--no-owner", f"--file={file}")
    return file


def load(file: Path, url: str) -> None:
    """Fill an empty database in one transaction.

    Raises:
        DatabaseToolError: The program is not there, or refuses, for instance because tables exist.
    """
    _run("pg_restore", url, "--no-owner", "--single-transaction", "--exit-on-error", str(file))


def _apart(url: str) -> tuple[str, str | None]:
    """A URL in PostgreSQL's own spelling without its password, and the password, if it has one."""
    named = make_url(url)
    query = {key: value for key, value in named.query.items() if key != "password"}
    place = URL.create("postgresql", named.username, None, named.host, named.port, named.database, query)
    given = named.password or named.query.get("password")
    return place.render_as_string(hide_password=False), None if given is None else str(given)


def newest_program(program: str, folder: Path) -> Path | None:
    """A program of the newest release under a folder with one folder a release, such as `15` or `9.6`."""

    def release(file: Path) -> list[int]:
        return [int(part) for part in file.parents[1].name.split(".") if part.isdecimal()]

    return max(folder.glob(f"*/bin/{program}"), key=release, default=None)


def _run(program: str, url: str, *arguments: str) -> None:
    """Run a program on a database. Everybody may read a command line, so the password goes its own way."""
    found = which(program) or newest_program(program, Path(_DEBIAN))
    if found is None:
        raise DatabaseToolError(program, "it is not installed (package postgresql-client)")
    place, password = _apart(url)
    secret = {} if password is None else {"PGPASSWORD": password}
    done = subprocess.run(  # noqa: S603 - a fixed program
        [found, f"--dbname={place}", *arguments],
        env={**os.environ, **secret},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
        raise DatabaseToolError(program, said[-1])
