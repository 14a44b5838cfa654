"""Retention of Dagster's records: what goes, what never goes, and that a killed prune goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from autoselection_core.cli.running import run
from autoselection_core.history.records import StopCause, TrialKind, TrialState
from autoselection_core.report.lineage.ancestry import ancestors
from autoselection_core.report.serving import PICTURES, picture_path
from autoselection_dagster.trials.naming import SEARCH_TAG, TRIAL_TAG
from autoselection_dagster.trials.pruning import (
    prunable_pictures,
    prune_pictures,
    prune_runs,
    prunings_of,
)
from tests.dagster.installations import Driver, installation

pytestmark = pytest.mark.e2e

BASE = "http://127.0.0.1:3001"
LATER = 3600.0
"""Seconds after now, so that everything that has ended is old."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """An installation whose search `done` is compared and whose search `open` was stopped by a person."""
    folder = tmp_path_factory.mktemp("pruned")
    made = installation(folder, model)
    made.prepare(code_server_port=0)
    with dg.DagsterInstance.from_config(str(made.instance)) as instance:
        driver = Driver(made, instance)
        driver.prepare()
        driver.start(name="done", budget=6)
        driver.work()
        driver.start(name="open", budget=3)
        driver.work(ticks=1)
        driver.ledger.stop("open", "a person stopped it", StopCause.PERSON)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.fixture
def driver(folder: Path) -> Iterator[Driver]:
    from autoselection_dagster.installation import Installation

    made = Installation(folder / "home", folder / "autoselection.yaml")
    with dg.DagsterInstance.from_config(str(made.instance)) as instance:
        yield Driver(made, instance)


def _numbers(driver: Driver, search: str) -> set[str]:
    """Trials whose runs Dagster remembers."""
    runs = driver.instance.get_runs(dg.RunsFilter(tags={SEARCH_TAG: search}))
    return {run.tags[TRIAL_TAG] for run in runs}


def _needed(driver: Driver) -> set[str]:
    trials, arms = driver.ledger.trials("done"), driver.ledger.trials("done", TrialKind.REPORT)
    selected = {arm.subset for arm in arms if arm.state is TrialState.DONE}
    chains = [each for trial in trials if trial.subset in selected for each in ancestors(trial, trials)]
    return {each.reservation.number for each in [*chains, *arms]}


def test_a_dry_run_names_what_may_go_and_changes_nothing(driver: Driver) -> None:
    home, before = driver.installation.home, _numbers(driver, "done")

    found = {each.search: each for each in prunings_of(home, 0.0, time.time() + LATER)}

    assert len(found["done"].runs) == len(before - _needed(driver)) > 0
    assert found["done"].freed_bytes > 0
    assert found["open"].runs == ()
    assert "can be resumed" in found["open"].reason
    assert _numbers(driver, "done") == before
    assert not prunings_of(home, 10 * LATER, time.time())[0].runs


def test_what_was_selected_keeps_its_lineage_and_its_report(driver: Driver) -> None:
    home, needed = driver.installation.home, _needed(driver) & _numbers(driver, "done")
    trials, others = driver.ledger.trials("done"), _numbers(driver, "open")
    report = (home / "reports" / "done" / "report.md").read_text("utf-8")

    count = prune_runs(home, prunings_of(home, 0.0, time.time() + LATER))

    assert count > 0
    assert _numbers(driver, "done") == needed
    assert _numbers(driver, "open") == others
    assert driver.ledger.trials("done") == trials
    assert (home / "reports" / "done" / "report.md").read_text("utf-8") == report
    driver.run("demo_report", partition_key="done")
    assert driver.ledger.search("done").measured >= len(trials)


def test_a_pruned_search_is_neither_reported_nor_worked_on_again(driver: Driver) -> None:
    assert isinstance(driver.tick(), dg.SkipReason)

    prune_runs(driver.installation.home, prunings_of(driver.installation.home, 0.0, time.time() + LATER))

    assert isinstance(driver.tick(), dg.SkipReason)


def test_a_stopped_search_is_resumed_after_a_prune(driver: Driver) -> None:
    driver.start(name="later", budget=2, seed=3)
    driver.ledger.stop("later", "a person stopped it", StopCause.PERSON)
    prune_runs(driver.installation.home, prunings_of(driver.installation.home, 0.0, time.time() + LATER))

    driver.ledger.resume("later")
    driver.work()

    assert {trial.state for trial in driver.ledger.trials("later")} == {TrialState.DONE}


def test_a_picture_goes_that_only_runs_that_go_show(driver: Driver) -> None:
    home, instance, now = driver.installation.home, driver.instance, time.time() + LATER
    prunings = prunings_of(home, 0.0, now)
    free = {run for each in prunings for run in each.runs}
    going, staying = (
        next(run for run in instance.get_runs() if (run.run_id in free) is goes) for goes in (True, False)
    )
    folder = home / "reports" / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("gone", "kept", "unshown", "recorded", "young"):
        (folder / f"{name}.png").write_bytes(b"12345")
    os.utime(folder / "young.png", (now, now))
    instance.report_engine_event(f"![]({BASE}{picture_path('gone.png')})", going)
    instance.report_engine_event(f"![]({BASE}{picture_path('kept.png')})", staying)
    shown = dg.MetadataValue.md(f"![]({BASE}{picture_path('recorded.png')})")
    instance.report_runless_asset_event(dg.AssetMaterialization("a", metadata={"plot": shown}))

    found = prunable_pictures(home, 10.0, now, prunings)

    assert {file.stem for file in found.files} == {"gone", "unshown"}
    assert (found.kept_files, found.freed_bytes) == (3, 10)
    assert prune_pictures(found) == 2
    assert {file.stem for file in folder.iterdir()} == {"kept", "recorded", "young"}


_PRUNE = """
import sys, time
from pathlib import Path
from autoselection_dagster.trials.pruning import prune_runs, prunings_of
home = Path(sys.argv[1])
found = prunings_of(home, 0.0, time.time() + 3600)
print("begins", flush=True)
prune_runs(home, found)
"""


def test_a_killed_prune_leaves_what_is_needed_and_goes_on_when_it_is_called_again(folder: Path) -> None:
    home = folder / "home"
    wanted = sum(len(each.runs) for each in prunings_of(home, 0.0, time.time() + LATER))
    process = subprocess.Popen([sys.executable, "-c", _PRUNE, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    while process.poll() is None and len(_shards(home)) and not _gone(home, wanted):
        time.sleep(0.01)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()

    left = sum(len(each.runs) for each in prunings_of(home, 0.0, time.time() + LATER))
    assert prune_runs(home, prunings_of(home, 0.0, time.time() + LATER)) == left <= wanted
    assert not any(each.runs for each in prunings_of(home, 0.0, time.time() + LATER))


def _shards(home: Path) -> list[Path]:
    return list((home / "dagster" / "history" / "runs").glob("*.db"))


def _gone(home: Path, wanted: int) -> bool:
    """Whether the first run is deleted."""
    left = sum(len(each.runs) for each in prunings_of(home, 0.0, time.time() + LATER))
    return left < wanted


def test_the_command_shows_first_and_deletes_when_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOSELECTION_HOME", str(folder / "home"))

    assert run(["prune", "--older-than", "0", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert run(["prune", "--older-than", "0", "--yes", "--json"]) == 0
    deleted = json.loads(capsys.readouterr().out)
    assert run(["prune", "--older-than", "0", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)

    assert shown["facts"]["deleted"] == 0
    assert shown["facts"]["runs"] == deleted["facts"]["deleted"] > 0
    assert again["facts"]["runs"] == 0
