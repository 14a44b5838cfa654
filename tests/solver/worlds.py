"""Small pools and the loop that a search runs over them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autoselection_core.history.values import History, Observation
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Candidate, Policy, Solver
from autoselection_core.subset import Subset

SMALL = Policy(fresh=60, edits=40, draws=4, finals=0)

Utility = Callable[[Subset], float]


def pool(rows: int = 200, seed: int = 0) -> SignalTable:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 4)).astype(np.float32)
    values[rng.random(rows) < 0.05, 0] = np.nan
    names = ["ifd", "response_tokens", "tokens", "word_entropy"]
    keys = np.sort(rng.integers(0, 2**63, rows, dtype=np.uint64))
    return SignalTable("pool", keys, {name: values[:, place] for place, name in enumerate(names)})


def solver(policy: Policy = SMALL, rows: int = 200) -> Solver:
    signals = pool(rows)
    return Solver(signals, catalogue(signals), policy)


def with_sources(signals: SignalTable) -> SignalTable:
    """The pool with two named sources, row by row in turn."""
    turns = (np.arange(len(signals)) % 2).astype(np.int32)
    return replace(signals, labels={"source": turns}, label_names={"source": ("first", "second")})


def entropy_of(signals: SignalTable) -> Utility:
    return lambda subset: float(signals["word_entropy"][subset.rows].mean())


def observed(history: History, candidate: Candidate, utility: float) -> History:
    name = candidate.subset.fingerprint
    observation = Observation(
        history.next_trial,
        candidate.recipe,
        name,
        history.replicate_of(name),
        utility,
        {},
        None,
        1.0,
        len(candidate.subset),
        candidate.proposal.to_json(),
    )
    return replace(history, observations=(*history.observations, observation))


def searched(solver: Solver, utility: Utility, budget: int, seed: int = 0) -> History:
    history = History("search", seed, budget)
    for _ in range(budget):
        (candidate,) = solver.ask(history)
        history = observed(history, candidate, utility(candidate.subset))
    return history
