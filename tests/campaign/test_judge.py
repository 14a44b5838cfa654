"""The page on judges, tried: its campaign, its judge and its scripts do what it says."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import TrainingArguments

from autoselection_core.campaign.declaration.codec import campaign_from_json, campaign_to_json
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.evaluation.judge.evaluator import JudgeEvaluator
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
from tests.evaluation.bench import POOL

TRAINER_ARGUMENTS = {each.name for each in dataclasses.fields(TrainingArguments)}
"""What both programs take from transformers."""

AXOLOTL_BATCH = ("micro_batch_size", "gradient_accumulation_steps")
"""Axolotl refuses settings without two of these and `batch_size`, and without a learning rate."""

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "bring-your-judge.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    """One of the page's blocks of a language."""
    return str(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the campaign and the judge of the page, and some records."""
    (tmp_path / "autoselection.yaml").write_text(block("yaml"))
    (tmp_path / "judge.py").write_text(block("python"))
    records = [{"prompt": f"Say {number} words", "response": "word " * number} for number in range(1, 30)]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return tmp_path


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    home = {"AUTOSELECTION_HOME": str(folder / "home")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **home, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        folder, "-c", "import sys; from autoselection_core.cli import main; sys.exit(main())", *arguments
    )


@pytest.mark.e2e
def test_the_campaign_of_the_page_is_searched_with_its_judge(folder: Path) -> None:
    ingested, searched = command(folder, "ingest"), command(folder, "search")

    assert (ingested.returncode, searched.returncode) == (0, 0), ingested.stderr + searched.stderr
    results = [json.loads(file.read_text()) for file in (folder / "home/evaluations").glob("*/result.json")]
    assert len(results) == 2
    assert {score["benchmark"] for result in results for score in result["scores"]} == {"length"}
    assert list((folder / "home/evaluations").glob("*/judge/stderr.log"))


@pytest.mark.e2e
def test_a_judge_that_fails_is_a_failed_trial_with_its_reason(folder: Path) -> None:
    (folder / "judge.py").write_text("raise SystemExit('no licence for the trainer')")
    command(folder, "ingest")

    searched = command(folder, "search")

    assert "no licence for the trainer" in " ".join(searched.stdout.split())
    assert not list((folder / "home/evaluations").glob("*/result.json"))


def test_a_campaign_with_a_judge_reaches_another_process_as_it_is(folder: Path) -> None:
    campaign = load_campaigns(folder / "autoselection.yaml")["mine"]

    assert campaign_from_json(json.loads(json.dumps(campaign_to_json(campaign)))).judge == campaign.judge
    assert campaign.judge is not None
    assert campaign.judge.command[1] == str(folder / "judge.py")


def test_a_folder_with_a_slash_is_found_beside_the_campaign_and_names_no_other_evaluation(
    folder: Path,
) -> None:
    (folder / "models/base").mkdir(parents=True)
    (folder / "judge").mkdir()
    file = folder / "autoselection.yaml"
    said = "judge: {command: [python3, -m, judge, models/base, models/other]}"
    file.write_text(
        f"campaigns:\n  mine:\n    pool: [{{path: raw.jsonl}}]\n    signals: [exact]\n    {said}\n"
    )

    settings = load_campaigns(file)["mine"].judge

    assert settings is not None
    assert settings.command[2:] == ("judge", str(folder / "models/base"), "models/other")
    relative = replace(settings, command=("python3", "-m", "judge", "models/base", "models/other"))
    named, unnamed = (JudgeEvaluator(Home(folder / "home"), POOL, each) for each in (settings, relative))
    assert named.fingerprint == unnamed.fingerprint


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("judge: {timeout_s: 5}", "needs one of `command`"),
        ("judge: {command: []}", "is empty"),
        ("judge: {command: [a], entry_point: 'a:b'}", "needs one of"),
        ("judge: {command: [a], timeout_s: 0}", "timeout_s"),
        ("judge: {command: [a], shell: true}", "shell"),
        ("judge: {entry_point: a.b}", "package.module:function"),
        ("judge: {command: [a]}\n    closed_form: {}", "leaves no room"),
    ],
)
def test_a_judge_that_cannot_be_is_refused_where_it_stands(folder: Path, said: str, fault: str) -> None:
    file = folder / "autoselection.yaml"
    file.write_text(
        f"campaigns:\n  mine:\n    pool: [{{path: raw.jsonl}}]\n    signals: [exact]\n    {said}\n"
    )

    with pytest.raises(CampaignFileError, match=fault):
        load_campaigns(file)


@pytest.mark.e2e
def test_the_example_trains_with_trl_and_scores(folder: Path) -> None:
    tiny_model(folder / "m")
    shutil.copy(DOCS / "examples/judge_trl.py", folder)
    subset = [
        {
            "id": str(n),
            "messages": [{"role": "user", "content": f"Add {n}"}, {"role": "assistant", "content": "5"}],
        }
        for n in range(8)
    ]
    (folder / "subset.jsonl").write_text("".join(json.dumps(each) + "\n" for each in subset))
    asked = [
        {"question": f"Add {n}", "answer": "5", "side": side} for n in range(2) for side in ("dev", "test")
    ]
    (folder / "questions.jsonl").write_text("".join(json.dumps(each) + "\n" for each in asked))
    (folder / "out").mkdir()

    for side in ("dev", "test"):
        done = run(
            folder, "judge_trl.py", "subset.jsonl", "out", f"{side}.jsonl", side, "m", "questions.jsonl"
        )
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in (folder / f"{side}.jsonl").read_text().splitlines()]
        assert len(lines) == 2
        assert all(line["value"] < 0 for line in lines)


@pytest.mark.parametrize(("number", "program"), [(0, "axolotl"), (1, "llamafactory")])
def test_the_script_for_a_command_line_keeps_its_model(folder: Path, number: int, program: str) -> None:
    """With a trainer that makes a folder and a scorer that writes a line, in place of the program."""
    script_for(folder, number)
    variables = {
        "TRAIN": f"bash -e {folder}/train.sh",
        "SCORE": f"bash -e {folder}/score.sh",
        "AUTOSELECTION_JUDGE_REPLICATE": "1",
    }
    for side in ("dev", "test"):
        done = subprocess.run(
            ["bash", "judge.sh", "subset.jsonl", str(folder), str(folder / side), side, "models/base"],
            cwd=folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    assert (folder / "calls").read_text() == "trained\n"
    assert (folder / "test").read_text() == "test\n"
    assert settings_of(folder).keys() <= accepted(program, "config") | TRAINER_ARGUMENTS


def script_for(folder: Path, number: int) -> None:
    """The page's script, and a trainer and a scorer that do nothing."""
    (folder / "judge.sh").write_text(block("bash", number))
    (folder / "train.sh").write_text("mkdir unfinished; echo trained >> calls\n")
    (folder / "score.sh").write_text('test -d $1; echo "$2" > $3\n')


def settings_of(folder: Path) -> dict[str, Any]:
    """The settings that a script wrote."""
    return dict(yaml.safe_load((folder / "train.yaml").read_text()))


def accepted(program: str, what: str) -> set[str]:
    """Names that a program accepts, read off its code."""
    fields = json.loads((Path(__file__).parents[1] / "export/trainer_fields.json").read_text())
    return set(fields[program][what])


def written_by(folder: Path, number: int) -> dict[str, Any]:
    script_for(folder, number)
    variables = {"TRAIN": f"bash -e {folder}/train.sh", "SCORE": f"bash -e {folder}/score.sh"}
    command = [
        "bash",
        "judge.sh",
        "/data/subset.jsonl",
        str(folder),
        str(folder / "dev"),
        "dev",
        "models/base",
    ]
    environment = {**os.environ, **variables, "AUTOSELECTION_JUDGE_REPLICATE": "1"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return settings_of(folder)


def test_the_settings_for_axolotl_have_what_it_requires(folder: Path) -> None:
    settings = written_by(folder, 0)

    assert {"base_model", "datasets", "learning_rate", *AXOLOTL_BATCH} <= settings.keys()
    assert settings["datasets"][0].keys() <= accepted("axolotl", "dataset")
    assert (settings["seed"], settings["learning_rate"]) == (1, 2e-5)


def test_the_settings_for_llama_factory_name_a_data_set_of_its_registry(folder: Path) -> None:
    settings = written_by(folder, 1)

    registry = json.loads((Path(settings["dataset_dir"]) / "dataset_info.json").read_text())
    entry = registry[settings["dataset"]]
    assert {*entry["columns"], *entry["tags"], "formatting"} <= accepted("llamafactory", "dataset")
    assert entry["formatting"] == "sharegpt", "its reader of `openai` adds a system message of its own"
    assert entry["file_name"] == "/data/subset.jsonl"
