"""`init` writes a campaign that runs; `doctor` says what is there and what is missing."""

import io
import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.loading import load_benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import split
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.draft import CampaignDraft, DraftSource
from autoselection_core.campaign.duration import Load, steady_speed
from autoselection_core.campaign.first_plan import DraftBenchmark, FirstPlan
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.commands.initialising import costs_of
from autoselection_core.cli.commands.installation import GPU_DRIVERS, diagnose_packages, diagnose_ui
from autoselection_core.evaluation.training.settings import fine_tuning
from autoselection_core.history.ledger import Ledger
from autoselection_core.loopback import free_port
from autoselection_core.signals.definitions.wording.text import TokenCounts
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
from tests.cli.conftest import Cli
from tests.cli.workshop import REPOSITORY, Workshop


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


def test_files_below_the_campaign_by_way_of_a_link_are_named_relative_to_it(
    raw: Path, cli: Cli, tmp_path: Path
) -> None:
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)

    code, _, error = cli("init", str(link / "raw/sums.jsonl"), "--yes")

    assert (code, error.count("outside")) == (0, 0)
    assert raw.parent == tmp_path
    assert '- path: "raw/sums.jsonl"' in (tmp_path / "autoselection.yaml").read_text()


@pytest.mark.usefixtures("raw")
def test_init_shows_what_it_understood_and_writes_a_campaign_that_runs(cli: Cli, tmp_path: Path) -> None:
    code, output, _ = cli("init", "raw/sums.jsonl", "raw/said.jsonl", "--yes")

    assert code == 0
    assert "40 records = 40 samples" in output
    assert "bad JSON" in output
    assert "sample 1 (sums.jsonl, " in output
    assert "sample 1 (said.jsonl, " in output
    assert output.count("sample 3:") == 2
    assert (tmp_path / "autoselection.yaml").read_text().count("        # licence: NAME") == 2
    assert "characters)" in output
    assert "says nothing about models" in output
    assert (
        "At most 16 evaluations by it. Trainings in their place lack `base_model` and `benchmarks`" in output
    )
    assert cli("search", "--report-evaluations", "2")[0] == 0


def test_init_shows_a_sample_of_every_shape_and_file_of_a_folder(cli: Cli, raw: Path) -> None:
    """Three evenly spaced samples of 40 sums and three sayings would all be sums."""
    both = [
        {"prompt": "Say a.", "completion": "a"},
        {
            "conversations": [
                {"from": "human", "value": "Say b."},
                {"from": "gpt", "value": "b"},
            ]
        },
    ]
    (raw / "both.jsonl").write_text("".join(json.dumps(each) + "\n" for each in both))

    _, output, _ = cli("init", "raw", "--yes")

    shown = [line for line in output.splitlines() if line.startswith("sample ")]
    assert len(shown) == 4
    assert [sum(file in line for line in shown) for file in ("both.jsonl", "said.jsonl", "sums.jsonl")] == [
        2,
        1,
        1,
    ]


