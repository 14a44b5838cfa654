"""Covariance function (kernel) of the utilities of two candidates.

k = level^2 + s_state^2 M52(state axes / scales) + s_marginal^2 M52(subset distance / scale)
    + s_program^2 <program, program'> + sum over axes of slope^2 axis axis'
    + s_composition^2 M52(root of the sum over groups of weight^2 distance^2)

An observation of an earlier search measured another utility, k (1 + d^2) + level^2, which has k in common
with today's: the larger the discrepancy d that is learned, the less it is trusted. Earlier searches that
measured differently have a discrepancy and a level each. What a subset lost and gained since then adds a
deviation of its own, shared by replicates of that subset only.

A score at a lower fidelity measured a (r f + sqrt(1 - r^2) g) with f today's utility, where the correlation r
and the scale a are learned: an autoregressive model (Kennedy & O'Hagan 2000). Its covariance with a full one
is a r k. Half of the discrepancy g is as smooth as f, half is each subset's own, and its level is free. The
correlation is held below the one that was measured (`evidence/low_fidelity.py`).

M52 is the Matern kernel of smoothness 5/2. Both distances are Euclidean in some feature space, so every
part and their sum are positive semi-definite. The program's part is linear: small, additive, and the only one
that sees operator names and order. The slope along the state axes is what goes beyond the subsets tried.
"""

from functools import partial
from typing import TYPE_CHECKING

from autoselection_core.solver.feature_layout import Layout
from autoselection_core.solver.surrogate.hyper_parameters import HyperParameters
from autoselection_core.solver.surrogate.pairs import CrossPairs, Pairs, SelfPairs
from autoselection_core.solver.surrogate.priors import DRIFT_SIZE, LEVEL_SIZE

if TYPE_CHECKING:
    from torch import Tensor

_ROOT5 = 5.0**0.5

RIDGE = 1e-6
"""Added to variances, in standardised squared units, so that nearly equal subsets leave a covariance
invertible."""

_SOFT = 1e-6
"""Distance below which subsets are one in the composition part: a root has no slope at zero."""

_SMOOTH = 0.5
"""Share of a lower fidelity's discrepancy that is smooth; the rest is each subset's own."""


def covariance(log_hyper: "Tensor", left: "Tensor", right: "Tensor", layout: Layout) -> "Tensor":
    """Covariances of noise-free utilities under several hyper-parameter vectors.

    Args:
        log_hyper: Logarithms of the hyper-parameters, with or without the noise. Shape (s, p).
        left: Feature vectors. Shape (m, d), or batches of them that broadcast against (s, m, d).
        right: Feature vectors. Shape (n, d), or batches as above.
        layout: Layout of the columns.

    Returns:
        Shape (s, m, n), behind the batches.
    """
    return _covariance(HyperParameters.of(log_hyper, layout), CrossPairs(left, right), layout)


def variance(log_hyper: "Tensor", points: "Tensor", layout: Layout) -> "Tensor":
    """Diagonal of `covariance(log_hyper, points, points)`, without the rest. Shape (s, m)."""
    return _covariance(HyperParameters.of(log_hyper, layout), SelfPairs(points), layout)


def _covariance(hyper: HyperParameters, pairs: Pairs, layout: Layout) -> "Tensor":
    today = _today(hyper, pairs, layout)
    found = _across_fidelities(hyper, pairs, today, layout) if layout.fidelities else today
    if not layout.measures:
        return found
    first, drifted = layout.origin_columns.start, layout.origin_columns.start + layout.measures
    drift = DRIFT_SIZE**2 * pairs.product(partial(_column, column=drifted)) * pairs.is_same(drifted + 1)
    for measure in range(layout.measures):
        both = pairs.product(partial(_column, column=first + measure))
        discrepancy = pairs.spread(hyper.discrepancy[:, measure : measure + 1].exp()) ** 2
        found = found + both * (LEVEL_SIZE**2 + discrepancy * today + drift)
    return found


