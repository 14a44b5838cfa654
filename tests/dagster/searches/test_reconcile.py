"""Recovery of trials whose runs were lost, and of runs whose trials were lost."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
import pytest

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, TrialKind, TrialState
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe
from autoselection_dagster.trials.reconcile import reconcile

FULL = Recipe()


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scene:
    ledger: Ledger
    clock: Clock
    instance: dg.DagsterInstance
    search: str = field(default="demo-1")

    def reserve(self) -> Reservation:
        return self.ledger.reserve_free_slots(self.search)[0]

    def run_for(self, reservation: Reservation, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        tags = {"dagster/run_key": reservation.run_key}
        run = dg.DagsterRun("trial", run_id=str(uuid.uuid4()), tags=tags, status=status)
        return self.instance.add_run(run)

    def begin(self, reservation: Reservation) -> None:
        seen = History(self.search, seed=0, budget=2)
        self.ledger.record_proposal(reservation, recipe=FULL, subset="s", tokens=1, proposal={}, seen=seen)
        self.ledger.begin(reservation, "e")

    @property
    def trial(self) -> tuple[TrialState, int]:
        record = self.ledger.trials(self.search, TrialKind.SEARCH)[0]
        return record.state, record.attempt


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    clock = Clock()
    ledger = replace(Ledger.open(f"sqlite:///{tmp_path}/history.sqlite"), clock=clock)
    ledger.register(SearchSpec(campaign="demo", budget=2), "demo-1")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Scene(ledger, clock, instance)


def test_a_killed_worker_gives_its_trial_back_at_once(scene: Scene) -> None:
    reservation = scene.reserve()
    scene.begin(reservation)
    scene.run_for(reservation, dg.DagsterRunStatus.FAILURE)

    reconcile(scene.ledger, scene.instance)

    assert scene.trial == (TrialState.WAITING, 2)


def test_a_silent_worker_loses_its_trial_and_its_run_is_ended(scene: Scene) -> None:
    reservation = scene.reserve()
    scene.begin(reservation)
    run = scene.run_for(reservation, dg.DagsterRunStatus.STARTED)
    scene.clock.now += scene.ledger.lease_s + 1

    reconcile(scene.ledger, scene.instance)

    assert scene.trial == (TrialState.WAITING, 2)
    ended = scene.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE


def test_a_worker_that_beats_keeps_its_trial(scene: Scene) -> None:
    reservation = scene.reserve()
    scene.begin(reservation)
    scene.run_for(reservation, dg.DagsterRunStatus.STARTED)
    scene.clock.now += scene.ledger.lease_s - 1
    scene.ledger.heartbeat(reservation)
    scene.clock.now += scene.ledger.lease_s - 1

    reconcile(scene.ledger, scene.instance)

    assert scene.trial == (TrialState.RUNNING, 1)


def test_a_run_that_waits_long_in_the_queue_keeps_its_trial(scene: Scene) -> None:
    reservation = scene.reserve()
    scene.run_for(reservation, dg.DagsterRunStatus.STARTING)

    for _ in range(20):
        scene.clock.now += scene.ledger.lease_s - 1
        reconcile(scene.ledger, scene.instance)

    assert scene.trial == (TrialState.RESERVED, 1)


def test_a_cancelled_run_gives_its_trial_back_without_counting_as_a_loss(scene: Scene) -> None:
    reservation = scene.reserve()
    scene.run_for(reservation, dg.DagsterRunStatus.CANCELED)

    reconcile(scene.ledger, scene.instance)

    assert scene.trial == (TrialState.WAITING, 2)
    assert [payment.outcome for payment in scene.ledger.payments(scene.search)] == ["released"]


def test_nothing_is_charged_for_any_of_it(scene: Scene) -> None:
    for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED):
        scene.run_for(scene.reserve(), status)
        reconcile(scene.ledger, scene.instance)

    assert sum(payment.cost for payment in scene.ledger.payments(scene.search)) == 0
    assert scene.ledger.search(scene.search).spent == 0
