"""A model's name holds what its answers and their ends follow from, and old names stay."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.models import ModelLoadError, UnfaithfulHeadError
from autoselection_core.identity import Json, fingerprint, fingerprint_file
from autoselection_core.models.base_model import BaseModel, resident_model
from autoselection_core.models.chat.tokenizer_identity import tokenizer_fingerprint
from autoselection_core.models.dtype import (
    MIN_TIMED_WEIGHTS,
    WORTHWHILE,
    expected_dtype,
    fastest_dtype,
    settled_dtype,
)
from autoselection_core.models.embedder import embedder_fingerprint
from autoselection_core.models.folder import model_fingerprint, require_model
from autoselection_core.models.forward import check_head
from autoselection_core.models.speed import (
    COUNTED_PASSES,
    DTYPES,
    Throughput,
    layer_weights,
    present_speed,
    probe,
    step_passes,
)
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model

CONFIG_FIELDS = (
    "transformers_version",
    "_name_or_path",
    "dtype",
    "torch_dtype",
    "use_cache",
    "architectures",
)


def edited(folder: Path, name: str, change: Callable[[dict[str, Any]], None]) -> Path:
    file = folder / name
    said = json.loads(file.read_text()) if file.exists() else {}
    change(said)
    file.write_text(json.dumps(said))
    return folder


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny, tmp_path / "copy")


def test_an_unedited_model_whose_turns_end_in_its_end_token_keeps_its_name(tiny: Path) -> None:
    config = json.loads((tiny / "config.json").read_text())
    vocabulary = {"tokenizer.json": fingerprint_file(tiny / "tokenizer.json")}
    template = (tiny / "chat_template.jinja").read_text()
    weights = {"model.safetensors": fingerprint_file(tiny / "model.safetensors")}
    before = fingerprint(
        {
            "config": {name: value for name, value in config.items() if name not in CONFIG_FIELDS},
            "tokenizer": fingerprint({"template": template, "vocabulary": vocabulary}),
            "weights": weights,
        }
    )

    assert model_fingerprint(tiny) == before


def test_the_embedder_keeps_its_name() -> None:
    assert embedder_fingerprint() == "7ae7d4084709d7a52ac71edbab74f5fe"


def other_end(said: dict[str, Any]) -> None:
    said.update(eos_token="<|endoftext|>")  # noqa: S106 a token of text


def other_start(said: dict[str, Any]) -> None:
    said.update(bos_token="<|im_end|>")  # noqa: S106 a token of text


def named_templates(said: dict[str, Any]) -> None:
    said["chat_template"] = [{"name": "default", "template": "{{ messages }}"}]


def other_named_templates(said: dict[str, Any]) -> None:
    named_templates(said)
    said["chat_template"].append({"name": "tool_use", "template": "{{ tools }}"})


def added_token(said: dict[str, Any]) -> None:
    said["added_tokens_decoder"] = {"2048": {"content": "<tool>", "special": True}}


def further_special_token(said: dict[str, Any]) -> None:
    said["extra_special_tokens"] = ["<tool>"]


def named_special_token(said: dict[str, Any]) -> None:
    said["additional_special_tokens"] = {"tool_token": {"content": "<tool>"}}


def unlisted_padding(said: dict[str, Any]) -> None:
    said["pad_token"] = "<padding>"  # noqa: S105 a token of text


def split_special_tokens(said: dict[str, Any]) -> None:
    said["split_special_tokens"] = True


def chat_settings(said: dict[str, Any]) -> None:
    said["autoselection"] = {"system": "fold"}


def penalised(said: dict[str, Any]) -> None:
    said["repetition_penalty"] = 1.3


def two_ends(said: dict[str, Any]) -> None:
    said["eos_token_id"] = [0, 2]


EDITS = [
    ("tokenizer_config.json", other_end),
    ("tokenizer_config.json", other_start),
    ("tokenizer_config.json", added_token),
    ("tokenizer_config.json", further_special_token),
    ("tokenizer_config.json", named_special_token),
    ("tokenizer_config.json", unlisted_padding),
    ("tokenizer_config.json", split_special_tokens),
    ("tokenizer_config.json", chat_settings),
    ("generation_config.json", penalised),
    ("generation_config.json", two_ends),
]


@pytest.mark.parametrize(("name", "change"), EDITS, ids=[change.__name__ for _, change in EDITS])
def test_what_an_answer_follows_from_is_part_of_the_name(
    tiny: Path, copy: Path, name: str, change: Callable[[dict[str, Any]], None]
) -> None:
    assert model_fingerprint(edited(copy, name, change)) != model_fingerprint(tiny)


def test_special_tokens_that_the_vocabulary_lists_are_no_other_name(tiny: Path, copy: Path) -> None:
    edited(copy, "tokenizer_config.json", lambda said: said.update(additional_special_tokens=["<|im_end|>"]))

    assert model_fingerprint(copy) == model_fingerprint(tiny)


def test_an_edited_named_template_is_another_model(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    config = "tokenizer_config.json"

    first = tokenizer_fingerprint(edited(copy, config, named_templates))
    second = tokenizer_fingerprint(edited(copy, config, other_named_templates))

    assert first != second


def test_how_a_random_answer_would_be_drawn_is_no_part_of_the_name(tiny: Path, copy: Path) -> None:
    edited(
        copy, "generation_config.json", lambda said: said.update(temperature=0.3, top_p=0.9, do_sample=True)
    )

    assert model_fingerprint(copy) == model_fingerprint(tiny)


def test_weights_that_were_changed_in_place_at_the_same_time_and_length_are_other_ones(copy: Path) -> None:
    """A copy that keeps times (`cp -p`, `rsync -a`) was taken for what was there before."""
    (weights,) = copy.glob("*.safetensors")
    before, state, raw = model_fingerprint(copy), weights.stat(), weights.read_bytes()
    weights.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns))

    assert model_fingerprint(copy) != before


def test_two_copies_of_a_model_have_one_fingerprint(tiny: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny, tmp_path / "copy")

    assert model_fingerprint(copy) == model_fingerprint(tiny)


def test_other_weights_have_another_fingerprint(tiny: Path, tmp_path: Path) -> None:
    assert model_fingerprint(tiny_model(tmp_path, seed=1)) != model_fingerprint(tiny)


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer.json", "config.json"])
def test_every_part_of_a_model_is_part_of_its_fingerprint(tiny: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(tiny, tmp_path / "copy")
    text = (copy / name).read_text()
    (copy / name).write_text(
        text.replace("assistant", "helper").replace("rms_norm_eps", "eps").replace("Ġ", "G")
    )

    assert model_fingerprint(copy) != model_fingerprint(tiny)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="no such folder") as caught:
        BaseModel.load(tmp_path / "missing")

    assert pickle.loads(pickle.dumps(caught.value)).path == str(tmp_path / "missing")  # noqa: S301 our own


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_model_with_a_missing_part_is_refused(tiny: Path, tmp_path: Path, name: str) -> None:
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / name).unlink()

    with pytest.raises(ModelLoadError):
        BaseModel.load(broken, dtype="float32")


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer_config.json", "generation_config.json", "special_tokens_map.json"]
)
@pytest.mark.parametrize(
    ("text", "said"), [("{", "no JSON"), ("[1]", "no JSON object"), ("[" * 9**5, "no JSON")]
)
def test_a_file_of_settings_that_is_no_object_is_named(copy: Path, name: str, text: str, said: str) -> None:
    (copy / name).write_text(text)

    with pytest.raises(ModelLoadError, match=f"{name} is {said}"):
        model_fingerprint(copy)


def test_a_folder_with_an_adapter_is_refused_because_its_base_model_is_another_folder(copy: Path) -> None:
    (copy / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/else"}')

    with pytest.raises(ModelLoadError, match="merge the adapter"):
        require_model(str(copy))
    with pytest.raises(ModelLoadError, match="merge the adapter"):
        BaseModel.load(copy, dtype="float32")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_code_of_a_model_s_folder_is_not_run(copy: Path, tmp_path: Path, name: str) -> None:
    ran = tmp_path / "ran"
    (copy / "own.py").write_text(f"import pathlib\npathlib.Path({str(ran)!r}).touch()\nclass Own: pass\n")
    own = {
        "AutoConfig": "own.Own",
        "AutoModelForCausalLM": "own.Own",
        "AutoTokenizer": ["own.Own", "own.Own"],
    }

    def name_code(said: dict[str, Any]) -> None:
        said.update(auto_map=own, model_type="own", tokenizer_class="Own")

    edited(copy, name, name_code)

    with pytest.raises(ModelLoadError):
        BaseModel.load(copy, dtype="float32")
    assert not ran.exists()


def test_damaged_weights_are_refused(tiny: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"not a model")

    with pytest.raises(ModelLoadError):
        BaseModel.load(broken, dtype="float32")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "[" * 100_000),
        ("config.json", {"num_hidden_layers": "many"}),
        ("config.json", {"rms_norm_eps": float("nan")}),
        ("config.json", {"vocab_size": 10**9}),
        ("tokenizer.json", "[]"),
        ("tokenizer.json", "[" * 100_000),
        ("tokenizer.json", {"added_tokens": "x"}),
        ("tokenizer.json", {"added_tokens": [{"id": "a"}]}),
        ("tokenizer_config.json", {"added_tokens_decoder": {"x": {"content": "a"}}}),
        ("tokenizer_config.json", {"added_tokens_decoder": [1]}),
        ("tokenizer_config.json", {"chat_template": [{"nam": 1}]}),
        ("chat_template.jinja", b"\xff\xfe"),
    ],
)
def test_a_damaged_file_of_a_model_s_folder_is_a_sentence(
    copy: Path, name: str, content: str | bytes | dict[str, Json]
) -> None:
    """Each ended in a traceback of another kind."""
    if isinstance(content, dict):
        edited(copy, name, lambda said: said.update(content))
    else:
        (copy / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if isinstance(content, dict) and "chat_template" in content:
        (copy / "chat_template.jinja").unlink()

    with pytest.raises((ModelLoadError, UnfaithfulHeadError)):
        BaseModel.load(copy, dtype="float32")


def test_a_model_whose_weights_are_not_all_there_is_refused(copy: Path) -> None:
    """What is missing was made of random numbers, other ones each time it was loaded."""
    layers = json.loads((copy / "config.json").read_text())["num_hidden_layers"]
    edited(copy, "config.json", lambda said: said.update(num_hidden_layers=layers + 1))

    with pytest.raises(ModelLoadError, match=rf"layers\.{layers}\..*random numbers"):
        BaseModel.load(copy, dtype="float32")


def test_a_model_without_a_chat_template_is_refused(tiny: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "chat_template.jinja").unlink()

    with pytest.raises(ModelLoadError, match="no chat template"):
        BaseModel.load(broken, dtype="float32")


def test_a_head_that_scales_its_logits_unseen_is_refused(tiny: Path) -> None:
    import torch
    from transformers import LlamaForCausalLM

    class Scaled(LlamaForCausalLM):  # type: ignore[misc] # transformers has no types
        def forward(self, **arguments: object) -> object:
            output = super().forward(**arguments)
            output.logits = output.logits * 3
            return output

    with pytest.raises(UnfaithfulHeadError):
        check_head(Scaled.from_pretrained(tiny, dtype=torch.float32))


def test_the_probe_times_every_number_type(tiny: Path) -> None:
    throughputs = probe(tiny)

    assert [each.dtype for each in throughputs] == list(DTYPES)
    assert all(each.forward_tokens_s > 0 for each in throughputs)


def test_a_training_of_fewer_layers_is_expected_to_take_less_time_but_never_less_than_a_forward_pass() -> (
    None
):
    assert COUNTED_PASSES.of_step() == 3.0
    assert COUNTED_PASSES.of_step(adapted_share=0.25) == 1.5
    assert COUNTED_PASSES.of_step(adapted_share=0.001) > 1.0


def test_a_step_over_few_tokens_and_its_backward_pass_are_measured_and_not_counted(tiny: Path) -> None:
    """On a processor with AMX a step took 0.21 s where three quarters of the counted passes took 0.08."""
    one, many = step_passes(tiny, "float32", 1, 8), step_passes(tiny, "float32", 256, 8)

    assert many.adapted > many.forward
    assert one.adapted > one.forward
    assert one.forward > 4 * many.forward, "256 tokens at once are cheaper each than one"


def test_a_step_that_trains_all_weights_is_measured_too(tiny: Path) -> None:
    everything = step_passes(tiny, "float32", 64, None)

    assert everything.adapted > everything.forward > 0


def test_a_present_speed_is_no_faster_than_that_of_a_free_machine(tiny: Path) -> None:
    speed = present_speed(tiny, "float32")

    assert 0 < speed.tokens_s <= speed.free_tokens_s


GPT2 = {
    "model_type": "gpt2",
    "n_layer": 3,
    "n_embd": 64,
    "n_head": 2,
    "vocab_size": 1_000,
    "n_positions": 256,
}


def test_a_configuration_that_counts_its_layers_under_another_name_is_timed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(GPT2))

    assert all(each.forward_tokens_s > 0 for each in probe(tmp_path))
    assert layer_weights(tmp_path) == pytest.approx(12 * 64**2, rel=0.4)


def with_config(folder: Path, **changed: object) -> Path:
    """A folder with the configuration of a model whose number type is worth a timing; it needs no weights."""
    folder.mkdir(exist_ok=True)
    large = {"model_type": "llama", "hidden_size": 512, "intermediate_size": 1_024, "num_hidden_layers": 2}
    config = {**large, "num_attention_heads": 8, "vocab_size": 2_048, **changed}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def timed(short: float, long: float) -> Callable[[Path], list[Throughput]]:
    return lambda _: [Throughput("bfloat16", short), Throughput("float32", long)]


def never(_: Path) -> list[Throughput]:
    pytest.fail("it is settled")


SPEEDS = st.floats(1.0, 1e6)


@given(st.lists(st.tuples(SPEEDS, SPEEDS), min_size=2, max_size=5))
def test_whatever_later_timings_say_a_machine_keeps_its_first_choice(
    timings: list[tuple[float, float]],
) -> None:
    with TemporaryDirectory() as named:
        model, place = with_config(Path(named) / "model"), Path(named) / "kept"

        chosen = [settled_dtype(model, place, timed(*each)) for each in timings]

        short, long = timings[0]
        assert set(chosen) == {"bfloat16" if short >= WORTHWHILE * long else "float32"}
        assert settled_dtype(model, place, never) == chosen[0]


CONTRADICTING = """
import sys, time
from pathlib import Path
from autoselection_core.models.dtype import machine, settled_dtype
from autoselection_core.models.speed import Throughput

