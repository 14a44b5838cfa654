"""Limits of candidates: rows and tokens, and what a training can read of a sample."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask
from autoselection_core.errors.signals import MissingSignalError
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.programs.realise import Realised

Tokens: TypeAlias = npt.NDArray[np.float64]
"""Numbers of tokens."""

TOO_LARGE, TOO_MANY_TOKENS, OUTSIDE_SHARES = "too large", "too many tokens", "share of a group out of bounds"
"""Reasons to leave a realised candidate out."""

BEYOND_LIMITS = "beyond a limit on all rows"
"""Reason to leave out what kept to the limits on a sample of the pool."""


def within_limits(realised: Realised, signals: SignalTable, policy: Policy) -> Realised:
    """Leave out subsets outside the policy's limits of size and of groups, and count them.

    Raises:
        MissingSignalError: The policy limits the share of a group that the pool has not.
    """
    kept = _within_size(realised, signals, policy)
    for name, low, high in policy.shares:
        member = _members(name, signals)
        weights = member * signals.weights
        shares = _sums(weights, kept) / np.array([signals.size_of(subset.rows) for subset in kept.subsets])
        inside = (shares >= low - _ROUNDING) & (shares <= high + _ROUNDING)
        kept, _ = kept.only(inside, OUTSIDE_SHARES)
    return kept


def require_groups(signals: SignalTable, policy: Policy) -> None:
    """Require that the pool has each group whose share a policy limits, before a search is registered.

    Raises:
        MissingSignalError: It has not.
    """
    for name, _, _ in policy.shares:
        _members(name, signals)


def _members(name: str, signals: SignalTable) -> Mask:
    """Rows of a group, which is written as grouping/group. Shape (n,)."""
    grouping, _, group = name.partition("/")
    groups = signals.groupings.get(grouping)
    if groups is None:
        raise MissingSignalError("grouping", grouping, tuple(signals.groupings))
    if group not in groups:
        raise MissingSignalError("group", group, groups)
    return np.asarray(signals.label(grouping) == groups.index(group))


def _within_size(realised: Realised, signals: SignalTable, policy: Policy) -> Realised:
    sizes = np.array([signals.size_of(subset.rows) for subset in realised.subsets])
    kept, _ = realised.only(sizes <= policy.max_share * pool_rows(signals), TOO_LARGE)
    if policy.max_tokens is None:
        return kept
    sums = _sums(np.nan_to_num(signals["tokens"].astype(np.float64)) * signals.weights, kept)
    return kept.only(sums <= policy.max_tokens, TOO_MANY_TOKENS)[0]


def pool_rows(signals: SignalTable) -> float:
    """Rows of the pool that all rows of a table stand for."""
    return float(signals.weights.sum(dtype=np.float64))


def _sums(tokens: npt.NDArray[np.floating], realised: Realised) -> Tokens:
    return np.array([tokens[subset.rows].sum() for subset in realised.subsets], np.float64)


UNTRAINABLE, TOO_REPEATED = "nothing to train on", "repeated too often"
"""Reasons to leave a realised candidate out: no trainable row, too few tokens for the training's length."""

MAX_PASSES = 4
"""Passes of a training over its samples at most. Up to four, repeated samples are worth nearly as much as new
ones, and less beyond that (Muennighoff et al. 2023, "Scaling Data-Constrained Language Models")."""

_ROUNDING = 1e-9

_MIN_SHARE = 0.05
"""Share of the pool's tokens that is never too little: the least that one operator keeps. A training may be
longer than four passes over the whole pool."""

_TRAINABLE_ONLY = 2
"""Version of the policy that knows which rows are trainable, but not how often they are read."""

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


def read_tokens(signals: SignalTable, max_tokens: int) -> Tokens:
    """Tokens that an optimiser reads of each row in an epoch: at most `max_tokens`, none of untrainable rows.

    Shape (n,). A row whose tokens were not counted is read as none.
    """
    counted = np.minimum(np.nan_to_num(signals[_TOKENS].astype(np.float64)), max_tokens)
    return np.where(trainable_rows(signals, max_tokens), counted, 0.0)


@dataclass(frozen=True, eq=False)
class TrainingReading:
    """Rows and tokens that a training reads of a pool, or of a sample of its rows.

    Attributes:
        trainable: Rows that it can learn from. Shape (n,).
        pool_rows: Rows of the pool.
        tokens: Tokens that it reads in an epoch of the rows that each row stands for; None where they were
            not counted. Shape (n,).
        length: Tokens of a training of any subset; None where they follow from the subset.
    """

    trainable: Mask
    pool_rows: int
    tokens: Tokens | None = None
    length: float | None = None

    @property
    def min_tokens(self) -> float:
        """Tokens that a candidate has at least, so that no sample is read more than `MAX_PASSES` times."""
        if self.tokens is None or self.length is None:
            return 0.0
        return min(self.length / MAX_PASSES, _MIN_SHARE * float(self.tokens.sum()))

    def min_rows(self, policy: Policy) -> int:
        """Rows that a candidate has at least; without a share of the policy the tokens decide."""
        if policy.min_share is None and self.min_tokens > 0:
            return 1
        return policy.min_rows(self.pool_rows)

    def only_readable(self, realised: Realised) -> Realised:
        """Leave out subsets that it cannot learn from or reads too often, and count them."""
        if not self.trainable.all():
            kept = np.array([self.trainable[subset.rows].any() for subset in realised.subsets], np.bool_)
            realised = realised.only(kept, UNTRAINABLE)[0]
        if self.tokens is None or not self.min_tokens:
            return realised
        return realised.only(_sums(self.tokens, realised) >= self.min_tokens, TOO_REPEATED)[0]


def reading_of(
    signals: SignalTable, policy: Policy, max_tokens: int | None, train_tokens: float | None
) -> TrainingReading:
    """Reading of a pool under a version of the policy.

    Args:
        signals: The pool.
        policy: The first version knows nothing of trainings, the second only what is trainable.
        max_tokens: Longest conversation that a training reads, in tokens; None where nothing is trained.
        train_tokens: Tokens of a training of any subset; None where they follow from the subset.
    """
    limit = max_tokens if policy.version > 1 else None
    trainable, rows = trainable_rows(signals, limit), round(pool_rows(signals))
    if limit is None or policy.version <= _TRAINABLE_ONLY or _TOKENS not in signals.columns:
        return TrainingReading(trainable, rows)
    return TrainingReading(trainable, rows, read_tokens(signals, limit) * signals.weights, train_tokens)
