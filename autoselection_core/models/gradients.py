"""Gradients of LoRA weights, as LESS compares them (Xia et al. 2024, "LESS", sections 3 and 4).

The adapter is warmed up with Adam on a few samples. A training sample moves the weights as Adam would:
G(z) = m' / sqrt(v' + 1e-8), with m' = 0.9 m + 0.1 g and v' = 0.999 v + 0.001 g^2 from the moments at a
checkpoint. A target sample has its plain gradient. The loss is the mean cross-entropy of the answer tokens.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autoselection_core.arrays import Mask
from autoselection_core.errors.models import UnreadableAdapterError
from autoselection_core.identity import fingerprint, fingerprint_file
from autoselection_core.models.chat.spans import Encoded, Tokens
from autoselection_core.models.forward import logits, predicting_states

if TYPE_CHECKING:
    import torch

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8
_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj"]
_FILE, _RATES = "checkpoint-{}.safetensors", "warmup.json"
_PROJECTED_AT_ONCE = 8_192

MAX_DENSE = 512
"""Dimensions up to which a projection is dense."""

_DIMENSIONS = 8_192
"""Of a projection that nothing is said of (Xia et al. 2024, section 4.1)."""
_FIRST_DIMENSIONS = 512
"""The same in earlier releases, whose adapters note none."""


@dataclass(frozen=True)
class WarmUp:
    """Settings of the adapter's warm-up.

    Attributes:
        rank: Rank of the adapter.
        epochs: Passes over the samples; a checkpoint after each.
        learning_rate: Of Adam; it falls to 0.
        batch: Samples of a step.
        seed: Decides first weights and order.
    """

    rank: int = 8
    epochs: int = 4
    learning_rate: float = 2e-5
    batch: int = 16
    seed: int = 0


@dataclass(frozen=True, eq=False)
class AdapterCheckpoint:
    """The adapter after an epoch, all weights one after the other.

    Attributes:
        weights: Shape (p,), float32.
        first: Adam's mean of gradients. Shape (p,).
        second: Adam's mean of squared gradients. Shape (p,).
        learning_rate: Mean learning rate of the epoch.
    """

    weights: "torch.Tensor"
    first: "torch.Tensor"
    second: "torch.Tensor"
    learning_rate: float

    def to(self, device: str) -> "AdapterCheckpoint":
        """The same on another device."""
        return AdapterCheckpoint(
            self.weights.to(device), self.first.to(device), self.second.to(device), self.learning_rate
        )


class AdaptedModel:
    """A base model with an adapter whose gradients are read. It changes the model that it is given."""

    def __init__(self, model: Any, rank: int, seed: int) -> None:  # noqa: ANN401 transformers has no types
        import torch
        from peft import LoraConfig, inject_adapter_in_model

        settings = LoraConfig(r=rank, lora_alpha=4 * rank, lora_dropout=0.0, target_modules=_TARGETS)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.model = inject_adapter_in_model(settings, model)
        named = sorted(self.model.named_parameters())
        self.parameters = [part for name, part in named if "lora_" in name]
        for name, part in named:
            part.requires_grad = "lora_" in name
            if part.requires_grad:
                part.data = part.data.float()

    def load(self, weights: "torch.Tensor") -> None:
        """Set the adapter. Shape (p,).

        Raises:
            ValueError: The weights are those of an adapter of another model.
        """
        import torch

        sizes = [part.numel() for part in self.parameters]
        if weights.numel() != sum(sizes):
            message = f"it has {weights.numel()} weights, and one of this base model {sum(sizes)}"
            raise ValueError(message)
        with torch.no_grad():
            for part, values in zip(self.parameters, torch.split(weights, sizes), strict=True):
                part.copy_(values.view_as(part))

    def loss(self, tokens: Tokens, wanted: Mask) -> "torch.Tensor":
        """Mean cross-entropy of the wanted tokens, in nats."""
        import torch

        states, targets = predicting_states(self.model, [tokens], [wanted])
        return torch.nn.functional.cross_entropy(logits(self.model, states), targets)

    def gradient(self, tokens: Tokens, wanted: Mask) -> "torch.Tensor":
        """Gradient of the loss by all weights of the adapter. Shape (p,), float32."""
        import torch

        parts = torch.autograd.grad(self.loss(tokens, wanted), self.parameters)
        return torch.cat([part.reshape(-1) for part in parts]).float()


def warm_up_adapter(
    adapted: AdaptedModel, samples: Sequence[Encoded], warm_up: WarmUp
) -> list[AdapterCheckpoint]:
    """Train the adapter with Adam; a checkpoint after every epoch."""
    import torch

    optimiser = torch.optim.Adam(adapted.parameters, lr=warm_up.learning_rate, betas=_BETAS, eps=_EPSILON)
    order = np.random.default_rng(warm_up.seed)
    steps = warm_up.epochs * -(-len(samples) // warm_up.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.0, 1 - step / steps))
    checkpoints = []
    for _ in range(warm_up.epochs):
        rates = []
        shuffled = order.permutation(len(samples))
        for start in range(0, len(samples), warm_up.batch):
            batch = [samples[place] for place in shuffled[start : start + warm_up.batch]]
            optimiser.zero_grad()
            for one in batch:
                loss = adapted.loss(one.input_ids, one.response_mask) / len(batch)
                loss.backward()  # type: ignore[no-untyped-call] # torch's annotations are incomplete
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step()
        checkpoints.append(_checkpoint(adapted, optimiser, float(np.mean(rates))))
    return checkpoints


def _checkpoint(adapted: AdaptedModel, optimiser: "torch.optim.Adam", rate: float) -> AdapterCheckpoint:
    import torch

    state = [optimiser.state[part] for part in adapted.parameters]
    weights, first, second = (
        torch.cat([each.detach().reshape(-1) for each in parts]).clone()
        for parts in (
            adapted.parameters,
            [each["exp_avg"] for each in state],
            [each["exp_avg_sq"] for each in state],
        )
    )
    return AdapterCheckpoint(weights, first, second, rate)


def adam_direction(gradient: "torch.Tensor", checkpoint: AdapterCheckpoint) -> "torch.Tensor":
    """Direction of Adam's update for a gradient. Shape (p,)."""
    first = _BETAS[0] * checkpoint.first + (1 - _BETAS[0]) * gradient
    second = _BETAS[1] * checkpoint.second + (1 - _BETAS[1]) * gradient.square()
    return first / (second + _EPSILON).sqrt()


