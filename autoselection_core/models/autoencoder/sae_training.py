"""Training of a top-k sparse autoencoder on the hidden states of a pool."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder

if TYPE_CHECKING:
    import torch

BATCH = 2_048
"""States of one step."""

_DEAD_AFTER_TOKENS = 200_000
_REVIVED = 64
"""Dead latents that may explain what the active ones leave over (Gao et al. 2024, appendix A.2)."""
_REVIVAL_WEIGHT = 1 / 32
_HELD_OUT = 16
"""Every sixteenth state is held out to measure the autoencoder and never trained on."""


@dataclass(frozen=True)
class SaeTraining:
    """Settings of an autoencoder's training.

    Attributes:
        expansion: Latents for each dimension of the hidden state.
        k: Latents that may be active at a token.
        epochs: How often every state is seen.
        learning_rate: Of Adam; it falls to 0 over the last fifth.
        seed: Decides first weights and order.
    """

    expansion: int = 8
    k: int = 32
    epochs: int = 2
    learning_rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True)
class SaeReport:
    """Reconstruction quality of an autoencoder on held-out states.

    Attributes:
        tokens: States that it was trained on; 0 for one that was trained elsewhere.
        unexplained: Share of the variance that it does not reconstruct.
        unexplained_by_pca: The same for principal components, as many as latents may be active.
        dead_share: Share of the latents that no held-out state activates.
    """

    tokens: int
    unexplained: float
    unexplained_by_pca: float
    dead_share: float


def states_to_read(trained_on: int) -> int:
    """States of which so many are left for training once every sixteenth is held out.

    Example:
        >>> states_to_read(1_000_000)
        1066667
    """
    return -(-trained_on * _HELD_OUT // (_HELD_OUT - 1))


def train_sae(
    states: "torch.Tensor",
    hook: HookPoint,
    training: SaeTraining,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[SparseAutoencoder, SaeReport]:
    """Autoencoder fitted to hidden states, with its reconstruction quality on held-out ones.

    Args:
        states: Hidden states of real tokens, one a row, in random order. Shape (tokens, hidden).
        hook: Where they come from.
        training: The settings.
        progress: Called with how many batches are done.
    """
    import torch

    held_out = torch.arange(len(states)) % _HELD_OUT == 0
    with torch.random.fork_rng():
        torch.manual_seed(training.seed)
        sae = _fit(states, (~held_out).nonzero()[:, 0], hook, training, progress)
    return sae, measure_reconstruction(sae, states[held_out], int((~held_out).sum()))


def _fit(
    states: "torch.Tensor",
    rows: "torch.Tensor",
    hook: HookPoint,
    training: SaeTraining,
    progress: Callable[[str, int, int], None] | None,
) -> SparseAutoencoder:
    """Fit an autoencoder to some of the states; they are named by their rows, as a copy may not fit."""
    import torch

    sae = _fresh(states[rows[: 16 * BATCH]], hook, training)
    parts = [sae.encoder, sae.encoder_bias, sae.decoder, sae.decoder_bias]
    for part in parts:
        part.requires_grad = True
    optimiser = torch.optim.Adam(parts, lr=training.learning_rate)
    steps = training.epochs * -(-len(rows) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, 5 * (1 - step / steps)))
    idle = torch.zeros(sae.latents, dtype=torch.int64, device=states.device)
    done = 0
    for _ in range(training.epochs):
        for batch in torch.split(rows[torch.randperm(len(rows))], BATCH):
            loss, active = _loss(sae, states[batch].float(), idle > _DEAD_AFTER_TOKENS)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch's annotations are incomplete
            optimiser.step()
            schedule.step()
            idle += len(batch)
            idle[active] = 0
            with torch.no_grad():
                sae.decoder.div_(sae.decoder.norm(dim=1, keepdim=True))
            done += 1
            if progress is not None:
                progress("training the sparse autoencoder", done, steps)
    return SparseAutoencoder(hook, sae.k, *(part.detach() for part in parts))


def _fresh(states: "torch.Tensor", hook: HookPoint, training: SaeTraining) -> SparseAutoencoder:
    import torch

    width = states.shape[1]
    decoder = torch.randn(training.expansion * width, width, device=states.device)
    decoder /= decoder.norm(dim=1, keepdim=True)
    bias = states.float().mean(dim=0)
    return SparseAutoencoder(
        hook, training.k, decoder.clone(), torch.zeros(len(decoder), device=states.device), decoder, bias
    )


def _loss(
    sae: SparseAutoencoder, states: "torch.Tensor", dead: "torch.Tensor"
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Unexplained share of the variance, with dead latents drawn towards what is left over."""
    import torch

    before = (states - sae.decoder_bias) @ sae.encoder.T + sae.encoder_bias
    magnitude, number = before.relu().topk(sae.k, dim=1, sorted=False)
    sparse = torch.zeros_like(before).scatter(1, number, magnitude)
    left_over = states - sae.decoder_bias - sparse @ sae.decoder
    variance = (states - states.mean(dim=0)).square().sum()
    loss = left_over.square().sum() / variance
    if dead.any():
        revived, at = before.masked_fill(~dead, -torch.inf).topk(min(_REVIVED, int(dead.sum())), dim=1)
        guess = torch.zeros_like(before).scatter(1, at, revived.relu()) @ sae.decoder
        rest = left_over.detach()
        loss = loss + _REVIVAL_WEIGHT * (rest - guess).square().sum() / rest.square().sum()
    return loss, torch.unique(number[magnitude > 0])


def measure_reconstruction(sae: SparseAutoencoder, states: "torch.Tensor", trained_on: int = 0) -> SaeReport:
    """Reconstruction quality of an autoencoder on held-out states.

    The principal components are fitted to these very states, which favours them.

    Args:
        sae: The autoencoder.
        states: Shape (tokens, hidden).
        trained_on: States that it was trained on.
    """
    import torch

    states = states.float()
    centred = states - states.mean(dim=0)
    total = centred.square().sum()
    active = torch.zeros(sae.latents, dtype=torch.bool, device=states.device)
    unexplained = 0.0
    for part in torch.split(states, BATCH):
        magnitude, number = sae.activations(part)
        active[number[magnitude > 0]] = True
        unexplained += float((part - sae.reconstruct(part)).square().sum() / total)
    kept = torch.linalg.eigvalsh(centred.T @ centred)[-sae.k :].sum()
    return SaeReport(trained_on, unexplained, float(1 - kept / total), float((~active).float().mean()))
