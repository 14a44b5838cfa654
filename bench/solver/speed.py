"""Seconds of one answer: `python -m bench.solver.speed --rows 5000 90000`.

Random recipes (`--observations`, forty) were measured, and the solver is asked for the next. The first answer
of a search also realises its fresh programs; the second finds them made. Model and acquisition are timed by
themselves over two thousand candidates.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.history.values import History
from autoselection_core.identity import Json
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Candidate, Policy, Solver
from autoselection_core.solver.acquisition.log_nei import Improvement
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.evidence.fitted import fit_model
from autoselection_core.solver.evidence.observations import observed_subsets
from autoselection_core.solver.features.state_axes import BINS, blocks_of, describe
from autoselection_core.solver.programs.fresh import latin_recipes
from autoselection_core.solver.programs.row_sample import RowSample
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, realise_many
from bench.engine.pools import Parts, near_duplicates, realistic
from bench.result import measure, write_result
from bench.search_90k import campaign
from bench.solver.landscapes.world import world
from bench.solver.race import with_observation

_ALL = 90_000
_OBSERVATIONS, _CANDIDATES = 40, 2000
_PROGRAMS = 60
_DESCRIBED = 1_000_000
"""Rows up to which descriptions are compared with those of all rows: their bins take memory."""


def table(rows: int, home: Home) -> SignalTable:
    """The suite's signals for some rows; word entropy, sources, copies and near-copies for all.

    More rows than there are have made-up values, and near copies in a third of them.
    """
    if rows > _ALL:
        return made_up(rows)
    if rows < _ALL:
        return world(rows).signals
    workspace = installed_workspace(campaign(), home)
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    return workspace.solver(workspace.spec(pool.version)).signals


def made_up(rows: int) -> SignalTable:
    """Made-up columns, sources and copies, with near copies in cliques of four."""
    plain = realistic(rows, Parts(vectors=False, neighbours=False))
    near = near_duplicates(rows, np.random.default_rng(1))
    return replace(plain, sparse={}, pairs={"near_duplicates": near})


def observed(signals: SignalTable, count: int) -> History:
    """Random recipes, the better the higher the word entropy of what they keep."""
    asker, rng = Solver(signals, catalogue(signals), Policy(name="random")), np.random.default_rng(0)
    history = History("speed", 0, count + 2)
    for trial in range(1, count + 1):
        (asked,) = asker.ask(history)
        utility = float(np.nanmean(signals["word_entropy"][asked.subset.rows])) + 0.05 * rng.normal()
        history = with_observation(history, asked, trial, utility)
    return history


def figures(rows: int, observations: int, home: Home) -> dict[str, Json]:
    """Both answers, the model and the acquisition on a pool of so many rows."""
    signals = table(rows, home)
    history = observed(signals, observations)
    # Without the full pool, which is the first trial of a search and needs no choice.
    solver = Solver(signals, catalogue(signals), Policy(full_pool=0))
    first = measure(lambda: solver.ask(history))
    (chosen,) = first.value
    second = measure(lambda: solver.ask(_measure(history, chosen)))
    context = solver.context(history.seed)
    with one_thread():
        learned = measure(lambda: fit_model(context, observed_subsets(history, context.signals)))
        candidates = np.resize(context.features, (_CANDIDATES, context.features.shape[1]))
        compared = measure(
            lambda: Improvement.over(learned.value.surrogate, learned.value.features, 0).log_value(candidates)
        )
    return {
        "rows": len(signals),
        "rows compared": len(context.signals),
        "observations": observations,
        "description": description_error(signals, solver) if _ALL < len(signals) <= _DESCRIBED else {},
        "candidates": chosen.proposal.candidates_considered,
        "first answer": first.cost,
        "second answer": second.cost,
        "model": learned.cost,
        "acquisition": compared.cost,
    }


def description_error(signals: SignalTable, solver: Solver) -> dict[str, Json]:
    """Gaps of cumulative histograms on the sample from those on all rows, over fresh programs.

    Of each program the largest gap counts, in shares and in its stated largest standard error.
    """
    sample = solver.context(0).signals
    assert isinstance(sample, RowSample)
    recipes = latin_recipes(solver.templates, _PROGRAMS, solver.policy.max_steps, 0)
    whole, here = blocks_of(signals), blocks_of(sample)
    gaps, ratios, sizes = [], [], []
    for exact, drawn in zip(realise_many(recipes, signals), realise_many(recipes, sample), strict=True):
        if isinstance(exact, Subset) and isinstance(drawn, Subset) and len(exact) >= len(signals) / 100:
            left, right = describe([drawn.rows], here), describe([exact.rows], whole)
            points = np.abs(left.marginals - right.marginals)[:, : BINS * len(here.columns)]
            gaps.append(float(points.max()) * BINS**0.5)
            ratios.append(gaps[-1] / sample.max_share_error(drawn.rows))
            sizes.append(abs(float(left.axes[0, 0] - right.axes[0, 0])))
    return {
        "programs": len(gaps),
        "mean gap": round(float(np.mean(gaps)), 4),
        "mean gap in stated errors": round(float(np.mean(ratios)), 2),
        "95 % of gaps in stated errors": round(float(np.quantile(ratios, 0.95)), 2),
        "mean gap of log retention": round(float(np.mean(sizes)), 4),
    }


def _measure(history: History, chosen: Candidate) -> History:
    return with_observation(history, chosen, history.next_trial, history.observations[-1].utility)


def main() -> None:
    """Measure each pool, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[5000, _ALL])
    parser.add_argument("--observations", type=int, default=_OBSERVATIONS)
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="solver-speed-") as folder:
        home = Home(Path(folder))
        found: dict[str, Json] = {
            f"{rows} rows": figures(rows, asked.observations, home) for rows in asked.rows
        }
    name = "speed" if max(asked.rows) <= _ALL else f"speed_{max(asked.rows)}"
    print(write_result(f"solver/{name}", found, "one thread; other processes shared the core, see the load"))


if __name__ == "__main__":
    main()
