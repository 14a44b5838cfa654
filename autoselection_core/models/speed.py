"""Speed of a model on this processor, from two of its layers: by number type, now, and of a training step."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias
from warnings import catch_warnings, filterwarnings

import numpy as np
import numpy.typing as npt

DTYPES = ("bfloat16", "float32")
_TOKENS = 256
_LAYERS = 2
_SECONDS_PER_DTYPE = 0.7
_SECONDS_OF_PRESENT = 4.0
_SECONDS_OF_STEP = 1.0
_HEAD_ROWS = 4_096


STARTING_S, LOADING_S = 5.0, 1.5
"""Seconds of a training beside its steps and scores, and of reading a model back to score it.

Choosing the subset, reading the model twice, preparing the samples and writing took 4 to 6 seconds with a
model of 135 million parameters beside a training of 45; larger ones take longer, and so do their trainings.
"""


@dataclass(frozen=True)
class StepPasses:
    """Cost of a training step, in forward passes of the probe over as many tokens.

    By the number of operations a backward pass costs two forward passes. Measured on a processor it is more:
    a step reads fewer tokens at once than a score, adapters add many small products, and in bfloat16
    gradients meet the weights the other way round, which with AMX took up to five forward passes.

    Attributes:
        forward: Forward pass of a step through layers without adapters.
        adapted: Forward and backward pass through layers that are trained, and the optimiser's update.
    """

    forward: float = 1.0
    adapted: float = 3.0

    def of_step(self, adapted_share: float = 1.0) -> float:
        """Forward passes that take as long as a training step.

        Args:
            adapted_share: Upper share of the layers that have adapters; the others need no backward pass.
        """
        return self.forward * (1 - adapted_share) + self.adapted * adapted_share


COUNTED_PASSES = StepPasses()
"""Cost of a training step by the number of its operations."""


@dataclass(frozen=True)
class Throughput:
    """Expected speed of a model in one number type.

    Attributes:
        dtype: The number type.
        forward_tokens_s: Tokens a second of a forward pass with all logits.
    """

    dtype: str
    forward_tokens_s: float

    def __str__(self) -> str:
        return f"{self.dtype}: {self.forward_tokens_s:,.0f} tokens/s forward"


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
def present_speed(folder: Path, dtype: str) -> PresentSpeed:
    """Speed of a model on the processor now, in a number type.

    The fastest repetition, by which number types are compared, slips between other processes; a training does
    not, so its expected duration comes from the mean.
    """
    times = _seconds_per_token(_config(folder), dtype, _SECONDS_OF_PRESENT)
    return PresentSpeed(1 / times[_MEAN], 1 / min(times[_MEAN], times[_PROCESSOR]))


@cache
def step_passes(folder: Path, dtype: str, tokens: int, rank: int | None) -> StepPasses:
    """Cost of a training step on the processor.

    Args:
        folder: The model.
        dtype: Number type of its weights.
        tokens: Tokens of a forward pass of the training.
        rank: Rank of the adapters of all linear modules; None where all weights are trained, in float32.
    """
    import torch

    config = _config(folder)
    frozen, text = _layers(config, dtype, _TOKENS)
    ids = text[:, : max(1, tokens)]
    with torch.inference_mode():
        plain = _times(lambda: frozen(input_ids=text, use_cache=False), _SECONDS_OF_STEP / 4)
        alone = _times(lambda: frozen(input_ids=ids, use_cache=False), _SECONDS_OF_STEP / 4)
    trained = _step(config, dtype if rank else "float32", ids, rank)
    pass_s = plain[_BEST] / _TOKENS * ids.shape[1]
    return StepPasses(
        float(alone[_BEST] / pass_s), float(_times(trained, _SECONDS_OF_STEP / 2)[_BEST] / pass_s)
    )


def _step(config: str, dtype: str, ids: Any, rank: int | None) -> Callable[[], None]:  # noqa: ANN401 torch's
    """A training step of two layers."""
    import torch

    layers, _ = _layers(config, dtype, 1)
    if rank:
        layers = _with_adapters(layers, rank)
    weights = [weight for weight in layers.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=0.0)

    def step() -> None:
        layers(input_ids=ids, use_cache=False).last_hidden_state.float().sum().backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


@contextmanager
def without_rename_warnings() -> Iterator[None]:
    """Silence one warning: trl 1.16 and peft 0.21 read arguments of transformers 5.23 by their old names."""
    with catch_warnings():
        filterwarnings("ignore", ".*gradient_checkpointing` is deprecated", FutureWarning)
        yield


def _with_adapters(layers: Any, rank: int) -> Any:  # noqa: ANN401 transformers has no types
    """Layers with adapters in all linear modules; gradients pass to what is below, as to further adapters."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=rank, target_modules="all-linear")
    with without_rename_warnings():
        adapted = get_peft_model(layers, config, autocast_adapter_dtype=False)
    layers.get_input_embeddings().weight.requires_grad_()
    return adapted


