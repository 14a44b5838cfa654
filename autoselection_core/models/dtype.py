"""Speed probe of number types on this machine, in at most two seconds, and of the faster one for longer."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

DTYPES = ("bfloat16", "float32")
_TOKENS = 256
_LAYERS = 2
_SECONDS_PER_DTYPE = 0.7
_SECONDS_OF_PRESENT = 4.0
_HEAD_ROWS = 4_096


STARTING_S, LOADING_S = 5.0, 1.5
"""Seconds of a training beside its steps and scores, and of reading a model back to score it.

Choosing the subset, reading the model twice, preparing the samples and writing took 4 to 6 seconds with a
model of 135 million parameters beside a training of 45; larger ones take longer, and so do their trainings.
"""


def passes_of_step(adapted_share: float = 1.0) -> float:
    """Forward passes that take as long as a training step: its own, and two for the backward pass.

    Args:
        adapted_share: Upper share of the layers that have adapters; the others need no backward pass.
    """
    return 1 + 2 * adapted_share


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

    def __str__(self) -> str:
        forward, training = f"{self.forward_tokens_s:,.0f}", f"{self.training_tokens_s:,.0f}"
        return f"{self.dtype}: {forward} tokens/s forward, {training} tokens/s training"


@dataclass(frozen=True)
class PresentSpeed:
    """Tokens a second of a forward pass as the machine is now, and as it would be without other processes.

    Attributes:
        tokens_s: By the mean time of the probe's repetitions.
        free_tokens_s: By their processor seconds, spread over all threads: roughly, as threads wait for each
            other and cores share caches.
    """

    tokens_s: float
    free_tokens_s: float


@cache
def present_speed(folder: Path) -> PresentSpeed:
    """Speed of a model on the processor now, in its faster number type.

    The fastest repetition, by which number types are compared, slips between other processes; a training does
    not, so its expected duration comes from the mean.
    """
    config = (folder / "config.json").read_text(encoding="utf-8")
    times = _seconds_per_token(config, fastest_dtype(folder, "cpu"), _SECONDS_OF_PRESENT)
    return PresentSpeed(1 / times[_MEAN], 1 / min(times[_MEAN], times[_PROCESSOR]))


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
    seconds = _seconds_per_token(config, dtype, _SECONDS_PER_DTYPE)[_BEST]
    return Throughput(dtype, 1 / seconds, 1 / (seconds * passes_of_step()))


def _small_config(settings: dict[str, Any]) -> Any:  # noqa: ANN401 transformers has no types
    """The model's own configuration with few layers and hardly any vocabulary."""
    from transformers import AutoConfig

    kind = settings.pop("model_type")
    small = {"num_hidden_layers": _LAYERS, "vocab_size": _TOKENS, "pad_token_id": None, "layer_types": None}
    return AutoConfig.for_model(kind, **(settings | small))


_BEST, _MEAN, _PROCESSOR = range(3)
_Times: TypeAlias = npt.NDArray[np.float64]
"""Fastest, mean, and processor seconds a thread of some repetitions. Shape (3,)."""


def _seconds_per_token(config: str, dtype: str, seconds: float) -> _Times:
    """Seconds of a token, from two layers and a piece of the output matrix, each timed for half the time."""
    import torch
    from transformers import AutoModel

    settings, number = json.loads(config), getattr(torch, dtype)
    with torch.random.fork_rng(), torch.inference_mode():
        small = _small_config(dict(settings))
        layers = AutoModel.from_config(small, dtype=number).eval()
        tokens = torch.arange(_TOKENS)[None] % small.vocab_size
        states = torch.randn(_TOKENS, small.hidden_size, dtype=number)
        head = torch.randn(_HEAD_ROWS, small.hidden_size, dtype=number)
        body = _times(lambda: layers(input_ids=tokens, use_cache=False), seconds / 2) / _LAYERS
        output = _times(lambda: states @ head.T, seconds / 2) / _HEAD_ROWS
    layer_count, vocabulary = int(settings["num_hidden_layers"]), int(settings["vocab_size"])
    return (body * layer_count + output * vocabulary) / _TOKENS


def _times(work: Callable[[], object], seconds: float) -> _Times:
    """Times of the repetitions that fit into some seconds, after one to warm up."""
    import torch

    work()
    took: list[float] = []
    processor, begun = time.process_time(), time.perf_counter()
    # One at least, however long the process waits for its turn, and never less than the clock can tell.
    while time.perf_counter() < begun + seconds or not took:
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    used = (time.process_time() - processor) / torch.get_num_threads()
    resolution = time.get_clock_info("perf_counter").resolution
    found = (min(took), sum(took) / len(took), used / len(took))
    return np.array([max(each, resolution) for each in found])
