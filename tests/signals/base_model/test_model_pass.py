"""Scores and sparse features from one pass are those of two, and each keeps a record of its own."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.signals.base import Computed, Signal
from autoselection_core.signals.definitions.base_model.model_pass import ModelPass
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores
from autoselection_core.signals.definitions.base_model.sae import SaeFeatures, reasons_of
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.signal_report import mixed_sentence
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of, question_and_answer

LATENTS = 256
CUT = Sample((Message(Role.USER, "12 + 30 " * 200), Message(Role.ASSISTANT, "42")))
SAMPLES = [
    *(question_and_answer(f"{n} + {n}", f"{n} + {n} = {2 * n}. " * n) for n in range(1, 9)),
    CUT,
]
POOL = pool_of(SAMPLES)


@pytest.fixture(scope="module")
def both(base_model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> ModelPass:
    folder = tmp_path_factory.mktemp("sae")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = (torch.randn(LATENTS, 128), torch.zeros(LATENTS), torch.randn(LATENTS, 128), torch.zeros(128))
    SparseAutoencoder(HookPoint(2), 5, *parts).save(folder)
    read: dict[str, Any] = {"max_tokens": 200, "dtype": "float32"}
    model = str(base_model.path)
    return ModelPass(
        ModelScores(model, token_budget=400, **read), SaeFeatures(model, str(folder), kept=40, **read)
    )


def flat(values: dict[str, Computed]) -> dict[str, Any]:
    """Arrays by name; sparse rows as dense ones."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, SparseFeatures):
            dense = np.zeros((len(value), value.features))
            dense[np.repeat(np.arange(len(value)), np.diff(value.indptr)), value.indices] = value.data
            found[name] = dense
        else:
            found[name] = value
    return found


def stored(store: SignalStore, signal: Signal) -> dict[str, Any]:
    return flat(dict(store.values(signal.name, signal.fingerprint, POOL)))


def test_one_pass_gives_what_two_give(both: ModelPass, tmp_path: Path) -> None:
    together, apart = (SignalStore(Home(tmp_path / name)) for name in ("together", "apart"))
    together.score(both.scores, POOL, shared=both)

    for signal in both.signals:
        apart.score(signal, POOL)
        expected, found = stored(apart, signal), stored(together, signal)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            assert np.allclose(found[name], values, atol=1e-5, equal_nan=True), name


def test_a_sample_without_an_answer_in_reach_still_has_features(both: ModelPass, tmp_path: Path) -> None:
    store, row = SignalStore(Home(tmp_path)), POOL.row_of(CUT.id)

    store.score(both.features, POOL, shared=both)

    assert np.isnan(stored(store, both.scores)["ifd"][row])
    assert stored(store, both.features)["sae"][row].any()


def test_the_number_types_that_values_were_made_in_are_noted_and_a_mixture_is_said(
    both: ModelPass, tmp_path: Path
) -> None:
    store, first = SignalStore(Home(tmp_path)), pool_of(SAMPLES[:3])
    other = replace(both.scores, dtype="bfloat16")

    assert store.score(both.features, first, shared=both).number_types == {"float32 on cpu": 3}
    assert store.score(both.scores, first).number_types == {"float32 on cpu": 3}
    mixed = store.score(other, POOL)

    assert mixed.computed == len(POOL) - 3
    assert mixed.version == both.scores.fingerprint
    assert mixed.number_types == {"bfloat16 on cpu": len(POOL) - 3, "float32 on cpu": 3}
    assert store.score(both.scores, first).number_types == {"float32 on cpu": 3}
    assert mixed_sentence("model_scores", store.number_types(both.features.fingerprint, first)) is None
    said = mixed_sentence("model_scores", mixed.number_types)
    assert said is not None
    assert said.startswith(
        "model_scores: values of one version round differently, 6 in bfloat16 on cpu, 3 in float32 on cpu; "
    )


def test_samples_that_an_earlier_release_scored_have_no_number_type(both: ModelPass, tmp_path: Path) -> None:
    store, first = SignalStore(Home(tmp_path)), pool_of(SAMPLES[:3])
    store.score(both.scores, first)
    for notes in (tmp_path / "lance").glob("number_types-*"):
        shutil.rmtree(notes)

    again = store.score(both.scores, POOL)

    assert again.computed == len(POOL) - 3
    assert again.number_types == {"float32 on cpu": len(POOL) - 3}
    assert stored(store, both.scores)["ifd"].shape == (len(POOL),)


@pytest.mark.parametrize("is_shared", [True, False], ids=["one pass", "alone"])
def test_a_sample_that_the_template_refuses_has_no_features_and_a_reason(
    both: ModelPass, strict: Path, tmp_path: Path, *, is_shared: bool
) -> None:
    read = {"model": str(strict)}
    shared = ModelPass(replace(both.scores, **read), replace(both.features, **read))  # type: ignore[arg-type] # fields
    tool = Sample(
        (Message(Role.USER, "12?"), Message(Role.TOOL, "12 apples"), Message(Role.ASSISTANT, "12 apples"))
    )
    pool, store = pool_of([*SAMPLES, tool]), SignalStore(Home(tmp_path / "home"))

    report = store.score(shared.features, pool, shared=shared if is_shared else None)

    assert report.unscored == {"the chat template refuses it": 1}
    assert report.finite_share == {"sae": 9 / 10}
    features = store.table(pool, {"sae": report.version}).sparse["sae"]
    assert (np.diff(features.indptr) == 0).nonzero()[0].tolist() == [pool.row_of(tool.id)]


def test_a_readable_sample_that_was_not_read_did_not_fit_into_memory() -> None:
    reasons = reasons_of([0, 2], np.array([True, False, False]))

    assert [SaeFeatures.reasons[code] for code in reasons] == [
        "",
        "the chat template refuses it",
        "out of memory",
    ]


def test_the_signal_that_is_asked_for_second_finds_everything_there(both: ModelPass, tmp_path: Path) -> None:
    store = SignalStore(Home(tmp_path))

    assert store.score(both.features, POOL, shared=both).computed == len(POOL)
    assert store.score(both.scores, POOL, shared=both).computed == 0


def test_what_only_one_of_them_knows_is_not_computed_again(both: ModelPass, tmp_path: Path) -> None:
    store = SignalStore(Home(tmp_path))
    store.score(both.scores, pool_of(SAMPLES[:6]))

    assert store.score(both.scores, POOL, shared=both).computed == len(SAMPLES) - 6
    assert store.score(both.features, POOL, shared=both).computed == 6


def test_signals_of_other_tokens_share_nothing(both: ModelPass) -> None:
    scores, features = both.scores, both.features

    assert ModelPass.among([scores, features]) == both
    assert ModelPass.among([scores]) is None
    for other in (replace(features, max_tokens=100), replace(features, model="elsewhere")):
        assert ModelPass.among([scores, other]) is None
