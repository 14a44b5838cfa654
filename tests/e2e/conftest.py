"""Real services on a real instance: code server, daemon and, where a test needs it, the webserver."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoselection_core import environment_variables
from autoselection_core.loopback import free_port
from autoselection_core.testing.tiny_model import tiny_model
from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.services import serving
from tests.dagster.installations import installation
from tests.e2e.served import DELAY_S, LEASE_S, Served


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def installed(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation whose evaluations take seconds, so that they can be killed in the middle."""
    monkeypatch.setenv(environment_variables.LEASE_S, str(LEASE_S))
    return installation(tmp_path / "installation", model, delay_s=DELAY_S)


@pytest.fixture
def served(installed: Installation) -> Iterator[Served]:
    """The installation, served without a browser."""
    with serving(installed) as services, Served.of(services) as served:
        yield served


@pytest.fixture
def served_with_ui(installed: Installation) -> Iterator[Served]:
    """The installation, served with the webserver."""
    with serving(installed, free_port()) as services, Served.of(services) as served:
        yield served
