"""Checkpoints go from the package eai-sparsify to here and back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sparsify
import torch

from autoselection_core.errors.models import SaeMismatchError, UnreadableSaeError
from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder, sae_fingerprint
from autoselection_core.models.autoencoder.sae_states import token_states
from autoselection_core.models.autoencoder.sae_training import SaeTraining, train_sae
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.spans import encode
from autoselection_core.pool.sample import Sample
from autoselection_core.testing.signals import question_and_answer

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


RNG = np.random.default_rng(0)
SEQUENCES = [RNG.integers(3, 1_000, size).astype(np.int32) for size in (5, 30)]


def random_sae(hidden: int = 128, *, layer: int = 3) -> SparseAutoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SparseAutoencoder(
            HookPoint(layer),
            4,
            torch.randn(64, hidden),
            torch.randn(64),
            torch.randn(64, hidden),
            torch.randn(hidden),
        )


def test_states_are_those_of_the_hooked_layer_and_padding_is_marked(base_model: BaseModel) -> None:
    states, real = HookPoint(3).states(base_model.model, SEQUENCES)

    for row, sequence in enumerate(SEQUENCES):
        with torch.inference_mode():
            tokens = torch.tensor(sequence[None].astype(np.int64))
            whole = base_model.model(tokens, output_hidden_states=True).hidden_states
        # hidden_states[0] are the embeddings, so layer 3 writes number 4
        assert (states[row, : len(sequence)] - whole[4][0]).abs().max() < 1e-4
    assert real.sum(dim=1).tolist() == [5, 30]


def test_training_states_are_those_of_real_tokens_up_to_the_number_asked_for(base_model: BaseModel) -> None:
    samples = [question_and_answer(f"{n} + {n}", f"{2 * n}") for n in range(5)]
    encoded = [encode(sample, base_model.tokenizer, 512) for sample in samples]
    special = base_model.tokenizer.all_special_ids
    expected = torch.cat(
        [
            HookPoint(2).states(base_model.model, [one.input_ids])[0][0][~np.isin(one.input_ids, special)]
            for one in encoded
        ]
    )

    found = token_states(base_model, samples, HookPoint(2), tokens=1_000)

    assert torch.allclose(found.sort(dim=0).values, expected.sort(dim=0).values, atol=1e-4)
    assert len(token_states(base_model, samples, HookPoint(2), tokens=7)) == 7


def test_a_killed_reading_of_states_goes_on_where_it_was(base_model: BaseModel, tmp_path: Path) -> None:
    samples = [question_and_answer(f"{n}?", f"{n}") for n in range(300)]

    def until_it_is_killed() -> Iterator[Sample]:
        yield from samples[:256]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        token_states(base_model, until_it_is_killed(), HookPoint(2), tokens=10_000, kept=tmp_path / "kept")
    read: list[int] = []
    handle = base_model.model.model.layers[0].register_forward_hook(
        lambda _module, inputs, _output: read.append(len(inputs[0]))
    )
    found = token_states(base_model, samples, HookPoint(2), tokens=10_000, kept=tmp_path / "kept")
    handle.remove()

    assert sum(read) == 300 - 256
    assert torch.equal(found, token_states(base_model, samples, HookPoint(2), tokens=10_000))


def test_training_states_come_in_an_order_that_the_seed_decides(base_model: BaseModel) -> None:
    samples = [question_and_answer(f"{n} + {n}", f"{2 * n}") for n in range(5)]

    first, again, other = (
        token_states(base_model, samples, HookPoint(2), tokens=40, seed=seed) for seed in (0, 0, 1)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    rows = {tuple(row) for row in first.tolist()}  # whole states moved, not columns by themselves
    assert rows == {tuple(row) for row in other.tolist()}


def test_activations_are_the_largest_positive_latents() -> None:
    sae = random_sae()
    states = torch.randn(7, 128)

    magnitude, number = sae.activations(states)

    before = (states.numpy() - sae.decoder_bias.numpy()) @ sae.encoder.numpy().T + sae.encoder_bias.numpy()
    expected = np.sort(np.maximum(before, 0), axis=1)[:, -4:]
    assert np.allclose(np.sort(magnitude.numpy(), axis=1), expected, atol=1e-4)
    assert np.allclose(np.take_along_axis(before, number.numpy(), axis=1), magnitude.numpy(), atol=1e-4)


def test_a_saved_autoencoder_reads_back_with_its_hook_point(tmp_path: Path) -> None:
    sae = random_sae()
    sae.save(tmp_path / "any")

    back = SparseAutoencoder.load(tmp_path / "any")

    assert (back.hook, back.k) == (sae.hook, sae.k)
    assert torch.equal(back.decoder, sae.decoder)


def test_the_hook_point_of_a_published_checkpoint_is_the_name_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "layers.2"
    random_sae().save(folder)
    settings = json.loads((folder / "cfg.json").read_text())
    del settings["hookpoint"]
    (folder / "cfg.json").write_text(json.dumps(settings))

    assert SparseAutoencoder.load(folder).hook == HookPoint(2)


def test_the_hook_point_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    random_sae(layer=1).save(tmp_path / "one")
    random_sae(layer=2).save(tmp_path / "two")

    assert sae_fingerprint(tmp_path / "one") != sae_fingerprint(tmp_path / "two")


@pytest.mark.parametrize("missing", ["cfg.json", "sae.safetensors"])
def test_an_incomplete_autoencoder_is_refused(tmp_path: Path, missing: str) -> None:
    random_sae().save(tmp_path)
    (tmp_path / missing).unlink()

    with pytest.raises(UnreadableSaeError):
        SparseAutoencoder.load(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        "{",
        "[]",
        "{}",
        '{"k": null}',
        '{"k": "x"}',
        '{"k": 0}',
        '{"k": 100000}',
        "[" * 100_000,
        '{"hookpoint": 1}',
    ],
)
def test_settings_of_an_autoencoder_that_are_none_are_named(tmp_path: Path, settings: str) -> None:
    random_sae().save(tmp_path / "layers.1")
    (tmp_path / "layers.1" / "cfg.json").write_text(settings)

    with pytest.raises(UnreadableSaeError):
        SparseAutoencoder.load(tmp_path / "layers.1")


def test_weights_of_an_autoencoder_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    sae = random_sae()
    replace(sae, decoder=sae.decoder[:-1]).save(tmp_path)

    with pytest.raises(UnreadableSaeError, match="belong together"):
        SparseAutoencoder.load(tmp_path)


def test_an_autoencoder_of_another_model_is_refused(base_model: BaseModel) -> None:
    with pytest.raises(SaeMismatchError, match="width 128"):
        random_sae(64).check(base_model.model)
    with pytest.raises(SaeMismatchError, match="6 layers"):
        random_sae(layer=6).check(base_model.model)


def test_training_finds_the_directions_that_made_the_states() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(64, 32, generator=generator), dim=1)
    active = torch.rand(16_000, 64, generator=generator) < 3 / 64
    states = (active * (1 + torch.rand(16_000, 64, generator=generator))) @ directions
    training = SaeTraining(expansion=4, k=6, epochs=8, learning_rate=4e-3)

    sae, report = train_sae(states, HookPoint(0), training)

    assert report.unexplained < 0.5 * report.unexplained_by_pca
    assert report.tokens == 15_000
    assert sae.latents == 128
    again, _ = train_sae(states, HookPoint(0), training)
    assert torch.equal(sae.decoder, again.decoder)
