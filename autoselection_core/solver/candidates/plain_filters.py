"""Plain filters: the recipes of one step that a person would try first.

They rank by relevance to a benchmark, by instruction-following difficulty or by length, keep what is near the
targets, or drop duplicates, each at the usual shares.
"""

from collections.abc import Sequence

from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.signals.table import RELEVANCE
from autoselection_core.solver.programs.fresh import single_recipes

_OPERATORS = ("keep_relevant", "drop_exact_duplicates", "drop_near_duplicates", "drop_semantic_duplicates")
_RANKING, _LOWEST = "keep_top", "lowest"
_COLUMNS = ("ifd", "response_loss", "response_tokens", "tokens", "words")


def plain_filters(templates: Sequence[Template], seed: int) -> tuple[Recipe, ...]:
    """Plain filters at the usual shares; all single operators where the pool has no usual signal."""
    singles = single_recipes(templates, seed)
    usual = tuple(recipe for recipe in singles if _is_usual(recipe.steps[0]))
    return usual or singles


def _is_usual(step: Step) -> bool:
    if isinstance(step, Union):
        return False
    if step.name in _OPERATORS:
        return True
    is_ranking = step.name == _RANKING and _LOWEST not in step.label
    return is_ranking and any(name in _COLUMNS or name.startswith(RELEVANCE) for name in step.reads)
