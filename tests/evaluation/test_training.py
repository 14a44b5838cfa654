"""Real training runs of a tiny model."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autoselection_core.errors.evaluation import (
    DivergedError,
    NotFiniteLossError,
    NotFiniteWeightsError,
    NothingToTrainError,
    OutOfMemoryError,
    TrainedSetDiffersError,
)
from autoselection_core.evaluation.scoring.generation import greedy_answers, prompt_tokens
from autoselection_core.evaluation.training.checkpoints import Checkpoints
from autoselection_core.evaluation.training.fine_tune import (
    SubsetSamples,
    Trained,
    plan_of,
    require_planned_samples,
    train,
)
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import Decay, FineTuning, Method, Schedule, Unit
from autoselection_core.models import frozen_layers
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.frozen_layers import REMEMBERED, FrozenLayers, name_of
from tests.evaluation.bench import POOL, TRAINING, adapted, subset
from tests.evaluation.test_divergence import FIT, TEMPLATED, THANKS, fine_tuned, named


@pytest.fixture(scope="module")
def borrowed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model with a borrowed template, which ends turns in another token than the model's own."""
    folder = shutil.copytree(tiny, tmp_path_factory.mktemp("borrowed") / "m")
    own: dict[str, tuple[str, object]] = {"tokenizer_config": ("eos_token", "<|endoftext|>")}
    own |= dict.fromkeys(("config", "generation_config"), ("eos_token_id", 0))
    for name, (field, end) in own.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), field: end}))
    return folder


def test_a_trained_model_stops_where_its_template_ends_a_turn(borrowed: Path, tmp_path: Path) -> None:
    result = fine_tuned(borrowed, tmp_path, named(TEMPLATED), FIT)
    model = replace(result.base, model=result.model)
    prompts = [prompt_tokens(model, sample.messages[:1]) for sample in TEMPLATED[:6]]

    answers, read = greedy_answers(model, prompts, new_tokens=48, batch_tokens=1_000, benchmark="written")

    assert answers == [THANKS] * 6
    answer = model.tokenizer(THANKS, add_special_tokens=False)["input_ids"]
    assert read == sum(map(len, prompts)) + 6 * len(answer)


def test_a_loaded_model_stops_at_its_own_ends_and_at_the_templates(borrowed: Path) -> None:
    assert BaseModel.load(borrowed, dtype="float32").model.generation_config.eos_token_id == [0, 2]


def test_a_model_whose_template_ends_turns_in_its_own_end_token_is_left_as_it_is(tiny: Path) -> None:
    assert BaseModel.load(tiny, dtype="float32").model.generation_config.eos_token_id == 2


def trained(
    tiny: Path, folder: Path, training: FineTuning = TRAINING, replicate: int = 0, rows: int = 60
) -> Trained:
    def load() -> BaseModel:
        return BaseModel.load(tiny, dtype=training.loaded_dtype)

    return train(load, SubsetSamples(POOL, subset(rows)), training, Trainee("key", folder, replicate))


