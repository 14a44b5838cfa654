"""`init` writes a campaign that runs; `doctor` says what is there and what is missing."""

import json
import socket
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
from tests.cli.conftest import Cli


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Raw files of two shapes in the working folder."""
    folder = tmp_path / "raw"
    folder.mkdir()
    sums = [
        {"instruction": f"Add {each} and 2.", "output": f"{'so ' * (each % 5)}{each + 2}"}
        for each in range(40)
    ]
    said = [
        {
            "messages": [
                {"role": "user", "content": f"Say {each}."},
                {"role": "assistant", "content": "aye " * 400},
            ]
        }
        for each in range(3)
    ]
    (folder / "sums.jsonl").write_text("".join(json.dumps(each) + "\n" for each in sums))
    (folder / "said.jsonl").write_text("".join(json.dumps(each) + "\n" for each in said) + "not json\n")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def benchmark(tmp_path: Path, raw: Path) -> str:
    folder = tmp_path / "benchmarks" / "sums"
    folder.mkdir(parents=True)
    items = [{"question": f"What is {each} and 9?", "answer": str(each + 9)} for each in range(20)]
    (folder / "items.jsonl").write_text("".join(json.dumps(each) + "\n" for each in items))
    (folder / "benchmark.yaml").write_text("items: items.jsonl\n")
    assert raw.parent == tmp_path
    return "benchmarks/sums"


@pytest.mark.usefixtures("raw")
def test_init_shows_what_it_understood_and_writes_a_campaign_that_runs(cli: Cli) -> None:
    code, output, _ = cli("init", "raw/sums.jsonl", "raw/said.jsonl", "--yes")

    assert code == 0
    assert "40 records = 40 samples" in output
    assert "bad JSON" in output
    assert output.count("sample 3:") == 2
    assert "characters)" in output
    assert "says nothing about models" in output
    assert "Trainings lack `base_model` and `benchmarks`" in output
    assert cli("search", "--report-evaluations", "2")[0] == 0


def test_init_proposes_fields_of_scores_as_signals_and_leaves_numbers_of_records_alone(
    cli: Cli, raw: Path
) -> None:
    records = [
        {"prompt": f"Say {each}.", "response": f"{each} " * (1 + each % 4), "rm_score": each / 7, "row": each}
        | {"uid": each, "stars": each % 5, "is_good": each % 2 == 0}
        for each in range(30)
    ]
    (raw / "scored.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))

    code, output, _ = cli("init", "raw/scored.jsonl", "--yes")

    assert code == 0
    assert "fields that may be scores: rm_score, stars;" in output
    assert "{column: rm_score}, {column: stars}]" in (raw.parent / "autoselection.yaml").read_text()
    assert "rm_score" in cli("ingest")[1]


def test_init_proposes_the_scores_of_one_source_among_several(cli: Cli, raw: Path) -> None:
    records = [{"prompt": f"Say {n}.", "response": f"{n}", "rm_score": n / 7} for n in range(10)]
    (raw / "scored.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))

    _, output, _ = cli("init", "raw", "--yes")

    assert "fields that may be scores: rm_score;" in output


def test_init_declares_model_and_benchmark_for_trainings(cli: Cli, tmp_path: Path, benchmark: str) -> None:
    tiny_model(tmp_path / "models" / "tiny")

    code, output, problem = cli(
        "init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes", "--file", "other.yaml"
    )

    assert code == 0, problem
    assert "at most 12 of them" in output
    (campaign,) = load_campaigns(tmp_path / "other.yaml", Home(tmp_path / "home")).values()
    assert campaign.base_model == str(tmp_path / "models" / "tiny")
    assert campaign.weights == {"sums": 1.0}
    assert campaign.closed_form is None
    assert {"tokens", "model_scores"} <= set(campaign.signals)
    code, _, problem = cli("ingest", "--file", "other.yaml")
    assert code == 0, problem


@pytest.mark.usefixtures("raw")
def test_init_writes_over_no_campaign_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "autoselection.yaml").write_text("campaigns: {}\n")

    code, _, problem = cli("init", "raw", "--yes")

    assert code == 2
    assert "autoselection.yaml is there already" in problem
    assert (tmp_path / "autoselection.yaml").read_text() == "campaigns: {}\n"


def test_init_names_the_variable_for_files_elsewhere_and_writes_nothing(
    cli: Cli, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    monkeypatch.chdir(beside)

    code, _, problem = cli("init", str(raw), "--yes")

    assert code == 2
    assert "let AUTOSELECTION_DATA name their folder" in problem
    assert list(beside.iterdir()) == []


@pytest.mark.usefixtures("raw")
def test_the_doctor_finds_an_installation_right_and_says_what_is_left_to_train(cli: Cli) -> None:
    cli("init", "raw", "--yes")

    code, output, _ = cli("doctor")

    assert code == 0, output
    assert "nothing is missing" in output
    assert "14 trainings are left at most" in output
    for subject in ("processor", "GPU", "torch", "home", "history", "raw files", "pool"):
        assert subject in output


@pytest.mark.usefixtures("raw")
def test_the_doctor_says_how_long_a_training_takes(cli: Cli, tmp_path: Path, benchmark: str) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")

    code, output, _ = cli("doctor")

    assert code == 0, output
    assert "12 trainings are left at most; about" in output
    assert "a probe of the base model on this machine" in output


@pytest.mark.usefixtures("raw")
def test_the_doctor_names_what_is_missing(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AUTOSELECTION_WEBHOOK_URL", f"http://127.0.0.1:{port}/hook")
    monkeypatch.setenv("AUTOSELECTION_RAY_ADDRESS", "nowhere")
    cli("init", "raw", "--yes")
    for file in (tmp_path / "raw").iterdir():
        file.unlink()

    code, output, _ = cli("doctor", "--json")

    said = json.loads(output)
    missing = [text.split(": ")[1] for text in said["text"] if text.startswith("missing: ")]
    assert code == said["exit_code"] == 1
    assert missing == ["webhook", "Ray", "raw files"]


def test_the_doctor_without_a_campaign_says_how_to_begin(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    code, output, _ = cli("doctor")

    assert code == 1
    assert "write one: autoselection init PATH" in output