def probe(folder: Path) -> tuple[Throughput, ...]:
    """Time two layers and a piece of the output matrix of a model in each number type.

    Which type is faster depends on the processor (with AVX512-BF16 or AMX bfloat16 is several times
    faster, without them it can be the slower one), so it is measured and not looked up.
    """
    return tuple(_measure(_config(folder), dtype) for dtype in DTYPES)


def layer_weights(folder: Path) -> int:
    """Number of weights of one layer of a model."""
    return _layer_weights(_config(folder))


@cache
def _measure(config: str, dtype: str) -> Throughput:
    seconds = _seconds_per_token(config, dtype, _SECONDS_PER_DTYPE)[_BEST]
    return Throughput(dtype, 1 / seconds)


@cache
def _layer_weights(config: str) -> int:
    import torch
    from transformers import AutoModel

    with torch.device("meta"):
        layers = AutoModel.from_config(_small_config(json.loads(config)))
    embedded = layers.get_input_embeddings().weight
    return int(sum(weight.numel() for weight in layers.parameters()) - embedded.numel()) // _LAYERS


def state_bytes(folder: Path, dtype: str) -> int:
    """Bytes of a token's state between two layers of a model."""
    import torch

    whole = _named_config(json.loads(_config(folder))).get_text_config()
    return int(whole.hidden_size) * int(getattr(torch, dtype).itemsize)


def _config(folder: Path) -> str:
    return (folder / "config.json").read_text(encoding="utf-8")


def _layers(config: str, dtype: str, tokens: int) -> tuple[Any, Any]:
    """Two layers of a model with random weights, and so many tokens to read. Shape (1, t)."""
    import torch
    from transformers import AutoModel

    with torch.random.fork_rng():
        small = _small_config(json.loads(config))
        layers = AutoModel.from_config(small, dtype=getattr(torch, dtype)).eval()
    return layers, torch.arange(tokens)[None] % small.vocab_size


def _small_config(settings: dict[str, Any]) -> Any:  # noqa: ANN401 transformers has no types
    """The model's own configuration with few layers and hardly any vocabulary."""
    small = {"num_hidden_layers": _LAYERS, "vocab_size": _TOKENS, "pad_token_id": None, "layer_types": None}
    return _named_config(settings | small)


def _named_config(settings: dict[str, Any]) -> Any:  # noqa: ANN401 transformers has no types
    from transformers import AutoConfig

    others = {name: value for name, value in settings.items() if name != "model_type"}
    return AutoConfig.for_model(settings["model_type"], **others)


_BEST, _MEAN, _PROCESSOR = range(3)
_Times: TypeAlias = npt.NDArray[np.float64]
"""Fastest, mean, and processor seconds a thread of some repetitions. Shape (3,)."""


def _seconds_per_token(config: str, dtype: str, seconds: float) -> _Times:
    """Seconds of a token, from two layers and a piece of the output matrix, each timed for half the time."""
    import torch

    settings, number = json.loads(config), getattr(torch, dtype)
    with torch.random.fork_rng(), torch.inference_mode():
        layers, tokens = _layers(config, dtype, _TOKENS)
        states = torch.randn(_TOKENS, layers.config.hidden_size, dtype=number)
        head = torch.randn(_HEAD_ROWS, layers.config.hidden_size, dtype=number)
        body = _times(lambda: layers(input_ids=tokens, use_cache=False), seconds / 2) / _LAYERS
        output = _times(lambda: states @ head.T, seconds / 2) / _HEAD_ROWS
    whole = _named_config(settings).get_text_config()
    layer_count, vocabulary = int(whole.num_hidden_layers), int(whole.vocab_size)
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