def project(vectors: "torch.Tensor", dimensions: int, seed: int = 0) -> "torch.Tensor":
    """Random projection, scaled to length 1. Shape (n, p) to (n, dimensions).

    Up to `MAX_DENSE` dimensions a dense matrix of random signs, whose cost grows with the dimensions. Above,
    a subsampled Hadamard transform of the vectors with random signs (Ailon & Chazelle 2009), which costs
    p log2 p additions a vector for any number of dimensions; with as many dimensions as weights it keeps
    angles exactly.
    """
    import torch

    projected = _dense if dimensions <= MAX_DENSE else _hadamard
    return torch.nn.functional.normalize(projected(vectors, dimensions, seed), dim=1)


def _dense(vectors: "torch.Tensor", dimensions: int, seed: int) -> "torch.Tensor":
    """Products with random signs, which are drawn block by block."""
    import torch

    total = torch.zeros(len(vectors), dimensions)
    generator = torch.Generator().manual_seed(seed)
    for part in torch.split(vectors.cpu(), _PROJECTED_AT_ONCE, dim=1):
        signs = torch.randint(0, 2, (part.shape[1], dimensions), generator=generator, dtype=torch.int8)
        total += part @ (2.0 * signs - 1.0)
    return total


def _hadamard(vectors: "torch.Tensor", dimensions: int, seed: int) -> "torch.Tensor":
    """Random entries of the Hadamard transform of vectors with random signs; one vector at a time."""
    import torch

    weights = vectors.shape[1]
    size = 1 << max(0, weights - 1).bit_length()
    generator = torch.Generator().manual_seed(seed)
    signs = 2.0 * torch.randint(0, 2, (weights,), generator=generator, dtype=torch.int8) - 1.0
    kept = np.random.default_rng(seed).choice(size, min(dimensions, size), replace=False)
    entries = torch.as_tensor(kept, device=vectors.device)
    projected = torch.zeros(len(vectors), dimensions)
    padded = torch.zeros(size, device=vectors.device)
    for row, vector in enumerate(vectors):
        padded[:weights] = vector * signs.to(vectors.device)
        padded[weights:] = 0.0
        projected[row, : len(kept)] = _transformed(padded)[entries].cpu()
    return projected


