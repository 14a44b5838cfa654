"""The covariance of utilities: what two candidates have in common.

k = level^2 + s_state^2 M52(state axes / scales) + s_marginal^2 M52(subset distance / scale)
    + s_program^2 <program, program'> + sum over axes of slope^2 axis axis'

An observation of an earlier search measured another utility, k (1 + d^2) + level^2, which has k in common
with today's: the larger the discrepancy d that is learned, the less it is trusted. What its subset lost and
gained since then adds a deviation of its own, shared by replicates of that subset only.

A score of a cheaper fidelity measured a (r f + sqrt(1 - r^2) g) with f today's utility, where the
correlation r and the scale a are learned: an autoregressive model (Kennedy & O'Hagan 2000). Its covariance
with a full one is a r k. Half of the discrepancy g is as smooth as f, half is each subset's own, and its
level is free. The correlation is held below the one that was measured (see `hints`).

M52 is the Matern kernel of smoothness 5/2. Both distances are Euclidean in some feature space, so every
part and their sum are positive semi-definite. The program's part is linear: small, additive, and the only one
that sees operator names and order. The slope along the state axes is what goes beyond the subsets tried.
"""

from typing import TYPE_CHECKING

from autoselection_core.solver.feature_layout import Layout
from autoselection_core.solver.surrogate.priors import (
    DRIFT_SIZE,
    LEVEL_SIZE,
    SHARED,
    after_axes,
    after_shared,
)

if TYPE_CHECKING:
    from torch import Tensor

_ROOT5 = 5.0**0.5

_SMOOTH = 0.5
"""Share of a cheaper fidelity's discrepancy that is smooth; the rest is each subset's own."""


def covariance(log_hyper: "Tensor", left: "Tensor", right: "Tensor", layout: Layout) -> "Tensor":
    """Covariances of noise-free utilities under several hyper-parameter vectors.

    Args:
        log_hyper: Logarithms of the hyper-parameters, with or without the noise. Shape (s, p).
        left: Feature vectors. Shape (m, d), or batches of them that broadcast against (s, m, d).
        right: Feature vectors. Shape (n, d), or batches as above.
        layout: Which columns are which part.

    Returns:
        Shape (s, m, n), behind the batches.
    """
    hyper = log_hyper.exp()
    first = after_axes(layout)
    scales, slopes = hyper[:, None, : layout.axes], hyper[:, None, layout.axes : first]
    shared = hyper[:, first:, None, None]
    marginal_scale, state_size, marginal_size, program_size = (
        shared[:, place] for place in range(len(SHARED))
    )
    columns = layout.state_columns, layout.marginal_columns, layout.program_columns
    state = _matern(_distance(left[..., columns[0]] / scales, right[..., columns[0]] / scales))
    marginal = _matern(_distance(left[..., columns[1]], right[..., columns[1]]) / marginal_scale)
    program = left[..., columns[2]] @ right[..., columns[2]].mT
    slope = (left[..., columns[0]] * slopes) @ (right[..., columns[0]] * slopes).mT
    today = LEVEL_SIZE**2 + state_size**2 * state + marginal_size**2 * marginal
    today = today + program_size**2 * program + slope
    found = _mixed(log_hyper, left, right, today, layout) if layout.fidelities else today
    if not layout.has_earlier:
        return found
    origins = left[..., layout.origin_columns], right[..., layout.origin_columns]
    (is_left, drift_left, name_left), (is_right, drift_right, name_right) = (
        origin.unbind(-1) for origin in origins
    )
    both = is_left[..., :, None] * is_right[..., None, :]
    is_same = name_left[..., :, None] == name_right[..., None, :]
    drift = DRIFT_SIZE**2 * drift_left[..., :, None] * drift_right[..., None, :] * is_same
    discrepancy = shared[:, len(SHARED)] ** 2
    return found + both * (LEVEL_SIZE**2 + discrepancy * today + drift)


def correlations(log_hyper: "Tensor", layout: Layout) -> "Tensor":
    """Of each cheaper fidelity with the full one: as learned, at most as measured. Shape (s, f)."""
    first = after_shared(layout) + layout.has_earlier
    learned = (1 + (2 * log_hyper[:, first : first + layout.fidelities]).exp()).rsqrt()
    return learned.minimum(learned.new_tensor(layout.trust))


