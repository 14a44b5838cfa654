"""Regret that is left with far more knowledge than a search has: `python -m bench.solver.bound --help`.

Random programs are measured without noise, a surrogate learns from all of them, and a local search by edits
climbs its posterior mean. The true utility at the highest mean shows how far the surrogate's features reach:
a search that sees fifteen noisy utilities is not expected to come nearer.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from autoselection_core.identity import Json
from autoselection_core.solver import Policy
from autoselection_core.solver.candidates.local_search import edit_twice
from autoselection_core.solver.context import SearchContext, context_for
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.programs.edits import Workbench
from autoselection_core.solver.programs.realise import Draft
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, fit
from bench.result import write_result
from bench.solver.__main__ import FOLDER, course
from bench.solver.landscapes.landscape import TUNED, UNSEEN, Landscape
from bench.solver.landscapes.optimum import RANDOM_RECIPES
from bench.solver.landscapes.world import ROWS

_NOISE = 0.1
"""Points that are expected of the noise; there is none."""

_GENERATIONS, _PARENTS, _CHILDREN, _HIGHEST = 8, 20, 150, 10


@dataclass(frozen=True, eq=False)
class Reach:
    """Result of a local search on a surrogate's mean.

    Attributes:
        means: Posterior means of all candidates, in points. Shape (m,).
        truths: Their true utilities. Shape (m,).
        measured: Number of them, from the first, that the surrogate learned from.
    """

    means: Numbers
    truths: Numbers
    measured: int

    def regrets(self, best: float) -> dict[str, Json]:
        """Regrets of the highest mean, of the best of the ten highest, and of the best measured one."""
        order = np.argsort(-self.means, kind="stable")
        return {
            "highest mean": round(best - float(self.truths[order[0]]), 2),
            "best of ten highest": round(best - float(self.truths[order[:_HIGHEST]].max()), 2),
            "best measured": round(best - float(self.truths[: self.measured].max()), 2),
        }


def reach(context: SearchContext, landscape: Landscape) -> Reach:
    """Learn from every fresh program of a search context, then search locally."""
    truths = np.array([landscape(subset.rows) for subset in context.fresh.subsets])
    surrogate = fit(context.features, truths, context.describer.layout, Fitting(noise_prior=_NOISE))
    means, _ = surrogate.posterior(context.features)
    drafts, known = list(context.fresh.drafts), {subset.fingerprint for subset in context.fresh.subsets}
    rng, measured = np.random.default_rng(1), len(drafts)
    for _ in range(_GENERATIONS):
        parents = np.argsort(-means, kind="stable")[:_PARENTS]
        mates = [drafts[parent].recipe for parent in parents if drafts[parent].recipe.steps]
        bench = Workbench(context.templates, mates, context.policy.max_steps)
        children = [edit_twice(drafts[rng.choice(parents)].recipe, bench, rng)[0] for _ in range(_CHILDREN)]
        edits = context.realise([Draft(recipe, "edit") for recipe in children], frozenset(known))
        if not len(edits):
            continue
        drafts += edits.drafts
        known |= {subset.fingerprint for subset in edits.subsets}
        means = np.concatenate([means, surrogate.posterior(context.describe(edits))[0]])
        truths = np.concatenate([truths, [landscape(subset.rows) for subset in edits.subsets]])
    return Reach(means, truths, measured)


def main() -> None:
    """Search each landscape locally after each number of programs, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--programs", type=int, nargs="+", default=[15, 100, 1000])
    parser.add_argument("--landscapes", nargs="+", default=[*TUNED, *UNSEEN])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    built, found = course(FOLDER, ROWS, RANDOM_RECIPES), dict[str, Json]()
    for count in options.programs:
        for name in options.landscapes:
            for seed in range(options.seeds):
                policy = Policy(version=1, fresh=count)
                context = context_for(built.world.signals, built.templates, policy, 1000 + seed)
                with one_thread():
                    reached = reach(context, built.landscapes[name])
                regrets = reached.regrets(built.optima[name].utility)
                found[f"{count} programs, {name}, seed {seed}"] = regrets
                print(count, name, seed, regrets, flush=True)
    print(write_result("solver/bound", found, "regret in points against the best that is known"))


if __name__ == "__main__":
    main()
