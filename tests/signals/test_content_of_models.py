"""Values of a model that was changed under its path are those of the changed model."""

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores
from autoselection_core.signals.definitions.base_model.sae import loaded_pair
from autoselection_core.signals.definitions.wording.tokens import TokenCounts
from autoselection_core.testing.tiny_model import tiny_model

SAMPLE = Sample((Message(Role.USER, "Count apples."), Message(Role.ASSISTANT, "Anna counts apples.")))
POOL = Pool.from_samples([(SAMPLE, [Origin("one", "one.jsonl#0")])])


def replaced(folder: Path, seed: int) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    return str(tiny_model(folder, seed=seed))


def numbers(signal: TokenCounts | ModelScores) -> npt.NDArray[np.float64]:
    """Every number that a signal gives, in the order of their columns."""
    found = [np.asarray(column) for _, column in sorted(signal.compute(POOL, {}).items())]
    return np.concatenate([column.astype(float) for column in found if column.dtype.kind in "fiu"])


def test_scores_follow_the_weights_that_are_there_now(tmp_path: Path) -> None:
    first, other, again = (
        numbers(ModelScores(replaced(tmp_path / "m", seed), dtype="float32")) for seed in (1, 2, 1)
    )

    assert not np.allclose(first, other)
    assert first == pytest.approx(again)


def test_token_counts_follow_an_edited_template(tmp_path: Path) -> None:
    signal = TokenCounts(replaced(tmp_path / "m", 0))
    before = numbers(signal).max()
    template = tmp_path / "m" / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|im_end|>", "<|im_end|> and so on, and on"))

    assert numbers(signal).max() > before


def test_features_follow_the_autoencoder_that_is_there_now(tmp_path: Path) -> None:
    model, folder = replaced(tmp_path / "m", 0), tmp_path / "layers.3"
    found = []
    for bias in (0.0, 1.0):
        parts = torch.eye(128), torch.zeros(128), torch.eye(128), torch.full((128,), bias)
        SparseAutoencoder(HookPoint(3), 5, *parts).save(folder)
        found.append(loaded_pair(model, str(folder), "float32")[1].decoder_bias[0].item())

    assert found == [0.0, 1.0]