def _transformed(vector: "torch.Tensor") -> "torch.Tensor":
    """Walsh-Hadamard transform of a vector whose length is a power of two: butterflies, not normalised."""
    import torch

    width = 1
    while width < len(vector):
        halves = vector.view(-1, 2, width)
        vector = torch.stack([halves[:, 0] + halves[:, 1], halves[:, 0] - halves[:, 1]], dim=1).view(-1)
        width *= 2
    return vector


def save_checkpoints(folder: Path, checkpoints: Sequence[AdapterCheckpoint], warm_up: WarmUp) -> None:
    """Write a folder that `load_checkpoints` reads."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(checkpoints):
        parts = {"weights": one.weights, "first": one.first, "second": one.second}
        save_file(parts, folder / _FILE.format(number))
    rates = [one.learning_rate for one in checkpoints]
    described = {
        "learning_rates": rates, "rank": warm_up.rank, "seed": warm_up.seed, "dimensions": _DIMENSIONS,
    }  # fmt: skip
    (folder / _RATES).write_text(json.dumps(described))


def default_dimensions(folder: Path) -> int:
    """Dimensions of the projection that a warmed-up adapter is read in where a campaign states none.

    They are noted when the adapter is made, so that another default scores nothing again.
    """
    if not folder.exists():
        return _DIMENSIONS
    dimensions = _description(folder).get("dimensions", _FIRST_DIMENSIONS)
    if not isinstance(dimensions, int) or dimensions < 1:
        raise UnreadableAdapterError(str(folder), f"{_RATES} has {dimensions!r} dimensions")
    return dimensions


def _description(folder: Path) -> dict[str, Any]:
    """What `save_checkpoints` noted of an adapter.

    Raises:
        UnreadableAdapterError: The folder holds something else.
    """
    if not folder.is_dir():
        raise UnreadableAdapterError(str(folder), "it is a file")
    if not (folder / _RATES).is_file():
        raise UnreadableAdapterError(str(folder), f"there is no {_RATES}")
    try:
        described = json.loads((folder / _RATES).read_text("utf-8"))
    except ValueError as error:
        raise UnreadableAdapterError(str(folder), f"{_RATES} is no JSON ({error})") from error
    rates = described.get("learning_rates") if isinstance(described, dict) else None
    if not isinstance(rates, list) or not rates or not isinstance(described.get("rank"), int):
        raise UnreadableAdapterError(str(folder), f"{_RATES} has no learning rates and rank")
    missing = [name for name in map(_FILE.format, range(len(rates))) if not (folder / name).is_file()]
    if missing:
        raise UnreadableAdapterError(str(folder), f"there is no {missing[0]}")
    found: dict[str, Any] = described
    return found


def require_adapter(folder: Path) -> None:
    """Refuse a folder that holds no adapter.

    Raises:
        UnreadableAdapterError: A file or a setting is missing.
    """
    _description(folder)


def load_checkpoints(folder: Path) -> tuple[list[AdapterCheckpoint], int]:
    """Checkpoints that `save_checkpoints` wrote, and the rank of the adapter.

    Raises:
        UnreadableAdapterError: The folder holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    described = _description(folder)
    try:
        found = [
            AdapterCheckpoint(**load_file(folder / _FILE.format(number)), learning_rate=float(rate))
            for number, rate in enumerate(described["learning_rates"])
        ]
    except (SafetensorError, TypeError, ValueError) as error:
        raise UnreadableAdapterError(str(folder), f"a checkpoint is damaged ({error})") from error
    return found, int(described["rank"])


def checkpoints_fingerprint(folder: Path) -> str:
    """Hash of the warmed-up adapter."""
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return fingerprint({path.name: fingerprint_file(path) for path in files})
