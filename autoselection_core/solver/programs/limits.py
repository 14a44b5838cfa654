"""Limits of candidates: rows and tokens, and what a training can read of a sample."""

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask
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


UNTRAINABLE = "nothing to train on"
"""Reason to leave a realised candidate out."""

_TOKENS, _RESPONSE_TOKENS, _TURNS = "tokens", "response_tokens", "turns"


def trainable_rows(signals: SignalTable, max_tokens: int | None) -> Mask:
    """Rows that a training can learn from; all where tokens were not counted. Shape (n,).

    Where a conversation has several answers the first of them may begin early, so it counts as trainable if
    it has any response tokens.
    """
    if max_tokens is None or not {_TOKENS, _RESPONSE_TOKENS} <= set(signals.columns):
        return np.ones(len(signals), np.bool_)
    answers = np.nan_to_num(signals[_RESPONSE_TOKENS].astype(np.float64))
    before = np.nan_to_num(signals[_TOKENS].astype(np.float64)) - answers
    turns = signals[_TURNS] if _TURNS in signals.columns else np.ones(len(signals))
    return np.asarray((answers > 0) & ((before < max_tokens) | (turns > 1)))


def read_tokens(signals: SignalTable, max_tokens: int) -> npt.NDArray[np.float64]:
    """Tokens that an optimiser reads of each row in an epoch: at most `max_tokens`, none of untrainable rows.

    Shape (n,). A row whose tokens were not counted is read as none.
    """
    counted = np.minimum(np.nan_to_num(signals[_TOKENS].astype(np.float64)), max_tokens)
    return np.where(trainable_rows(signals, max_tokens), counted, 0.0)


def only_trainable(realised: Realised, trainable: Mask) -> Realised:
    """Leave out subsets without a trainable row, and count them."""
    if trainable.all():
        return realised
    kept = np.array([bool(trainable[subset.rows].any()) for subset in realised.subsets], np.bool_)
    return realised.only(kept, UNTRAINABLE)[0]
