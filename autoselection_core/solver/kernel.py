"""The covariance of utilities: what two candidates have in common.

k = level^2 + s_state^2 M52(state axes / scales) + s_marginal^2 M52(subset distance / scale)
    + s_program^2 <program, program'> + s_slope^2 <state axes, state axes'>

An observation of an earlier search measured another utility, k (1 + d^2) + level^2, which has k in common
with today's: the larger the discrepancy d that is learned, the less it is trusted. What its subset lost and
gained since then adds a deviation of its own, shared by replicates of that subset only.

M52 is the Matern kernel of smoothness 5/2. Both distances are Euclidean in some feature space, so every
part and their sum are positive semi-definite. The program's part is linear: small, additive, and the only one
that sees operator names and order. The slope along the state axes is what goes beyond the subsets tried.
"""

from typing import TYPE_CHECKING

from autoselection_core.solver.hyper import DRIFT_SIZE, LEVEL_SIZE, SHARED
from autoselection_core.solver.layout import Layout

if TYPE_CHECKING:
    from torch import Tensor

_ROOT5 = 5.0**0.5


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
    scales, shared = hyper[:, None, : layout.axes], hyper[:, layout.axes :, None, None]
    marginal_scale, state_size, marginal_size, program_size, slope_size = (
        shared[:, place] for place in range(len(SHARED))
    )
    columns = layout.state_columns, layout.marginal_columns, layout.program_columns
    state = _matern(_distance(left[..., columns[0]] / scales, right[..., columns[0]] / scales))
    marginal = _matern(_distance(left[..., columns[1]], right[..., columns[1]]) / marginal_scale)
    program = left[..., columns[2]] @ right[..., columns[2]].mT
    slope = left[..., columns[0]] @ right[..., columns[0]].mT
    today = LEVEL_SIZE**2 + state_size**2 * state + marginal_size**2 * marginal
    today = today + program_size**2 * program + slope_size**2 * slope
    if not layout.has_earlier:
        return today
    origins = left[..., layout.origin_columns], right[..., layout.origin_columns]
    (is_left, drift_left, name_left), (is_right, drift_right, name_right) = (
        origin.unbind(-1) for origin in origins
    )
    both = is_left[..., :, None] * is_right[..., None, :]
    is_same = name_left[..., :, None] == name_right[..., None, :]
    drift = DRIFT_SIZE**2 * drift_left[..., :, None] * drift_right[..., None, :] * is_same
    discrepancy = shared[:, len(SHARED)] ** 2
    return today + both * (LEVEL_SIZE**2 + discrepancy * today + drift)


def variance(log_hyper: "Tensor", points: "Tensor", layout: Layout) -> "Tensor":
    """The diagonal of `covariance(log_hyper, points, points)`, without the rest. Shape (s, m)."""
    sizes = log_hyper[:, layout.axes + 1 : layout.axes + 5].exp() ** 2
    program = (points[..., layout.program_columns] ** 2).sum(-1)
    slope = (points[..., layout.state_columns] ** 2).sum(-1)
    today = LEVEL_SIZE**2 + sizes[:, :1] + sizes[:, 1:2] + sizes[:, 2:3] * program + sizes[:, 3:] * slope
    if not layout.has_earlier:
        return today
    is_earlier, drift, _ = points[..., layout.origin_columns].unbind(-1)
    discrepancy = log_hyper[:, [layout.axes + len(SHARED)]].exp() ** 2
    return today + is_earlier * (LEVEL_SIZE**2 + discrepancy * today + DRIFT_SIZE**2 * drift**2)


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
