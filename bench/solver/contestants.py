"""Contestants of a race: anything with `ask(history, k)` and `recommend(history)`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from autoselection_core.history.values import History
from autoselection_core.operators.catalogue import Template
from autoselection_core.operators.definitions.chance import KeepRandom
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Candidate, Policy, Proposal, Solver
from autoselection_core.subset import Subset, materialize, materialize_many

MAX_STEPS = 6
"""Maximum steps of a peer's program, as many as ours."""

_SMALLEST_SHARE = 0.01


class Contestant(Protocol):
    """Search method: it chooses recipes, and recommends a subset in the end."""

    def ask(self, history: History, k: int = 1) -> tuple[Candidate, ...]:
        """The next candidates."""
        ...

    def recommend(self, history: History) -> str:
        """The hash of the subset to use."""
        ...


@dataclass(frozen=True, eq=False)
class Ours:
    """A policy of the solver."""

    solver: Solver

    def ask(self, history: History, k: int = 1) -> tuple[Candidate, ...]:
        """The policy's next candidates."""
        return self.solver.ask(history, k)

    def recommend(self, history: History) -> str:
        """The best posterior mean."""
        return self.solver.recommend(history).subset


@dataclass(frozen=True, eq=False)
class Luckiest:
    """A policy that recommends its best observation."""

    asks: Callable[[History], Candidate]

    def ask(self, history: History, k: int = 1) -> tuple[Candidate, ...]:
        """One candidate."""
        assert k == 1
        return (self.asks(history),)

    def recommend(self, history: History) -> str:
        """The best observation."""
        return max(history.observations, key=lambda one: one.utility).subset


def contestant(name: str, signals: SignalTable, templates: Sequence[Template]) -> Contestant:
    """A contestant by name; `default:draws=1,edits=0` is the default policy with other settings."""
    base, _, settings = name.partition(":")
    if base == "default":
        return Ours(Solver(signals, templates, Policy().with_settings(**_parsed(settings))))
    if base in ("random", "published"):
        solver = Solver(signals, templates, Policy(name=base))
        return Luckiest(lambda history: solver.ask(history)[0])
    if base == "tpe":
        from bench.solver.tpe import ask_tpe

        return Luckiest(lambda history: ask_tpe(signals, templates, history))
    if base == "smac":
        from bench.solver.smac import ask_smac

        return Luckiest(lambda history: ask_smac(signals, templates, history))
    asks = {"random_subset": _random_subset, "single_operators": _single_operator}[base]
    return Luckiest(lambda history: asks(signals, templates, history))


def candidate(recipe: Recipe, signals: SignalTable, origin: str) -> Candidate:
    """A recipe as a candidate."""
    return Candidate(recipe, materialize(recipe, signals), Proposal(origin))


def large_enough(recipe: Recipe, signals: SignalTable) -> Subset | None:
    """Subset of a recipe; None if it is invalid or keeps fewer rows than any contestant may."""
    (subset,) = materialize_many([recipe], signals)
    if isinstance(subset, Subset) and len(subset) >= _SMALLEST_SHARE * len(signals):
        return subset
    return None


def _parsed(settings: str) -> Mapping[str, float | str]:
    pairs = (one.split("=") for one in settings.split(",") if one)
    return {name: _value(text) for name, text in pairs}


def _value(text: str) -> float | str:
    if text.isalpha() or "_" in text:
        return text
    return float(text) if "." in text else int(text)


def _random_subset(signals: SignalTable, _: Sequence[Template], history: History) -> Candidate:
    rng = np.random.default_rng((history.seed, history.next_trial))
    fraction = round(float(rng.uniform(_SMALLEST_SHARE, 1.0)), 4)
    return candidate(Recipe((KeepRandom(fraction=fraction),), history.next_trial), signals, "random_subset")


def _single_operator(signals: SignalTable, templates: Sequence[Template], history: History) -> Candidate:
    """Every template in a random order, with a random parameter each time."""
    rng = np.random.default_rng((history.seed, history.next_trial))
    rounds, place = divmod(history.next_trial - 1, len(templates))
    order = np.random.default_rng((history.seed, rounds)).permutation(len(templates))
    while True:
        recipe = Recipe((templates[order[place]].sample(rng),), history.seed)
        subset: Subset = materialize(recipe, signals)
        if len(subset) >= _SMALLEST_SHARE * len(signals):
            return Candidate(recipe, subset, Proposal("single_operator"))
