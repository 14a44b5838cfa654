"""A tiny model, and one small search through Dagster that many tests look at."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from autoselection_core.testing.tiny_model import tiny_model
from tests.dagster.installations import Driver, installation


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def driver(tmp_path: Path, model: Path) -> Iterator[Driver]:
    """An installation with nothing in it."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Driver(installation(tmp_path / "installation", model), instance)


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Driver]:
    """An installation on disk with a finished search and its report."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "instance").mkdir()
    with dg.DagsterInstance.local_temp(str(folder / "instance")) as instance:
        driver = Driver(installation(folder / "installation", model), instance)
        driver.prepare()
        driver.start(name="first")
        driver.work()
        yield driver
