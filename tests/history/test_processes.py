import collections
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from autoselection_core.history.ledger import Ledger
from tests.history.acts import SPEC

HAMMER = Path(__file__).parent / "hammer.py"
PROCESSES = 6
BUDGETS = {"alpha": 6, "beta": 9}


def hammer(ledger_url: str, trained: Path) -> None:
    path = {**os.environ, "PYTHONPATH": str(HAMMER.parents[2])}
    workers = [
        subprocess.Popen([sys.executable, HAMMER, ledger_url, str(seed), trained], env=path)
        for seed in range(PROCESSES)
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0] * PROCESSES


def test_no_number_of_processes_exceeds_a_budget_or_pays_twice(url: str, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    trained.mkdir()
    ledger = Ledger.open(url)
    for seed, (search, budget) in enumerate(BUDGETS.items()):
        ledger.register(replace(SPEC, seed=seed, budget=budget, slots=3), search)

    hammer(url, trained)

    money = ledger.money()
    assert {search: ledger.search(search).spent for search in BUDGETS} == BUDGETS
    paid = collections.Counter(payment.evaluation for payment in money if payment.outcome == "paid")
    assert set(paid.values()) == {1}
    assert sum(payment.cost for payment in money) == sum(BUDGETS.values())
    for search in BUDGETS:
        observations = ledger.history(search).observations
        assert len({observation.trial for observation in observations}) == len(observations)
        assert len({(entry.subset, entry.replicate) for entry in observations}) == len(observations)
