"""Prefix tree of sequences, laid out so that every shared token is read once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.models.chat.spans import Tokens

Positions = npt.NDArray[np.int64]
"""Positions in a row's flat tokens. Shape (t,)."""


@dataclass(frozen=True, eq=False)
class SharedPrefixRow:
    """Several sequences as one row of distinct tokens.

    Attributes:
        numbers: Which sequences, by their number.
        input_ids: The distinct tokens. Shape (f,).
        positions: Position of each token in its sequence. Shape (f,).
        paths: For each sequence, the places of its tokens in `input_ids`.
    """

    numbers: tuple[int, ...]
    input_ids: Tokens
    positions: npt.NDArray[np.int64]
    paths: tuple[Positions, ...]

    def visible(self) -> npt.NDArray[np.bool_]:
        """Attention mask: a token sees itself and those before it in its sequences. Shape (f, f)."""
        mask = np.zeros((len(self.input_ids), len(self.input_ids)), np.bool_)
        for path in self.paths:
            mask[path[:, None], path[None, :]] = np.tri(len(path), dtype=np.bool_)
        return mask


def shared_prefix_rows(sequences: Sequence[Tokens], token_budget: int) -> list[SharedPrefixRow]:
    """Rows of at most `token_budget` distinct tokens that hold all sequences.

    Sequences are taken in the order of their tokens, so those that share a beginning are neighbours. A
    sequence longer than the budget has a row of its own.

    Args:
        sequences: Token ids of each sequence, none empty.
        token_budget: Maximum distinct tokens of a row.

    Example:
        >>> shared = [np.array([1, 2, 3]), np.array([1, 2, 4])]
        >>> shared_prefix_rows(shared, token_budget=8)[0].input_ids
        array([1, 2, 3, 4])
    """
    order = sorted(range(len(sequences)), key=lambda number: sequences[number].tolist())
    rows: list[SharedPrefixRow] = []
    waiting: list[int] = []
    size = 0
    for number in order:
        new = len(sequences[number]) - (
            _common_length(sequences[waiting[-1]], sequences[number]) if waiting else 0
        )
        if waiting and size + new > token_budget:
            rows.append(_layout(waiting, sequences))
            waiting, size, new = [], 0, len(sequences[number])
        waiting.append(number)
        size += new
    return [*rows, _layout(waiting, sequences)] if waiting else rows


def _layout(numbers: list[int], sequences: Sequence[Tokens]) -> SharedPrefixRow:
    flat: list[Tokens] = []
    positions: list[Positions] = []
    paths: list[Positions] = []
    size = 0
    for place, number in enumerate(numbers):
        sequence = sequences[number]
        shared = _common_length(sequences[numbers[place - 1]], sequence) if place else 0
        new = len(sequence) - shared
        before = paths[-1][:shared] if place else np.zeros(0, np.int64)
        paths.append(np.concatenate([before, np.arange(size, size + new)]))
        flat.append(sequence[shared:])
        positions.append(np.arange(shared, len(sequence)))
        size += new
    return SharedPrefixRow(tuple(numbers), np.concatenate(flat), np.concatenate(positions), tuple(paths))


def _common_length(one: Tokens, other: Tokens) -> int:
    """Length of the common prefix of two sequences."""
    length = min(len(one), len(other))
    different = np.flatnonzero(one[:length] != other[:length])
    return int(different[0]) if len(different) else length
