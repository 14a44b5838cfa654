"""The ledger on both databases: SQLite in every run, PostgreSQL in the slow ones."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from autoselection_core.history.ledger import Ledger
from tests.postgresql import Server, postgresql

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.e2e)]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with postgresql() as running:
        yield running


@pytest.fixture(params=DATABASES)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Names a place where no history is yet."""
    if request.param == "sqlite":
        numbers = count(1)
        return lambda: f"sqlite:///{tmp_path / f'history-{next(numbers)}.sqlite'}"
    running: Server = request.getfixturevalue("server")
    return running.new_url


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """URL of a history on each kind of database."""
    return new_url()


@pytest.fixture
def ledger(url: str) -> Ledger:
    return Ledger.open(url)
