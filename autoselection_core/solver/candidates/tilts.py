"""Tilted mixtures: a tried recipe with shares of groups moved to where the surrogate expects more.

Random edits of many weights seldom find the direction in which utility rises. Here the surrogate predicts
what a tried subset would be worth without each of its groups, and one more step moves all shares at once, as
an exponentiated gradient step on the simplex does (Kivinen and Warmuth 1997): w_g is proportional to
p_g exp(strength z_g), with p_g the share of group g and z_g the slope of the posterior mean along it, in
standard deviations over the rows of the subset.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from autoselection_core.operators.catalogue import WeightTemplate
from autoselection_core.recipe import Recipe
from autoselection_core.solver.context import SearchContext
from autoselection_core.solver.evidence.fitted import FittedModel
from autoselection_core.solver.evidence.observations import ObservedSubset
from autoselection_core.solver.programs.realise import Draft
from autoselection_core.solver.surrogate.gp import Numbers

_STRENGTHS = (0.5, 1.0, 2.0)
_FRACTIONS = (0.3, 0.6, 0.9)
"""Shares of the tried subset's rows that a mixture keeps: a group that grows needs rows to be taken from."""

_MAX_SLOPE = 3.0
"""A small group may have any slope; more than three deviations are no better known."""

_FLAT = 1e-12


def tilted_mixtures(context: SearchContext, fitted: FittedModel, anchors: Sequence[int]) -> list[Draft]:
    """Drafts of tilted mixtures of some tried subsets, over every grouping that has weights.

    Args:
        context: Context of the search.
        fitted: The model of what was measured.
        anchors: Places of the tried subsets.
    """
    weighed = [each for each in context.templates if isinstance(each, WeightTemplate)]
    return [
        draft
        for place in anchors
        for template in weighed
        for draft in _mixtures(context, fitted, fitted.observed[place], template)
    ]


def _mixtures(
    context: SearchContext, fitted: FittedModel, tried: ObservedSubset, template: WeightTemplate
) -> Iterator[Draft]:
    steps = tried.recipe.steps
    if steps and template.matches(steps[-1]):
        steps = steps[:-1]
    if len(steps) >= context.policy.max_steps:
        return
    grouping = str(dict(template.fixed)["groups"])
    shares, slopes = group_slopes(context, fitted, tried, grouping, len(template.groups))
    if not slopes.any():
        return
    start = Draft(tried.recipe, f"trial {tried.trial}", tried.trial, f"tilt {grouping}")
    for strength in _STRENGTHS:
        weights = shares * np.exp(strength * slopes)
        for fraction in _FRACTIONS:
            step = template.with_weights(weights / weights.max(), fraction=fraction)
            recipe = Recipe((*steps, step), context.seed)
            yield replace(start.with_edit(start.edit, recipe), origin="edit")


def group_slopes(
    context: SearchContext, fitted: FittedModel, tried: ObservedSubset, grouping: str, count: int
) -> tuple[Numbers, Numbers]:
    """Share of each group among the rows of a subset, and the slope of the posterior mean along it.

    The slope is (m - m_g) (1 - p_g) / p_g, with m the posterior mean of the subset and m_g that of the subset
    without the group: what a subset of the group alone would add, if utility were linear in the shares.

    Args:
        context: Context of the search.
        fitted: The model of what was measured.
        tried: The subset.
        grouping: Name of the grouping.
        count: Number of its groups.

    Returns:
        Two arrays of shape (count,). Slopes have mean 0 and standard deviation 1 over the rows; they are 0
        for groups that are not there, and for all where fewer than two are.
    """
    rows = tried.subset.rows
    labels, weights = context.signals.label(grouping)[rows], context.signals.weights[rows]
    named = labels >= 0
    shares = np.bincount(labels[named], weights[named], minlength=count) / weights.sum()
    there, slopes = np.flatnonzero((shares > 0) & (shares < 1)), np.zeros(count)
    if not len(there):
        return shares, slopes
    without = [replace(tried.subset, rows=rows[labels != group]) for group in there]
    means, _ = fitted.surrogate.posterior(context.describe_subsets([tried.subset, *without]))
    raw, parts = (means[0] - means[1:]) * (1 - shares[there]) / shares[there], shares[there]
    centred = raw - np.average(raw, weights=parts)
    spread = float(np.average(centred**2, weights=parts)) ** 0.5
    if spread > _FLAT:
        slopes[there] = np.clip(centred / spread, -_MAX_SLOPE, _MAX_SLOPE)
    return shares, slopes
