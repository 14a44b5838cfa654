"""The same results from a real Ray cluster, with a worker killed in the middle."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.codec import campaign_to_json
from autoselection_core.campaign.remote.clients import attached_workspace
from autoselection_core.cluster import RayCluster, cluster_from_environment
from autoselection_core.errors.models import ClusterUnreachableError, DifferentWorkerError
from autoselection_core.signals.store.signal_report import SignalReport
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
from tests.cluster.ray_head import Head, ray_head
from tests.cluster.works import (
    bring_vectors,
    campaign,
    files_of,
    in_order,
    scored,
    searched,
    tables_of,
    with_pairs,
    write_random_words,
)

pytestmark = pytest.mark.e2e

ROWS = 520
"""Three chunks of a signal that reads the model."""


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with ray_head() as started:
        os.environ.update(started.environment)
        import ray  # reads the environment

        yield started
        ray.shutdown()
        for name in started.environment:
            del os.environ[name]


@pytest.fixture
def cluster(head: Head) -> RayCluster:
    return RayCluster(head.address)


def with_model(made: Campaign, folder: Path) -> Campaign:
    return replace(
        made, base_model=str(tiny_model(folder / "model")), signals={"model_scores": {}, "exact": {}}
    )


def killed_meanwhile(head: Head, task: str, work: Callable[[], object]) -> int:
    """Do some work and kill the first worker that runs a task of it; the id of what was killed."""
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while not done.is_set() and not killed:
            for process in head.workers_at(task):
                time.sleep(0.1)
                process.kill()
                killed.append(process.pid)
                break
            time.sleep(0.02)

    with ThreadPoolExecutor() as threads:
        killing = threads.submit(kill)
        try:
            work()
        finally:
            done.set()
        killing.result()
    return killed[0]


def test_signals_of_a_model_are_bit_for_bit_those_of_this_process_though_a_worker_is_killed(
    head: Head, cluster: RayCluster, tmp_path: Path
) -> None:
    made = with_model(campaign(tmp_path, ROWS), tmp_path)
    reports: list[SignalReport] = []

    def score() -> None:
        workspace = attached_workspace(made, Home(tmp_path / "there"), cluster)
        pool = workspace.ingest().pool
        reports.append(workspace.score("model_scores", pool))

    assert killed_meanwhile(head, "score_rows", score)
    here = scored(made, tmp_path / "here", None)
    there = scored(made, tmp_path / "there", cluster)

    assert reports[0].computed == ROWS
    assert here.score("model_scores", here.pool()).version == reports[0].version
    assert tables_of(here) == tables_of(there)
    assert tables_of(here)


SHARDED_ROWS = 40_000
"""Three shards of texts, each of which takes a second."""


SHARDS = {"near_duplicates": 3, "clusters": 2, "embedding_pairs": 20, "word_entropy": 3}
"""Shards of the first step of each signal, or chunks."""

FIRST_STEPS = {
    "near_duplicates": "shingles_of_rows",
    "clusters": "centres_of_size",
    "embedding_pairs": "pairs_of_rows",
}


def test_groups_and_pairs_are_bit_for_bit_those_of_this_process_though_a_worker_is_killed(
    head: Head, cluster: RayCluster, tmp_path: Path
) -> None:
    made = with_pairs(campaign(tmp_path, 1), tmp_path, words=5)
    write_random_words(made, SHARDED_ROWS, length=60)
    here = attached_workspace(made, Home(tmp_path / "here"), None)
    bring_vectors(here.ingest().pool, tmp_path)
    here = scored(made, tmp_path / "here", None)
    workspace = attached_workspace(made, Home(tmp_path / "there"), cluster)
    pool = workspace.ingest().pool
    reports: dict[str, SignalReport] = {}

    def score() -> None:
        reports.update({name: workspace.score(name, pool) for name in ("near_duplicates", "exact")})

    killed = killed_meanwhile(head, "run_shard", score)
    there = scored(made, tmp_path / "there", cluster)

    assert killed
    assert files_of(here) == files_of(there)
    assert here.signal_versions == there.signal_versions
    read = [each for each in reports["near_duplicates"].workers if each.work == "shingles_of_rows"]
    assert sum(each.tasks for each in read) == 3, "each shard was answered for once"
    assert sum(each.size for each in read) == len(pool)
    assert len(read) >= 2


SCORING = """
import json, sys
from pathlib import Path
from autoselection_core.campaign.declaration.codec import campaign_from_json
from autoselection_core.campaign.remote.clients import attached_workspace
from autoselection_core.cluster import RayCluster
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.store.home import Home

campaign, home, address, name = sys.argv[1:]
made = campaign_from_json(json.loads(campaign))
workspace = attached_workspace(made, Home(Path(home)), RayCluster(address))
try:
    report = workspace.score(name, workspace.pool())
