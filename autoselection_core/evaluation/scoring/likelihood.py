"""Log-likelihoods of tokens, each shared prefix read once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask
from autoselection_core.evaluation.scoring.prefix_tree import SharedPrefixRow, shared_prefix_rows
from autoselection_core.models.batching import is_out_of_memory
from autoselection_core.models.chat.spans import Tokens
from autoselection_core.models.forward import decoder, logits
from autoselection_core.models.frozen_layers import FrozenLayers, name_of

if TYPE_CHECKING:
    import torch

LogLikelihoods = npt.NDArray[np.float32]
"""Log-likelihood of each wanted token of one sequence, in nats. Shape (w,)."""

_ONE_BY_ONE = 1
"""A budget that every sequence exceeds, so that each has a row of its own."""

_BRANCHES, _BRANCH_TOKENS = 4, 12
"""Size of the sequences that a model's handling of the mask is tried with."""

_NEARER = 0.5
"""In bfloat16 rounding takes about a tenth of what a missing mask changes."""

_SHARING: dict[tuple[str, str, str], bool] = {}
"""Whether a model honours such a mask, by its name, its class and its device."""

_LOGITS_BYTES = {"cpu": 32 << 20, "cuda": 512 << 20}
"""Maximum size of a vocabulary-sized tensor."""


@dataclass(frozen=True)
class Scoring:
    """Sizes of scoring passes; no setting changes a score beyond rounding.

    Attributes:
        row_tokens: Maximum distinct tokens of one forward pass. Halved when memory runs out.
        batch_tokens: Maximum tokens of a batch of generated answers, prompts included. Halved likewise.
    """

    row_tokens: int = 768
    batch_tokens: int = 8_192


