"""Services start, stop and come back, whoever dies."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from autoselection_dagster.errors import AlreadyServedError
from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.services import Services, free_port, serving
from tests.dagster.installations import installation

pytestmark = pytest.mark.e2e


@pytest.fixture
def installed(tmp_path: Path, model: Path) -> Installation:
    return installation(tmp_path / "installation", model)


def test_a_home_is_served_once(installed: Installation) -> None:
    with serving(installed) as services:
        assert _alive(services)

        with pytest.raises(AlreadyServedError), serving(installed):
            pass

        assert _alive(services)


def test_a_service_that_dies_is_started_again(installed: Installation) -> None:
    with serving(installed) as services:
        daemon = services.children[1].process
        assert daemon is not None
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()

        services.supervise()

        assert _alive(services)


def test_what_a_killed_parent_left_behind_is_stopped_by_the_next_one(installed: Installation) -> None:
    with _served(installed) as (parent, left):
        parent.kill()
        parent.wait()
        assert all(child.is_running() for child in left)

        with serving(installed) as services:
            assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in left)
            assert _alive(services)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_in_the_background_of_a_shell_stops_when_asked_to(
    installed: Installation, number: signal.Signals
) -> None:
    # A shell without job control makes a background process ignore SIGINT.
    with _served(installed, ignore_interrupts=True) as (parent, children):
        parent.send_signal(number)
        time.sleep(0.5)
        parent.send_signal(number)  # an impatient second one must leave no child behind

        parent.wait(90)
        _within(20, lambda: not any(child.is_running() for child in children))


@contextmanager
def _served(
    installed: Installation, *, ignore_interrupts: bool = False
) -> Iterator[tuple["subprocess.Popen[bytes]", list[psutil.Process]]]:
    """A process that serves, and its children; whatever is left at the end is killed."""
    command = [sys.executable, "-m", "autoselection_dagster.serve", "--port", str(free_port())]
    shell = ["bash", "-c", 'trap "" INT; exec "$@"', "bash"] if ignore_interrupts else []
    parent = subprocess.Popen([*shell, *command], env={**os.environ, **installed.environment})
    children: list[psutil.Process] = []
    try:
        _within(120, (installed.instance / "services.json").exists)
        children = psutil.Process(parent.pid).children()
        assert len(children) == 3
        yield parent, children
    finally:
        parent.kill()
        parent.wait()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def _alive(services: Services) -> bool:
    return all(child.alive for child in services.children)


def _within(seconds: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)
