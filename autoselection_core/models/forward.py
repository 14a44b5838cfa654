"""Statistics of predicted tokens, in float32 and without vocabulary-sized tensors for a whole batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask
from autoselection_core.errors.models import UnfaithfulHeadError
from autoselection_core.models.chat.spans import Tokens

if TYPE_CHECKING:
    import torch

MAX_TOKENS = 2_048
"""Tokens of a conversation that a pass reads at most, unless a setting says otherwise."""

_TOLERANCE_NATS = 0.5
"""Above what bfloat16 rounds away, below what a missing scaling changes."""


def decoder(model: Any) -> Any:  # noqa: ANN401 transformers has no types
    """The layers of a causal language model, without its output matrix."""
    return model.get_decoder()


def logits(model: Any, states: "torch.Tensor") -> "torch.Tensor":  # noqa: ANN401 transformers has no types
    """Logits of some hidden states in float32. Shape (p, hidden) to (p, vocabulary)."""
    import torch

    config = model.config.get_text_config()
    values: torch.Tensor = model.get_output_embeddings()(states).float()
    values = values / (getattr(config, "logits_scaling", None) or 1.0)
    values = values * (getattr(config, "logit_scale", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return values if cap is None else torch.tanh(values / cap) * cap


def check_head(model: Any) -> None:  # noqa: ANN401 transformers has no types
    """Compare `logits` with the model's own on a few tokens.

    Raises:
        UnfaithfulHeadError: They differ, so every statistic of this model would be wrong.
    """
    import torch

    vocabulary = model.get_input_embeddings().weight.shape[0]
    tokens = torch.arange(8, device=model.device)[None] * (vocabulary // 8)
    with torch.inference_mode():
        own = model(input_ids=tokens, use_cache=False).logits[0].float()
        states = decoder(model)(input_ids=tokens, use_cache=False).last_hidden_state[0]
        difference = (own.log_softmax(-1) - logits(model, states).log_softmax(-1)).abs().max().item()
    if not difference < _TOLERANCE_NATS:
        raise UnfaithfulHeadError(type(model).__name__, difference)


if TYPE_CHECKING:
    import torch

_CHUNK_BYTES = {"cpu": 16 << 20, "cuda": 512 << 20}
"""Maximum size of a vocabulary-sized tensor: a processor's cache, a small share of an accelerator."""

_CERTAIN_NATS = -1e4
"""Log-probabilities below this are impossible tokens: exp() of it is exactly 0, and 0 * it is 0."""

Statistic = npt.NDArray[np.float32]
"""One number for each wanted token of one sequence, in nats (or nats squared). Shape (w,)."""


@dataclass(frozen=True, eq=False)
class TokenStatistics:
    """Statistics of the wanted tokens of one sequence, each given all tokens before it.

    Attributes:
        log_likelihood: log p(token), nats.
        entropy: H = -sum p log p of the prediction at that place, nats.
        varentropy: V = sum p (log p + H)^2 of the same prediction, nats squared.
    """

    log_likelihood: Statistic
    entropy: Statistic
    varentropy: Statistic


@dataclass(frozen=True, eq=False)
class Padded:
    """Sequences of one batch side by side. Tensors of shape (b, longest)."""

    input_ids: "torch.Tensor"
    attention_mask: "torch.Tensor"
    position_ids: "torch.Tensor"


def pad(sequences: Sequence[Tokens], device: "torch.device", *, side: str = "right") -> Padded:
    """Put sequences into one rectangle; padding is masked and takes no position.

    Args:
        sequences: Token ids, each of its own length.
        device: Where the tensors go.
        side: "right" or "left", the side of the padding. The values do not depend on it.
    """
    longest = max(len(sequence) for sequence in sequences)
    ids = np.zeros((len(sequences), longest), np.int64)
    mask = np.zeros((len(sequences), longest), np.int64)
    for row, sequence in enumerate(sequences):
        place = slice(0, len(sequence)) if side == "right" else slice(longest - len(sequence), longest)
        ids[row, place] = sequence
        mask[row, place] = 1
    positions = np.maximum(mask.cumsum(axis=1) - 1, 0)
    return Padded(*(_on(device, array) for array in (ids, mask, positions)))


