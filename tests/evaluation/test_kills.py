"""Evaluations whose process is killed from outside, at any moment."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.store.home import Home
from tests.evaluation.bench import fine_tuning, subset

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]
PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path

import torch

torch.set_num_threads(1)
from tests.evaluation.bench import TRAINING, fine_tuning, subset

evaluator = fine_tuning(Path(sys.argv[1]), Path(sys.argv[2]), checkpoint_s=0.3)
print("ready", flush=True)
evaluator.evaluate(subset(), 0, lambda *what: print(*what, flush=True))
"""


def start(home: Path, tiny: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home), str(tiny)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_killed_at_random_moments_it_ends_as_if_undisturbed(tiny: Path, tmp_path: Path) -> None:
    undisturbed = fine_tuning(tmp_path / "quiet", tiny).evaluate(subset(), 0)
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 pytest shows it when the test fails
    moments = random.Random(seed)  # noqa: S311 no secret
    home = tmp_path / "noisy"
    for _ in range(6):
        process = start(home, tiny)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.uniform(0.0, 3.0))
        kill(process)

    result = fine_tuning(home, tiny).evaluate(subset(), 0)

    assert result.scores == undisturbed.scores
    assert result.trained_hash == undisturbed.trained_hash
    assert result.cost.training_tokens == undisturbed.cost.training_tokens


def test_killed_after_the_training_it_is_scored_and_not_trained_again(tiny: Path, tmp_path: Path) -> None:
    process = start(tmp_path, tiny)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("scoring"):
            break
    kill(process)
    evaluator = fine_tuning(tmp_path, tiny)
    folder = EvaluationFolder(Home(tmp_path).evaluation(evaluator.key(subset().fingerprint, 0)))
    adapter = folder.path / "adapter" / "adapter_model.safetensors"
    written = adapter.stat().st_mtime_ns
    stages: list[str] = []

    evaluator.evaluate(subset(), 0, lambda stage, *_: stages.append(stage))

    assert adapter.stat().st_mtime_ns == written
    assert "training" not in stages
    assert folder.is_complete


def test_two_processes_that_want_the_same_evaluation_make_it_once(tiny: Path, tmp_path: Path) -> None:
    both = [start(tmp_path, tiny), start(tmp_path, tiny)]

    told = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sorted("training" in output for output in told) == [False, True]
