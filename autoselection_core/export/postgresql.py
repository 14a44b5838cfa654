"""PostgreSQL databases as files, by PostgreSQL's own programs."""

import subprocess
from pathlib import Path
from shutil import which

from autoselection_core.errors.backup import DatabaseToolError

_DEBIAN = "/usr/lib/postgresql"


def is_postgresql(url: str) -> bool:
    """Whether a URL names a PostgreSQL database."""
    return url.startswith("postgresql")


def dump(url: str, file: Path) -> Path:
    """Copy a database, as it is at one moment.

    Raises:
        DatabaseToolError: The program is not there, or refuses.
    """
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={file}", f"--dbname={_plain(url)}")
    return file


def load(file: Path, url: str) -> None:
    """Fill an empty database in one transaction.

    Raises:
        DatabaseToolError: The program is not there, or refuses, for instance because tables exist.
    """
    command = ("--no-owner", "--single-transaction", "--exit-on-error", f"--dbname={_plain(url)}", str(file))
    _run("pg_restore", *command)


def _plain(url: str) -> str:
    """A URL as PostgreSQL reads it: SQLAlchemy's names its driver, too."""
    return "postgresql://" + url.partition("://")[2]


def _run(program: str, *arguments: str) -> None:
    found = which(program) or next(iter(sorted(Path(_DEBIAN).glob(f"*/bin/{program}"), reverse=True)), None)
    if found is None:
        raise DatabaseToolError(program, "it is not installed (package postgresql-client)")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - a fixed program
    if done.returncode != 0:
        raise DatabaseToolError(program, done.stderr.strip().splitlines()[-1])
