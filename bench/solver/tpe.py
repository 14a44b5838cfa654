"""Optuna's tree-structured Parzen estimator over lengths, templates and parameters.

Needs the optional package `optuna`. The study is rebuilt from the history for every choice.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from autoselection_core.history.values import History
from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Candidate, Proposal
from bench.solver.contestants import MAX_STEPS, large_enough

_ATTEMPTS = 200


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
        recipe = _recipe(trial, templates, history.seed)
        if (subset := large_enough(recipe, signals)) is not None:
            # The parameters travel in the proposal, so that the study can be rebuilt from the history.
            return Candidate(recipe, subset, Proposal("tpe", screened=dict(trial.params)))
    msg = "TPE drew no valid recipe"
    raise RuntimeError(msg)


def _recipe(trial: Any, templates: Sequence[Template], seed: int) -> Recipe:  # noqa: ANN401 - untyped package
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
