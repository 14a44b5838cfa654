"""The demo's search from five seeds: does the winner beat the full pool and random subsets of equal tokens?

    AUTOSELECTION_HOME=.seeds python -m bench.demo_seeds

A plain loop without Dagster, with the campaign of `autoselection.yaml`. In a home where `make demo` ran, the
default seed is the demo's own search, read back. Evaluations of equal subsets are shared between the seeds,
as they are between any two searches of one home folder, and cost nothing again; the full pool is one.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.records import TrialKind
from autoselection_core.identity import Json
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.sections.verdict import findings
from autoselection_core.score.score import utility
from autoselection_core.search.arms import FULL_POOL, RANDOM, WINNER
from autoselection_core.search.loop import run_search
from autoselection_core.search.report_evaluations import ArmRun, report_arms
from autoselection_core.store.home import Home
from bench.result import write_result
from demo.base_model import base_model
from demo.material import material
from demo.searching import CAMPAIGN, SEARCH

SEEDS = 5


def ready(home: Home) -> Workspace:
    """The demo's campaign with its pool and signals."""
    base_model(home)
    material(home)
    workspace = installed_workspace(load_campaigns(home=home)[CAMPAIGN], home)
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    return workspace


def search(workspace: Workspace, seed: int) -> SearchFacts:
    """A finished search with its arms. One that has its arms is read back, whatever has changed since."""
    name = f"seed-{seed}" if seed else SEARCH
    known = any(record.search == name for record in workspace.ledger.searches())
    if known and workspace.ledger.trials(name, TrialKind.REPORT):
        return SearchFacts.of(workspace, name)
    spec = workspace.spec(workspace.pool().version, seed=seed)
    search = workspace.ledger.register(spec, name)
    solver, evaluator = workspace.solver(spec), workspace.evaluator(spec.pool_version)
    run_search(workspace.ledger, search, solver, evaluator)
    report_arms(workspace.ledger, search, solver, evaluator)
    return SearchFacts.of(workspace, search)


def figures_of(facts: SearchFacts) -> dict[str, Json]:
    """One row of the table."""
    assert facts.best is not None, "a finished search has a recommendation"
    found: dict[str, Json] = {finding.opponent: asdict(finding.difference) for finding in findings(facts)}
    return {
        "seed": facts.record.spec.seed,
        "trial": facts.best.trial,
        "recipe": facts.best.recipe.label,
        "rows": len(facts.realise(facts.best.recipe)),
        "dev scores of the trials": [round(entry.utility, 3) for entry in facts.history.observations],
        "test score": {arm: _mean(facts.arms, arm) for arm in (WINNER, FULL_POOL, RANDOM)},
        "winner minus": found,
    }


def _mean(arms: Sequence[ArmRun], arm: str) -> float:
    return round(float(np.mean([utility(run.test) for run in arms if run.arm == arm])), 4)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, default=SEEDS, help="how many, from 0")
    seeds = arguments.parse_args().seeds
    workspace, began = ready(Home.from_environment()), time.monotonic()
    rows: list[Json] = []
    for seed in range(seeds):
        rows.append(figures_of(search(workspace, seed)))
        print(f"{time.monotonic() - began:.0f} s", rows[-1], flush=True)
    figures: dict[str, Json] = {"unit": "nats a token, mean of three benchmarks, test items", "seeds": rows}
    print(write_result("demo_seeds", figures))


if __name__ == "__main__":
    main()