def test_init_writes_that_inputs_which_say_none_are_none(cli: Cli, raw: Path) -> None:
    records = [
        {
            "instruction": f"Say {each}.",
            "input": "<no input>" if each % 2 else "N/A",
            "output": f"{each} it is",
        }
        for each in range(30)
    ]
    (raw / "said.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))

    code, output, _ = cli("init", "raw/said.jsonl", "--yes")

    assert code == 0
    assert "an `input` of <no input> or N/A is read as none" in output
    assert "Say 0." in output
    assert "Say 0.\nN/A" not in output
    (campaign,) = load_campaigns(raw.parent / "autoselection.yaml").values()
    assert campaign.sources[0].rules.no_input == ("<no input>", "N/A")
    assert "may say that there is none" not in cli("ingest")[1]


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
    assert "rm_score: 30 values, 0 to 4.14" in output
    written = (raw.parent / "autoselection.yaml").read_text()
    assert "{column: rm_score}, {column: stars}]" in written
    assert "weights: {word_entropy: 1.0, rm_score: 1.0, stars: 1.0}" in written
    assert "rm_score" in cli("ingest")[1]


def test_init_lists_the_proposed_scores_with_range_and_missing_values_as_facts(cli: Cli, raw: Path) -> None:
    records = [
        {"prompt": f"Say {n}.", "response": f"{n}"} | ({"rm_score": n - 3.5} if n else {}) for n in range(10)
    ]
    (raw / "scored.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))

    _, output, _ = cli("init", "raw/scored.jsonl", "--yes", "--json")

    (proposed,) = json.loads(output)["facts"]["signals"]
    assert proposed == {
        "name": "rm_score",
        "path": "raw/scored.jsonl",
        "values": 9,
        "missing": 1,
        "min": -2.5,
        "max": 5.5,
    }


@pytest.mark.parametrize("name", ["tokens", "1e3", "no"])
def test_init_proposes_scores_whatever_they_are_called(cli: Cli, raw: Path, name: str) -> None:
    records = [{"prompt": f"Say {n}.", "response": f"{n}", name: n / 7} for n in range(10)]
    (raw / "scored.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))

    code, _, problem = cli("init", "raw/scored.jsonl", "--yes")

    assert code == 0, problem
    (campaign,) = load_campaigns(raw.parent / "autoselection.yaml", Home(raw.parent / "home")).values()
    assert campaign.closed_form is not None
    (scored,) = [settings for settings in campaign.signals.values() if "column" in settings]
    assert scored["column"] == name
    assert scored["alias"] in campaign.closed_form.weights


def test_a_first_search_without_trainings_keeps_a_fifth_of_the_pool_at_least(cli: Cli, raw: Path) -> None:
    cli("init", "raw", "--yes")

    cli("search", "--report-evaluations", "0")
    _, output, _ = cli("show", "--json")

    (trials,) = [each for each in json.loads(output)["tables"] if each["title"].startswith("Trials of")]
    kept = [row["rows"] for row in trials["rows"]]
    assert raw.is_dir()
    assert min(kept) >= 0.2 * max(kept)


def test_init_proposes_the_scores_of_one_source_among_several(cli: Cli, raw: Path) -> None:
    records = [{"prompt": f"Say {n}.", "response": f"{n}", "rm_score": n / 7} for n in range(10)]
    (raw / "scored.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))

    _, output, _ = cli("init", "raw", "--yes")

    assert "fields that may be scores: rm_score;" in output


@pytest.mark.parametrize(
    ("record", "entry"),
    [
        ({"text": "### Human: Say {n}.### Assistant: {n}"}, 'fields: {{"text": "text", "split_on":'),
        ({"prompt": "Say {n}.", "chosen": "{n}", "rejected": "no {n}"}, 'answer: "chosen"'),
        ({"prompt": "Say {n}.", "response_a": "{n}", "response_b": "no", "winner": "a"}, 'answer: "winner"'),
    ],
    ids=["marks", "preferences", "sides"],
)
def test_init_writes_the_setting_that_reads_most_records(
    cli: Cli, raw: Path, record: dict[str, str], entry: str
) -> None:
    records = [{key: text.format(n=n) for key, text in record.items()} for n in range(20)]
    (raw / "shaped.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))

    code, output, problem = cli("init", "raw/shaped.jsonl", "--yes")

    assert code == 0, problem
    assert "20 records = 20 samples" in output
    assert "which is written into the campaign" in output
    assert entry.format() in (raw.parent / "autoselection.yaml").read_text()
    assert "20 records = 20 samples" in cli("ingest")[1]


def test_init_takes_reading_rules_and_writes_them(cli: Cli, raw: Path) -> None:
    records = [{"Frage": f"Say {n}.", "Antwort": f"{n}", "id": n} for n in range(10)]
    (raw / "named.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    rules = "{fields: {question: Frage, answer: Antwort}, keep: [id]}"

    code, output, problem = cli("init", "raw/named.jsonl", "--rules", rules, "--yes")

    assert code == 0, problem
    assert "10 records = 10 samples" in output
    (campaign,) = load_campaigns(raw.parent / "autoselection.yaml", Home(raw.parent / "home")).values()
    assert campaign.sources[0].rules.fields.answer == "Antwort"
    assert campaign.sources[0].rules.keep == ("id",)


def test_init_declares_model_and_benchmark_for_trainings(cli: Cli, tmp_path: Path, benchmark: str) -> None:
    tiny_model(tmp_path / "models" / "tiny")

    code, output, problem = cli(
        "init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes", "--file", "other.yaml"
    )

    assert code == 0, problem
    assert "at most 14 of them" in output
    (campaign,) = load_campaigns(tmp_path / "other.yaml", Home(tmp_path / "home")).values()
    assert campaign.base_model == str(tmp_path / "models" / "tiny")
    assert campaign.weights == {"sums": 1.0}
    assert campaign.closed_form is None
    assert {"tokens", "model_scores"} <= set(campaign.signals)
    assert campaign.policy == {"min_share": 0.1}
    assert "    policy: {min_share: 0.1}\n" in (tmp_path / "other.yaml").read_text()
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
    assert f"let AUTOSELECTION_DATA name their folder: export AUTOSELECTION_DATA={raw}" in problem
    assert problem.startswith(f"autoselection: {raw} is outside of {beside}, ")
    assert problem.count(str(raw)) == 2, "as it was given, and in the line that allows it"
    assert list(beside.iterdir()) == []


@pytest.mark.parametrize("option", [(), ("--model", "../models/tiny"), ("--benchmark", "../benchmarks/sums")])
def test_a_path_that_goes_up_leads_where_the_shell_says(
    cli: Cli, tmp_path: Path, benchmark: str, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...]
) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert (tmp_path / benchmark).is_dir()

    refused, _, problem = cli("init", "../raw/sums.jsonl", *option, "--yes")
    line = problem.partition("export AUTOSELECTION_DATA=")[2].strip()
    monkeypatch.setenv("AUTOSELECTION_DATA", line)
    code, _, still = cli("init", "../raw/sums.jsonl", *option, "--yes")

    folders = {"../raw/sums.jsonl": "raw", "../models/tiny": "models/tiny", "../benchmarks/sums": benchmark}
    named = [str(tmp_path / folders[each]) for each in ("../raw/sums.jsonl", *option[1:])]
    assert (refused, line) == (2, ":".join(sorted(named))), "all that is refused is named at once"
    assert "unfinished" not in problem
    assert code == 0, still
    (campaign,) = load_campaigns(Path("autoselection.yaml"), Home(tmp_path / "home")).values()
    assert [file.resolve() for file in campaign.source_files()] == [tmp_path / "raw" / "sums.jsonl"]


def test_all_refused_paths_are_in_one_error_with_the_line_that_allows_them(
    cli: Cli, raw: Path, tmp_path: Path, benchmark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newcomer took three rounds of AUTOSELECTION_DATA for one `init`."""
    model = tiny_model(tmp_path / "models" / "tiny")
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    asked = ["init", str(raw), "--model", str(model), "--benchmark", str(tmp_path / benchmark), "--yes"]

    code, _, problem = cli(*asked)
    line = problem.partition("export AUTOSELECTION_DATA=")[2].strip()
    monkeypatch.setenv("AUTOSELECTION_DATA", line)

    assert code == 2
    assert f"and so do {tmp_path / benchmark} and {model}" in problem
    assert "name their folders" in problem
    assert cli(*asked)[0] == 0


def test_init_refuses_paths_that_name_one_file_twice(cli: Cli, raw: Path) -> None:
    """The campaign was written, and its first command refused it."""
    code, output, problem = cli("init", str(raw), str(raw / "sums.jsonl"), "--yes")

    assert (code, output) == (2, "")
    assert "sums.jsonl is named twice, by" in problem
    assert not Path("autoselection.yaml").exists()


@pytest.mark.usefixtures("raw")
def test_init_refuses_a_model_elsewhere_before_it_reads_or_asks(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    (tmp_path / "mine").mkdir()
    (tmp_path / "raw").rename(tmp_path / "mine" / "raw")
    monkeypatch.chdir(tmp_path / "mine")
    monkeypatch.setenv("AUTOSELECTION_DATA", str(tmp_path / "other"))

    code, output, problem = cli("init", "raw", "--model", "../models/tiny")

    assert (code, output) == (2, "")
    assert f"export AUTOSELECTION_DATA={tmp_path}/other:{tmp_path}/models/tiny" in problem


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("raw", "the folder has no config.json"),
        ("hollow", "the folder has no weights"),
        ("raw/sums.jsonl", "it is a file; name the folder that holds it"),
        ("./models/tiny", "there is no such folder"),
        ("no/such/model", "there is no such folder"),
        ("ours/tiny", "there is no such folder, and the local cache has no such model, and HF_HUB_OFFLINE"),
    ],
)
@pytest.mark.usefixtures("raw")
def test_init_refuses_what_is_no_model_and_says_what_one_is(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, reason: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "config.json").write_text("{}")

    code, output, problem = cli("init", "raw", "--model", model, "--yes")

    assert (code, output) == (2, "")
    assert reason in problem
    assert "config.json, weights and a fast tokenizer" in problem
    assert not (tmp_path / "autoselection.yaml").exists()


@pytest.mark.parametrize(
    "paths", [("rwa",), ("/no/such/place/a.jsonl",), ("raw", "--benchmark", "tests/sums.yaml")]
)
@pytest.mark.usefixtures("raw")
def test_init_says_of_a_path_that_leads_nowhere_that_it_does_not_exist(
    cli: Cli, tmp_path: Path, paths: tuple[str, ...]
) -> None:
    code, output, problem = cli("init", *paths, "--yes")

    assert (code, output) == (2, "")
    place = str(tmp_path.joinpath(paths[-1]))
    assert f"{paths[-1]} does not exist: " in problem
    assert "is neither a file nor a folder" in problem
    assert problem.count(place) == 1
    assert not (tmp_path / "autoselection.yaml").exists()


@pytest.mark.usefixtures("raw")
def test_init_without_an_answer_says_how_to_be_asked_nothing(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    code, _, problem = cli("init", "raw")

    assert code == 2
    assert "the input has ended; use --yes" in problem


@pytest.mark.usefixtures("raw")
def test_a_campaign_in_a_file_of_its_own_has_the_name_of_it_and_every_next_command_names_it(
    cli: Cli, tmp_path: Path
) -> None:
    _, output, _ = cli("init", "raw", "--yes", "--file", "small.yaml")
    _, searched, _ = cli("search", "--report-evaluations", "0", "--file", "small.yaml")

    written = (tmp_path / "small.yaml").read_text()
    assert "campaigns:\n  small:\n" in written
    wanted = "autoselection doctor --file small.yaml; autoselection search --file small.yaml"
    assert wanted in written
    assert wanted in output
    (commands,) = [line for line in searched.splitlines() if line.startswith("next: ")]
    assert all("--file small.yaml" in each for each in commands.split(";"))


def test_a_file_of_questions_and_answers_is_a_benchmark(cli: Cli, tmp_path: Path, benchmark: str) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    (tmp_path / benchmark / "items.jsonl").rename(tmp_path / "my_test.jsonl")

    code, output, problem = cli(
        "init", "raw", "--model", "models/tiny", "--benchmark", "my_test.jsonl", "--yes"
    )

    assert code == 0, problem
    assert "my_test.jsonl: 20 questions with an answer" in output
    (campaign,) = load_campaigns(tmp_path / "autoselection.yaml", Home(tmp_path / "home")).values()
    assert campaign.weights == {"my_test": 1.0}
    _, diagnosed, _ = cli("doctor")
    assert re.search(r"my_test \(\d+ dev and \d+ test items\)", diagnosed)


@pytest.mark.usefixtures("raw")
def test_init_draws_targets_from_a_file_of_enough_questions_so_that_a_search_sees_relevance(
    cli: Cli, tmp_path: Path
) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    items = [{"question": f"How much is {each} and {each}?", "answer": str(2 * each)} for each in range(130)]
    for name, count in (("many", 130), ("few", 119)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, items[:count])), "utf-8")

    written = {}
    for name in ("many", "few"):
        asked = ("--model", "models/tiny", "--benchmark", f"{name}.jsonl", "--file", f"{name}.yaml", "--yes")
        code, output, problem = cli("init", "raw", *asked)
        assert code == 0, problem
        written[name] = " ".join(output.split())
    (campaign,) = load_campaigns(tmp_path / "many.yaml", Home(tmp_path / "home")).values()
    (loaded,) = Workspace(campaign, Home(tmp_path / "home")).benchmarks

    assert "26 of them are targets (`target_items`)" in written["many"]
    assert {"embedding", "relevance"} <= set(campaign.signals)
    parted = split(loaded)
    assert (len(loaded.targets), len(parted.dev) + len(parted.test)) == (26, 104)
    assert "embedding and relevance, as few has no `targets`" in written["few"]
    assert ", target_items: " not in (tmp_path / "few.yaml").read_text("utf-8")


@pytest.mark.usefixtures("raw")
@pytest.mark.parametrize(
    ("fields", "metric"),
    [
        ({"choices": ["yes", "no"], "answer": "yes"}, "choice_accuracy"),
        ({"choices": ["red", "blue", "green"], "answer": 2}, "choice_accuracy"),
        ({"answer": "yes"}, "choice_accuracy"),
        ({"answer": "about seven"}, "log_likelihood"),
    ],
)
def test_a_model_chooses_where_every_item_has_choices_or_asks_for_yes_or_no(
    cli: Cli, tmp_path: Path, fields: dict[str, object], metric: str
) -> None:
    """Choices that every item had were denied, and a search rewarded the shortest answers."""
    tiny_model(tmp_path / "models" / "tiny")
    items = [json.dumps({"question": f"Is {number} blue?", **fields}) for number in range(40)]
    (tmp_path / "my_test.jsonl").write_text("\n".join(items), "utf-8")

    code, output, problem = cli(
        "init", "raw", "--model", "models/tiny", "--benchmark", "my_test.jsonl", "--yes"
    )

    assert code == 0, problem
    assert f"my_test: metric {metric}" in " ".join(output.split())
    (campaign,) = load_campaigns(tmp_path / "autoselection.yaml", Home(tmp_path / "home")).values()
    (loaded,) = Workspace(campaign, Home(tmp_path / "home")).benchmarks
    assert loaded.metric == metric
    assert len(loaded.items) == 40


@pytest.mark.usefixtures("raw")
def test_the_doctor_finds_an_installation_right_and_says_what_is_left_to_train(cli: Cli) -> None:
    cli("init", "raw", "--yes")

    code, output, _ = cli("doctor")

    assert code == 0, output
    assert "nothing is missing" in output
    assert "16 evaluations are left at most; a formula takes seconds and trains no model" in output
    for subject in ("processor", "GPU", "torch", "home", "history", "raw files", "pool"):
        assert subject in output


@pytest.mark.usefixtures("searched")
def test_the_doctor_knows_what_is_left_of_a_search_that_was_begun(cli: Cli, searched: Workshop) -> None:
    _, finished, _ = cli("doctor")
    searched.change("budget: 3", "budget: 5")
    _, raised, _ = cli("doctor")

    assert "nothing is left; the search of this campaign is finished" in " ".join(finished.split())
    assert "1 search\n" in finished
    assert "2 evaluations are left at most" in raised


def test_the_doctor_of_a_finished_search_loads_no_library_of_models(searched: Workshop) -> None:
    """It took 70 s on a busy machine, most of them to load what it had no question for."""
    libraries = {"torch", "transformers"}
    asked = "import sys; from autoselection_core.cli.running import run; run(['doctor']); print(*sys.modules)"

    made = subprocess.run(
        [sys.executable, "-c", asked], cwd=searched.folder, capture_output=True, text=True, check=True
    )

    has_driver = any(map(os.path.exists, GPU_DRIVERS))
    assert "GPU" in made.stdout, made.stderr
    assert libraries & set(made.stdout.split("\n")[-2].split()) <= ({"torch"} if has_driver else set())


@pytest.mark.usefixtures("raw")
def test_the_doctor_says_how_long_a_training_takes(cli: Cli, tmp_path: Path, benchmark: str) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")

    code, output, _ = cli("doctor")

    assert code == 0, output
    said = " ".join(output.split())
    assert "14 trainings are left at most; about" in said
    assert "a probe of the base model on this machine, with choosing, loading and scores of dev items" in said
    assert re.search(r"scored once: at most model_scores \d+ s", said)
    assert "test items of 10 models in the report about" in said
    assert " in all; the probe is of the processor" in said
    assert "unequal steps" not in said
    file = tmp_path / "autoselection.yaml"
    file.write_text(re.sub(r"training: {(.*)}", r"training: {\1, max_tokens: 513}", file.read_text()))

    _, output, _ = cli("doctor")

    steps = "a sample may have 513 tokens (`max_tokens`) and a step 512 (`batch`): longer samples are steps"
    assert steps in " ".join(output.split())


@pytest.mark.usefixtures("raw")
def test_items_that_the_model_cannot_read_are_found_by_init_doctor_and_search_before_a_training(
    cli: Cli, tmp_path: Path, benchmark: str
) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    config = tmp_path / "models" / "tiny" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "max_position_embeddings": 12}))
    _, drafted, _ = cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")

    code, output, _ = cli("doctor")
    searched, _, refused = cli("search", "--name", "first")

    assert (code, searched) == (1, 2)
    for said in (drafted, output, refused):
        assert "'sums': 20 of 20 items do not fit into the 12 tokens" in " ".join(said.split())
    assert Ledger.open(f"sqlite:///{tmp_path / '.autoselection/history.sqlite'}").searches() == ()


@pytest.mark.usefixtures("raw")
def test_relevance_to_a_benchmark_without_targets_is_found_by_doctor_and_ingest_before_samples_are_read(
    cli: Cli, tmp_path: Path, benchmark: str
) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")
    file = tmp_path / "autoselection.yaml"
    file.write_text(file.read_text().replace("signals: [", "signals: [relevance, "))
    (line,) = [number for number, text in enumerate(file.read_text().splitlines(), 1) if "[relevance" in text]

    code, output, _ = cli("doctor")
    ingested, _, refused = cli("ingest")

    assert (code, ingested) == (1, 2)
    for said in (output, refused):
        assert f"autoselection.yaml, line {line}: campaigns." in " ".join(said.split())
        assert "names 'relevance', but benchmark 'sums' has no target samples" in " ".join(said.split())


@pytest.mark.parametrize("url", ["hooks.example/T0/s3cret", "http:///s3cret", "http://127.0.0.1:s3cret/a"])
def test_the_doctor_quotes_no_address_of_a_webhook_which_may_be_a_secret(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AUTOSELECTION_WEBHOOK_URL", url)

    _, output, _ = cli("doctor")

    assert "s3cret" not in output
    assert "AUTOSELECTION_WEBHOOK_URL is" in output


@pytest.mark.usefixtures("raw")
def test_the_doctor_names_what_is_missing(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSELECTION_WEBHOOK_URL", f"http://127.0.0.1:{free_port()}/hook")
    monkeypatch.setenv("AUTOSELECTION_RAY_ADDRESS", "nowhere")
    cli("init", "raw", "--yes")
    for file in (tmp_path / "raw").iterdir():
        file.unlink()

    code, output, _ = cli("doctor", "--json")

    said = json.loads(output)
    missing = [text.split(": ")[1] for text in said["text"] if text.startswith("missing: ")]
    assert code == said["exit_code"] == 1
    assert missing == ["webhook", "Ray", "raw files"]


@pytest.mark.usefixtures("raw")
@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "WEBHOOK_URL",
            "hooks.example/x",
            "is 'hooks...', which is no address; write http://HOST:PORT",
        ),
        ("WEBHOOK_URL", "http://127.0.0.1:x/", "which is no address"),
        ("WEBHOOK_URL", "http://127.0.0.1:1/x", "nobody answers at 127.0.0.1:1 (Connection refused); start"),
        ("RAY_ADDRESS", "127.0.0.1", "which is no address; write HOST:PORT"),
        ("RAY_ADDRESS", "ray://127.0.0.1:6379", "which is no address; write HOST:PORT"),
        ("RAY_ADDRESS", "127.0.0.1:1", "nobody answers at 127.0.0.1:1 (Connection refused); start"),
        ("HOME", "raw/sums.jsonl/home", "sums.jsonl cannot be written; let AUTOSELECTION_HOME name another"),
    ],
)
def test_the_doctor_says_in_a_sentence_what_is_wrong_with_a_variable(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    assert cli("init", "raw", "--yes")[0] == 0
    monkeypatch.setenv(f"AUTOSELECTION_{variable}", value)

    code, output, _ = cli("doctor")

    (said,) = [line for line in output.splitlines() if line.startswith("missing: ")]
    assert code == 1
    assert sentence in said
    assert f"AUTOSELECTION_{variable}" in said


def test_a_port_of_the_ui_that_is_taken_is_told_and_is_no_reason_to_fail() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        taken = diagnose_ui(port)
    free = diagnose_ui(free_port())

    assert taken.found == f"port {port} is taken"
    assert f"`autoselection ui --port {port + 1}`" in taken.verdict
    assert not taken.problem
    assert "is free" in free.found


def test_every_package_that_is_not_there_is_named_with_the_command_that_installs_it() -> None:
    known, missing = diagnose_packages(["torch", "no-such-package"])

    assert not known.problem
    pins = REPOSITORY / "constraints.txt"
    assert pins.is_file()
    assert (missing.found, missing.problem) == (
        "not installed",
        f"install it: {sys.executable} -m pip install no-such-package -c {pins}",
    )
    assert list(diagnose_packages(["pyyaml"])) == []  # there, and not one of those that are told of


def test_signals_that_take_long_on_a_processor_are_left_out_with_their_cost(tmp_path: Path) -> None:
    costs = costs_of(4_000.0)
    draft = CampaignDraft("mine", [DraftSource("raw", "1 record")], "some/model", [], costs=costs)

    campaigns = load_campaigns(tmp_path / "autoselection.yaml", Home(tmp_path / "home"), draft.text)

    assert costs_of(200.0) == costs_of(600.0, minutes=30.0) == {}
    assert ("model_scores" in campaigns["mine"].signals) == torch.cuda.is_available()
    assert ("# model_scores is left out: scoring it takes up to 1.1 h" in draft.text) == bool(costs)


def _scored(raw: Path) -> None:
    records = [{"prompt": f"Say {n}.", "response": f"{n}", "rm_score": n / 7, "row": n} for n in range(10)]
    (raw / "scored.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))


@pytest.mark.parametrize(
    ("scoring_s", "embedding_s", "left_out"),
    [
        (100.0, 100.0, []),
        (150.0, 100.0, ["model_scores"]),
        (10.0, 201.0, ["embedding"]),
        (201.0, 201.0, ["embedding", "model_scores"]),
    ],
)
def test_embeddings_have_a_third_of_a_first_search_before_scores_of_the_model(
    scoring_s: float, embedding_s: float, left_out: list[str]
) -> None:
    costs = costs_of(scoring_s, 10.0, embedding_s)
    tested = [DraftBenchmark("exam", "data", "exam.jsonl", has_targets=True)]
    draft = CampaignDraft("mine", [DraftSource("raw", "9 records")], "some/model", tested, costs=costs)

    assert list(costs) == left_out
    assert ("relevance" in draft.signals) == ("embedding" not in left_out)
    assert ("model_scores" in draft.signals) == ("model_scores" not in left_out)


def test_doctor_and_ingest_say_the_same_of_a_field_that_is_not_there(cli: Cli, raw: Path) -> None:
    _scored(raw)
    cli("init", "raw/scored.jsonl", "--yes")
    cli("ingest")
    file = raw.parent / "autoselection.yaml"
    file.write_text(file.read_text().replace("{column: rm_score}", "{column: nope}"))

    code, output, _ = cli("ingest")
    diagnosed, diagnosis, _ = cli("doctor")

    sentence = "no field 'nope' beside the texts of any record; numeric fields: rm_score, row."
    _, _, problem = cli("ingest")
    assert (code, diagnosed) == (2, 1)
    assert sentence in problem
    assert f"missing: scores: {sentence}" in diagnosis
    assert "Score its signals first" not in diagnosis
    assert "word_entropy" not in output


def test_a_score_file_that_contradicts_itself_is_found_by_the_doctor_and_before_other_signals_are_scored(
    cli: Cli, raw: Path
) -> None:
    _scored(raw)
    cli("init", "raw/scored.jsonl", "--yes")
    file = raw.parent / "autoselection.yaml"
    entry = "{column: toxicity, from: dup.csv, key: row}, {column: rm_score}"
    file.write_text(file.read_text().replace("{column: rm_score}", entry))
    (raw.parent / "dup.csv").write_text("row,toxicity\n1,0.5\n1,0.7\n")

    early, diagnosis, _ = cli("doctor")
    code, _, problem = cli("ingest")

    remedy = "has two values of 'toxicity' for row '1'; keep one row for each row."
    assert (early, code) == (1, 2)
    assert remedy in diagnosis
    assert remedy in problem
    assert "signal word_entropy" not in problem


def test_ingest_says_what_becomes_of_samples_without_a_score(cli: Cli, raw: Path) -> None:
    _scored(raw)
    cli("init", "raw/scored.jsonl", "--yes")
    file = raw.parent / "autoselection.yaml"
    half = "from: half.csv, key: row}"
    entry = f"{{column: toxicity, {half}, {{column: good, {half}, {{column: rm_score}}"
    file.write_text(file.read_text().replace("{column: rm_score}", entry))
    rows = "".join(f"{n},{n},{n < 2}\n" for n in range(5))
    (raw.parent / "half.csv").write_text(f"row,toxicity,good\n{rows}")

    code, output, _ = cli("ingest")

    assert code == 0
    assert "no score was given: 5" in output
    assert "toxicity: 5 of 10 samples have no score; rankings such as `keep_top` place them last" in output
    assert "good: 2 values are true, read as 1, and 3 false, read as 0" in output


def test_the_doctor_without_a_campaign_says_how_to_begin(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    code, output, _ = cli("doctor")

    assert code == 1
    assert "write one: autoselection init PATH" in output
    assert max(map(len, output.split("missing:")[0].splitlines())) <= 120


@pytest.mark.usefixtures("raw")
def test_the_doctor_files_a_fault_of_a_benchmark_under_benchmarks(
    cli: Cli, tmp_path: Path, benchmark: str
) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")
    cli("ingest")
    (settings,) = tmp_path.rglob("benchmark.yaml")
    settings.write_text(settings.read_text() + "metrik: choice_accuracy\n")

    code, output, _ = cli("doctor")

    told = [line for line in output.splitlines() if line.startswith(("missing: ", "wrong: "))]
    assert code == 1
    assert [line.split(": ")[:2] for line in told] == [["wrong", "benchmarks"]]
    assert "waits for: benchmarks" in output


@pytest.mark.usefixtures("raw")
def test_the_doctor_names_a_missing_model_as_such_beside_a_wrong_benchmark(
    cli: Cli, tmp_path: Path, benchmark: str
) -> None:
    """It was filed under the duration, and the model waited for the benchmark."""
    tiny_model(tmp_path / "models" / "tiny")
    cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")
    (settings,) = tmp_path.rglob("benchmark.yaml")
    settings.write_text(settings.read_text() + "metrik: choice_accuracy\n")
    (tmp_path / "models" / "tiny").rename(tmp_path / "models" / "elsewhere")

    _, output, _ = cli("doctor")

    assert output.splitlines()[-1] == "2 need attention: benchmarks, base model"


@pytest.mark.usefixtures("raw")
def test_the_doctor_names_a_wrong_model_path_once(cli: Cli, tmp_path: Path, benchmark: str) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")
    cli("ingest")
    (tmp_path / "models" / "tiny").rename(tmp_path / "models" / "elsewhere")

    code, output, _ = cli("doctor")

    told = [line for line in output.splitlines() if line.startswith("missing: ")]
    assert code == 1
    assert len(told) == 1
    assert told[0].startswith("missing: base model: ")
    assert output.count("models/tiny") == 1
    assert "waits for: base model" in output
    assert output.splitlines()[-1] == "1 needs attention: base model"


@pytest.mark.usefixtures("raw")
def test_the_share_of_the_pool_that_a_training_reads_is_said_before_it_is_paid(
    cli: Cli, raw: Path, tmp_path: Path, benchmark: str
) -> None:
    long = [{"prompt": f"Say {each}.", "response": "aye and no " * 400} for each in range(250)]
    (raw / "long.jsonl").write_text("".join(json.dumps(each) + "\n" for each in long))
    tiny_model(tmp_path / "models" / "tiny")
    cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")
    file = tmp_path / "autoselection.yaml"
    counted_alone = re.sub(r"signals: \[[^]]*\]", "signals: [tokens]", file.read_text())
    file.write_text(re.sub(r"amount: \d+\.?\d*", "amount: 6000", counted_alone))
    cli("ingest")

    _, output, _ = cli("doctor")

    source = DraftSource("raw", "250 records", tokens=120_000, counted=250)
    draft = CampaignDraft("mine", [source], "some/model", [DraftBenchmark("sums", "sums")])
    written = " ".join(draft.text.replace("#", " ").split())
    counted = " ".join(output.split())  # by the signal, and no longer in some samples
    assert re.search(r"a training reads \S+ % of the pool \(6,000 of [\d,]+ tokens\)", counted), counted
    assert re.search(r"a training reads \S+ % of the pool \(6,000 of about [\d,]+ tokens\)", written)
    assert "may drown in the noise" in counted
    assert "may drown in the noise" in written


@pytest.mark.usefixtures("raw")
def test_a_fast_machine_trains_on_as_many_tokens_as_a_training_reads_of_the_pool(
    cli: Cli, raw: Path, tmp_path: Path, benchmark: str
) -> None:
    """A draft counted characters, and promised 10 % of the pool for an amount that read 6 %."""
    lengths = np.random.default_rng(0).integers(1, 90, 1_200).tolist()
    records = [{"prompt": f"Say {n}.", "response": "1 + 2 = 3\n" * each} for n, each in enumerate(lengths)]
    (raw / "sums.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    tiny_model(tmp_path / "models" / "tiny")

    arguments = ("--model", "models/tiny", "--benchmark", benchmark, "--minutes", "2000", "--yes")
    cli("init", "raw/sums.jsonl", *arguments)  # enough minutes on a busy machine, too

    text = " ".join((tmp_path / "autoselection.yaml").read_text().replace("#", " ").split())
    assert "(counted in 500 samples by the tokenizer and template of the model)" in text
    (campaign,) = load_campaigns(tmp_path / "autoselection.yaml", Home(tmp_path / "home")).values()
    pool = Workspace(campaign, Home(tmp_path / "home")).ingest().pool
    counts = TokenCounts(str(tmp_path / "models/tiny")).compute(pool, {})["tokens"]
    read = np.minimum(np.asarray(counts), fine_tuning({}).max_tokens)
    error = read.std() / 500**0.5 * len(pool)
    amount = campaign.training["amount"]
    assert isinstance(amount, int)
    assert abs(amount - read.sum()) < 4 * error + 500  # a multiple of 500


@given(
    minutes=st.floats(0.1, 120.0),
    tokens_s=st.floats(20.0, 50_000.0),
    pool_tokens=st.integers(1_000, 5_000_000),
    scoring_s=st.floats(0.0, 5_000.0),
    items=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900), st.integers(0, 90)), max_size=3),
    kept_share=st.sampled_from([0.0, 0.4, 1.0]),
)
def test_a_plan_fits_into_its_minutes_or_is_the_shortest_that_decides_anything(
    *,
    minutes: float,
    tokens_s: float,
    pool_tokens: int,
    scoring_s: float,
    items: list[tuple[int, int, int]],
    kept_share: float,
) -> None:
    tested = [
        DraftBenchmark(f"b{n}", "b", "b.jsonl", counts=(dev, test), tokens=(dev * each, test * each))
        for n, (dev, test, each) in enumerate(items)
    ]
    plan, longer = (
        FirstPlan.fitting(
            each,
            tokens_s,
            pool_tokens=pool_tokens,
            scoring_s=scoring_s,
            benchmarks=tested,
            kept_share=kept_share,
        )
        for each in (minutes, 2 * minutes)
    )

    total = plan.preparing_s + plan.searching_s(plan.amount)
    assert plan.amount >= 3_000
    assert total <= 60 * minutes + 1e-6 or plan.amount == 3_000
    assert plan.scoring_s == (scoring_s if scoring_s <= 20 * minutes else 0.0)
    assert plan.amount <= max(6_000, pool_tokens)
    assert (longer.amount, longer.adapted_share) >= (plan.amount, 0.25) or longer.adapted_share == 1.0
    for before, after in zip(tested, plan.benchmarks, strict=True):
        kept = after.limits or before.counts
        assert all(
            left >= min(had, least) for left, had, least in zip(kept, before.counts, (40, 60), strict=True)
        )
        assert "_items: 0" not in after.entry


@given(tokens_s=st.floats(50.0, 20_000.0), jitter=st.floats(0.85, 1.15))
def test_a_little_jitter_of_the_probe_leaves_a_plan_as_it_is_or_moves_it_by_one_step(
    tokens_s: float, jitter: float
) -> None:
    """Two calls 15 s apart proposed 22,000 tokens and 35,000."""
    once, again = (steady_speed(each) for each in (tokens_s, tokens_s * jitter))

    assert max(once, again) / min(once, again) < 1.3
    assert once <= tokens_s * (1 + 1e-9) < 1.3 * once
    assert steady_speed(once) == pytest.approx(once)
    first, second = (_plan_at(each) for each in sorted((once, again)))
    if once == again:
        assert first == second
    assert first.amount <= second.amount or first.adapted_share < second.adapted_share or not first.scoring_s


def _plan_at(tokens_s: float) -> FirstPlan:
    tested = [DraftBenchmark("exam", "data", "exam.jsonl", counts=(44, 76), tokens=(4_400, 7_600))]
    return FirstPlan.fitting(
        10.0, tokens_s, pool_tokens=260_000, scoring_s=520_000 / tokens_s, benchmarks=tested
    )


@pytest.mark.parametrize("kept_share", [1.0, 0.5])
def test_a_plan_counts_texts_that_later_trainings_do_not_read_again(kept_share: float) -> None:
    """Texts that are read again and again cost the lower layers once; a large pool spares nothing."""
    small, large = 20_000, 5_000_000
    tested = [DraftBenchmark("exam", "data", "exam.jsonl", counts=(44, 76), tokens=(4_400, 7_600))]
    plans = {
        (pool, share): FirstPlan.fitting(
            10.0, 400.0, pool_tokens=pool, scoring_s=0.0, benchmarks=tested, kept_share=share
        )
        for pool in (small, large)
        for share in (0.0, kept_share)
    }

    again, once = plans[small, 0.0], plans[small, kept_share]
    assert once.adapted_share == again.adapted_share == 0.25
    assert once.testing_s < again.testing_s
    assert once.amount > 1.1 * again.amount
    assert once.searching_s(again.amount) < again.searching_s(again.amount)
    trained = 14 * once.amount
    spared = kept_share * 0.75 * (trained - small) / 400.0
    without = replace(once, kept_share=0.0)
    assert without.searching_s(once.amount) - without.testing_s - spared == pytest.approx(
        once.searching_s(once.amount) - once.testing_s
    )
    assert plans[large, kept_share].searching_s(3_000) - plans[large, kept_share].testing_s == pytest.approx(
        plans[large, 0.0].searching_s(3_000) - plans[large, 0.0].testing_s
    )


def test_a_busy_machine_is_named_in_the_plan_with_what_a_free_one_takes() -> None:
    assert Load(0.9, 2).sentence(0.5) == ""
    assert Load(4.5, 2).sentence(0.4) == (
        "This machine is busy (load 4.5 on 2 cores): times are as of now; on a free machine about 40 % of "
        "them."
    )
    assert "a free machine is faster" in Load(1.0, 1).sentence()
    assert Load.now().others >= 0.0

    plan = replace(_plan_at(900.0), busy=Load(4.5, 2).sentence(0.4))
    draft = CampaignDraft("mine", [DraftSource("raw", "9 records")], "some/model", plan.benchmarks, plan=plan)

    assert "(load 4.5 on 2 cores): times are as of now;" in " ".join(draft.text.replace("#", " ").split())


def test_a_slow_machine_is_offered_a_plan_that_says_what_it_leaves_out_and_what_more_would_take() -> None:
    tested = [DraftBenchmark("exam", "data", "exam.jsonl", counts=(400, 600), tokens=(40_000, 60_000))]
    source = DraftSource("raw", "1,200 records", tokens=171_554, counted=500)
    plan = FirstPlan.fitting(12.0, 900.0, pool_tokens=171_554, scoring_s=380.0, benchmarks=tested)
    draft = CampaignDraft("mine", [source], "some/model", tested, costs=costs_of(380.0, 12.0), plan=plan)

    text = " ".join(draft.text.replace("#", " ").split())
    (campaign,) = load_campaigns("autoselection.yaml", text=draft.text).values()
    training = fine_tuning(campaign.training)

    assert (training.amount, training.adapted_share) == (plan.amount, 0.25)
    assert "Fitted to 12 minutes: on this machine about" in text
    assert f"14 trainings of {plan.amount:,} tokens, with adapters in the upper quarter of the layers" in text
    assert "More tokens a training take longer: `amount: " in text
    assert "model_scores" not in campaign.signals
    assert "more than a third of 12 minutes" in text
    ((dev, test),) = [each.limits for each in plan.benchmarks if each.limits is not None]
    assert 40 <= dev < 400
    assert 60 <= test < 600
    assert f'exam: {{path: "data", items: "exam.jsonl", dev_items: {dev}, test_items: {test}}}' in draft.text


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (30.0, "Fitted to 30 minutes: on this machine about"),
        (
            1.0,
            "No search with trainings fits into 1 minute here, and this is the shortest that is proposed:",
        ),
    ],
)
def test_a_plan_that_takes_longer_than_was_asked_says_so(minutes: float, said: str) -> None:
    """A plan of 18 minutes was called fitted to three."""
    tested = [DraftBenchmark("exam", "data", "exam.jsonl", counts=(40, 60), tokens=(4_000, 6_000))]
    plan = FirstPlan.fitting(minutes, 900.0, pool_tokens=171_554, scoring_s=0.0, benchmarks=tested)
    draft = CampaignDraft("mine", [DraftSource("raw", "9 records")], "some/model", tested, plan=plan)

    assert said in " ".join(draft.text.replace("#", " ").split())


def test_a_draft_without_a_model_at_hand_promises_no_amount() -> None:
    bench = DraftBenchmark("sums", "sums")
    draft = CampaignDraft("mine", [DraftSource("raw", "1 record", tokens=155_973)], "some/model", [bench])

    text = " ".join(draft.text.replace("#", " ").split())

    assert "6,000 of roughly 155,973 tokens), a figure from the characters of its samples" in text
    assert "amount" not in text


def test_a_draft_names_metric_reason_and_alternative_and_warns_of_answers_of_another_kind() -> None:
    """A test of bare answers beside worked samples was scored by their likelihood without a word."""
    bare = DraftBenchmark("exam", "data", counts=(44, 76), metric=Metric.LOG_LIKELIHOOD, answer_characters=2)
    worked, chosen = replace(bare, answer_characters=150), replace(bare, metric=Metric.CHOICE_ACCURACY)
    source = DraftSource("raw", "1,200 records", answer_characters=250)
    texts = [
        " ".join(CampaignDraft("mine", [source], "some/model", [each]).text.replace("#", " ").split())
        for each in (bare, worked, chosen)
    ]

    assert ["metric log_likelihood, that of the right answer" in text for text in texts] == [
        True,
        True,
        False,
    ]
    assert "up to 512 tokens for each of its 120 items" in texts[0]
    assert ["its answers have 2 characters, those of the samples 250" in text for text in texts] == [
        True,
        False,
        False,
    ]


@pytest.mark.usefixtures("raw")
def test_init_says_what_it_chose_in_a_line_and_the_file_says_why(cli: Cli, tmp_path: Path) -> None:
    """Ten dense sentences on likelihoods stood between the samples and the plan."""
    tiny_model(tmp_path / "models" / "tiny")
    asked = [json.dumps({"question": f"What follows {n}?", "answer": f"{n + 1}"}) for n in range(100)]
    (tmp_path / "exam.jsonl").write_text("\n".join(asked))
    long = [{"prompt": f"Tell me of {n}.", "response": f"{n} is a number. " * 20} for n in range(30)]
    (tmp_path / "more.jsonl").write_text("\n".join(map(json.dumps, long)))

    _, output, _ = cli("init", "more.jsonl", "--model", "models/tiny", "--benchmark", "exam.jsonl", "--yes")

    lines = output.splitlines()
    (told,) = [line for line in lines if line.startswith("exam: metric log_likelihood, as its questions")]
    assert "its answers have 2 characters, those of the samples" in told
    assert len(told) < 180
    assert "comments in autoselection.yaml say why, and what else you could choose" in lines
    written = (tmp_path / "autoselection.yaml").read_text()
    assert "`metric: answer_accuracy`" in written
    assert "`targets: FILE`" in written
    assert not [line for line in lines if "answer_accuracy" in line or "targets: FILE" in line]
    assert str(Path(__file__).parents[2]) not in written, "the file goes to machines without this folder"


@pytest.mark.usefixtures("raw")
def test_few_dev_items_are_named_before_a_search_by_init_and_doctor(
    cli: Cli, tmp_path: Path, benchmark: str
) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    count = len(split(load_benchmark(tmp_path / benchmark)).dev)

    _, drafted, _ = cli("init", "raw", "--model", "models/tiny", "--benchmark", benchmark, "--yes")
    code, diagnosed, _ = cli("doctor")

    assert code == 0
    assert f"sums ({count} dev and {20 - count} test items)" in diagnosed
    for said in (drafted, diagnosed):
        assert f"{count} dev items steer the search. Fewer than 40 may order its trials by chance" in said


def test_a_shell_that_does_not_find_the_command_is_told_the_line_that_lets_it(
    cli: Cli, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (Path(sys.executable).parent / "autoselection").is_file(), "the tests run in an installation"
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    _, found, _ = cli("init", str(raw), "--yes")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    _, lost, _ = cli("init", str(raw), "--yes", "--file", "other.yaml")
    _, diagnosed, _ = cli("doctor")

    way = f"export PATH={Path(sys.executable).parent}:$PATH"
    line = f"this shell does not find `autoselection`; for the commands above: `{way}`"
    assert "does not find" not in found
    assert line in lost
    assert line in diagnosed


def test_a_campaign_of_another_folder_is_not_begun_anew_in_this_one(
    cli: Cli, searched: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the folder above, `status` of a finished search said that there was none."""
    monkeypatch.chdir(tmp_path)
    file = str(searched.folder / "autoselection.yaml")

    refused = [cli(*asked, "--file", file) for asked in (("status",), ("show", "first"), ("search",))]
    served = Workshop(tmp_path).run("ui", "--file", file)
    _, diagnosed, _ = cli("doctor", "--file", file)
    monkeypatch.setenv("AUTOSELECTION_HOME", str(searched.folder / ".autoselection"))
    code, found, _ = cli("status", "--file", file)

    said = f"run in {searched.folder}, or `export AUTOSELECTION_HOME={searched.folder / '.autoselection'}`"
    assert {served.returncode, *(code for code, _, _ in refused)} == {2}
    assert all(said in problem for problem in (served.stderr, *(problem for _, _, problem in refused)))
    assert said in diagnosed
    assert code == 0
    assert "first" in found
    assert not (tmp_path / ".autoselection").exists()
