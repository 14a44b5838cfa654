"""Exports in the hands of the programs that they are for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from autoselection_core.evaluation.training.settings import FineTuning
from autoselection_core.export.formats import FORMATS
from autoselection_core.export.trainers import Length, Training
from autoselection_core.pool.sample import Sample
from autoselection_core.testing.tiny_model import tiny_model
from tests.export.made import LONG, PLAIN, TOOLS, WITH_TOOLS, Made, turns
from tests.export.test_round_trip import CALLING, UNTAUGHT

pytestmark = pytest.mark.e2e

MANY = [Sample(turns(f"Question {number}?", "word " * 400)) for number in range(6_000)]
"""More than the 10 MB from which `datasets` takes the types of JSON lines."""

LATE = max(
    (Sample(turns(f"What time is it in place {number}?", "I look."), TOOLS) for number in range(200)),
    key=lambda sample: sample.id,
)
"""Samples stand in the order of their ids; this one stands behind nearly all others."""

ONE_CALL = Sample(CALLING.messages[:2], CALLING.tools)
"""One answer: TRL takes several only with a chat template that marks them."""

TRL = "import sys; from trl.cli import main; sys.argv[0] = 'trl'; main()"

LOAD = """
import json, sys
from datasets import load_dataset
folder, out = sys.argv[1:]
by_folder = load_dataset(folder, split="train")
by_file = None if out == "folder" else load_dataset("json", data_files=f"{folder}/data.jsonl", split="train")
print(json.dumps([by_folder.num_rows, sorted(by_folder.column_names), by_folder[0]["id"],
                  None if by_file is None else by_file.num_rows]))
"""


def run(folder: Path, *command: str) -> str:
    caches = {
        "HF_HOME": str(folder / "hub"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(folder / "cache"),
    }
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **caches}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("spelling", FORMATS)
def test_datasets_loads_it_from_its_folder(tmp_path: Path, spelling: str) -> None:
    made = Made.of(*PLAIN, WITH_TOOLS, LONG, CALLING, UNTAUGHT)
    made.export(tmp_path / "out", spelling)

    rows, columns, first, _ = json.loads(run(tmp_path, sys.executable, "-c", LOAD, "out", "folder"))

    assert rows == 24
    assert {"id", "sources", "licences", "tools"} <= set(columns)
    assert first == made.pool.ids[0].decode()


@pytest.mark.parametrize(
    ("spelling", "how"), [("messages", "folder"), ("sharegpt", "file"), ("axolotl", "file")]
)
def test_tools_that_begin_late_in_a_large_subset_are_no_obstacle(
    tmp_path: Path, spelling: str, how: str
) -> None:
    made = Made.of(*MANY, LATE)
    assert made.pool.row_of(LATE.id) > 0.98 * len(made.pool)
    made.export(tmp_path / "out", spelling)

    rows, _, _, by_file = json.loads(run(tmp_path, sys.executable, "-c", LOAD, "out", how))

    assert rows == len(made.pool)
    assert by_file in (None, rows)


@pytest.mark.parametrize(
    "samples",
    [PLAIN, [*PLAIN, WITH_TOOLS], [*PLAIN, ONE_CALL]],
    ids=["plain", "tools", "calls"],
)
def test_trl_trains_a_step_on_it(tmp_path: Path, samples: list[Sample]) -> None:
    tiny_model(tmp_path / "model")
    tuning = FineTuning(amount=100, batch=100, max_tokens=64, dtype="float32")
    Made.of(*samples).export(
        tmp_path / "out", "trl", Training(str(tmp_path / "model"), tuning), Length.SEARCH
    )
    config = yaml.safe_load((tmp_path / "out/trl.yaml").read_text())
    assert config["max_steps"] == 1

    run(tmp_path / "out", sys.executable, "-c", TRL, "sft", "--config", "trl.yaml", "--use_cpu", "true")

    assert (tmp_path / "out/trained/adapter_model.safetensors").is_file()


def test_trl_knows_every_field_of_its_config(tmp_path: Path) -> None:
    from trl import ModelConfig, ScriptArguments, SFTConfig

    several = [*PLAIN, LONG]
    Made.of(*several).export(tmp_path / "out", "trl")
    config = yaml.safe_load((tmp_path / "out/trl.yaml").read_text())
    accepted = {
        name for kind in (SFTConfig, ScriptArguments, ModelConfig) for name in kind.__dataclass_fields__
    }

    assert config["assistant_only_loss"] is True
    assert set(config) <= accepted


def test_what_llama_factory_shares_with_transformers_is_there() -> None:
    from transformers import TrainingArguments

    from tests.export.test_trainers import SHARED_WITH_TRANSFORMERS

    assert {*TrainingArguments.__dataclass_fields__} >= SHARED_WITH_TRANSFORMERS
