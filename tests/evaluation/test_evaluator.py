"""Whole evaluations: what is kept, what is never done twice, what a failure leaves."""

import ctypes
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoselection_core.benchmarks.split import Side, split
from autoselection_core.errors.evaluation import (
    BaseModelChangedError,
    DivergedError,
    NotEvaluatedError,
    WeightsGoneError,
    WrongPoolError,
)
from autoselection_core.evaluation.environment import Counter, device_counters, read_counters, used_joules
from autoselection_core.evaluation.evaluator import FineTuningEvaluator
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.evaluation.scoring.scoring import score_benchmark
from autoselection_core.evaluation.training.settings import Method
from autoselection_core.models.base_model import BaseModel
from autoselection_core.recipe.program import Recipe
from autoselection_core.subset.value import Subset
from autoselection_core.testing.tiny_model import tiny_model
from tests.evaluation.bench import BENCHMARK, POOL, TRAINING, choices_benchmark, fine_tuning, subset


def package(folder: Path, energy: str, name: str = "intel-rapl:0") -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "energy_uj").write_text(energy)
    (folder / name / "max_energy_range_uj").write_text("9000000\n")


def test_packages_are_read_without_their_parts(tmp_path: Path) -> None:
    package(tmp_path, "5000000\n")
    package(tmp_path, "4000000\n", "intel-rapl:0:0")

    assert read_counters(tmp_path)["intel-rapl:0"] == Counter(5.0, 9.0)
    assert "intel-rapl:0:0" not in read_counters(tmp_path)


def test_a_machine_without_counters_has_no_energy_instead_of_none_used(tmp_path: Path) -> None:
    known = {name for name in read_counters(tmp_path) if name.startswith("intel-rapl")}

    assert known == set()
    assert used_joules({}, {}) is None


def test_a_counter_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    package(tmp_path, "<not supported>")

    assert "intel-rapl:0" not in read_counters(tmp_path)


def test_a_counter_that_came_round_is_counted_on() -> None:
    assert used_joules({"a": Counter(8.0, 9.0)}, {"a": Counter(1.0, 9.0)}) == pytest.approx(2.0)


def test_a_device_that_went_away_leaves_the_energy_unknown() -> None:
    assert used_joules({"a": Counter(1.0), "b": Counter(1.0)}, {"a": Counter(2.0)}) is None


@dataclass
class Library:
    """NVIDIA's management library on a machine of devices, each with its millijoules, if it counts them.

    Attributes:
        devices: Present values of the counters.
        refusal: Return code of the initialisation.
        opened: Number of initialisations that were not ended yet.
    """

    devices: tuple[int | None, ...]
    refusal: int = 0
    opened: int = 0

    def __getattr__(self, name: str) -> Callable[..., int]:
        functions: dict[str, Callable[..., int]] = {
            "nvmlInit_v2": self.open,
            "nvmlShutdown": self.close,
            "nvmlDeviceGetCount_v2": self.count,
            "nvmlDeviceGetHandleByIndex_v2": self.handle,
            "nvmlDeviceGetTotalEnergyConsumption": self.energy,
        }
        return functions[name]

    def open(self) -> int:
        self.opened += self.refusal == 0
        return self.refusal

    def close(self) -> int:
        self.opened -= 1
        return 0

    def count(self, found: Any) -> int:
        found._obj.value = len(self.devices)
        return 0

    def handle(self, number: int, found: Any) -> int:
        found._obj.value = 1_000 + number
        return 0

    def energy(self, handle: ctypes.c_void_p, found: Any) -> int:
        assert handle.value is not None
        value = self.devices[handle.value - 1_000]
        if value is None:
            return 3  # "not supported"
        found._obj.value = value
        return 0


def test_devices_are_read_in_joules_without_those_that_count_none() -> None:
    library = Library((5_000, None, 7_500))

    assert device_counters(library) == {"device 0": Counter(5.0), "device 2": Counter(7.5)}
    assert library.opened == 0


def test_a_driver_that_does_not_answer_has_no_devices() -> None:
    library = Library((5_000,), refusal=9)

    assert device_counters(library) == {}
    assert library.opened == 0


