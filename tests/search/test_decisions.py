"""A search whose decisions are had again from the ledger."""

from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.history.ledger import Ledger
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.search.decisions import decided_again
from autoselection_core.search.loop import run_search
from autoselection_core.solver import Policy, Solver
from autoselection_core.solver.advice.consultation import Adviser
from autoselection_core.solver.advice.endpoint import Endpoint
from autoselection_core.solver.advice.settings import AdviserSettings
from tests.solver.speaking import speaking

from .worlds import evaluator, spec, table

QUICK = Policy(fresh=40, edits=20, draws=2, patience=1)


@pytest.mark.parametrize("name", ["default", "published"])
def test_an_advised_search_is_decided_again_without_its_model(tmp_path: Path, name: str) -> None:
    signals, judge = table(), evaluator(tmp_path)
    ledger = Ledger.open(f"sqlite:///{tmp_path}/history.sqlite")
    ledger.register(spec(judge, budget=7, seed=2), "first")
    with speaking() as model:
        adviser = Adviser(AdviserSettings(model.url, "tiny"), Endpoint(model.url))
        solver = Solver(signals, catalogue(signals), QUICK.with_settings(name=name), adviser=adviser)
        run_search(ledger, "first", solver, judge)
    asked = len(model.asked)

    decisions = decided_again(ledger, "first", solver)
    unadvised = decided_again(ledger, "first", replace(solver, adviser=None))
    other = decided_again(ledger, "first", replace(solver, policy=Policy("random")))

    assert asked > 0
    assert len(model.asked) == asked
    assert [one.trial for one in decisions] == list(range(1, 8))
    assert all(one.is_same for one in decisions)
    assert name == "default" or not all(one.is_same for one in unadvised)
    assert not all(one.is_same for one in other)
