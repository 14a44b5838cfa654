import json
import os
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoselection_core import environment_variables
from autoselection_core.campaign.declaration.campaign import (
    BenchmarkPlace,
    Campaign,
    ClosedForm,
    DeclaredBenchmark,
    Fidelity,
    OnPoolChange,
    OnSuperseded,
    PoolChangeTrigger,
    Stewardship,
)
from autoselection_core.campaign.declaration.codec import campaign_from_json, campaign_to_json
from autoselection_core.campaign.declaration.trackers import Mlflow, TensorBoard, WeightsAndBiases
from autoselection_core.campaign.remote.clients import attached_workspace
from autoselection_core.campaign.remote.shards import (
    arrays_of_shard,
    given_from_json,
    given_to_json,
    write_shard,
)
from autoselection_core.campaign.remote.tasks import run_shard, score_rows
from autoselection_core.cluster import Cluster, Task
from autoselection_core.errors.models import DifferentWorkerError, HeadLostError, UnsharedHomeError
from autoselection_core.errors.store import OutsideFolderError
from autoselection_core.evaluation.judge.evaluator import JudgeSettings
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.models.chat.chat_settings import ChatSettings
from autoselection_core.models.chat.templated_model import ModelReference
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.signals.shards import Array, mapped
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.store.home import Home
from autoselection_core.store.lance import ID, LanceTable
from autoselection_core.subset import realise
from tests.cluster.works import (
    CHUNKED_ROWS,
    RoundTrip,
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

EVERYTHING = {
    "base_model": "/model",
    "benchmarks": (DeclaredBenchmark("sums", Path("/sums"), 2.0, {"format": "mcq"}),),
    "operators": ("keep_top", "keep_random"),
    "training": {"preset": "small"},
    "stated_settings": ("budget",),
    "policy": {"warmup": 3},
    "closed_form": ClosedForm({"tokens": 1.0}, 0.1, 0.2, 0.3),
    "on_pool_change": OnPoolChange(
        PoolChangeTrigger.SCHEDULE, "1 2 * * *", 3, "UTC", OnSuperseded.STOP, 1.5, 2
    ),
    "stewardship": Stewardship(("team:data",), {"domain": "maths"}, 24.0),
    "price_per_hour": 1.5,
    "mlflow": Mlflow("http://127.0.0.1:5000", "demo"),
    "tensorboard": TensorBoard(Path("/data/runs")),
    "wandb": WeightsAndBiases("demo"),
    "judge": JudgeSettings(("judge", "{subset}"), environment={"LEVEL": "1"}, items=4),
    "contamination_limit": 0.9,
    "adviser": AdviserSettings("http://127.0.0.1:1/v1", "a model", roles=("ranker",)),
    "fidelities": {"short": Fidelity(0.1, amount=0.5)},
    "file": "/campaigns/own.yaml",
    "signal_lines": {"tokens": 7},
}


def test_a_campaign_that_went_over_the_wire_is_the_same_campaign(tmp_path: Path) -> None:
    made = replace(campaign(tmp_path, 3), **EVERYTHING)  # type: ignore[arg-type] # as the fields are typed
    plain = Campaign(made.name, made.sources)
    changed = [
        field.name for field in fields(made) if getattr(made, field.name) != getattr(plain, field.name)
    ]

    read = campaign_from_json(json.loads(json.dumps(campaign_to_json(made))))
    assert (read, read.file, read.signal_lines) == (made, made.file, made.signal_lines)
    assert len(changed) == len(fields(made)) - 2, "every field but name and sources is tried"


def test_values_that_come_from_elsewhere_are_the_values_computed_here(tmp_path: Path) -> None:
    made, cluster = campaign(tmp_path, CHUNKED_ROWS + 100), RoundTrip()

    here, elsewhere = scored(made, tmp_path / "here", None), scored(made, tmp_path / "there", cluster)

    assert tables_of(here) == tables_of(elsewhere)
    assert here.signal_versions == elsewhere.signal_versions
    assert cluster.asked.pop("score_rows") == 4  # two chunks of two signals
    assert cluster.asked == {"run_shard": 2}  # of the groups of equal texts
    for name, version in here.signal_versions.items():
        records = [LanceTable(home.lance, f"{name}-{version}").read() for home in (here.home, elsewhere.home)]
        assert records[0].equals(records[1])
        assert name == "exact" or len(records[0].column(ID)) == CHUNKED_ROWS + 100


def test_number_types_that_workers_used_are_noted_as_they_are_here(tiny: Path, tmp_path: Path) -> None:
    made = replace(campaign(tmp_path, 20), base_model=str(tiny), signals={"model_scores": {}, "form": {}})

    for name, cluster in (("here", None), ("there", RoundTrip())):
        workspace = scored(made, tmp_path / name, cluster)
        pool, versions = workspace.pool(), workspace.signal_versions
        record = LanceTable(workspace.home.lance, f"model_scores-{versions['model_scores']}").read()

        assert workspace.score("model_scores", pool).number_types == {"float32 on cpu": 20}
        assert workspace.store.number_types(versions["form"], pool) == {}
        assert record.schema.metadata is None


@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=30)
)
@settings(max_examples=8)
def test_groups_and_pairs_that_come_from_elsewhere_are_those_of_one_machine(answers: list[str]) -> None:
    with TemporaryDirectory() as named:
        folder, cluster = Path(named), RoundTrip()
        made = with_pairs(campaign(folder, 1), folder)
        records = ({"instruction": f"Say {n}.", "output": answer} for n, answer in enumerate(answers))
        Path(made.sources[0].path).write_text("".join(json.dumps(each) + "\n" for each in records))
        found = []
        for name, used in (("here", None), ("there", cluster)):
            workspace = attached_workspace(made, Home(folder / name), used)
            bring_vectors(workspace.ingest().pool, folder)
            found.append(scored(made, folder / name, used))
        here, there = found

        assert files_of(here) == files_of(there)
        assert here.signal_versions == there.signal_versions
        assert cluster.asked["run_shard"] >= 6
        assert not list(there.home.shards.glob("*")), "what was kept for a killed run is gone"


