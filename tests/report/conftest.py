import json
from pathlib import Path
from typing import Any

import pytest

from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.pool.sources import Source
from autoselection_core.report.facts import SearchFacts
from autoselection_core.search.loop import run_search
from autoselection_core.search.report_evaluations import report_arms
from autoselection_core.store.home import Home
from tests.campaign.test_workspace import write_trained

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "<script>"]


def workspace_in(folder: Path, size_weight: float = 0.0) -> Workspace:
    """A pool with repeats, a text that would be markup, and a formula that likes many different words."""
    records = [
        {
            "prompt": f"Add {number} and 7 please.",
            "response": " ".join([*WORDS[: number % 9 + 1], str(number)]),
        }
        for number in range(60)
    ]
    copies = [{**record, "prompt": record["prompt"].upper()} for record in records[:10]]
    (folder / "raw").mkdir(parents=True)
    lines = "".join(json.dumps(record) + "\n" for record in [*records, *copies])
    (folder / "raw" / "sums.jsonl").write_text(lines)
    campaign = Campaign(
        "try",
        (Source(str(folder / "raw" / "*")),),
        signals={"word_entropy": {}, "exact": {}, "near_duplicates": {}},
        operators=("keep_top", "drop_exact_duplicates"),
        closed_form=ClosedForm({"word_entropy": 1.0}, size_weight=size_weight, noise=0.02),
    )
    return Workspace(campaign, Home(folder / "home"))


def searched_in(
    folder: Path,
    report_evaluations: int = 6,
    seed: int = 0,
    budget: int = 4,
    size_weight: float = 0.0,
    **asked: Any,
) -> SearchFacts:
    """A random search, or as asked for, with its report's evaluations."""
    workspace = workspace_in(folder, size_weight)
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    asked = {"policy": "random", **asked}
    spec = workspace.spec(
        pool.version, budget=budget, seed=seed, report_evaluations=report_evaluations, **asked
    )
    search = workspace.ledger.register(spec, "first")
    solver, evaluator = workspace.solver(spec), workspace.evaluator(pool.version)
    run_search(workspace.ledger, search, solver, evaluator)
    report_arms(workspace.ledger, search, solver, evaluator)
    return SearchFacts.of(workspace, search)


_ONE = {"full_pool": 0, "warmup": 1, "fresh": 40, "edits": 40, "draws": 2}
"""A policy whose only trial is a plain filter."""


@pytest.fixture(scope="session")
def trained_facts(tmp_path_factory: pytest.TempPathFactory) -> SearchFacts:
    """A finished search with trainings, whose items have short answers and whose pool has long samples."""
    workspace = write_trained(tmp_path_factory.mktemp("trained"))
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    spec = workspace.spec(pool.version, budget=1, report_evaluations=3, policy_settings=_ONE)
    search = workspace.ledger.register(spec, "trained")
    solver, evaluator = workspace.solver(spec), workspace.evaluator(pool.version, spec)
    run_search(workspace.ledger, search, solver, evaluator)
    report_arms(workspace.ledger, search, solver, evaluator)
    return SearchFacts.of(workspace, search)


@pytest.fixture(scope="session")
def whole_pool_facts(tmp_path_factory: pytest.TempPathFactory) -> SearchFacts:
    """A finished search whose formula likes rows so much that the full pool wins."""
    return searched_in(tmp_path_factory.mktemp("whole"), size_weight=3.0)


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> SearchFacts:
    """A finished search with its report's evaluations."""
    return searched_in(tmp_path_factory.mktemp("report"))
