"""SMAC's random forest over length, templates and parameters (Lindauer et al. 2022).

Needs the optional package `smac`. Every choice rebuilds the optimiser from the history: SMAC starts with a
Sobol design and then takes what its forest expects to improve most, which is its facade for hyper-parameters.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from autoselection_core.history.values import History
from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Candidate, Proposal
from bench.solver.contestants import MAX_STEPS, large_enough

_ATTEMPTS = 200
_DESIGN = 4
"""Recipes of the first design, as many as the default policy has probes."""


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
            recipe = _recipe(values, templates, history.seed)
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


def _recipe(values: dict[str, Any], templates: Sequence[Template], seed: int) -> Recipe:
    steps = []
    for step in range(int(values["length"])):
        template = templates[int(values[f"template{step}"])]
        units = [float(values[f"unit{step}_{axis}"]) for axis in range(len(template.axes))]
        steps.append(template.decode(np.array(units)))
    return Recipe(tuple(steps), seed)


def _plain(value: Any) -> int | float:  # noqa: ANN401 - numpy's numbers and Python's
    return int(value) if isinstance(value, int | np.integer) else float(value)
