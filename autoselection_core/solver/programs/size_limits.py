"""Size limits of candidates: rows and tokens, known before anything is trained.

Candidates beyond them are left out and counted.
"""

import numpy as np

from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.programs.realise import Realised

TOO_LARGE, TOO_MANY_TOKENS = "too large", "too many tokens"
"""Reasons to leave a realised candidate out."""


def within_size(realised: Realised, signals: SignalTable, policy: Policy) -> Realised:
    """Leave out subsets with too many rows or too many tokens, and count them."""
    sizes = np.array([len(subset) for subset in realised.subsets])
    kept, _ = realised.only(sizes <= policy.max_share * len(signals), TOO_LARGE)
    if policy.max_tokens is None:
        return kept
    tokens = np.nan_to_num(signals["tokens"].astype(np.float64))
    sums = np.array([tokens[subset.rows].sum() for subset in kept.subsets])
    return kept.only(sums <= policy.max_tokens, TOO_MANY_TOKENS)[0]