def token_statistics(
    model: Any,  # noqa: ANN401 transformers has no types
    sequences: Sequence[Tokens],
    wanted: Sequence[Mask],
    *,
    side: str = "right",
) -> list[TokenStatistics]:
    """One forward pass over a batch; statistics of the tokens that are wanted.

    Only the states that predict wanted tokens meet the output matrix, a chunk at a time. The first token of
    a sequence has nothing before it and must not be wanted.

    Args:
        model: A causal language model of transformers (also with PEFT adapters), in evaluation mode.
        sequences: Token ids of each sequence.
        wanted: For each sequence, which tokens. Shape (t,) each.
        side: Side of the padding, see `pad`.

    Returns:
        One entry a sequence, in order.
    """
    import torch

    with torch.inference_mode():
        states, targets = predicting_states(model, sequences, wanted, side=side)
        table = _statistics(model, states, targets).cpu().numpy()
    counts = [int(mask.sum()) for mask in wanted]
    parts = np.split(table, np.cumsum(counts)[:-1], axis=1)
    return [TokenStatistics(*part) for part in parts]


def predicting_states(
    model: Any,  # noqa: ANN401 transformers has no types
    sequences: Sequence[Tokens],
    wanted: Sequence[Mask],
    *,
    side: str = "right",
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Last hidden states that predict the wanted tokens, and those tokens. Shapes (p, hidden) and (p,)."""
    import torch

    batch = pad(sequences, model.device, side=side)
    states = decoder(model)(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=batch.position_ids,
        use_cache=False,
    ).last_hidden_state
    rows, columns = _places(wanted, batch.input_ids.shape[1], side)
    at = torch.as_tensor(rows, device=model.device), torch.as_tensor(columns, device=model.device)
    return states[at[0], at[1] - 1], batch.input_ids[at]


def weighted_mean_states(model: Any, sequences: Sequence[Tokens]) -> npt.NDArray[np.float32]:  # noqa: ANN401
    """Mean of the last hidden states of each sequence, weighted by position. Shape (b, hidden).

    The state at token i = 1, 2, ... has weight i / sum_i i, so padding on the right has weight 0.
    """
    import torch

    with torch.inference_mode():
        batch = pad(sequences, model.device)
        states = decoder(model)(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=batch.position_ids,
            use_cache=False,
        ).last_hidden_state
        weights = (batch.position_ids + 1) * batch.attention_mask
        shares = weights / weights.sum(dim=1, keepdim=True)
        means = torch.einsum("bt,bth->bh", shares.to(torch.float32), states.to(torch.float32))
    pooled: npt.NDArray[np.float32] = means.cpu().numpy()
    return pooled


def _places(wanted: Sequence[Mask], longest: int, side: str) -> tuple[npt.NDArray[np.int64], ...]:
    assert not any(mask[0] for mask in wanted), "nothing stands before the first token"
    columns = [np.flatnonzero(mask) + (0 if side == "right" else longest - len(mask)) for mask in wanted]
    rows = np.repeat(np.arange(len(wanted)), [len(column) for column in columns])
    return rows, np.concatenate(columns)


def _statistics(model: Any, states: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":  # noqa: ANN401
    import torch

    vocabulary = model.get_output_embeddings().weight.shape[0]
    chunk = max(1, _CHUNK_BYTES[states.device.type] // (4 * vocabulary))
    result = torch.empty((3, len(targets)), dtype=torch.float32, device=states.device)
    for start in range(0, len(targets), chunk):
        part = slice(start, start + chunk)
        result[:, part] = _chunk_statistics(logits(model, states[part]), targets[part])
    return result


def _chunk_statistics(values: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
    import torch

    log_p = values.log_softmax(dim=-1)
    likelihood = log_p.gather(1, targets[:, None])[:, 0]
    log_p = log_p.clamp_(min=_CERTAIN_NATS)
    p = log_p.exp()
    entropy = -torch.linalg.vecdot(p, log_p)
    # (log p + H)^2 before the sum: the difference of two sums loses the digits of a small variance.
    varentropy = torch.linalg.vecdot(p, log_p.add_(entropy[:, None]).square_())
    return torch.stack([likelihood, entropy, varentropy])


def _on(device: "torch.device", array: npt.NDArray[np.int64]) -> "torch.Tensor":
    import torch

    tensor = torch.from_numpy(array)
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
