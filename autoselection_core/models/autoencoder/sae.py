"""Sparse autoencoders of hidden states, in the files of EleutherAI's sparsify."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoselection_core.errors.models import SaeMismatchError, UnreadableSaeError
from autoselection_core.identity import Json, canonical_json, fingerprint, fingerprint_file
from autoselection_core.models.autoencoder.hook import HookPoint

if TYPE_CHECKING:
    import torch

_SETTINGS, _WEIGHTS = "cfg.json", "sae.safetensors"
_HOOK = "hookpoint"


@dataclass(frozen=True, eq=False)
class SparseAutoencoder:
    """A top-k sparse autoencoder.

    x is about W_dec^T a + b_dec, with a = topk(relu(W_enc (x - b_dec) + b_enc)).

    Attributes:
        hook: Which hidden states it reads.
        k: Latents that may be active at a token.
        encoder: W_enc. Shape (latents, hidden).
        encoder_bias: b_enc. Shape (latents,).
        decoder: W_dec. Shape (latents, hidden).
        decoder_bias: b_dec. Shape (hidden,).
    """

    hook: HookPoint
    k: int
    encoder: "torch.Tensor"
    encoder_bias: "torch.Tensor"
    decoder: "torch.Tensor"
    decoder_bias: "torch.Tensor"

    @property
    def latents(self) -> int:
        """Number of features."""
        return int(self.encoder.shape[0])

    @classmethod
    def load(cls, folder: Path) -> "SparseAutoencoder":
        """Read a folder that sparsify or `save` wrote.

        Raises:
            UnreadableSaeError: A file or a setting is missing, or its activation is another one.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        hook, k = _describe(folder)
        try:
            parts = load_file(folder / _WEIGHTS)
            named = [parts[name] for name in ("encoder.weight", "encoder.bias", "W_dec", "b_dec")]
        except (OSError, KeyError, SafetensorError) as error:
            raise UnreadableSaeError(str(folder), f"its weights ({error})") from error
        encoder, bias, decoder, offset = (tuple(part.shape) for part in named)
        if len(encoder) != 2 or (bias, decoder, offset) != (encoder[:1], encoder, encoder[1:]):  # noqa: PLR2004 a matrix
            raise UnreadableSaeError(str(folder), "the shapes of its weights do not belong together")
        if k > encoder[0]:
            raise UnreadableSaeError(str(folder), f"its `k` is {k:,}, and it has {encoder[0]:,} latents")
        return cls(hook, k, *(part.float() for part in named))

    def save(self, folder: Path) -> None:
        """Write the folder that `load` and sparsify read."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        names = ("encoder.weight", "encoder.bias", "W_dec", "b_dec")
        parts = (self.encoder, self.encoder_bias, self.decoder, self.decoder_bias)
        save_file(
            {name: part.contiguous() for name, part in zip(names, parts, strict=True)}, folder / _WEIGHTS
        )
        settings: Json = {
            "activation": "topk",
            "k": self.k,
            "num_latents": self.latents,
            "d_in": int(self.encoder.shape[1]),
            "normalize_decoder": True,
            _HOOK: str(self.hook),
        }
        (folder / _SETTINGS).write_text(canonical_json(settings))

    def to(self, device: "torch.device") -> "SparseAutoencoder":
        """The same on another device."""
        parts = (self.encoder, self.encoder_bias, self.decoder, self.decoder_bias)
        return SparseAutoencoder(self.hook, self.k, *(part.to(device) for part in parts))

    def check(self, model: Any) -> None:  # noqa: ANN401 transformers has no types
        """Refuse a model whose hidden states it was not made for.

        Raises:
            SaeMismatchError: The model has too few layers, or hidden states of another width.
        """
        self.hook.check(model)
        width = model.config.get_text_config().hidden_size
        if width != self.encoder.shape[1]:
            expected = f"hidden states of width {self.encoder.shape[1]}"
            raise SaeMismatchError(str(self.hook), expected, f"width {width}")

    def activations(self, states: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """The k largest latents of each state: magnitudes and numbers. Shapes (p, k), float32 and int64."""
        before = (states.float() - self.decoder_bias) @ self.encoder.T + self.encoder_bias
        magnitude, number = before.relu().topk(self.k, dim=1, sorted=False)
        return magnitude, number

    def reconstruct(self, states: "torch.Tensor") -> "torch.Tensor":
        """Reconstruction of states. Shape (p, hidden)."""
        magnitude, number = self.activations(states)
        return (magnitude[..., None] * self.decoder[number]).sum(dim=1) + self.decoder_bias


def sae_fingerprint(folder: Path) -> str:
    """Fingerprint of an autoencoder: its weights, its k and its hook point.

    Raises:
        UnreadableSaeError: A file or a setting is missing.
    """
    hook, k = _describe(folder)
    if not (folder / _WEIGHTS).is_file():
        raise UnreadableSaeError(str(folder), f"there is no {_WEIGHTS}")
    return fingerprint({"hook": str(hook), "k": k, "weights": fingerprint_file(folder / _WEIGHTS)})


def _describe(folder: Path) -> tuple[HookPoint, int]:
    if not (folder / _SETTINGS).is_file():
        raise UnreadableSaeError(str(folder), f"there is no {_SETTINGS}")
    try:
        settings = json.loads((folder / _SETTINGS).read_bytes())
        named, k = settings.get(_HOOK, folder.name), settings["k"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"its {_SETTINGS} says nothing of `k`, or is no JSON object ({error})"
        raise UnreadableSaeError(str(folder), reason) from error
    if not isinstance(k, int) or k < 1:
        raise UnreadableSaeError(str(folder), f"its `k` is {k!r:.40}, and has to be a number of latents")
    hook = HookPoint.parse(str(named))
    if hook is None:
        raise UnreadableSaeError(str(folder), "its hook point is not named layers.N")
    is_other = settings.get("transcode") or settings.get("skip_connection")
    if settings.get("activation", "topk") != "topk" or is_other:
        raise UnreadableSaeError(str(folder), "only top-k autoencoders of hidden states are known")
    return hook, k