def _fidelities(log_hyper: "Tensor", layout: Layout) -> tuple["Tensor", "Tensor"]:
    """What each fidelity has of today's utility, and of its own. Shapes (s, 1, f)."""
    shared = correlations(log_hyper, layout)
    first = after_shared(layout) + layout.has_earlier + layout.fidelities
    scale = log_hyper[:, first : first + layout.fidelities].exp()
    return (scale * shared)[:, None], (scale * (1 - shared**2).clamp_min(0).sqrt())[:, None]


def _mixed(log_hyper: "Tensor", left: "Tensor", right: "Tensor", today: "Tensor", layout: Layout) -> "Tensor":
    """Covariances between scores of several fidelities, from those at full fidelity."""
    shared, own = _fidelities(log_hyper, layout)
    columns, number = layout.fidelity_columns, layout.fidelity_columns.stop
    at_left, at_right = left[..., columns], right[..., columns]
    parts = (1 + ((shared - 1) * at).sum(-1) for at in (at_left, at_right))
    share_left, share_right = parts
    is_same = left[..., :, None, number] == right[..., None, :, number]
    apart = _SMOOTH * today + (1 - _SMOOTH) * _own_size(log_hyper, layout)[:, None, None] * is_same
    level = LEVEL_SIZE**2 * (at_left @ at_right.mT)
    mixed = share_left[..., :, None] * share_right[..., None, :] * today
    return mixed + ((own * at_left) @ (own * at_right).mT) * apart + level


def _own_size(log_hyper: "Tensor", layout: Layout) -> "Tensor":
    """Variance of what each subset has of its own in a discrepancy. Shape (s,)."""
    first = after_axes(layout)
    sizes = log_hyper[:, first + 1 : first + 3].exp() ** 2
    return sizes.sum(-1)


def variance(log_hyper: "Tensor", points: "Tensor", layout: Layout) -> "Tensor":
    """The diagonal of `covariance(log_hyper, points, points)`, without the rest. Shape (s, m)."""
    first = after_axes(layout)
    sizes = log_hyper[:, first + 1 : first + len(SHARED)].exp() ** 2
    program = (points[..., layout.program_columns] ** 2).sum(-1)
    slopes = log_hyper[:, None, layout.axes : first].exp()
    slope = ((points[..., layout.state_columns] * slopes) ** 2).sum(-1)
    today = LEVEL_SIZE**2 + sizes[:, :1] + sizes[:, 1:2] + sizes[:, 2:3] * program + slope
    found = today
    if layout.fidelities:
        shared, own = _fidelities(log_hyper, layout)
        at = points[..., layout.fidelity_columns]
        apart = _SMOOTH * today + (1 - _SMOOTH) * _own_size(log_hyper, layout)[:, None]
        found = (1 + ((shared - 1) * at).sum(-1)) ** 2 * today
        found = found + ((own * at) ** 2).sum(-1) * apart + LEVEL_SIZE**2 * at.sum(-1)
    if not layout.has_earlier:
        return found
    is_earlier, drift, _ = points[..., layout.origin_columns].unbind(-1)
    discrepancy = log_hyper[:, [after_shared(layout)]].exp() ** 2
    return found + is_earlier * (LEVEL_SIZE**2 + discrepancy * today + DRIFT_SIZE**2 * drift**2)


def noise_variance(log_hyper: "Tensor") -> "Tensor":
    """Run-to-run variance under each hyper-parameter vector. Shape (s,)."""
    return (2 * log_hyper[:, -1]).exp()


def cholesky(matrix: "Tensor", ridge: "Tensor | float") -> "Tensor":
    """The lower root of matrices with something added to their diagonals.

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


def solved(root: "Tensor", right: "Tensor") -> "Tensor":
    """The solution x of root x = right for lower roots. Shapes (s, n, n), (s, n, m)."""
    import torch

    solution: Tensor = torch.linalg.solve_triangular(root, right, upper=False)
    return solution


def _distance(left: "Tensor", right: "Tensor") -> "Tensor":
    import torch

    return torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")


def _matern(distance: "Tensor") -> "Tensor":
    r = _ROOT5 * distance
    return (1 + r + r * r / 3) * (-r).exp()
