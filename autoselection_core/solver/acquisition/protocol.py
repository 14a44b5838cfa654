"""Terms of an acquisition function, which add up as logarithms."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.surrogate.gp import Numbers


class AcquisitionTerm(Protocol):
    """Factor of an acquisition function, such as an improvement or a probability of feasibility."""

    def log_value(self, candidates: Features) -> Numbers:
        """Logarithm of the factor for each feature vector. Shape (m,), from (m, d)."""
        ...


@dataclass(frozen=True, eq=False)
class SumOfTerms:
    """Product of acquisition factors, as the sum of their logarithms."""

    terms: tuple[AcquisitionTerm, ...]

    def log_value(self, candidates: Features) -> Numbers:
        """Sum over the terms. Shape (m,)."""
        return np.asarray(np.sum([term.log_value(candidates) for term in self.terms], axis=0))
