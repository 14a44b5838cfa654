"""Facts for an adviser as JSON: recipes, scores and states. Never items, texts or test scores."""

from collections.abc import Iterable, Mapping, Sequence

from autoselection_core.history.values import Observation
from autoselection_core.identity import Json
from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.programs.credit import Credit
from autoselection_core.solver.programs.fresh import has_union
from autoselection_core.state.value import state_of
from autoselection_core.subset import Subset, realise

_FINE = ("q10/", "q50/", "q90/", "std/", "unknown/")
"""Prefixes of a state's numbers that are too detailed for a prompt."""


def catalogue_json(templates: Iterable[Template]) -> Json:
    """Operators that a step may have, with their settings and the range of each number."""
    return [
        {
            "operator": template.operator.name,
            "settings": _fixed_settings(template),
            "ranges": {axis.name: _range(axis.space) for axis in template.axes},
        }
        for template in templates
    ]


def history_json(observations: Sequence[Observation], signals: SignalTable) -> Json:
    """Every measured trial: recipe, kept share, utility and scores."""
    known = recipes_by_trial(observations)
    return [
        {
            "trial": one.trial,
            "steps": recipe_json(one.recipe, known),
            "kept_share": len(_realise(one.recipe, signals).rows) / len(signals),
            "utility": one.utility,
            "scores": dict(sorted(one.scores.items())),
        }
        for one in observations
    ]


def recipes_by_trial(observations: Iterable[Observation]) -> dict[int, Recipe]:
    """Measured recipes that a union may name, by trial: those that hold no other one."""
    return {one.trial: one.recipe for one in observations if one.recipe.steps and not has_union(one.recipe)}


def recipe_json(recipe: Recipe, known: Mapping[int, Recipe]) -> Json:
    """The steps of a recipe; a union by the trial of what it unites with, where that was measured here."""
    return [_step_json(step, known) for step in recipe.steps]


def state_json(subset: Subset, signals: SignalTable) -> Json:
    """State of a subset beside its pool: shares, and shifts in standard deviations of the pool."""
    numbers = signals.cached(
        (__name__, subset.fingerprint), lambda: dict(state_of(subset.rows, signals).to_json())
    )
    return {name: value for name, value in numbers.items() if not name.startswith(_FINE)}


def credit_json(credit: Credit) -> Json:
    """Operators and pairs that earned something, the most first."""
    singles = sorted(credit.operators.items(), key=lambda entry: (-entry[1], entry[0]))
    pairs = sorted(credit.pairs.items(), key=lambda entry: (-entry[1], entry[0]))
    return {
        "operators": [[label, value] for label, value in singles if value > 0],
        "pairs": [[list(labels), value] for labels, value in pairs if value > 0],
    }


def _fixed_settings(template: Template) -> Json:
    """Names and choices of a template as recipes spell them: an earlier version asked the same question."""
    settings = template.operator(**dict(template.fixed)).settings
    return {name: settings[name] for name, _ in template.fixed}


def _realise(recipe: Recipe, signals: SignalTable) -> Subset:
    return signals.cached((__name__, recipe), lambda: realise(recipe, signals))


def _step_json(step: Step, known: Mapping[int, Recipe]) -> Json:
    if not isinstance(step, Union):
        return {step.name: step.settings}
    trial = next((number for number, recipe in known.items() if recipe == step.recipe), None)
    return {"union": {"trial": trial} if trial is not None else {"steps": recipe_json(step.recipe, known)}}


def _range(space: object) -> Json:
    return [getattr(space, "low", None), getattr(space, "high", None)]
