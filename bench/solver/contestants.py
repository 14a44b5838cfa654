"""Contestants of a race: anything with `ask(history, k)` and `recommend(history)`."""

import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from autoselection_core.campaign.solvers import templates_of
from autoselection_core.history.values import History
from autoselection_core.operators.catalogue import DEFAULT_OPERATORS, Template
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Candidate, Policy, Proposal, Solver
from autoselection_core.subset import Subset, realise, realise_many

MAX_STEPS = 6
"""Maximum steps of a peer's program, as many as ours."""

_MIN_SHARE = 0.01

_ATTEMPTS = 200
"""Recipes that a peer may ask for until one is valid."""

_DESIGN = 4
"""Recipes of the first design, as many as the default policy has probes."""


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


def contestant(
    name: str,
    signals: SignalTable,
    templates: Sequence[Template],
    max_tokens: int | None = None,
    train_tokens: float | None = None,
) -> Contestant:
    """A contestant by name; `default:draws=1,edits=0` is the default policy with other settings.

    Args:
        name: Name of the contestant.
        signals: The pool.
        templates: Steps of the others; ours takes those of its version.
        max_tokens: Longest conversation that a training reads, for the default policy.
        train_tokens: Tokens of a training, for the default policy.
    """
    base, _, settings = name.partition(":")
    if base == "default":
        policy = Policy().with_settings(**_parse(settings))
        steps = templates_of(signals, DEFAULT_OPERATORS, policy)
        return Ours(Solver(signals, steps, policy, max_tokens=max_tokens, train_tokens=train_tokens))
    if base in ("random", "published"):
        solver = Solver(signals, templates, Policy(name=base))
        return Luckiest(lambda history: solver.ask(history)[0])
    if base == "tpe":
        return Luckiest(lambda history: ask_tpe(signals, templates, history))
    if base == "smac":
        return Luckiest(lambda history: ask_smac(signals, templates, history))
    asks = {"random_subset": _random_subset, "single_operators": _single_operator}[base]
    return Luckiest(lambda history: asks(signals, templates, history))


def part_of_file(file: Path, name: str) -> Any:  # noqa: ANN401 - what a user's file defines
    """Object that a Python file defines under a name."""
    return runpy.run_path(str(file))[name]


def candidate(recipe: Recipe, signals: SignalTable, origin: str) -> Candidate:
    """A recipe as a candidate."""
    return Candidate(recipe, realise(recipe, signals), Proposal(origin))


def large_enough(recipe: Recipe, signals: SignalTable) -> Subset | None:
    """Subset of a recipe; None if it is invalid or keeps fewer rows than any contestant may."""
    (subset,) = realise_many([recipe], signals)
    if isinstance(subset, Subset) and len(subset) >= _MIN_SHARE * len(signals):
        return subset
    return None


def _parse(settings: str) -> Mapping[str, float | str]:
    pairs = (one.split("=") for one in settings.split(",") if one)
    return {name: _value(text) for name, text in pairs}


def _value(text: str) -> float | str:
    if text.isalpha() or "_" in text:
        return text
    return float(text) if "." in text else int(text)


def _random_subset(signals: SignalTable, _: Sequence[Template], history: History) -> Candidate:
    rng = np.random.default_rng((history.seed, history.next_trial))
    fraction = round(float(rng.uniform(_MIN_SHARE, 1.0)), 4)
    return candidate(Recipe((KeepRandom(fraction=fraction),), history.next_trial), signals, "random_subset")


def _single_operator(signals: SignalTable, templates: Sequence[Template], history: History) -> Candidate:
    """Every template in a random order, with a random parameter each time."""
    rng = np.random.default_rng((history.seed, history.next_trial))
    rounds, place = divmod(history.next_trial - 1, len(templates))
    order = np.random.default_rng((history.seed, rounds)).permutation(len(templates))
    while True:
        recipe = Recipe((templates[order[place]].sample(rng),), history.seed)
        subset: Subset = realise(recipe, signals)
        if len(subset) >= _MIN_SHARE * len(signals):
            return Candidate(recipe, subset, Proposal("single_operator"))