def log_likelihoods(
    model: Any,  # noqa: ANN401 transformers has no types
    sequences: Sequence[Tokens],
    wanted: Sequence[Mask],
    scoring: Scoring,
    *,
    done: Callable[[int, int], None] = lambda _, __: None,
    frozen: FrozenLayers | None = None,
    name: str | None = None,
) -> tuple[list[LogLikelihoods], int]:
    """Log-likelihood of the wanted tokens of each sequence, each shared prefix read once.

    Args:
        model: A causal language model, in evaluation mode.
        sequences: Token ids of each sequence.
        wanted: For each sequence, which tokens; never the first. Shape (t,) each.
        scoring: Size of a forward pass.
        done: Called with how many sequences are done, and how many there are.
        frozen: Layers whose states are the same for every model that is trained from one base model.
        name: Name of the base model and its number type, so that what is tried with it is remembered.

    Returns:
        One entry a sequence, in order; and how many tokens the model read.
    """
    results: list[LogLikelihoods | None] = [None] * len(sequences)
    row_tokens = scoring.row_tokens if shares_prefixes(model, name) else _ONE_BY_ONE
    waiting = list(reversed(shared_prefix_rows(sequences, row_tokens)))
    read = finished = 0
    while waiting:
        row = waiting.pop()
        values = _within_memory(model, row, sequences, wanted, frozen)
        if values is None:
            kept = [sequences[number] for number in row.numbers]
            halves = shared_prefix_rows(kept, len(row.input_ids) // 2)
            waiting += [_renumber(half, row.numbers) for half in reversed(halves)]
            continue
        for number, value in zip(row.numbers, values, strict=True):
            results[number] = value
        read += len(row.input_ids)
        finished += len(row.numbers)
        done(finished, len(sequences))
    return [value for value in results if value is not None], read


def shares_prefixes(model: Any, name: str | None = None) -> bool:  # noqa: ANN401 no types
    """Whether a model honours a mask under which several sequences share a prefix.

    Models with a recurrent state do not, and with a sliding window the mask would switch the window off. So
    windows are looked up, and the rest is tried with short sequences: beside each other with the mask, beside
    each other without it, and alone. With the mask they must be nearer to alone; how near, rounding decides.
    A process tries a model of one name once, because no adapters change how its layers read a mask.

    Args:
        model: A causal language model.
        name: Name of the base model and its number type; None tries the model.
    """
    if getattr(model.config.get_text_config(), "sliding_window", None) is not None:
        return False
    if name is None:
        return _honours_masks(model)
    known = (name, type(decoder(model)).__name__, str(model.device))
    if known not in _SHARING:
        _SHARING[known] = _honours_masks(model)
    return _SHARING[known]


def _honours_masks(model: Any) -> bool:  # noqa: ANN401 no types
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = np.random.default_rng(0).integers(vocabulary, size=(_BRANCHES, _BRANCH_TOKENS))
    ids[:, : _BRANCH_TOKENS // 3] = ids[0, : _BRANCH_TOKENS // 3]
    sequences = [row.astype(np.int32) for row in ids]
    alone = _attempt(model, sequences, _ONE_BY_ONE)
    masked = np.abs(_attempt(model, sequences, ids.size) - alone).mean()
    unmasked = np.abs(_attempt(model, sequences, ids.size, is_masked=False) - alone).mean()
    return bool(masked < _NEARER * unmasked)


def _attempt(
    model: Any,  # noqa: ANN401 no types
    sequences: Sequence[Tokens],
    row_tokens: int,
    *,
    is_masked: bool = True,
) -> LogLikelihoods:
    wanted = [np.arange(len(sequence)) > 0 for sequence in sequences]
    values: dict[int, LogLikelihoods] = {}
    for row in shared_prefix_rows(sequences, row_tokens):
        found = _row_log_likelihoods(model, row, sequences, wanted, is_masked=is_masked)
        values.update(zip(row.numbers, found, strict=True))
    return np.concatenate([values[number] for number in sorted(values)])


def _within_memory(
    model: Any,  # noqa: ANN401 no types
    row: SharedPrefixRow,
    sequences: Sequence[Tokens],
    wanted: Sequence[Mask],
    frozen: FrozenLayers | None,
) -> list[LogLikelihoods] | None:
    """The values of a row; None where memory ran out and there is something to halve."""
    try:
        return _row_log_likelihoods(model, row, sequences, wanted, frozen)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error) or len(row.numbers) == 1:
            raise
        return None


def _row_log_likelihoods(
    model: Any,  # noqa: ANN401 no types
    row: SharedPrefixRow,
    sequences: Sequence[Tokens],
    wanted: Sequence[Mask],
    frozen: FrozenLayers | None = None,
    *,
    is_masked: bool = True,
) -> list[LogLikelihoods]:
    import torch

    targets = [np.flatnonzero(wanted[number]) for number in row.numbers]
    predicting = np.concatenate([path[at - 1] for path, at in zip(row.paths, targets, strict=True)])
    tokens = np.concatenate(
        [sequences[number][at] for number, at in zip(row.numbers, targets, strict=True)]
    ).astype(np.int64)
    with torch.inference_mode():
        states = _states(model, row, frozen, is_masked=is_masked)[
            torch.from_numpy(predicting).to(model.device)
        ]
        flat = _pick(model, states, torch.from_numpy(tokens).to(model.device)).cpu().numpy()
    ends = np.cumsum([len(at) for at in targets])
    return [flat[end - len(at) : end] for end, at in zip(ends, targets, strict=True)]


def _states(
    model: Any,  # noqa: ANN401 no types
    row: SharedPrefixRow,
    frozen: FrozenLayers | None,
    *,
    is_masked: bool,
) -> "torch.Tensor":
    import torch

    # A single sequence needs no mask, and has it as the model wants it.
    visible = row.visible() if is_masked and len(row.numbers) > 1 else None
    inputs = {
        "input_ids": torch.from_numpy(row.input_ids.astype(np.int64)).to(model.device)[None],
        "position_ids": torch.from_numpy(row.positions).to(model.device)[None],
        "attention_mask": None if visible is None else _mask(model, visible),
    }
    recalling: AbstractContextManager[None] = nullcontext()
    if frozen is not None:
        text = name_of(row.input_ids, row.positions, visible)
        recalling = frozen.recalling(frozen.states(text, inputs))
    with recalling:
        states: torch.Tensor = decoder(model)(**inputs, use_cache=False).last_hidden_state
    return states[0]


def _mask(model: Any, allowed: npt.NDArray[np.bool_]) -> "torch.Tensor":  # noqa: ANN401 no types
    """Additive attention mask: 0 where a token may look, the lowest number elsewhere."""
    import torch

    visible = torch.from_numpy(allowed).to(model.device)
    mask = torch.zeros(visible.shape, dtype=model.dtype, device=model.device)
    return mask.masked_fill_(~visible, torch.finfo(model.dtype).min)[None, None]


def _pick(model: Any, states: "torch.Tensor", tokens: "torch.Tensor") -> "torch.Tensor":  # noqa: ANN401
    """Log-probability of one token a state, in chunks of the vocabulary-sized tensor."""
    import torch

    vocabulary = model.get_output_embeddings().weight.shape[0]
    chunk = max(1, _LOGITS_BYTES[states.device.type] // (4 * vocabulary))
    parts = [
        logits(model, states[at : at + chunk]).log_softmax(-1).gather(1, tokens[at : at + chunk, None])[:, 0]
        for at in range(0, len(tokens), chunk)
    ]
    return torch.cat(parts)


def _renumber(row: SharedPrefixRow, numbers: tuple[int, ...]) -> SharedPrefixRow:
    return SharedPrefixRow(
        tuple(numbers[number] for number in row.numbers), row.input_ids, row.positions, row.paths
    )