def weights(model: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.concatenate(
        [
            each.detach().float().numpy().ravel()
            for name, each in model.named_parameters()
            if each.requires_grad or "lora" in name
        ]
    )


@pytest.mark.parametrize(
    "training",
    [TRAINING, replace(TRAINING, method=Method.FULL, learning_rate=2e-3)],
    ids=["lora", "full"],
)
def test_training_lowers_the_loss(tiny: Path, tmp_path: Path, training: FineTuning) -> None:
    losses = trained(tiny, tmp_path, replace(training, amount=3_000)).losses

    assert np.mean(losses[-3:]) < np.mean(losses[:3]) - 1.0


def test_whole_epochs_train_on_exactly_what_was_selected(tiny: Path, tmp_path: Path) -> None:
    epochs = replace(TRAINING, schedule=Schedule.EPOCHS, amount=1)

    result = trained(tiny, tmp_path, epochs, rows=23)

    assert len(result.samples) == 23
    assert result.samples_hash == subset(23).fingerprint


@pytest.mark.parametrize("lost", [0, 1])
def test_a_set_that_differs_from_what_was_selected_is_a_failure(
    tiny: Path, tmp_path: Path, lost: int
) -> None:
    epochs = replace(TRAINING, schedule=Schedule.EPOCHS, amount=1)
    samples = SubsetSamples(POOL, subset(5))
    result = trained(tiny, tmp_path, epochs, rows=5)
    plan = plan_of(result.base, samples, epochs, Trainee("key", tmp_path, 0))
    another = SubsetSamples(POOL, subset(6)) if lost else samples
    read = replace(result, samples=result.samples if lost else result.samples[1:])

    with pytest.raises(TrainedSetDiffersError, match="1 "):
        require_planned_samples(read, another, plan, epochs, "key")


def test_a_budget_below_the_subset_says_what_was_really_seen(tiny: Path, tmp_path: Path) -> None:
    result = trained(tiny, tmp_path, replace(TRAINING, amount=400))

    assert 0 < len(result.samples) < 60
    assert result.samples_hash != subset().fingerprint
    assert set(result.samples) <= set(SubsetSamples(POOL, subset()))


def test_one_seed_gives_one_model_and_another_seed_another(tiny: Path, tmp_path: Path) -> None:
    first, again, other = (trained(tiny, tmp_path, replicate=replicate) for replicate in (0, 0, 1))

    assert first.losses == again.losses
    assert (weights(first.model) == weights(again.model)).all()
    assert first.losses != other.losses


def test_only_the_answers_are_learned(tiny: Path, tmp_path: Path) -> None:
    """The first loss is the mean cross-entropy of answer tokens under the base model."""
    training = replace(TRAINING, schedule=Schedule.STEPS, amount=1, batch=1, batch_unit=Unit.SEQUENCES)

    result = trained(tiny, tmp_path, training, rows=1)

    base = BaseModel.load(tiny, dtype="float32")
    sample = POOL.sample(0)
    turns = [{"role": str(turn.role), "content": turn.content} for turn in sample.messages]
    whole = base.tokenizer.apply_chat_template(turns, tokenize=False).removesuffix("\n")
    opened = base.tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    ids = torch.tensor(base.tokenizer(whole, add_special_tokens=False)["input_ids"])
    start = len(base.tokenizer(opened, add_special_tokens=False)["input_ids"])
    with torch.inference_mode():
        logits = base.model(input_ids=ids[None]).logits[0]
    expected = torch.nn.functional.cross_entropy(logits[start - 1 : -1], ids[start:])
    assert result.losses[0] == pytest.approx(float(expected), abs=1e-4)


def test_how_sequences_are_packed_changes_nothing_but_rounding(tiny: Path, tmp_path: Path) -> None:
    one_pack = trained(tiny, tmp_path, replace(TRAINING, pack_tokens=1_000))
    many_packs = trained(tiny, tmp_path, replace(TRAINING, pack_tokens=40))

    np.testing.assert_allclose(one_pack.losses, many_packs.losses, atol=1e-3)
    np.testing.assert_allclose(weights(one_pack.model), weights(many_packs.model), atol=2e-3)


def test_checkpointed_gradients_change_nothing_but_rounding(tiny: Path, tmp_path: Path) -> None:
    plain = trained(tiny, tmp_path)
    checkpointed = trained(tiny, tmp_path, replace(TRAINING, gradient_checkpointing=True))

    np.testing.assert_allclose(plain.losses, checkpointed.losses, atol=1e-4)


CHANGED: dict[str, Any] = {
    "method": Method.FULL,
    "schedule": Schedule.EPOCHS,
    "amount": 700,
    "batch": 100,
    "batch_unit": Unit.SEQUENCES,
    "max_tokens": 38,
    "learning_rate": 1e-3,
    "warmup_share": 0.6,
    "decay": Decay.CONSTANT,
    "weight_decay": 1.0,
    "max_grad_norm": 0.01,
    "rank": 2,
    "alpha": 64,
    "dropout": 0.5,
    "target_modules": "q_proj,v_proj",
    "adapted_share": 0.5,
    "dtype": "bfloat16",
    "divergence": 1.0,
    "plan_version": 2,
}


DIVERGING = replace(TRAINING, method=Method.FULL, learning_rate=1.0, warmup_share=0.0)
SHORT = replace(TRAINING, amount=500)


@cache
def outcome(tiny: Path, training: FineTuning) -> object:
    try:
        result = trained(tiny, tiny, training)
    except DivergedError as error:
        return str(error)
    return result.losses, float(np.abs(weights(result.model)).sum())


def test_every_field_is_changed_below_or_fits_a_training_onto_a_machine() -> None:
    assert {field.name for field in fields(FineTuning)} == {
        *CHANGED,
        "pack_tokens",
        "gradient_checkpointing",
        "devices",
    }
    assert set(replace(TRAINING, adapted_share=0.5, plan_version=2).identity) == set(CHANGED)


def test_a_training_of_all_layers_keeps_the_name_that_it_had_before_there_was_a_share() -> None:
    assert "adapted_share" not in TRAINING.identity


@pytest.mark.parametrize("modules", ["all-linear", "q_proj,down_proj"])
def test_only_the_upper_share_of_the_layers_is_trained(tiny: Path, tmp_path: Path, modules: str) -> None:
    upper = trained(tiny, tmp_path, replace(TRAINING, adapted_share=0.3, target_modules=modules)).model
    every = trained(tiny, tmp_path, replace(TRAINING, target_modules=modules)).model

    names = {name for name, each in upper.named_parameters() if each.requires_grad}
    assert upper.config.num_hidden_layers == 6
    assert names == {
        name
        for name, each in every.named_parameters()
        if each.requires_grad and (".layers.4." in name or ".layers.5." in name)
    }
    assert names


@pytest.mark.parametrize("name", CHANGED)
def test_every_field_changes_the_outcome(tiny: Path, name: str) -> None:
    special = {
        "schedule": replace(SHORT, schedule=Schedule.STEPS, amount=1),
        "divergence": replace(DIVERGING, divergence=1e6),
        "plan_version": replace(SHORT, amount=515),  # ends within a prompt
    }
    plain = special.get(name, SHORT)

    assert outcome(tiny, replace(plain, **{name: CHANGED[name]})) != outcome(tiny, plain)


def test_a_rising_loss_is_a_failure(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="lower the learning rate"):
        trained(tiny, tmp_path, DIVERGING)


def test_a_loss_that_is_no_number_is_a_failure(tiny: Path, tmp_path: Path) -> None:
    def load() -> BaseModel:
        base = BaseModel.load(tiny, dtype="float32")
        with torch.no_grad():
            base.model.get_output_embeddings().weight.fill_(float("nan"))
        return base

    with pytest.raises(NotFiniteLossError, match="step 1"):
        train(load, SubsetSamples(POOL, subset()), TRAINING, Trainee("key", tmp_path, 0))


def test_weights_that_are_no_numbers_after_the_last_step_are_a_failure(tiny: Path, tmp_path: Path) -> None:
    """No loss follows the last step: such a model was scored, and had an accuracy of 0."""
    once = replace(TRAINING, method=Method.FULL, schedule=Schedule.STEPS, amount=1)

    def load() -> BaseModel:
        base = BaseModel.load(tiny, dtype="float32")
        base.model.get_output_embeddings().weight.register_hook(lambda slope: slope * float("nan"))
        return base

    with pytest.raises(NotFiniteWeightsError, match="after step 1"):
        train(load, SubsetSamples(POOL, subset()), once, Trainee("key", tmp_path, 0))


def test_a_subset_without_room_for_answers_is_a_failure(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingToTrainError):
        trained(tiny, tmp_path, replace(TRAINING, max_tokens=3))


def with_memory_for(tokens: int, tiny: Path) -> BaseModel:
    """A model on a device that holds no more than so many tokens at once."""
    base = BaseModel.load(tiny, dtype="float32")

    def refuse(_: object, __: object, given: dict[str, torch.Tensor]) -> None:
        if given["input_ids"].shape[1] > tokens:
            raise MemoryError

    base.model.get_decoder().register_forward_pre_hook(refuse, with_kwargs=True)
    return base


def test_a_pack_that_does_not_fit_is_halved_and_the_steps_stay(tiny: Path, tmp_path: Path) -> None:
    selected, trainee = SubsetSamples(POOL, subset()), Trainee("key", tmp_path, 0)

    squeezed = train(lambda: with_memory_for(100, tiny), selected, TRAINING, trainee)

    roomy = trained(tiny, tmp_path)
    assert squeezed.pack_tokens <= 100 < roomy.pack_tokens
    assert squeezed.steps == roomy.steps
    np.testing.assert_allclose(squeezed.losses, roomy.losses, atol=1e-3)


def test_a_sequence_that_never_fits_is_a_failure(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(OutOfMemoryError, match="does not fit"):
        train(
            lambda: with_memory_for(10, tiny),
            SubsetSamples(POOL, subset()),
            TRAINING,
            Trainee("key", tmp_path, 0),
        )


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_killed_training_goes_on_from_its_last_checkpoint(tiny: Path, tmp_path: Path, dtype: str) -> None:
    training = replace(TRAINING, dtype=dtype, dropout=0.1, pack_tokens=128)
    whole = trained(tiny, tmp_path / "whole", training)
    steps: list[int] = []

    def load() -> BaseModel:
        return BaseModel.load(tiny, dtype=dtype)

    def note(_: str, step: int, __: int) -> None:
        steps.append(step)
        if steps == [1, 2, 3, 4]:
            raise KilledError

    trainee = Trainee("key", tmp_path, 0, checkpoint_s=0.0)
    with pytest.raises(KilledError):
        train(load, SubsetSamples(POOL, subset()), training, trainee, note)
    result = train(load, SubsetSamples(POOL, subset()), training, trainee, note)

    # The fourth step was done and not saved.
    assert steps == [1, 2, 3, 4, 4, 5, 6]
    assert result.losses == whole.losses
    assert (weights(result.model) == weights(whole.model)).all()
    assert result.samples == whole.samples
    assert not list(tmp_path.glob("checkpoints"))


def test_an_unfinished_checkpoint_is_passed_over(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 0.0, 128)
    for step in (9, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
    checkpoints.finish(9, [1.0], [0, 1])

    found = checkpoints.newest()

    assert found is not None
    assert (found[0].name, found[1]["packs_read"]) == ("checkpoint-9", [0, 1])
    assert Checkpoints(tmp_path, 0.0, 64).newest() is None


HALF = replace(TRAINING, adapted_share=0.5, batch=256, pack_tokens=256, amount=2_000)


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing is remembered of earlier texts; names of those that the lower layers read from now on."""
    texts: list[str] = []
    read = FrozenLayers._read

    def counting(self: FrozenLayers, inputs: Mapping[str, torch.Tensor | None]) -> torch.Tensor:
        ids = inputs["input_ids"]
        assert ids is not None
        texts.append(name_of(ids.numpy()))
        return read(self, inputs)

    monkeypatch.setattr(frozen_layers, "REMEMBERED", type(REMEMBERED)())
    monkeypatch.setattr(FrozenLayers, "_read", counting)
    return texts


@pytest.mark.parametrize("batch", [32, 256])
def test_layers_below_the_adapters_change_nothing_by_being_remembered(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    training = replace(HALF, batch=batch)
    remembered = trained(tiny, tmp_path, training)
    monkeypatch.setattr(FrozenLayers, "of", lambda *_: None)
    whole = trained(tiny, tmp_path, training)

    np.testing.assert_allclose(remembered.losses, whole.losses, rtol=1e-4)
    np.testing.assert_allclose(weights(remembered.model), weights(whole.model), atol=2e-3)
    assert np.mean(whole.losses[-2:]) < whole.losses[0] - 0.1, "so the weights that are compared moved"


@pytest.mark.usefixtures("forgotten")
def test_a_training_is_the_same_whatever_was_remembered_before(tiny: Path, tmp_path: Path) -> None:
    first = trained(tiny, tmp_path, HALF, replicate=1)
    trained(tiny, tmp_path, HALF, replicate=2, rows=30)
    again = trained(tiny, tmp_path, HALF, replicate=1)

    assert again.losses == first.losses
    np.testing.assert_array_equal(weights(again.model), weights(first.model))


def test_lower_layers_read_a_text_once_for_all_trainings_of_a_process(
    tiny: Path, tmp_path: Path, forgotten: list[str]
) -> None:
    epochs = replace(HALF, schedule=Schedule.EPOCHS, amount=2)
    trained(tiny, tmp_path, HALF, rows=2)  # the model is tried
    forgotten.clear()

    first = trained(tiny, tmp_path, epochs, rows=20)
    trained(tiny, tmp_path, epochs, replicate=1, rows=20)

    assert len(first.samples) == 20
    assert 0 < len(forgotten) <= 20
    assert len(set(forgotten)) == len(forgotten)


@pytest.mark.usefixtures("forgotten")
def test_a_process_without_room_for_states_trains_the_same(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_room = trained(tiny, tmp_path, HALF)
    monkeypatch.setattr(frozen_layers, "MAX_BYTES", 0)
    frozen_layers.REMEMBERED.states.clear()

    assert trained(tiny, tmp_path, HALF).losses == with_room.losses
    assert not frozen_layers.REMEMBERED.states


def test_nothing_is_remembered_where_every_layer_is_trained(
    tiny: Path, tmp_path: Path, forgotten: list[str]
) -> None:
    trained(tiny, tmp_path, SHORT)
    trained(tiny, tmp_path, replace(SHORT, method=Method.FULL))

    assert forgotten == []


def _small(kind: str, **settings: object) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "vocab_size": 96}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "pad_token_id": 0}
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **(sizes | heads | settings))).eval()


@pytest.mark.parametrize(
    "kind",
    [
        "llama",
        "qwen2",
        "qwen3",
        "gemma",
        "gemma2",
        "gemma3_text",
        "phi3",
        "olmo2",
        "mixtral",
        "gpt_neox",
        "granite",
    ],
)
def test_a_model_of_any_family_ends_where_a_whole_pass_ends(kind: str) -> None:
    own = {"sliding_window": 6} if kind.startswith("gemma") else {}
    model = adapted(_small(kind, **own), {2, 3}).eval()
    ids = torch.from_numpy(np.random.default_rng(1).integers(1, 96, size=(1, 40)))
    frozen = FrozenLayers.of(model, kind)

    assert frozen is not None
    with torch.no_grad():
        whole = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
        with frozen.recalling(frozen.states(name_of(ids.numpy()), {"input_ids": ids})):
            recalled = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state
    assert frozen.count == 2
    assert torch.equal(whole, recalled)


def test_lower_layers_that_drop_out_while_they_train_are_not_remembered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert FrozenLayers.of(adapted(_small("llama"), {2, 3}), "steady") is not None
    assert not caplog.messages
    for _ in range(2):
        assert FrozenLayers.of(adapted(_small("llama", attention_dropout=0.5), {2, 3}), "dropping") is None
    (said,) = caplog.messages
    assert said.startswith("LlamaModel is read through all of its layers every time")
    assert said.endswith(": its layers give other states while it trains")


def test_a_model_that_cannot_go_on_from_states_is_read_as_a_whole_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A layer that is given two things, as a decoder with cross-attention has them."""
    model = adapted(_small("llama"), {2, 3})
    first = model.get_decoder().layers[0]
    forward = type(first).forward

    class TwoFold(type(first)):  # type: ignore[misc] # a class that is known at run time
        def forward(self, *given: Any, **named: Any) -> Any:
            return (forward(self, *given, **named),)

    first.__class__ = TwoFold

    assert FrozenLayers.of(model, "two-fold") is None
    (said,) = caplog.messages
    assert said.startswith("LlamaModel is read through all of its layers every time: AttributeError: ")


def test_no_layer_is_below_adapters_of_the_first_one_or_of_the_embeddings() -> None:
    assert FrozenLayers.of(adapted(_small("llama"), {0, 3}), "first") is None
    assert FrozenLayers.of(adapted(_small("llama"), {3}, "embed_tokens"), "embeddings") is None
    assert FrozenLayers.of(_small("llama"), "none") is None
