"""Workers of a search: how many there should be, and what becomes of a search whose workers die."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, TrialKind, TrialState
from autoselection_core.history.specification import SearchSpec
from autoselection_dagster.trials.device_lease import devices, lease_devices
from autoselection_dagster.trials.naming import COUNTED_TAG, WORKER_TAG, WORKS_ON_TAG
from autoselection_dagster.trials.reconcile import reconcile
from autoselection_dagster.trials.workers import (
    MAX_FALSE_STARTS,
    Workers,
    end_silent_workers,
    missing_workers,
    why_none_starts,
)


def test_each_worker_sees_one_device_and_another_worker_another(tmp_path: Path) -> None:
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    with lease_devices(tmp_path, ("0", "1"), 1, first), lease_devices(tmp_path, ("0", "1"), 1, second):
        assert (first["CUDA_VISIBLE_DEVICES"], second["CUDA_VISIBLE_DEVICES"]) == ("0", "1")


def test_a_device_is_free_again_when_its_worker_has_ended(tmp_path: Path) -> None:
    for _ in range(3):
        with lease_devices(tmp_path, ("0", "1"), 1, {}) as taken:
            assert taken == ("0",)


def test_a_worker_without_a_free_device_shares_all(tmp_path: Path) -> None:
    third: dict[str, str] = {}
    names = ("0", "1")
    with (
        lease_devices(tmp_path, names, 1, {}),
        lease_devices(tmp_path, names, 1, {}),
        lease_devices(tmp_path, names, 1, third) as taken,
    ):
        assert (taken, third) == ((), {})


def test_trainings_on_two_devices_have_two_each_and_one_that_finds_too_few_holds_none(tmp_path: Path) -> None:
    names = ("0", "1", "2", "3", "4")
    first: dict[str, str] = {}
    with (
        lease_devices(tmp_path, names, 2, first),
        lease_devices(tmp_path, names, 2, {}) as second,
        lease_devices(tmp_path, names, 2, {}) as third,
        lease_devices(tmp_path, names, 1, {}) as fourth,
    ):
        assert (first["CUDA_VISIBLE_DEVICES"], second, third, fourth) == ("0,1", ("2", "3"), (), ("4",))


def test_one_device_is_not_divided_and_the_variable_stays(tmp_path: Path) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "3"}
    with lease_devices(tmp_path, devices(environ), 1, environ) as taken:
        assert (taken, environ["CUDA_VISIBLE_DEVICES"]) == ((), "3")


@pytest.mark.parametrize(
    ("environ", "nodes", "found"),
    [
        ({"CUDA_VISIBLE_DEVICES": "2, 5"}, [], ("2", "5")),
        ({"CUDA_VISIBLE_DEVICES": ""}, ["nvidia0"], ()),
        ({}, ["nvidia0", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "null"], ("0", "2", "10")),
    ],
)
def test_devices_are_those_that_the_environment_or_the_machine_names(
    tmp_path: Path, environ: dict[str, str], nodes: list[str], found: tuple[str, ...]
) -> None:
    for name in nodes:
        (tmp_path / name).touch()

    assert devices(environ, tmp_path) == found


Status = dg.DagsterRunStatus


@dataclass(frozen=True)
class Scene:
    ledger: Ledger
    instance: dg.DagsterInstance

    def worker(self, status: Status) -> dg.DagsterRun:
        run = dg.DagsterRun("demo_work", run_id=str(uuid.uuid4()), tags={WORKS_ON_TAG: "s"}, status=status)
        return self.instance.add_run(run)

    def made_by(self, worker: dg.DagsterRun, reservation: Reservation, status: Status) -> dg.DagsterRun:
        tags = {"dagster/run_key": reservation.run_key, WORKER_TAG: worker.run_id}
        run = dg.DagsterRun("demo_trial", run_id=str(uuid.uuid4()), tags=tags, status=status)
        return self.instance.add_run(run)

    def missing(self) -> int:
        living = Workers.of(self.instance, "s").living
        return missing_workers(self.ledger, self.ledger.search("s"), living)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/history.sqlite")
    ledger.register(SearchSpec(campaign="demo", budget=3, slots=2), "s")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Scene(ledger, instance)


def test_there_is_a_worker_for_each_free_slot(scene: Scene) -> None:
    assert scene.missing() == 2

    scene.worker(Status.STARTING)

    assert scene.missing() == 1


def test_no_worker_starts_beside_one_that_will_take_the_last_trial(scene: Scene) -> None:
    scene.ledger.raise_budget("s", 3)
    for _ in range(2):
        scene.ledger.reserve_free_slots("s", max_trials=1)
    scene.worker(Status.STARTED)
    scene.worker(Status.STARTED)

    assert scene.missing() == 0


def test_a_trial_whose_worker_was_killed_starts_again_and_its_run_is_ended(scene: Scene) -> None:
    (reservation,) = scene.ledger.reserve_free_slots("s", max_trials=1)
    left = scene.made_by(scene.worker(Status.FAILURE), reservation, Status.STARTED)

    reconcile(scene.ledger, scene.instance)

    (trial,) = scene.ledger.trials("s", TrialKind.SEARCH)
    ended = scene.instance.get_run_by_id(left.run_id)
    assert (trial.state, trial.attempt) == (TrialState.WAITING, 2)
    assert ended is not None
    assert ended.status is Status.FAILURE


def test_a_run_whose_trial_has_its_score_is_ended_with_its_worker_too(scene: Scene) -> None:
    """Else it would keep its place in the pool of the device for ever."""
    left = scene.made_by(scene.worker(Status.FAILURE), Reservation("s", 1), Status.STARTED)

    reconcile(scene.ledger, scene.instance)

    ended = scene.instance.get_run_by_id(left.run_id)
    assert ended is not None
    assert ended.status is Status.FAILURE


def test_a_trial_whose_worker_lives_is_left_alone(scene: Scene) -> None:
    (reservation,) = scene.ledger.reserve_free_slots("s", max_trials=1)
    scene.made_by(scene.worker(Status.STARTED), reservation, Status.STARTED)

    reconcile(scene.ledger, scene.instance)

    assert scene.ledger.trials("s", TrialKind.SEARCH)[0].state is TrialState.RESERVED


def test_a_lost_trial_ends_the_run_of_its_worker_too(scene: Scene) -> None:
    """Worker and code server died together: nobody else would ever end either run."""
    (reservation,) = scene.ledger.reserve_free_slots("s", max_trials=1)
    worker = scene.worker(Status.STARTED)
    scene.made_by(worker, reservation, Status.STARTED)
    late = replace(scene.ledger, clock=lambda: time.time() + 10_000)

    reconcile(late, scene.instance)

    assert Workers.of(scene.instance, "s").living == 0


def test_a_worker_that_is_silent_between_two_trials_is_ended_after_a_lease(scene: Scene) -> None:
    worker = scene.worker(Status.STARTED)
    end_silent_workers(scene.ledger, scene.instance, time.time())
    assert Workers.of(scene.instance, "s").living == 1

    with_start = scene.instance.get_run_records(dg.RunsFilter(run_ids=[worker.run_id]))[0]
    end_silent_workers(scene.ledger, scene.instance, with_start.create_timestamp.timestamp() + 100)

    assert Workers.of(scene.instance, "s").living == 0


def test_workers_that_fail_before_they_make_a_trial_stop_the_search_with_the_reason(scene: Scene) -> None:
    for number in range(MAX_FALSE_STARTS):
        assert not Workers.of(scene.instance, "s").false_starts(scene.instance), number
        failing = scene.worker(Status.STARTED)
        scene.instance.report_run_failed(failing, "no module called campaign_extension")

    (latest, *_) = Workers.of(scene.instance, "s").false_starts(scene.instance)

    assert "no module called campaign_extension" in why_none_starts(scene.instance, latest)


def test_a_worker_that_made_a_trial_breaks_the_row_of_false_starts(scene: Scene) -> None:
    for _ in range(MAX_FALSE_STARTS):
        scene.instance.report_run_failed(scene.worker(Status.STARTED), "killed")
    (reservation,) = scene.ledger.reserve_free_slots("s", max_trials=1)
    worker = scene.worker(Status.STARTED)
    scene.made_by(worker, reservation, Status.FAILURE)
    scene.instance.report_run_failed(worker, "killed")

    assert not Workers.of(scene.instance, "s").false_starts(scene.instance)


def test_a_search_that_is_resumed_after_false_starts_gets_new_workers(scene: Scene) -> None:
    for _ in range(MAX_FALSE_STARTS):
        failed = scene.worker(Status.STARTED)
        scene.instance.report_run_failed(failed, "no module called campaign_extension")
    scene.instance.add_run_tags(failed.run_id, {COUNTED_TAG: "s"})

    assert not Workers.of(scene.instance, "s").false_starts(scene.instance)
    for _ in range(MAX_FALSE_STARTS):
        scene.instance.report_run_failed(scene.worker(Status.STARTED), "still missing")
    assert Workers.of(scene.instance, "s").false_starts(scene.instance)
