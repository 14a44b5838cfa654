"""The files for training programs, against the fields that those programs accept.

`scripts/trainer_fields.py` makes the lists in `trainer_fields.json`; each names the release and the day.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.store import ExportExistsError
from autoselection_core.evaluation.training.settings import PRESETS, Method, Schedule, Unit
from autoselection_core.export.trainers import Length, Training
from autoselection_core.export.turns import Content
from autoselection_core.pool.sample import Message, Role, Sample
from tests.export.made import LONG, PLAIN, WITH_TOOLS, Made

FIELDS = Path(__file__).parent / "trainer_fields.json"

SHARED_WITH_TRANSFORMERS = {
    "do_train",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_steps",
    "num_train_epochs",
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "bf16",
    "report_to",
    "output_dir",
}
"""Fields of transformers' TrainingArguments, which LLaMA-Factory's config extends."""

TRAININGS = {name: Training("some/model", tuning) for name, tuning in PRESETS.items()}


def known(program: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(FIELDS.read_text())[program]
    return found


def test_llama_factory_trains_on_answers_alone_and_on_all_of_them(tmp_path: Path) -> None:
    Made.of(*PLAIN).export(tmp_path / "out", "llama-factory")
    config = yaml.safe_load((tmp_path / "out/llama_factory.yaml").read_text())

    assert (config["stage"], config["do_train"]) == ("sft", True)
    assert (config["train_on_prompt"], config["mask_history"]) == (False, False)


@pytest.mark.parametrize("preset", PRESETS)
def test_llama_factory_knows_every_field(tmp_path: Path, preset: str) -> None:
    Made.of(*PLAIN, WITH_TOOLS).export(tmp_path / "out", "llama-factory", TRAININGS[preset])
    fields = known("llamafactory")
    registry = json.loads((tmp_path / "out/dataset_info.json").read_text())
    (entry,) = registry.values()
    config = yaml.safe_load((tmp_path / "out/llama_factory.yaml").read_text())

    assert {*entry["columns"], *entry["tags"], "formatting"} <= {*fields["dataset"]}
    assert set(config) - SHARED_WITH_TRANSFORMERS <= {*fields["config"]}
    assert config["dataset"] in registry
    assert (tmp_path / "out" / entry["file_name"]).is_file()
    line = json.loads((tmp_path / "out/data.jsonl").read_text().splitlines()[0])
    assert set(entry["columns"].values()) <= set(line)
    assert set(line["conversations"][0]) == {entry["tags"]["role_tag"], entry["tags"]["content_tag"]}


@pytest.mark.parametrize(
    ("program", "file"),
    [("trl", "trl.yaml"), ("axolotl", "axolotl.yaml"), ("llama-factory", "llama_factory.yaml")],
)
def test_a_config_says_how_it_differs_from_the_trainings_of_the_search(
    tmp_path: Path, program: str, file: str
) -> None:
    upper = Training("some/model", replace(PRESETS["cpu-lora"], adapted_share=0.25))
    Made.of(*PLAIN).export(tmp_path / "upper", program, upper)
    Made.of(*PLAIN).export(tmp_path / "all", program, TRAININGS["cpu-lora"])

    said, other = ((tmp_path / each / file).read_text() for each in ("upper", "all"))
    assert "# The search trained adapters in the upper 25 % of the layers alone. No config" in said
    assert "adapters in the upper" not in other
    assert "# The search compared trainings of" in other
    assert "# bf16: the search took the faster number type" in other


def test_a_config_says_why_it_computes_in_32_bits(tmp_path: Path) -> None:
    """A run of the export took seven times as long as the search's own trainings, without a word."""
    for name, dtype in (("auto", "auto"), ("stated", "float32")):
        tuning = replace(PRESETS["cpu-lora"], dtype=dtype)
        Made.of(*PLAIN).export(tmp_path / name, "trl", Training("some/model", tuning))

    asked, stated = ((tmp_path / name / "trl.yaml").read_text() for name in ("auto", "stated"))

    assert "bf16: false\n" in asked
    assert "false computes in 32 bits" in asked
    assert "32 bits" not in stated


def test_axolotl_is_told_of_turns_that_are_not_taught_only_where_there_are_some(tmp_path: Path) -> None:
    example = (Message(Role.USER, "a"), Message(Role.ASSISTANT, "b", is_taught=False))
    shown = Sample((*example, *PLAIN[0].messages))

    for name, samples in (("all", PLAIN), ("some", [*PLAIN, shown])):
        Made.of(*samples).export(tmp_path / name, "axolotl")
    told = [
        "message_field_training"
        in yaml.safe_load((tmp_path / name / "axolotl.yaml").read_text())["datasets"][0]
        for name in ("all", "some")
    ]

    assert told == [False, True]


@pytest.mark.parametrize("preset", PRESETS)
def test_axolotl_knows_every_field(tmp_path: Path, preset: str) -> None:
    Made.of(*PLAIN, WITH_TOOLS, LONG).export(tmp_path / "out", "axolotl", TRAININGS[preset])
    config = yaml.safe_load((tmp_path / "out/axolotl.yaml").read_text())
    (dataset,) = config["datasets"]
    fields = known("axolotl")

    assert set(config) <= {*fields["config"]}
    assert set(dataset) <= {*fields["dataset"]}
    line = json.loads((tmp_path / "out" / dataset["path"]).read_text().splitlines()[0])
    assert {dataset["field_messages"], dataset["field_tools"]} <= set(line)
    assert set(line["messages"][0]) == set(dataset["message_property_mappings"].values())