def _today(hyper: HyperParameters, pairs: Pairs, layout: Layout) -> "Tensor":
    """Covariance of this search's utilities at full fidelity."""
    scales, slopes = hyper.axis_scales.exp()[:, None], hyper.slopes.exp()[:, None]
    axes, marginals, program = layout.state_columns, layout.marginal_columns, layout.program_columns
    state = _matern(pairs.distance(lambda points: points[..., axes] / scales))
    distance = pairs.distance(lambda points: points[..., marginals])
    marginal = _matern(distance / pairs.spread(hyper.marginal_scale.exp()))
    found = LEVEL_SIZE**2 + pairs.spread(hyper.state_size.exp()) ** 2 * state
    found = found + pairs.spread(hyper.marginal_size.exp()) ** 2 * marginal
    found = found + pairs.spread(hyper.program_size.exp()) ** 2 * pairs.inner(
        lambda points: points[..., program]
    )
    found = found + pairs.inner(lambda points: points[..., axes] * slopes)
    return found + _composition(hyper, pairs, layout) if layout.groups else found


def _composition(hyper: HyperParameters, pairs: Pairs, layout: Layout) -> "Tensor":
    """Part over what a subset is made of: one distance, in which every group has a weight of its own."""
    weights = hyper.group_weights.exp() ** 2
    squared: Tensor | float = _SOFT**2
    for number, columns in enumerate(layout.group_columns):
        distance = pairs.distance(partial(_columns, columns=columns))
        squared = squared + pairs.spread(weights[:, number : number + 1]) * distance**2
    return pairs.spread(hyper.composition_size.exp()) ** 2 * _matern(squared.sqrt())  # type: ignore[union-attr]


def _column(points: "Tensor", column: int) -> "Tensor":
    return points[..., column]


def _columns(points: "Tensor", columns: slice) -> "Tensor":
    return points[..., columns]


def correlations(log_hyper: "Tensor", layout: Layout) -> "Tensor":
    """Correlation of each lower fidelity with the full one: as learned, at most as measured. Shape (s, f)."""
    return _correlations(HyperParameters.of(log_hyper, layout), layout)


def _correlations(hyper: HyperParameters, layout: Layout) -> "Tensor":
    learned = (1 + (2 * hyper.fidelity_discrepancies).exp()).rsqrt()
    return learned.minimum(learned.new_tensor(layout.trust))


def _across_fidelities(hyper: HyperParameters, pairs: Pairs, today: "Tensor", layout: Layout) -> "Tensor":
    """Covariances between scores of several fidelities, from those at full fidelity."""
    scale, correlation = hyper.fidelity_scales.exp(), _correlations(hyper, layout)
    shared = (scale * correlation)[:, None]
    own = (scale * (1 - correlation**2).clamp_min(0).sqrt())[:, None]
    columns, number = layout.fidelity_columns, layout.fidelity_columns.stop
    mixed = pairs.product(lambda points: 1 + ((shared - 1) * points[..., columns]).sum(-1)) * today
    sizes = hyper.state_size.exp() ** 2 + hyper.marginal_size.exp() ** 2
    apart = _SMOOTH * today + (1 - _SMOOTH) * pairs.spread(sizes) * pairs.is_same(number)
    level = LEVEL_SIZE**2 * pairs.inner(lambda points: points[..., columns])
    return mixed + pairs.inner(lambda points: own * points[..., columns]) * apart + level


def cholesky(matrix: "Tensor", ridge: "Tensor | float") -> "Tensor":
    """Lower Cholesky root of matrices with something added to their diagonals.

    Args:
        matrix: Shape (s, n, n).
        ridge: What is added: shape (s, n), shape (s,), or one number.
    """
    import torch

    added = torch.as_tensor(ridge, dtype=matrix.dtype)
    added = added[:, None] if added.ndim == 1 else added
    diagonal = torch.diag_embed(added.expand(matrix.shape[:-1]))
    root: Tensor = torch.linalg.cholesky(matrix + diagonal)
    return root


def solve_lower(root: "Tensor", right: "Tensor") -> "Tensor":
    """Solution x of root x = right for lower roots. Shapes (s, n, n), (s, n, m)."""
    import torch

    solution: Tensor = torch.linalg.solve_triangular(root, right, upper=False)
    return solution


def _matern(distance: "Tensor") -> "Tensor":
    r = _ROOT5 * distance
    return (1 + r + r * r / 3) * (-r).exp()