def test_the_report_says_what_each_worker_did(tmp_path: Path) -> None:
    rows = CHUNKED_ROWS + 100
    workspace = attached_workspace(campaign(tmp_path, rows), Home(tmp_path / "home"), RoundTrip())
    pool = workspace.ingest().pool
    worker = f"{socket.gethostname()}:{os.getpid()}"

    form, exact, again = (workspace.score(name, pool) for name in ("form", "exact", "exact"))

    assert [(each.worker, each.work, each.tasks, each.size) for each in (*form.workers, *exact.workers)] == [
        (worker, "form", 2, rows),
        (worker, "digests_of_rows", 2, rows),
    ]
    assert 0 < form.workers[0].seconds < form.seconds
    assert again.workers == ()
    assert scored(workspace.campaign, tmp_path / "here", None).score("exact", pool).workers == ()


@dataclass(frozen=True)
class Dying(RoundTrip):
    """A cluster whose head is lost after some answers."""

    answers: int = 0

    def results(
        self,
        task: Task,
        asked: Iterable[bytes],
        *,
        on_device: bool,
        while_waiting: Callable[[], None] | None = None,
    ) -> Iterator[bytes]:
        for answer in super().results(task, asked, on_device=on_device, while_waiting=while_waiting):
            if self.asked[task.__name__] > self.answers:
                raise HeadLostError("127.0.0.1:1")
            yield answer


def test_shards_that_were_finished_before_the_head_was_lost_are_not_asked_for_again(tmp_path: Path) -> None:
    made = replace(campaign(tmp_path, 1), signals={"near_duplicates": {"words": 2}})
    write_random_words(made, 2 * CHUNKED_ROWS + 100, length=6)
    whole, after = RoundTrip(), RoundTrip()
    scored(made, tmp_path / "whole", whole)
    home = Home(tmp_path / "home")
    workspace = attached_workspace(made, home, Dying(answers=3))
    pool = workspace.ingest().pool

    with pytest.raises(HeadLostError, match="is kept: start its head again, and run the same again"):
        workspace.score("near_duplicates", pool)
    assert not list(home.columns.glob("*/*"))
    rerun = attached_workspace(made, home, after)
    report = rerun.score("near_duplicates", pool)

    assert (
        after.asked["run_shard"] == whole.asked["run_shard"] - 4
    )  # the fourth was finished, but not heard of
    assert sum(each.tasks for each in report.workers) == after.asked["run_shard"]
    assert files_of(rerun) == files_of(scored(made, tmp_path / "whole", None))