def test_the_lists_say_of_which_release_and_day_they_are() -> None:
    for program in ("llamafactory", "axolotl"):
        assert known(program)["version"]
        assert known(program)["read_on"] >= "2026-11-23"


def test_a_training_in_tokens_becomes_as_many_steps_of_samples() -> None:
    content = Content(samples=500, has_tools=False, has_several_answers=False, not_alternating=0, tokens=64.0)
    tuning = replace(PRESETS["cpu-lora"], amount=6_000, batch=512)
    training = Training("model", tuning)

    assert training.sequences(content) == 8
    assert training.steps(content) == round(6_000 / 512)
    assert training.warmup_steps(content) == 1


@given(
    st.sampled_from(Schedule),
    st.sampled_from(Unit),
    st.integers(1, 50),
    st.integers(1, 300),
    st.integers(1, 200),
)
def test_a_training_has_the_steps_that_its_schedule_says_and_one_at_least(
    schedule: Schedule, unit: Unit, amount: int, batch: int, samples: int
) -> None:
    """Samples of 10 tokens each, so that either unit of a batch is the same number of tokens a step."""
    content = Content(samples, has_tools=False, has_several_answers=False, not_alternating=0, tokens=10.0)
    tuning = replace(
        PRESETS["lora"], schedule=schedule, amount=10 * amount, batch=10 * batch, batch_unit=unit
    )
    a_step = batch if unit is Unit.TOKENS else 10 * batch
    steps = {
        Schedule.STEPS: 10 * amount,
        Schedule.EPOCHS: -(-10 * amount * samples // a_step),
        Schedule.TOKENS: round(amount / a_step),
    }

    assert Training("model", tuning).steps(content) == max(1, steps[schedule])


def test_epochs_are_counted_in_the_samples_of_the_subset() -> None:
    content = Content(samples=500, has_tools=False, has_several_answers=False, not_alternating=0, tokens=64.0)
    tuning = replace(
        PRESETS["lora"], schedule=Schedule.EPOCHS, amount=2, batch=100, batch_unit=Unit.SEQUENCES
    )

    assert Training("model", tuning).steps(content) == 10


CONFIGS = [
    ("trl", "trl.yaml", "num_train_epochs"),
    ("axolotl", "axolotl.yaml", "num_epochs"),
    ("llama-factory", "llama_factory.yaml", "num_train_epochs"),
]
SHORT = Training("some/model", replace(PRESETS["cpu-lora"], amount=60, batch=20))
"""A search's training of three steps of a sample or two."""


@pytest.mark.parametrize(("program", "file", "epochs"), CONFIGS)
def test_an_exported_training_reads_the_whole_subset_however_short_the_search_s_own_is(
    tmp_path: Path, program: str, file: str, epochs: str
) -> None:
    made = Made.of(*PLAIN).export(tmp_path / "out", program, SHORT)
    config = yaml.safe_load((tmp_path / "out" / file).read_text())

    assert config[epochs] == 3
    assert "max_steps" not in config
    assert made.reach.startswith("A training as exported reads 20 of 20 samples, each 3 times, in ")
    assert made.reach in (tmp_path / "out/README.md").read_text()
    assert made.reach in (tmp_path / "out" / file).read_text()


@pytest.mark.parametrize(("program", "file", "epochs"), CONFIGS)
def test_the_search_s_own_training_is_exported_on_demand_and_says_how_little_it_reads(
    tmp_path: Path, program: str, file: str, epochs: str
) -> None:
    made = Made.of(*PLAIN).export(tmp_path / "out", program, SHORT, Length.SEARCH)
    config = yaml.safe_load((tmp_path / "out" / file).read_text())

    assert epochs not in config
    read = config["max_steps"] * config["gradient_accumulation_steps"]
    assert read < 20
    assert made.reach.startswith(f"A training as exported reads {read} of 20 samples, in ")
    assert made.reach in (tmp_path / "out/README.md").read_text()


def test_epochs_of_a_campaign_stay_those_of_its_export() -> None:
    twice = Training("model", replace(PRESETS["lora"], amount=2))
    in_part = Training("model", replace(PRESETS["lora"], amount=0.5))

    assert twice.with_length(Length.EPOCHS) == twice
    assert in_part.with_length(Length.EPOCHS).tuning.amount == 3
    assert in_part.with_length(Length.SEARCH) == in_part


def test_a_training_of_another_length_is_not_taken_for_the_one_that_is_there(tmp_path: Path) -> None:
    made = Made.of(*PLAIN)
    made.export(tmp_path / "out", "trl", SHORT)

    with pytest.raises(ExportExistsError):
        made.export(tmp_path / "out", "trl", SHORT, Length.SEARCH)


def test_full_fine_tuning_names_no_adapter(tmp_path: Path) -> None:
    full = Training("some/model", replace(PRESETS["cpu-lora"], method=Method.FULL))
    made = Made.of(*PLAIN)
    for spelling in ("axolotl", "llama-factory", "trl"):
        made.export(tmp_path / spelling, spelling, full)
        (file,) = (tmp_path / spelling).glob("*.yaml")
        assert not [
            name for name in yaml.safe_load(file.read_text()) if name.startswith(("lora", "use_peft"))
        ]
