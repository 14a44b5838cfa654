"""Checkpoints go from the package eai-sparsify to here and back."""

from pathlib import Path
from typing import Any

import pytest
import sparsify
import torch

from autoselection_core.errors.models import UnreadableSaeError
from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder

WIDTH, LATENTS, K = 16, 64, 4
STATES = torch.randn(50, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A checkpoint as sparsify leaves it: a folder named after the hook point."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        coder = sparsify.SparseCoder(WIDTH, sparsify.SparseCoderConfig(num_latents=LATENTS, k=K))
        coder.b_dec.data.normal_()
        coder.encoder.bias.data.normal_()
    folder = tmp_path / "layers.2"
    coder.save_to_disk(folder)
    return folder


def agree(ours: SparseAutoencoder, folder: Path) -> None:
    coder = sparsify.SparseCoder.load_from_disk(folder)
    with torch.inference_mode():
        expected = coder.encode(STATES)
        decoded = coder.decode(expected.top_acts, expected.top_indices)
    magnitude, number = ours.activations(STATES)
    found = torch.zeros(len(STATES), LATENTS).scatter(1, number, magnitude)
    theirs = torch.zeros_like(found).scatter(1, expected.top_indices, expected.top_acts)
    assert torch.allclose(found, theirs, atol=1e-5)
    assert torch.allclose(ours.reconstruct(STATES), decoded, atol=1e-5)


def test_a_checkpoint_of_sparsify_gives_its_activations(theirs: Path) -> None:
    ours = SparseAutoencoder.load(theirs)

    assert (ours.hook, ours.k, ours.latents) == (HookPoint(2), K, LATENTS)
    agree(ours, theirs)


def test_sparsify_reads_what_is_saved_here(theirs: Path, tmp_path: Path) -> None:
    ours = SparseAutoencoder.load(theirs)

    ours.save(tmp_path / "saved")

    agree(ours, tmp_path / "saved")


@pytest.mark.parametrize(
    "settings", [{"transcode": True}, {"skip_connection": True}, {"activation": "groupmax"}], ids=str
)
def test_a_coder_that_is_no_autoencoder_of_states_is_refused(tmp_path: Path, settings: Any) -> None:
    folder = tmp_path / "layers.0"
    config = sparsify.SparseCoderConfig(num_latents=LATENTS, k=K, **settings)
    sparsify.SparseCoder(WIDTH, config).save_to_disk(folder)

    with pytest.raises(UnreadableSaeError):
        SparseAutoencoder.load(folder)