@pytest.fixture(scope="module")
def made(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[FineTuningEvaluator, EvaluationFolder]:
    """An evaluator with one finished evaluation. Tests leave it as it is."""
    home = tmp_path_factory.mktemp("home")
    evaluator = fine_tuning(home, tiny)
    key = evaluator.evaluate(subset(), 0).key
    return evaluator, EvaluationFolder(evaluator.home.evaluation(key))


Made = tuple[FineTuningEvaluator, EvaluationFolder]


def test_training_on_the_task_beats_training_on_nothing(made: Made, tiny: Path, tmp_path: Path) -> None:
    hardly = fine_tuning(tmp_path, tiny, replace(TRAINING, learning_rate=1e-9)).evaluate(subset(), 0)

    assert made[0].evaluate(subset(), 0).utility > hardly.utility + 1.0


def test_the_base_model_is_scored_once_and_not_trained(made: Made, tiny: Path, tmp_path: Path) -> None:
    evaluator = fine_tuning(tmp_path, tiny)
    base = BaseModel.load(tiny, dtype=TRAINING.loaded_dtype)

    started = time.monotonic()
    first = evaluator.score_base_model("report of search first")
    took = time.monotonic() - started
    folder = EvaluationFolder(evaluator.home.evaluation(first.dev.key))
    before = {
        file: file.stat().st_mtime_ns for file in folder.path.rglob("*.json*") if "openings" not in file.name
    }
    again = fine_tuning(tmp_path, tiny).score_base_model("report of search second")

    scored = [score_benchmark(base, BENCHMARK, side, evaluator.scoring)[0] for side in (Side.DEV, Side.TEST)]
    told = (*first.dev.scores, *first.test)
    assert [score.mean for score in told] == pytest.approx([score.mean for score in scored])
    assert [len(score.items) for score in told] == [len(score.items) for score in scored]
    assert (first.dev.trained_count, first.dev.cost.training_tokens) == (0, 0)
    test_seconds = folder.read_json("test.json")["seconds"]
    assert 0 < min(first.dev.cost.seconds, test_seconds) < first.dev.cost.seconds + test_seconds < took
    assert made[0].evaluate(subset(), 0).utility > first.dev.utility
    assert again == first
    assert all(file.stat().st_mtime_ns == changed for file, changed in before.items())
    assert [each["reason"][-5:] for each in folder.openings()] == ["first", "econd"]


def test_two_homes_score_the_same(made: Made, tiny: Path, tmp_path: Path) -> None:
    again = fine_tuning(tmp_path, tiny).evaluate(subset(), 0)
    first = made[0].evaluate(subset(), 0)

    assert (again.key, again.scores, again.trained_hash) == (first.key, first.scores, first.trained_hash)


def test_a_finished_evaluation_is_not_made_again(made: Made) -> None:
    evaluator, folder = made
    before = {file: file.stat().st_mtime_ns for file in folder.path.rglob("*") if file.is_file()}

    evaluator.evaluate(subset(), 0)

    assert {file: file.stat().st_mtime_ns for file in folder.path.rglob("*") if file.is_file()} == before


def test_every_item_has_a_record(made: Made) -> None:
    evaluation = made[0].evaluate(subset(), 0)

    (score,) = evaluation.scores
    assert [item.item for item in score.items] == [item.id for item in split(BENCHMARK).dev]
    assert all(item.prompt and item.tokens for item in score.items)
    assert evaluation.selected_count == 60
    assert evaluation.cost.training_tokens <= TRAINING.amount
    assert min(evaluation.cost.seconds, evaluation.cost.scoring_tokens, evaluation.cost.peak_bytes) > 0


def test_killed_before_the_commit_it_is_committed_and_not_trained_again(
    made: Made, tiny: Path, tmp_path: Path
) -> None:
    evaluator = fine_tuning(tmp_path, tiny)
    first = evaluator.evaluate(subset(), 0)
    folder = EvaluationFolder(evaluator.home.evaluation(first.key))
    (folder.path / "result.json").unlink()
    adapter = folder.path / "adapter" / "adapter_model.safetensors"
    written = adapter.stat().st_mtime_ns

    again = evaluator.evaluate(subset(), 0)

    assert (again.scores, again.cost.training_tokens) == (first.scores, first.cost.training_tokens)
    assert adapter.stat().st_mtime_ns == written
    assert again.scores == made[0].evaluate(subset(), 0).scores


def test_records_without_weights_are_trained_again_and_refuse_to_open_more(
    made: Made, tiny: Path, tmp_path: Path
) -> None:
    """A copy of a study's records, as it stands in a repository."""
    evaluator = fine_tuning(tmp_path, tiny)
    first = evaluator.evaluate(subset(), 0)
    folder = evaluator.home.evaluation(first.key)
    shutil.rmtree(folder / "adapter")

    with pytest.raises(WeightsGoneError, match="train it again"):
        fine_tuning(tmp_path, tiny).open_test(first.key, "report")
    (folder / "result.json").unlink()

    assert fine_tuning(tmp_path, tiny).evaluate(subset(), 0).scores == made[0].evaluate(subset(), 0).scores
    assert (folder / "adapter").is_dir()


def test_a_failed_training_leaves_no_score(tiny: Path, tmp_path: Path) -> None:
    diverging = replace(TRAINING, method=Method.FULL, learning_rate=1.0, warmup_share=0.0)
    evaluator = fine_tuning(tmp_path, tiny, diverging)

    for _ in range(2):
        with pytest.raises(DivergedError):
            evaluator.evaluate(subset(), 0)

    folder = EvaluationFolder(evaluator.home.evaluation(evaluator.key(subset().fingerprint, 0)))
    assert not folder.is_complete
    assert not list(folder.path.rglob("*.jsonl"))
    with pytest.raises(NotEvaluatedError):
        evaluator.open_test(folder.key, "there is nothing to see")


def test_a_model_that_was_put_under_the_path_meanwhile_is_no_part_of_an_evaluation(
    made: Made, tiny: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It was trained, and scored, under the name of the first one."""
    path = Path(shutil.copytree(tiny, tmp_path / "model"))
    evaluator = fine_tuning(tmp_path / "home", path)
    key = evaluator.key(subset().fingerprint, 0)
    other = tiny_model(tmp_path_factory.mktemp("other"), seed=1)

    shutil.copy(other / "model.safetensors", path / "model.safetensors")
    with pytest.raises(BaseModelChangedError, match="another one than when this began"):
        evaluator.evaluate(subset(), 0)

    assert not EvaluationFolder(evaluator.home.evaluation(key)).is_complete
    shutil.copy(tiny / "model.safetensors", path / "model.safetensors")
    assert evaluator.evaluate(subset(), 0).scores == made[0].evaluate(subset(), 0).scores


def test_progress_is_told(tiny: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []

    fine_tuning(tmp_path, tiny).evaluate(subset(), 0, lambda *what: told.append(what))

    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == ["training", "scoring on benchmark sums"]
    assert all(0 < done <= total for _, done, total in told)
    assert told[-1][1] == told[-1][2]


def test_test_items_are_scored_by_the_saved_model_when_they_are_opened(made: Made) -> None:
    evaluator, folder = made

    scores = evaluator.open_test(folder.key, "report")
    again = evaluator.open_test(folder.key, "second report")

    assert scores == again
    assert [item.item for item in scores[0].items] == [item.id for item in split(BENCHMARK).test]
    assert [opening["reason"] for opening in folder.openings()] == ["report", "second report"]
    assert scores[0].mean == pytest.approx(evaluator.evaluate(subset(), 0).scores[0].mean, abs=1.0)


def test_the_whole_model_is_kept_where_all_of_it_was_trained(tiny: Path, tmp_path: Path) -> None:
    full = replace(TRAINING, method=Method.FULL, learning_rate=2e-3)
    evaluator = fine_tuning(tmp_path, tiny, full)

    evaluation = evaluator.evaluate(subset(), 0)

    assert (evaluator.home.evaluation(evaluation.key) / "model" / "model.safetensors").is_file()
    assert evaluator.open_test(evaluation.key, "report")[0].mean > -8.0


def test_nothing_is_pickled(made: Made) -> None:
    kinds = {file.suffix for file in made[1].path.rglob("*") if file.is_file()}

    assert kinds <= {".json", ".jsonl", ".safetensors", ""}


def test_no_text_of_a_confidential_benchmark_is_written(tiny: Path, tmp_path: Path) -> None:
    benchmark = replace(choices_benchmark(), confidential=True)
    evaluator = fine_tuning(tmp_path, tiny, benchmark=benchmark)
    key = evaluator.evaluate(subset(), 0).key
    evaluator.open_test(key, "report")

    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())

    assert b"Please say" not in written
    assert not any(item.question.encode() in written for item in benchmark.items)
    assert "Please say" not in repr(benchmark)


def test_a_key_names_subset_model_training_benchmark_and_replicate(
    tiny: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other_model = tiny_model(tmp_path_factory.mktemp("other"), seed=1)
    evaluator = fine_tuning(tmp_path, tiny)
    keys = {
        evaluator.key("a", 0),
        evaluator.key("b", 0),
        evaluator.key("a", 1),
        fine_tuning(tmp_path, other_model).key("a", 0),
        fine_tuning(tmp_path, tiny, replace(TRAINING, rank=4)).key("a", 0),
        fine_tuning(tmp_path, tiny, benchmark=choices_benchmark()).key("a", 0),
    }

    assert len(keys) == 6
    assert fine_tuning(tmp_path / "elsewhere", tiny, weights={"sums": 1.0}).key("a", 0) == evaluator.key(
        "a", 0
    )
    assert fine_tuning(tmp_path, tiny, replace(TRAINING, pack_tokens=64)).key("a", 0) == evaluator.key("a", 0)


def test_a_subset_of_another_pool_is_refused(made: Made) -> None:
    foreign = Subset(Recipe(()), "another pool", np.arange(3), "0" * 32)

    with pytest.raises(WrongPoolError):
        made[0].evaluate(foreign, 0)


def test_the_record_says_how_and_on_what_it_was_made(made: Made) -> None:
    config = json.loads((made[1].path / "config.json").read_text())
    environment = json.loads((made[1].path / "environment.json").read_text())

    assert config["training"]["rank"] == TRAINING.rank
    assert config["benchmarks"] == {"sums": BENCHMARK.version}
    assert config["subset"] == subset().fingerprint
    assert {"torch", "trl", "peft", "dtype", "threads"} <= set(environment)
    assert len(POOL) == config_count(made[1])


def config_count(folder: EvaluationFolder) -> int:
    return int(folder.read_result().selected_count)