machine()
Path(sys.argv[2]).joinpath(sys.argv[3]).touch()
while len(list(Path(sys.argv[2]).iterdir())) < 3:
    time.sleep(0.01)

def measure(folder):
    time.sleep(0.5)
    return Throughput("bfloat16", float(sys.argv[3])), Throughput("float32", 100.0)

print(settled_dtype(Path(sys.argv[1]), Path(sys.argv[1]) / "kept", measure))
"""


def test_processes_that_begin_at_once_choose_the_same_whatever_each_would_measure(tmp_path: Path) -> None:
    model = with_config(tmp_path / "model")
    (tmp_path / "ready").mkdir()
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", CONTRADICTING, str(model), str(tmp_path / "ready"), speed],
            stdout=subprocess.PIPE,
            text=True,
        )
        for speed in ("1", "1000", "2")
    ]

    said = [process.communicate()[0].strip() for process in begun]

    assert [process.returncode for process in begun] == [0, 0, 0]
    assert len(set(said)) == 1, said
    assert said[0] in DTYPES


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"\xff", b"[" * 100_000, b'"bfloat16"', b'{"dtype": "int8"}', b'{"dtype": [1]}', b"{}"],
)
def test_a_damaged_choice_is_made_again_and_the_log_says_so(
    tmp_path: Path, damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    model, place = with_config(tmp_path / "model"), tmp_path / "kept"
    assert settled_dtype(model, place, timed(300, 100)) == "bfloat16"
    (file,) = place.glob("*.json")
    assert not caplog.messages
    file.write_bytes(damaged)

    assert settled_dtype(model, place, timed(100, 300)) == "float32"
    assert caplog.messages == [f"{file} says no number type, so it is settled anew"]
    assert settled_dtype(model, place, never) == "float32"
    assert json.loads(file.read_text())["dtype"] == "float32"


def test_models_of_one_shape_share_a_choice_and_those_of_another_have_their_own(tmp_path: Path) -> None:
    first, place = with_config(tmp_path / "first"), tmp_path / "kept"
    saved_anew = with_config(tmp_path / "second", transformers_version="9", torch_dtype="bfloat16")
    assert settled_dtype(first, place, timed(300, 100)) == "bfloat16"

    assert settled_dtype(saved_anew, place, never) == "bfloat16"
    assert settled_dtype(with_config(tmp_path / "third", hidden_size=1_024), place, timed(1, 2)) == "float32"


def test_a_model_too_small_to_time_has_float32_and_nothing_is_kept_of_it(tiny: Path, tmp_path: Path) -> None:
    assert layer_weights(tiny) < MIN_TIMED_WEIGHTS < layer_weights(with_config(tmp_path / "large"))

    with Home(tmp_path / "home").served():
        assert fastest_dtype(tiny, "cpu") == "float32"
        assert BaseModel.load(tiny).dtype == "float32"
        assert not (tmp_path / "home").exists()


def test_a_choice_is_kept_in_the_home_that_work_is_for_and_an_estimate_keeps_none(tmp_path: Path) -> None:
    model, home = with_config(tmp_path / "model"), Home(tmp_path / "home")
    with home.served():
        expected = expected_dtype(model)
        assert not home.root.exists()

        chosen = fastest_dtype(model, "cpu")

    (file,) = home.number_types.glob("*.json")
    assert json.loads(file.read_text())["dtype"] == chosen == expected
    (other,) = {*DTYPES} - {chosen}
    file.write_text(json.dumps({"dtype": other}))
    with home.served():
        assert (fastest_dtype(model, "cpu"), expected_dtype(model)) == (other, other)
        assert fastest_dtype(model, "cuda") == "bfloat16"


def test_importing_the_room_of_models_does_not_load_torch() -> None:
    modules = "base_model, batching, chat, dtype, folder, forward, speed; from autoselection_core.models"
    code = f"from autoselection_core.models import {modules}.chat import spans; import sys"

    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=True)


def test_another_model_under_the_same_path_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    first = resident_model(str(tiny_model(tmp_path / "m", seed=1)), "float32")
    shutil.rmtree(tmp_path / "m")

    second = resident_model(str(tiny_model(tmp_path / "m", seed=2)), "float32")

    assert first.fingerprint != second.fingerprint == model_fingerprint(tmp_path / "m")
    assert resident_model(str(tmp_path / "m"), "float32") is second
