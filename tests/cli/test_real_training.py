import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from autoselection_core.history.records import TrialState
from autoselection_core.testing.tiny_model import tiny_model
from tests.cli.workshop import Workshop

CAMPAIGN = """\
campaigns:
  real:
    pool: [{path: "raw/*", licence: CC0-1.0}]
    base_model: model
    benchmarks: {sums: {path: benchmark}}
    signals: [tokens, word_entropy]
    training: {preset: cpu-lora, amount: 1500}
    search: {budget: 2, policy: random, report_evaluations: 2}
"""
BUDGET = 2
LONGEST_WAIT_S = 1.5
"""Four trainings take longer than two such waits, so the second worker finds one to be killed in, too."""


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """A campaign that truly fine-tunes a small model."""
    shop = Workshop.fill(tmp_path)
    tiny_model(tmp_path / "model")
    questions = [
        f'{{"question": "Add {number} and 7.", "answer": "{number + 7}"}}\n' for number in range(60, 90)
    ]
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark/items.jsonl").write_text("".join(questions))
    (tmp_path / "benchmark/benchmark.yaml").write_text("items: items.jsonl\n")
    shop.declare(CAMPAIGN)
    return shop


@pytest.mark.e2e
def test_a_real_search_survives_kills_of_its_worker_and_ends_with_a_verdict(shop: Workshop) -> None:
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")  # noqa: T201 - what a failing run is repeated with
    rng = random.Random(seed)  # noqa: S311 - any moment will do
    complete: dict[str, int] = {}
    for _ in range(2):
        worker = shop.start("search", "--name", "first")
        wait_until_it_trains(shop, worker)
        time.sleep(rng.uniform(0.0, LONGEST_WAIT_S))
        worker.kill()
        worker.communicate()
        complete = {**shop.evaluations(), **complete}
        shop.ledger().release_lost(now=time.time() + 3600)  # rather than wait for the lease

    finished = shop.run("search", "--name", "first")

    assert finished.returncode == 0, finished.stderr
    assert "Better than the full pool? undecided" in finished.stdout
    record = shop.ledger().search("first")
    assert (record.spent, record.report_spent) == (BUDGET, 2)
    assert {key: made for key, made in shop.evaluations().items() if key in complete} == complete
    paid = [payment.evaluation for payment in shop.ledger().payments("first") if payment.outcome == "paid"]
    assert len(paid) == len(set(paid)) == BUDGET + 2


def wait_until_it_trains(shop: Workshop, worker: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 120
    database = shop.folder / ".autoselection/history.sqlite"
    while worker.poll() is None and time.monotonic() < deadline:
        if database.exists() and is_training(shop):
            return
        time.sleep(0.2)
    assert worker.poll() is None or worker.returncode == -signal.SIGKILL, worker.communicate()


def is_training(shop: Workshop) -> bool:
    ledger = shop.ledger()
    names = [record.search for record in ledger.searches()]
    return any(trial.state is TrialState.RUNNING for name in names for trial in ledger.trials(name))
