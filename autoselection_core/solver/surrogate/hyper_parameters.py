"""Hyper-parameters of the surrogate by name: logarithms in one vector, with a named view of each group.

The order below is the order of the vector. Only the noise is addressed from the end, because a kernel has no
noise and drops it.
"""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

from autoselection_core.solver.feature_layout import Layout

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class HyperParameters:
    """Logarithms of all hyper-parameters but the noise, each group of shape (s, size of the group).

    Attributes:
        axis_scales: Length scale of each state axis.
        slopes: Deviation of the linear slope along each state axis.
        marginal_scale: Length scale of the subset distance.
        state_size: Standard deviation of the part over state axes.
        marginal_size: Standard deviation of the part over the subset distance.
        program_size: Standard deviation of the linear part over the program encoding.
        group_weights: Weight of the distance in each composition group; empty without groups.
        composition_size: Standard deviation of the part over composition groups; empty without groups.
        discrepancy: Size of what each measure of earlier searches differs by; empty in a cold search.
        fidelity_discrepancies: Size of the discrepancy of each lower fidelity.
        fidelity_scales: Spread of the utilities of each lower fidelity.
    """

    axis_scales: "Tensor"
    slopes: "Tensor"
    marginal_scale: "Tensor"
    state_size: "Tensor"
    marginal_size: "Tensor"
    program_size: "Tensor"
    group_weights: "Tensor"
    composition_size: "Tensor"
    discrepancy: "Tensor"
    fidelity_discrepancies: "Tensor"
    fidelity_scales: "Tensor"

    @classmethod
    def of(cls, log_hyper: "Tensor", layout: Layout) -> Self:
        """Named views of vectors of shape (s, p), with or without the noise at their end."""
        import torch

        sizes = [group_sizes(layout)[field.name] for field in fields(cls)]
        return cls(*torch.split(log_hyper[:, : sum(sizes)], sizes, dim=-1))


def group_sizes(layout: Layout) -> dict[str, int]:
    """Length of every group of hyper-parameters, in the order of the vector."""
    return {
        "axis_scales": layout.axes,
        "slopes": layout.axes,
        "marginal_scale": 1,
        "state_size": 1,
        "marginal_size": 1,
        "program_size": 1,
        "group_weights": len(layout.groups),
        "composition_size": int(bool(layout.groups)),
        "discrepancy": layout.measures,
        "fidelity_discrepancies": layout.fidelities,
        "fidelity_scales": layout.fidelities,
        "noise": 1,
    }


def split_noise(values: "Tensor") -> tuple["Tensor", "Tensor"]:
    """Hyper-parameters of the kernel, and the noise. Shapes (..., p - 1) and (..., 1), from (..., p)."""
    return values[..., :-1], values[..., -1:]


def noise_variance(log_hyper: "Tensor") -> "Tensor":
    """Run-to-run variance under each hyper-parameter vector. Shape (s,)."""
    return (2 * split_noise(log_hyper)[1][..., 0]).exp()