except AutoSelectionError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(json.dumps([[each.work, each.tasks] for each in report.workers]))
"""


def begin_scoring(made: Campaign, home: Home, head: Head, name: str) -> "subprocess.Popen[str]":
    """Score a signal on a cluster in a process of its own."""
    command = [
        *(sys.executable, "-c", SCORING, json.dumps(campaign_to_json(made))),
        *(str(home.root), head.address, name),
    ]
    environment = {**os.environ, **head.environment}
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("name", ["near_duplicates", "embedding_pairs", "clusters", "word_entropy"])
def test_a_killed_head_costs_a_sentence_and_a_rerun_goes_on(tmp_path: Path, name: str) -> None:
    made = with_pairs(campaign(tmp_path, 1), tmp_path, words=5)
    made = replace(made, signals={**made.signals, "clusters": {"sizes": (2, 200)}, "word_entropy": {}})
    write_random_words(made, SHARDED_ROWS, length=60)
    here, there = (attached_workspace(made, Home(tmp_path / place), None) for place in ("here", "there"))
    pools = [workspace.ingest().pool for workspace in (here, there)]
    bring_vectors(pools[0], tmp_path)
    for workspace in (here, there):
        workspace.score("embedding", pools[0])
    here.score(name, pools[0])

    def finished() -> int:
        shards = [each for each in there.home.shards.glob("*/*") if not each.name.startswith(".")]
        return sum(each.is_dir() for each in shards) + len(list(there.home.lance.glob(f"{name}-*")))

    with ray_head() as head:
        scoring = begin_scoring(made, there.home, head, name)
        while not finished():
            assert scoring.poll() is None, scoring.communicate()
            time.sleep(0.02)
        head.kill()
        killed_s = time.monotonic()
        told, failed = scoring.communicate(timeout=120)
    took_s, kept = time.monotonic() - killed_s, finished()

    assert scoring.returncode == 1, (told, failed)
    if failed:  # Ray itself may end its process without a word
        assert (
            failed.strip().splitlines()[-1].startswith(f"HeadLostError: the Ray cluster at {head.address} ")
        )
    assert took_s < 60
    with ray_head() as head:
        told, failed = begin_scoring(made, there.home, head, name).communicate(timeout=300)
    done = json.loads(told.splitlines()[-1])
    first = FIRST_STEPS.get(name, name)
    assert sum(tasks for _, tasks in done) > 0
    assert sum(tasks for work, tasks in done if work == first) <= SHARDS[name] - kept, "not computed again"
    assert files_of(here) == files_of(there)
    assert not list(there.home.shards.glob("*"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_on_the_cluster_records_what_one_here_records_though_a_worker_is_killed(
    head: Head, cluster: RayCluster, tmp_path: Path, workers: int
) -> None:
    made = campaign(tmp_path, 60, delay_s=0.5)
    there = scored(made, tmp_path / "there", cluster)

    assert killed_meanwhile(head, "evaluate_subset", lambda: searched(there, workers))
    here = scored(made, tmp_path / "here", None)

    assert in_order(searched(there, workers)) == in_order(searched(here, workers))
    assert there.ledger.search("first").spent == here.ledger.search("first").spent == made.search.budget
    assert [payment.outcome for payment in there.ledger.payments("first")] == [
        payment.outcome for payment in here.ledger.payments("first")
    ]
    folders = [sorted(home.evaluations.iterdir()) for home in (here.home, there.home)]
    assert [each.name for each in folders[0]] == [each.name for each in folders[1]]


def test_every_process_of_the_cluster_listens_on_loopback_only(head: Head, cluster: RayCluster) -> None:
    assert list(cluster.results(str_of, [b"1"], on_device=False)) == [b"1"]
    assert {address.removeprefix("::ffff:") for address in head.listening()} == {"127.0.0.1"}


def test_what_a_task_raises_is_raised_here_as_itself(cluster: RayCluster) -> None:
    with pytest.raises(DifferentWorkerError, match="the worker on a has b in version c"):
        list(cluster.results(refused, [b""], on_device=True))


def test_work_that_is_interrupted_leaves_the_cluster_free(head: Head, cluster: RayCluster) -> None:
    def interrupt() -> None:
        if len(head.workers_at("slept")) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(cluster.results(slept, [b"30", b"30", b"30"], on_device=False, while_waiting=interrupt))

    started = time.monotonic()
    assert list(cluster.results(slept, [b"0"], on_device=False)) == [b"0"]
    assert time.monotonic() - started < 20


def test_a_cluster_that_does_not_answer_is_named(head: Head) -> None:
    import ray

    ray.shutdown()
    with pytest.raises(ClusterUnreachableError, match=r"no Ray cluster answers at 127.0.0.1:1:"):
        list(RayCluster("127.0.0.1:1").results(str_of, [b"1"], on_device=False))
    assert list(RayCluster(head.address).results(str_of, [b"1"], on_device=False)) == [b"1"]


def test_the_environment_names_the_cluster(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster_from_environment() is None
    monkeypatch.setenv("AUTOSELECTION_RAY_ADDRESS", head.address)
    assert cluster_from_environment() == RayCluster(head.address)


def str_of(asked: bytes) -> bytes:
    return asked


def slept(asked: bytes) -> bytes:
    time.sleep(float(asked))
    return asked


def refused(_asked: bytes) -> bytes:
    raise DifferentWorkerError(*"abcd")
