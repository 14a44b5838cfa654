"""Trainings by two processes on two devices; here both devices are the processor."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from autoselection_core.errors.evaluation import TrainingFailedError, WorkerDiedError
from autoselection_core.evaluation.evaluator import FineTuningEvaluator
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.evaluation.training.data_parallel import start_workers
from autoselection_core.evaluation.training.settings import Method
from tests.evaluation.bench import TRAINING, fine_tuning, subset

REPOSITORY = Path(__file__).parents[2]
TWO = replace(TRAINING, devices=2)
PROGRAM = """
import sys
from pathlib import Path

from tests.evaluation.test_devices import TWO, fine_tuning, subset

fine_tuning(Path(sys.argv[1]), Path(sys.argv[2]), TWO).evaluate(
    subset(), 0, lambda *what: print(*what, flush=True)
)
"""


def folder_of(evaluator: FineTuningEvaluator) -> EvaluationFolder:
    return EvaluationFolder(evaluator.home.evaluation(evaluator.key(subset().fingerprint, 0)))


@pytest.mark.e2e
@pytest.mark.parametrize("method", list(Method))
def test_two_devices_train_what_one_does(tiny: Path, tmp_path: Path, method: Method) -> None:
    one = fine_tuning(tmp_path / "one", tiny, replace(TRAINING, method=method, learning_rate=2e-3))
    two = fine_tuning(tmp_path / "two", tiny, replace(TWO, method=method, learning_rate=2e-3))

    alone, together = one.evaluate(subset(), 0), two.evaluate(subset(), 0)

    assert alone.key == together.key
    assert (together.trained_hash, together.cost.training_tokens) == (
        alone.trained_hash,
        alone.cost.training_tokens,
    )
    losses = [folder_of(evaluator).read_json("trained.json")["losses"] for evaluator in (one, two)]
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-4)
    assert together.utility == pytest.approx(alone.utility, abs=1e-3)
    compare_weights(folder_of(one).path, folder_of(two).path)
    assert folder_of(two).read_json("environment.json")["devices"] == 2
    assert not (folder_of(two).path / "devices").exists()


def compare_weights(one: Path, two: Path) -> None:
    files = sorted(file.relative_to(one) for file in one.glob("*/*.safetensors"))
    assert files
    for file in files:
        mine, others = load_file(one / file), load_file(two / file)
        assert mine.keys() == others.keys()
        for name, weights in mine.items():
            np.testing.assert_allclose(others[name], weights, atol=2e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_processes_that_train_together_share_the_threads_of_one(tmp_path: Path, count: int) -> None:
    program = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['RANK'], os.environ['WORLD_SIZE'])"

    with start_workers(["-c", program], count, tmp_path / "log") as workers:
        said = list(workers.lines())
        codes = workers.codes()
    said += (tmp_path / "log").read_text().splitlines()

    threads, ranks, sizes = zip(*(map(int, line.split()) for line in said), strict=True)
    of_one = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    assert min(threads) >= 1
    assert sum(threads) <= max(of_one, count) < sum(threads) + count
    assert (sorted(ranks), set(sizes), codes) == (list(range(count)), {count}, [0] * count)


def test_the_last_lines_of_the_first_process_are_read_though_another_has_ended_before_it(
    tmp_path: Path,
) -> None:
    program = (
        "import os, time\n"
        "for number in range(2 * (os.environ['RANK'] == '0')):\n"
        "    time.sleep(0.3)\n"
        "    print('line', end=' ', flush=True)\n"
        "    time.sleep(0.3)\n"
        "    print(number, flush=True)\n"
    )

    with start_workers(["-c", program], 2, tmp_path / "log") as workers:
        assert list(workers.lines()) == ["line 0", "line 1"]
        assert workers.codes() == [0, 0]


def test_every_line_of_the_first_process_is_passed_on_while_it_runs(tmp_path: Path) -> None:
    """Each line is said only once the one before it has arrived."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "for number in range(3):\n"
        "    print('line', number, flush=True)\n"
        "    while not (Path(sys.argv[1]) / str(number)).exists():\n"
        "        time.sleep(0.01)\n"
    )
    heard = []

    with start_workers(["-c", program, str(tmp_path)], 1, tmp_path / "log") as workers:
        for line in workers.lines():
            heard.append(line)
            (tmp_path / line.split()[1]).touch()

    assert heard == ["line 0", "line 1", "line 2"]


def worker(rank: int) -> psutil.Process:
    return next(
        child
        for child in psutil.Process().children(recursive=True)
        if child.environ().get("RANK") == str(rank)
    )


@pytest.mark.e2e
def test_a_process_that_is_killed_is_named_and_its_training_goes_on(tiny: Path, tmp_path: Path) -> None:
    undisturbed = fine_tuning(tmp_path / "quiet", tiny).evaluate(subset(), 0)
    evaluator = fine_tuning(tmp_path / "noisy", tiny, TWO, checkpoint_s=0.0)

    def kill_one(stage: str, done: int, _: int) -> None:
        if stage == "training" and done == 3:
            worker(1).kill()

    with pytest.raises(WorkerDiedError, match="process 1 was killed by signal 9"):
        evaluator.evaluate(subset(), 0, kill_one)
    told: list[tuple[str, int, int]] = []
    result = evaluator.evaluate(subset(), 0, lambda *what: told.append(what))

    assert next(done for stage, done, _ in told if stage == "training") > 1
    assert result.trained_hash == undisturbed.trained_hash
    assert result.utility == pytest.approx(undisturbed.utility, abs=1e-3)


@pytest.mark.e2e
def test_no_process_outlives_its_parent(tiny: Path, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(tiny)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    assert "training" in parent.stdout.readline()
    children = psutil.Process(parent.pid).children(recursive=True)

    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()

    assert len(children) == 2
    gone, alive = psutil.wait_procs(children, timeout=20)
    assert (len(gone), alive) == (2, [])


@pytest.mark.e2e
def test_a_failure_on_several_devices_is_the_failure_it_would_be_on_one(tiny: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    evaluator = fine_tuning(
        tmp_path, tiny, replace(TWO, method=Method.FULL, learning_rate=10.0, warmup_share=0.0)
    )

    with pytest.raises(TrainingFailedError, match="lower the learning rate"):
        evaluator.evaluate(subset(), 0)

    assert not folder_of(evaluator).is_complete
    assert time.monotonic() - started < 120
    assert json.loads(next(folder_of(evaluator).path.glob("devices/outcome-0.json")).read_text())["failed"]
