"""A text-only search over the 90,000-record pool: time and memory of each stage.

    python -m bench.search_90k

Subsets are judged by a formula over word entropy with run noise, so what is measured is everything but the
trainings: ingestion, signals, proposals, evaluations' bookkeeping and the report's arms.
"""

import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.history.records import SearchState
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.identity import Json
from autoselection_core.pool.sources import Source
from autoselection_core.search.loop import Stage, run_search
from autoselection_core.search.report_evaluations import report_arms
from autoselection_core.store.home import Home
from bench.result import REAL_DATA, measure, write_result

BUDGET = 8


def campaign() -> Campaign:
    return Campaign(
        "pool_90k",
        (Source(str(REAL_DATA / "pool_90k.parquet")),),
        signals={"word_entropy": {}, "exact": {}, "near_duplicates": {}},
        search=SearchSettings(budget=BUDGET),
        closed_form=ClosedForm({"word_entropy": 1.0}, size_weight=0.05, noise=0.02),
    )


def run(home: Path) -> dict[str, Json]:
    workspace = installed_workspace(campaign(), Home(home))
    ingested = measure(workspace.ingest)
    pool = ingested.value.pool
    figures: dict[str, Json] = {
        "records": ingested.value.ingestion.records,
        "samples": len(pool),
        "ingest": ingested.cost,
    }
    for name in workspace.signal_names:
        figures[f"signal {name}"] = measure(partial(workspace.score, name, pool)).cost
    spec = workspace.spec(pool.version)
    search = workspace.ledger.register(spec)
    solver, evaluator = workspace.solver(spec), workspace.evaluator(pool.version)
    begun: list[tuple[str, float]] = []

    def note(stage: Stage) -> None:
        begun.append((stage.name, time.perf_counter()))

    searched = measure(lambda: run_search(workspace.ledger, search, solver, evaluator, note))
    assert workspace.ledger.search(search).state is SearchState.DONE
    figures["trials"] = len(searched.value.observations)
    figures["search"] = searched.cost
    figures["seconds per proposal"] = tuple(proposal_seconds(begun))
    figures["report arms"] = measure(lambda: report_arms(workspace.ledger, search, solver, evaluator)).cost
    best = max(observation.utility for observation in searched.value.observations)
    figures["best utility over the full pool's"] = round(best - searched.value.observations[0].utility, 4)
    return figures


def proposal_seconds(begun: list[tuple[str, float]]) -> list[float]:
    """From the moment a trial starts to choose to the next thing that it does."""
    return [round(after - before, 2) for (name, before), (_, after) in pairwise(begun) if name == "choosing"]


def main() -> None:
    with TemporaryDirectory(prefix="search-90k-") as home:
        figures = run(Path(home))
    print(write_result("search_90k", figures, "other processes shared the two cores; see the load"))


if __name__ == "__main__":
    main()