def test_a_shard_that_is_there_is_not_made_again_and_half_a_shard_is_not_there(tmp_path: Path) -> None:
    begun = []

    def work(until: int) -> Iterator[Array]:
        begun.append(until)
        yield np.arange(3)
        if until == 1:
            raise KeyboardInterrupt
        yield np.arange(4)

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "one", work, (1,))
    assert not (tmp_path / "one").exists()
    for _ in range(2):
        write_shard(tmp_path / "one", work, (2,))

    assert begun == [1, 2]
    assert [len(each) for each in arrays_of_shard(tmp_path / "one")] == [3, 4]


def test_what_a_killed_scoring_left_goes_with_its_version_or_after_a_week(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    workspace = attached_workspace(campaign(tmp_path, 50), home, RoundTrip())
    pool = workspace.ingest().pool
    of_an_earlier_pool = home.shards_of("earlier", workspace.signal_versions["exact"])
    forgotten, at_work = home.shards_of("earlier", "other"), home.shards_of("later", "other")
    for each in (of_an_earlier_pool, forgotten, at_work):
        each.mkdir(parents=True)
    os.utime(forgotten, (0, 0))

    workspace.score("exact", pool)

    assert [each.exists() for each in (of_an_earlier_pool, forgotten, at_work)] == [False, False, True]


def test_what_a_worker_is_asked_for_leads_out_of_no_home(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    np.save(tmp_path / "secret.npy", np.zeros(3))

    with pytest.raises(OutsideFolderError):
        given_from_json({"array": "../secret.npy"}, home, lambda name: Pool.open(Path(name)))
    with pytest.raises(OutsideFolderError):
        given_to_json(mapped(tmp_path / "secret.npy"), home)


def test_work_that_a_worker_does_not_know_is_refused(tmp_path: Path) -> None:
    workspace = scored(campaign(tmp_path, 10), tmp_path / "home", None)
    version, pool = workspace.signal_versions["exact"], workspace.pool().version
    question = {
        "home": str(workspace.home.root),
        "campaign": campaign_to_json(workspace.campaign),
        "signal": "exact",
        "version": version,
        "pool": pool,
        "work": "os.system",
        "shard": "one",
        "given": ["true"],
    }

    with pytest.raises(UnsharedHomeError, match="wrote of exact is not in"):
        run_shard(json.dumps(question).encode())
    workspace.home.shards_of(pool, version).mkdir(parents=True)
    with pytest.raises(DifferentWorkerError, match=r"the work in version none, and os\.system"):
        run_shard(json.dumps(question).encode())


def test_what_is_scored_is_not_asked_for_again(tmp_path: Path) -> None:
    cluster = RoundTrip()
    workspace = scored(campaign(tmp_path, 50), tmp_path / "home", cluster)
    asked = dict(cluster.asked)

    assert workspace.score("form", workspace.pool()).computed == 0
    assert cluster.asked == asked


@pytest.mark.parametrize("workers", [1, 3])
def test_a_search_that_is_judged_elsewhere_records_what_one_here_records(
    tmp_path: Path, workers: int
) -> None:
    made, cluster = campaign(tmp_path, 60), RoundTrip()

    here, there = scored(made, tmp_path / "here", None), scored(made, tmp_path / "there", cluster)

    assert in_order(searched(there, workers)) == in_order(searched(here, workers))
    assert sum(payment.cost for payment in there.ledger.payments("first")) == made.search.budget
    assert cluster.asked["evaluate_subset"] == made.search.budget


def test_cheaper_evaluations_are_made_elsewhere_as_they_are_here(tmp_path: Path) -> None:
    made, cluster = campaign(tmp_path, 60), RoundTrip()
    made = replace(
        made,
        search=SearchSettings(budget=8),
        policy={"fresh": 40, "edits": 20, "draws": 2},
        fidelities={"short": Fidelity(0.1, amount=0.25)},
    )

    here, there = scored(made, tmp_path / "here", None), scored(made, tmp_path / "there", cluster)

    history = searched(there, 1)
    assert history == searched(here, 1)
    assert len(history.cheap) >= 4
    assert cluster.asked["evaluate_subset"] == len(history.observations) + len(history.cheap)


def test_test_items_are_opened_once_whoever_scores_them(tmp_path: Path) -> None:
    made, cluster = campaign(tmp_path, 60), RoundTrip()
    workspace = scored(made, tmp_path / "home", cluster)
    version = workspace.pool().version
    evaluator = workspace.evaluator(version)
    evaluation = evaluator.evaluate(realise(Recipe(), workspace.signals(version)), 0)

    opened = evaluator.open_test(evaluation.key, "to see")

    alone = replace(workspace, remote=None).evaluator(version)
    assert alone.open_test(evaluation.key, "again") == opened
    assert evaluator.evaluate(realise(Recipe(), workspace.signals(version)), 0) == evaluation
    assert cluster.asked["evaluate_subset"] == 1


def test_a_worker_that_knows_another_signal_refuses(tmp_path: Path) -> None:
    workspace = scored(campaign(tmp_path, 10), tmp_path / "home", None)
    question = {
        "home": str(workspace.home.root),
        "campaign": campaign_to_json(workspace.campaign),
        "signal": "form",
        "version": "0" * 32,
        "pool": workspace.pool().version,
        "rows": [0],
    }

    with pytest.raises(DifferentWorkerError, match=r"the signal 'form'.* same release"):
        score_rows(json.dumps(question).encode())


def test_a_worker_keeps_what_it_makes_of_a_model_in_the_home_that_asks(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was started without the variable made links to models in the folder it was started in."""
    model = str(ModelReference(str(tiny), ChatSettings(system="fold")))
    made = replace(campaign(tmp_path, 4), base_model=model, signals={"model_scores": {}})
    home = Home(tmp_path / "home")
    workspace = attached_workspace(made, home, None)
    with home.served():
        question = {
            "home": str(home.root),
            "campaign": campaign_to_json(made),
            "signal": "model_scores",
            "version": workspace.signal_versions["model_scores"],
            "pool": workspace.ingest().pool.version,
            "rows": [0, 1],
        }
    shutil.rmtree(home.templated)
    monkeypatch.setenv(environment_variables.HOME, str(tmp_path / "own"))

    assert score_rows(json.dumps(question).encode())

    assert home.templated.is_dir()
    assert not (tmp_path / "own").exists()


def test_a_worker_reads_a_benchmark_anew_that_was_changed_since_its_last_task(tmp_path: Path) -> None:
    """It refused every further task until somebody ended its process."""
    place = BenchmarkPlace("sums", tmp_path / "sums")
    place.path.mkdir()
    (place.path / "benchmark.yaml").write_text("items: items.jsonl\n")
    made = replace(campaign(tmp_path, 10), benchmarks=(place,), signals={"contamination": {}})

    for number in range(2):
        items = [{"question": f"What is {n} + {number}?", "answer": str(n)} for n in range(20)]
        (place.path / "items.jsonl").write_text("".join(json.dumps(each) + "\n" for each in items))
        workspace = attached_workspace(made, Home(tmp_path / "home"), None)
        (signal,) = workspace.definitions.values()
        question = {
            "home": str(workspace.home.root),
            "campaign": campaign_to_json(made),
            "signal": signal.name,
            "version": signal.fingerprint,
            "pool": workspace.ingest().pool.version,
            "rows": [0],
        }

        assert score_rows(json.dumps(question).encode())


def nothing(_asked: bytes) -> bytes:
    return b"done"


class Absent(RoundTrip):
    """Says that it is done, somewhere else."""

    def results(
        self,
        task: Task,  # noqa: ARG002 - that is the point
        asked: Iterable[bytes],
        *,
        on_device: bool,
        while_waiting: Callable[[], None] | None = None,
    ) -> Iterator[bytes]:
        return super().results(nothing, asked, on_device=on_device, while_waiting=while_waiting)


def test_a_worker_whose_home_is_another_folder_is_found_out(tmp_path: Path) -> None:
    absent: Cluster = Absent()
    local = scored(campaign(tmp_path, 10), tmp_path / "home", None)
    workspace = attached_workspace(local.campaign, local.home, absent)
    version = workspace.pool().version

    with pytest.raises(UnsharedHomeError, match="same path on every machine"):
        workspace.evaluator(version).evaluate(realise(Recipe(), workspace.signals(version)), 0)