def ask_tpe(signals: SignalTable, templates: Sequence[Template], history: History) -> Candidate:
    """The next recipe; invalid ones are drawn again."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=history.seed * 1000 + history.next_trial, multivariate=False)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for seen in history.observations:
        recorded: dict[str, Any] = dict(seen.proposal["screened"])  # type: ignore[arg-type]  # JSON, an object
        spaces = _spaces(recorded, templates)
        study.add_trial(optuna.trial.create_trial(params=recorded, distributions=spaces, value=seen.utility))
    for _ in range(_ATTEMPTS):
        trial = study.ask()
        recipe = _recipe_of_trial(trial, templates, history.seed)
        if (subset := large_enough(recipe, signals)) is not None:
            # The parameters travel in the proposal, so that the study can be rebuilt from the history.
            return Candidate(recipe, subset, Proposal("tpe", screened=dict(trial.params)))
    msg = "TPE drew no valid recipe"
    raise RuntimeError(msg)


def _recipe_of_trial(trial: Any, templates: Sequence[Template], seed: int) -> Recipe:  # noqa: ANN401 - untyped package
    length = trial.suggest_int("length", 1, MAX_STEPS)
    steps = []
    for step in range(length):
        place = trial.suggest_categorical(f"template{step}", list(range(len(templates))))
        units = [
            trial.suggest_float(f"unit{step}_{place}_{axis}", 0.0, 1.0)
            for axis in range(len(templates[place].axes))
        ]
        steps.append(templates[place].decode(np.array(units)))
    return Recipe(tuple(steps), seed)


def _spaces(params: dict[str, Any], templates: Sequence[Template]) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    kinds = {
        "length": IntDistribution(1, MAX_STEPS),
        "template": CategoricalDistribution(list(range(len(templates)))),
        "unit": FloatDistribution(0.0, 1.0),
    }
    return {name: next(kind for start, kind in kinds.items() if name.startswith(start)) for name in params}


def ask_smac(signals: SignalTable, templates: Sequence[Template], history: History) -> Candidate:
    """The next recipe; an invalid one is reported to be as bad as the worst, and another is asked for."""
    with TemporaryDirectory() as folder:
        optimizer, space = _optimizer(templates, history, Path(folder))
        worst = 0.0
        for seen in history.observations:
            _tell(optimizer, space, dict(seen.proposal["screened"]), -seen.utility)  # type: ignore[arg-type]  # JSON
            worst = max(worst, -seen.utility)
        for _ in range(_ATTEMPTS):
            values = dict(optimizer.ask().config)
            recipe = _recipe_of_values(values, templates, history.seed)
            if (subset := large_enough(recipe, signals)) is not None:
                numbers = {name: _plain(value) for name, value in values.items()}
                # They travel in the proposal, so that the optimiser can be rebuilt from the history.
                return Candidate(recipe, subset, Proposal("smac", screened=numbers))  # type: ignore[arg-type]  # places
            _tell(optimizer, space, values, worst)
    msg = "SMAC asked for no valid recipe"
    raise RuntimeError(msg)


def _optimizer(templates: Sequence[Template], history: History, folder: Path) -> tuple[Any, Any]:
    from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer
    from smac import HyperparameterOptimizationFacade, Scenario

    width = max(len(template.axes) for template in templates)
    space = ConfigurationSpace(seed=history.seed)
    space.add(Integer("length", (1, MAX_STEPS)))
    for step in range(MAX_STEPS):
        space.add(Categorical(f"template{step}", list(range(len(templates)))))
        space.add([Float(f"unit{step}_{axis}", (0.0, 1.0)) for axis in range(width)])
    scenario = Scenario(
        space,
        deterministic=True,
        n_trials=history.budget + _ATTEMPTS,
        output_directory=folder,
        seed=history.seed,
    )
    design = HyperparameterOptimizationFacade.get_initial_design(scenario, n_configs=_DESIGN)
    made = HyperparameterOptimizationFacade(
        scenario, _never_called, initial_design=design, overwrite=True, logging_level=False
    )
    return made, space


def _never_called(config: Any, seed: int = 0) -> float:  # noqa: ANN401 - SMAC's signature
    """Objective for SMAC's signature: it evaluates nothing itself, but asks and receives costs."""
    raise NotImplementedError(config, seed)


def _tell(optimizer: Any, space: Any, values: dict[str, Any], cost: float) -> None:  # noqa: ANN401 - untyped package
    from ConfigSpace import Configuration
    from smac.runhistory import TrialInfo, TrialValue

    info = TrialInfo(Configuration(space, values=values), seed=0)
    optimizer.tell(info, TrialValue(cost=cost))


def _recipe_of_values(values: dict[str, Any], templates: Sequence[Template], seed: int) -> Recipe:
    steps = []
    for step in range(int(values["length"])):
        template = templates[int(values[f"template{step}"])]
        units = [float(values[f"unit{step}_{axis}"]) for axis in range(len(template.axes))]
        steps.append(template.decode(np.array(units)))
    return Recipe(tuple(steps), seed)


def _plain(value: Any) -> int | float:  # noqa: ANN401 - numpy's numbers and Python's
    return int(value) if isinstance(value, int | np.integer) else float(value)
