"""LESS against its definition: Adam's step of a sample, the gradient of a target, subtasks."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file
from scipy.linalg import hadamard
from transformers import AutoModelForCausalLM

from autoselection_core.arrays import Mask
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.errors.models import UnreadableAdapterError
from autoselection_core.identity import fingerprint
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.spans import Tokens, encode
from autoselection_core.models.gradients import (
    AdaptedModel,
    AdapterCheckpoint,
    WarmUp,
    adam_direction,
    load_checkpoints,
    project,
    save_checkpoints,
    warm_up_adapter,
)
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.base import REASON
from autoselection_core.signals.definitions.base_model.influence import (
    Influence,
    best_subtask,
    steps_within_memory,
)
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of, question_and_answer

SAMPLES = [question_and_answer(f"{n} + {n}", f"{n} + {n} = {2 * n}") for n in range(6)]
TARGETS = (SAMPLES[2], question_and_answer("Name a city.", "Paris"), question_and_answer("1 + 1", "2"))
ITEM = Item("1 + 1", (Message(Role.USER, "1 + 1"),), "2")
SUMS = Benchmark("sums", (ITEM,), TARGETS, target_groups=("sums", "cities", "sums"))
POOL = pool_of(SAMPLES)
WARM_UP = WarmUp(rank=2, epochs=2, batch=3, learning_rate=1e-2)


@pytest.fixture(scope="module")
def signal(tiny: Path, base_model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Influence:
    folder = tmp_path_factory.mktemp("warmed") / "adapter"
    fresh = BaseModel.load(tiny, dtype="float32")
    encoded = [encode(sample, base_model.tokenizer, 512) for sample in SAMPLES[:4]]
    save_checkpoints(folder, warm_up_adapter(AdaptedModel(fresh.model, 2, 0), encoded, WARM_UP), WARM_UP)
    return Influence(SUMS, str(tiny), str(folder), dtype="float32", dimensions=64)


def by_definition(signal: Influence, base: BaseModel) -> npt.NDArray[np.float64]:
    """Gradients by the model's own loss, everything else in numpy."""
    checkpoints, rank = load_checkpoints(Path(signal.warmed))
    plain = AutoModelForCausalLM.from_pretrained(signal.model, dtype=torch.float32)
    adapted = AdaptedModel(plain.eval(), rank, 0)

    def gradient(sample: object) -> npt.NDArray[np.float64]:
        one = encode(sample, base.tokenizer, 512)  # type: ignore[arg-type] # a sample
        ids = torch.tensor(one.input_ids[None].astype(np.int64))
        labels = torch.where(torch.tensor(one.response_mask[None]), ids, -100)
        loss = plain(input_ids=ids, labels=labels).loss
        return np.concatenate(
            [g.numpy().ravel().astype(float) for g in torch.autograd.grad(loss, adapted.parameters)]
        )

    def direction(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        (found,) = project(torch.tensor(vector[None], dtype=torch.float32), signal.projected).numpy()
        return np.asarray(found, float)

    total = np.zeros((len(POOL), 3))
    for one in checkpoints:
        adapted.load(one.weights)
        first, second = one.first.numpy().astype(float), one.second.numpy().astype(float)
        for row, sample in enumerate(POOL.samples()):
            g = gradient(sample)
            step = (0.9 * first + 0.1 * g) / np.sqrt(0.999 * second + 0.001 * g**2 + 1e-8)
            for column, target in enumerate(TARGETS):
                total[row, column] += one.learning_rate * direction(step) @ direction(gradient(target))
    best: npt.NDArray[np.float64] = np.maximum((total[:, 0] + total[:, 2]) / 2, total[:, 1])
    return best


def test_influence_equals_its_definition(signal: Influence, base_model: BaseModel) -> None:
    values = np.asarray(signal.compute(POOL, {})[signal.name])

    expected = by_definition(signal, base_model)
    assert np.abs(values - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_sample_has_one_influence_alone_and_among_others(signal: Influence) -> None:
    together = np.asarray(signal.compute(POOL, {})[signal.name])

    alone = [np.asarray(signal.compute(POOL.take(np.array([row])), {})[signal.name])[0] for row in range(6)]

    assert np.abs(together - alone).max() < 1e-6


class Cramped(AdaptedModel):
    """An adapter on a device that holds gradients of short samples only."""

    def gradient(self, tokens: Tokens, wanted: Mask) -> torch.Tensor:
        if len(tokens) > 30:
            raise torch.OutOfMemoryError
        return super().gradient(tokens, wanted)


def test_a_sample_that_does_not_fit_into_memory_has_no_step_and_the_others_keep_theirs(
    tiny: Path, signal: Influence
) -> None:
    checkpoints, rank = load_checkpoints(Path(signal.warmed))
    tokenizer = BaseModel.load(tiny, dtype="float32").tokenizer
    long = question_and_answer("Count.", "one two three four five six seven " * 10)
    encoded = [encode(sample, tokenizer, 512) for sample in (SAMPLES[0], long, SAMPLES[1])]

    found = [
        steps_within_memory(
            kind(BaseModel.load(tiny, dtype="float32").model, rank, seed=0), encoded, checkpoints[0], 64
        )
        for kind in (AdaptedModel, Cramped)
    ]

    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all(axis=1).tolist() == [False, True, False]
    assert np.allclose(found[1][[0, 2]], found[0][[0, 2]], atol=1e-5)


def test_a_sample_without_an_answer_has_no_influence_and_a_reason(signal: Influence) -> None:
    beyond = question_and_answer("Why does Anna buy apples? " * 100, "For the market.")
    pool = pool_of([*SAMPLES, beyond])

    values = Influence(SUMS, signal.model, signal.warmed, dtype="float32", max_tokens=60).compute(pool, {})

    row = pool.row_of(beyond.id)
    codes = np.asarray(values[REASON])
    assert np.isnan(np.asarray(values["influence/sums"])).nonzero()[0].tolist() == [row]
    assert codes[row] == 1
    assert codes.sum() == 1


@pytest.mark.parametrize("dimensions", [512, 2_048])
def test_random_projections_keep_angles_and_are_the_same_every_time(dimensions: int) -> None:
    vectors = torch.randn(3, 20_000, generator=torch.Generator().manual_seed(0))
    vectors[1] = vectors[0] + 0.5 * vectors[1]
    exact = torch.nn.functional.normalize(vectors, dim=1)

    found = project(vectors, dimensions)

    assert (found @ found.T - exact @ exact.T).abs().max() < 3 / dimensions**0.5
    assert torch.equal(found, project(vectors, dimensions))


def test_few_dimensions_are_products_with_the_signs_that_earlier_homes_have() -> None:
    vectors = torch.randn(2, 9_000, generator=torch.Generator().manual_seed(1))
    drawn = torch.Generator().manual_seed(0)
    blocks = [torch.randint(0, 2, (rows, 32), generator=drawn, dtype=torch.int8) for rows in (8_192, 808)]
    signs = np.concatenate([block.numpy() for block in blocks]).astype(float) * 2 - 1

    products = vectors.numpy().astype(float) @ signs

    expected = products / np.linalg.norm(products, axis=1, keepdims=True)
    assert np.abs(project(vectors, 32).numpy() - expected).max() < 1e-5


def test_many_dimensions_are_entries_of_a_hadamard_transform() -> None:
    vectors = torch.randn(2, 1_000, generator=torch.Generator().manual_seed(1))
    drawn = torch.randint(0, 2, (1_000,), generator=torch.Generator().manual_seed(0), dtype=torch.int8)
    padded = np.zeros((2, 1_024))
    padded[:, :1_000] = vectors.numpy() * (2.0 * drawn.numpy() - 1.0)
    entries = (padded @ hadamard(1_024))[:, np.random.default_rng(0).choice(1_024, 600, replace=False)]

    expected = entries / np.linalg.norm(entries, axis=1, keepdims=True)

    assert np.abs(project(vectors, 600).numpy() - expected).max() < 1e-5


def test_as_many_dimensions_as_weights_keep_angles_exactly() -> None:
    vectors = torch.randn(3, 700, generator=torch.Generator().manual_seed(2))
    exact = torch.nn.functional.normalize(vectors, dim=1)

    found = project(vectors, 8_192)

    assert found.shape == (3, 8_192)
    assert (found @ found.T - exact @ exact.T).abs().max() < 1e-5


def test_only_the_values_of_many_dimensions_have_another_version_than_in_earlier_homes(tiny: Path) -> None:
    def version(dimensions: int) -> str:
        return Influence(SUMS, str(tiny), "warmed", dimensions=dimensions).code_version

    def first(dimensions: int) -> str:
        settings = {"dimensions": dimensions, "max_tokens": 2_048}
        return fingerprint({"signal": "Influence", "version": 1, "settings": settings})

    assert [version(size) == first(size) for size in (32, 512, 513, 8_192)] == [True, True, False, False]


def test_an_adapter_of_an_earlier_release_is_read_in_its_dimensions_and_a_new_one_in_more(
    tiny: Path, signal: Influence, tmp_path: Path
) -> None:
    made_now, earlier = Path(signal.warmed), tmp_path / "warmed"
    shutil.copytree(made_now, earlier)
    noted = json.loads((earlier / "warmup.json").read_text())
    (earlier / "warmup.json").write_text(
        json.dumps({name: noted[name] for name in ("learning_rates", "rank", "seed")})
    )
    settings = {"dimensions": 512, "max_tokens": 2_048}  # what commit f7d6479 named its values by

    unstated = {folder: Influence(SUMS, str(tiny), str(folder)) for folder in (earlier, made_now)}

    first = fingerprint({"signal": "Influence", "version": 1, "settings": settings})
    assert unstated[earlier].code_version == first
    assert unstated[made_now].projected == 8_192
    assert Influence(SUMS, str(tiny), str(tmp_path / "none yet")).projected == 8_192
    stated = Influence(SUMS, str(tiny), str(earlier), dimensions=512, dtype="float32").compute(POOL, {})
    found = replace(unstated[earlier], dtype="float32").compute(POOL, {})
    assert np.array_equal(np.asarray(found["influence/sums"]), np.asarray(stated["influence/sums"]))


def test_the_best_subtask_counts_and_a_larger_one_has_no_advantage() -> None:
    scores = np.array([[1.0, 0.0, 0.4], [0.0, 0.0, -1.0]])

    assert best_subtask(scores, ["a", "a", "b"]).tolist() == [0.5, 0.0]


def test_without_moments_a_large_gradient_moves_as_far_as_a_small_one() -> None:
    still = AdapterCheckpoint(torch.zeros(2), torch.zeros(2), torch.zeros(2), 1.0)

    moved = adam_direction(torch.tensor([1.0, 100.0]), still)

    assert moved.tolist() == pytest.approx([0.1 / 0.001**0.5] * 2, rel=1e-2)


def test_the_adapter_is_warmed_up_once_and_pinned(tiny: Path, tmp_path: Path) -> None:
    store, warmed = SignalStore(Home(tmp_path / "home")), tmp_path / "warmed"
    influence = Influence(SUMS, str(tiny), str(warmed), dtype="float32", dimensions=8)

    first = store.score(influence, pool_of(SAMPLES[:4]))
    again = store.score(influence, POOL)

    assert (again.version, again.computed) == (first.version, 2)
    assert np.isfinite(store.table(POOL, {again.name: again.version})["influence/sums"]).all()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: folder.rename(folder.with_name("moved")) and folder.write_text("x"), "it is a file"),
        (lambda folder: [each.unlink() for each in folder.iterdir()], "there is no warmup.json"),
        (lambda folder: (folder / "warmup.json").write_text("{"), "no JSON"),
        (lambda folder: (folder / "warmup.json").write_text("[]"), "no learning rates and rank"),
        (lambda folder: (folder / "checkpoint-1.safetensors").unlink(), "no checkpoint-1.safetensors"),
    ],
)
def test_a_folder_without_an_adapter_is_refused_by_name_before_anything_is_scored(
    signal: Influence, tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    folder = tmp_path / "warmed"
    shutil.copytree(signal.warmed, folder)
    damage(folder)

    with pytest.raises(UnreadableAdapterError, match=said):
        replace(signal, warmed=str(folder)).prepare(POOL, {})


@pytest.mark.parametrize(
    ("content", "said"), [({"weights": torch.zeros(3)}, "damaged"), (None, "has 3 weights, and one of this")]
)
def test_an_adapter_that_is_damaged_or_another_model_s_is_refused(
    signal: Influence, tmp_path: Path, content: dict[str, torch.Tensor] | None, said: str
) -> None:
    folder = tmp_path / "warmed"
    shutil.copytree(signal.warmed, folder)
    parts = content or {name: torch.zeros(3) for name in ("weights", "first", "second")}
    for file in folder.glob("*.safetensors"):
        save_file(parts, file)

    with pytest.raises(UnreadableAdapterError, match=said):
        replace(signal, warmed=str(folder)).compute(POOL, {})
