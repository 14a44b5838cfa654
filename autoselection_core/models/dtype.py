"""Speed probe of number types on this machine, in at most two seconds."""

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DTYPES = ("bfloat16", "float32")
_TOKENS = 256
_LAYERS = 2
_SECONDS_PER_DTYPE = 0.7
_HEAD_ROWS = 4_096
_PASSES_OF_TRAINING = 3
"""Forward once, backward twice as much work."""


@dataclass(frozen=True)
class Throughput:
    """Expected speed of a model in one number type.

    Attributes:
        dtype: The number type.
        forward_tokens_s: Tokens a second of a forward pass with all logits.
        training_tokens_s: Tokens a second of a training step, without adapters.
    """

    dtype: str
    forward_tokens_s: float
    training_tokens_s: float

    def training_s(self, tokens: float, adapted_share: float = 1.0) -> float:
        """Expected seconds of a training on so many tokens, with adapters in a share of the layers."""
        backward = (_PASSES_OF_TRAINING - 1) * adapted_share
        return tokens * (1 + backward) / self.forward_tokens_s

    def __str__(self) -> str:
        forward, training = f"{self.forward_tokens_s:,.0f}", f"{self.training_tokens_s:,.0f}"
        return f"{self.dtype}: {forward} tokens/s forward, {training} tokens/s training"


def fastest_dtype(folder: Path, device: str) -> str:
    """Bfloat16 on an accelerator; on a processor the type that the probe finds faster."""
    if device != "cpu":
        return DTYPES[0]
    return max(probe(folder), key=lambda measured: measured.forward_tokens_s).dtype


def probe(folder: Path) -> tuple[Throughput, ...]:
    """Time two layers and a piece of the output matrix of a model in each number type.

    Which type is faster depends on the processor (with AVX512-BF16 or AMX bfloat16 is several times
    faster, without them it can be the slower one), so it is measured and not looked up.
    """
    config = (folder / "config.json").read_text(encoding="utf-8")
    return tuple(_measure(config, dtype) for dtype in DTYPES)


@cache
def _measure(config: str, dtype: str) -> Throughput:
    import torch

    settings = _small_config(json.loads(config))
    with torch.random.fork_rng(), torch.inference_mode():
        seconds = _seconds_per_token(settings, json.loads(config), dtype)
    return Throughput(dtype, 1 / seconds, 1 / (seconds * _PASSES_OF_TRAINING))


def _small_config(settings: dict[str, Any]) -> Any:  # noqa: ANN401 transformers has no types
    """The model's own configuration with few layers and hardly any vocabulary."""
    from transformers import AutoConfig

    kind = settings.pop("model_type")
    small = {"num_hidden_layers": _LAYERS, "vocab_size": _TOKENS, "pad_token_id": None, "layer_types": None}
    return AutoConfig.for_model(kind, **(settings | small))


def _seconds_per_token(small: Any, settings: dict[str, Any], dtype: str) -> float:  # noqa: ANN401 no types
    import torch
    from transformers import AutoModel

    number = getattr(torch, dtype)
    layers = AutoModel.from_config(small, dtype=number).eval()
    tokens = torch.arange(_TOKENS)[None] % small.vocab_size
    states = torch.randn(_TOKENS, small.hidden_size, dtype=number)
    head = torch.randn(_HEAD_ROWS, small.hidden_size, dtype=number)
    body = _seconds(lambda: layers(input_ids=tokens, use_cache=False)) / _LAYERS
    output = _seconds(lambda: states @ head.T) / _HEAD_ROWS
    layer_count, vocabulary = int(settings["num_hidden_layers"]), int(settings["vocab_size"])
    return (body * layer_count + output * vocabulary) / _TOKENS


def _seconds(work: Any) -> float:  # noqa: ANN401 any call will do
    """The fastest of the repetitions that fit into half the time of a probe, after one to warm up."""
    work()
    best, now = float("inf"), time.perf_counter()
    end = now + _SECONDS_PER_DTYPE / 2
    # One at least, however long the process waits for its turn, and never less than the clock can tell.
    while now < end or best == float("inf"):
        start = time.perf_counter()
        work()
        now = time.perf_counter()
        best = min(best, now - start)
    return max(best, time.get_clock_info("perf_counter").resolution)
