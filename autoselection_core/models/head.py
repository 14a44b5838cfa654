"""Output head: logits of chosen hidden states, without logits for the whole batch."""

from typing import TYPE_CHECKING, Any

from autoselection_core.errors.models import UnfaithfulHeadError

if TYPE_CHECKING:
    import torch

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
