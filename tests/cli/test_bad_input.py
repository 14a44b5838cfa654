import json
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from autoselection_core.cli.session import workspace_for
from autoselection_core.errors.campaign import UnknownCampaignError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import TrialState
from autoselection_core.history.specification import SearchSpec
from autoselection_core.store.home import Home
from tests.cli.conftest import Cli
from tests.cli.workshop import CAMPAIGN, Workshop
from tests.test_strict_yaml import HOSTILE

TRAINED = """\
campaigns:
  real:
    pool: [{path: "raw/*"}]
    signals: [tokens]
    base_model: model
    benchmarks: {sums: {path: sums}}
"""


def refused(result: tuple[int, str, str], *parts: str) -> None:
    code, _, error = result
    assert code == 2
    assert error.splitlines()[-1].startswith("autoselection: ")
    assert "Traceback" not in error
    assert all(part in error for part in parts), error


@pytest.mark.parametrize(
    "command",
    [
        ("export", "first", "--to", "/proc/none/out"),
        ("export", "first", "--to", "autoselection.yaml/out"),
        ("export", "first", "--to", "broken"),
        ("export", "first", "--to", "a" * 300),
        ("status", "--file", "a" * 300),
        ("verify", "a" * 300),
        ("audit", "a" * 300),
        ("explain", "x" * 100_000),
        ("forecast", "first", "--evaluations", "1000000000"),
    ],
    ids=lambda command: " ".join(command)[:40],
)
def test_a_path_or_name_that_cannot_be_is_a_sentence(
    cli: Cli, searched: Workshop, command: tuple[str, ...]
) -> None:
    """Tracebacks of the operating system and of the database; the last one did not end."""
    (searched.folder / "broken").symlink_to("nothing")

    refused(cli(*command))


def test_a_mistyped_key_names_field_file_and_line(cli: Cli, shop: Workshop) -> None:
    shop.change("budget:", "budgte:")

    refused(cli("search"), "autoselection.yaml, line 6", "try.search.budgte", "Did you mean 'budget'?")


def test_a_missing_campaign_file_says_where_to_look(cli: Cli, shop: Workshop) -> None:
    (shop.folder / "autoselection.yaml").unlink()

    refused(cli("status"), "there is no campaign file", "--file")


@pytest.mark.usefixtures("shop")
def test_an_unknown_campaign_offers_the_one_that_was_meant(cli: Cli) -> None:
    refused(cli("ingest", "--campaign", "tyr"), "Did you mean 'try'?")


def test_a_command_printed_for_a_search_finds_its_campaign_among_several(shop: Workshop) -> None:
    shop.declare(
        CAMPAIGN.format(delay_s=0) + CAMPAIGN.format(delay_s=0).partition("\n")[2].replace("try", "desk")
    )
    Ledger.open(Home.from_environment().history_url).register(SearchSpec(campaign="desk"), "d1")
    file = shop.folder / "autoselection.yaml"

    assert workspace_for("d1", None, file).campaign.name == "desk"
    assert workspace_for("d1", "try", file).campaign.name == "try"
    with pytest.raises(UnknownCampaignError, match="--campaign"):
        workspace_for("new", None, file)


def test_a_missing_raw_file_is_named(cli: Cli, shop: Workshop) -> None:
    shop.change("raw/*", "row/*.jsonl")

    refused(cli("search"), "row/*.jsonl", "Check the path")


def test_raw_files_without_a_sample_are_no_pool(cli: Cli, shop: Workshop) -> None:
    (shop.folder / "raw/sums.jsonl").write_text("{}\n")

    refused(cli("ingest"), "none of 1 records is a sample")


@pytest.mark.parametrize("command", ["ingest", "search"])
def test_a_home_folder_that_cannot_be_made_is_named_with_the_variable(
    cli: Cli, shop: Workshop, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("AUTOSELECTION_HOME", "raw/sums.jsonl/home")

    refused(
        cli(command), f"{shop.folder}/raw/sums.jsonl cannot be written", "AUTOSELECTION_HOME name another"
    )


@pytest.mark.parametrize("budget", ["0", "-1"])
def test_a_budget_of_nothing_is_refused_before_anything_is_read(
    cli: Cli, shop: Workshop, budget: str
) -> None:
    refused(cli("search", "--budget", budget), "budget", "at least 1")
    assert not (shop.folder / ".autoselection").exists()


@pytest.mark.usefixtures("shop")
def test_a_budget_that_is_no_number_is_refused(cli: Cli) -> None:
    refused(cli("search", "--budget", "six"), "--budget", "integer")


@pytest.mark.usefixtures("shop")
def test_an_unknown_policy_is_refused_and_leaves_no_search(cli: Cli) -> None:
    refused(cli("search", "--policy", "randm"), "randm", "'random'")
    assert "no search is registered" in cli("status")[1]


def test_a_model_that_cannot_be_loaded_is_named(cli: Cli, shop: Workshop) -> None:
    (shop.folder / "model").mkdir()
    (shop.folder / "sums").mkdir()
    (shop.folder / "sums/benchmark.yaml").write_text("items: items.jsonl\n")
    items = [json.dumps({"question": f"What is {n}?", "answer": str(n)}) for n in range(20)]
    (shop.folder / "sums/items.jsonl").write_text("\n".join(items))
    shop.declare(TRAINED)

    refused(cli("ingest"), "model", "config.json")


def test_a_benchmark_with_no_items_is_refused_before_money_is_spent(cli: Cli, shop: Workshop) -> None:
    (shop.folder / "sums").mkdir()
    (shop.folder / "sums/benchmark.yaml").write_text("items: items.jsonl\n")
    (shop.folder / "sums/items.jsonl").write_text("")
    shop.declare(TRAINED.replace("[tokens]", "[word_entropy]"))

    refused(cli("search"), "sums", "item")
    assert "no search is registered" in cli("status")[1]


def test_an_unknown_signal_in_a_campaign_is_named(cli: Cli, shop: Workshop) -> None:
    shop.change("[word_entropy,", "[word_entrpy,")

    refused(cli("search"), "line 4", "'word_entrpy'", "Did you mean 'word_entropy'?")


RECIPES = [
    ("- keep_tpo: {signal: word_entropy}", ["step 1", "'keep_tpo'", "Did you mean 'keep_top'?"]),
    ("- keep_top: {signal: word_entrpy}", ["step 1", "'word_entrpy'", "Did you mean 'word_entropy'?"]),
    ("- keep_top: {signal: word_entropy, fracton: 0.5}", ["step 1", "fracton", "Did you mean 'fraction'?"]),
    ("- keep_top: {signal: word_entropy, fraction: 7}", ["step 1", "fraction"]),
    ("- keep_band: {signal: word_entropy, low: 99.0}", ["step 1", "keep_band"]),
    ("- [", ["YAML"]),
]


@pytest.mark.parametrize(("text", "parts"), RECIPES)
def test_a_recipe_that_cannot_be_realised_names_its_step(
    cli: Cli, shop: Workshop, text: str, parts: list[str]
) -> None:
    cli("ingest")
    (shop.folder / "recipe.yaml").write_text(text)

    refused(cli("realise", "recipe.yaml"), *parts)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_sentence_and_exit_code_2(cli: Cli, shop: Workshop, name: str) -> None:
    hostile = HOSTILE[name].encode(errors="surrogatepass")
    (shop.folder / "recipe.yaml").write_bytes(hostile)
    (shop.folder / "hostile.yaml").write_bytes(hostile)

    refused(cli("realise", "recipe.yaml"), "recipe")
    refused(cli("search", "--file", "hostile.yaml"), "hostile.yaml, line ")


def test_a_sentence_about_a_long_value_is_short(cli: Cli, shop: Workshop) -> None:
    """Values of 100,000 characters were quoted whole."""
    cli("ingest")
    for value in ("x" * 100_000, "x " * 50_000):
        (shop.folder / "recipe.yaml").write_text(f"- keep_random:\n    fraction: '{value}'\n")
        result = cli("realise", "recipe.yaml")

        refused(result, "fraction", "must be")
        assert len(result[2]) < 25_000


@pytest.mark.usefixtures("shop")
def test_a_missing_recipe_file_is_named(cli: Cli) -> None:
    refused(cli("realise", "none.yaml"), "none.yaml", "cannot be read")


def test_before_there_is_a_pool_the_command_that_makes_one_is_named(cli: Cli, shop: Workshop) -> None:
    (shop.folder / "recipe.yaml").write_text("[]")

    refused(cli("realise", "recipe.yaml"), "autoselection ingest --campaign try")


@pytest.mark.usefixtures("shop")
def test_before_there_is_a_search_the_command_that_starts_one_is_named(cli: Cli) -> None:
    refused(cli("show"), "autoselection search")


@pytest.mark.usefixtures("searched")
def test_unknown_searches_trials_and_samples_are_named(cli: Cli) -> None:
    refused(cli("show", "frist"), "Did you mean 'first'?")
    refused(cli("show", "first", "--trial", "9"), "no trial 9", "1 to 3")
    refused(cli("explain", "ff" * 16), "holds no sample")
    refused(cli("export", "--format", "csv"), "csv", "sharegpt")


def test_an_export_never_overwrites_something_else(cli: Cli, searched: Workshop) -> None:
    refused(cli("export", "--to", "raw"), "raw is there already", "--to")
    assert (searched.folder / "raw/sums.jsonl").exists()


@pytest.mark.usefixtures("shop")
def test_a_folder_that_is_no_export_is_refused(cli: Cli) -> None:
    refused(cli("verify", "raw"), "holds no export")


def test_a_changed_campaign_does_not_go_on_with_incomparable_scores(cli: Cli, searched: Workshop) -> None:
    searched.change("noise: 0.02", "noise: 0.5")

    refused(cli("search", "--name", "first", "--budget", "5"), "evaluator", "another name")


@pytest.mark.parametrize("asked", [("--budget", "2"), ("--report-evaluations", "1")])
def test_a_smaller_budget_than_that_of_the_search_is_refused(
    cli: Cli, searched: Workshop, asked: tuple[str, str]
) -> None:
    record = searched.ledger().search("first")
    assert record.report_evaluations > 1
    present = f"`--budget 3` and `--report-evaluations {record.report_evaluations}`"

    refused(cli("search", "--name", "first", *asked), "budgets only grow", present, "--name OTHER")
    assert searched.ledger().search("first") == record


def test_a_search_that_stopped_says_why_and_how_to_go_on(cli: Cli, searched: Workshop) -> None:
    searched.ledger().stop("first", "a person stopped it")

    refused(cli("search", "--name", "first", "--budget", "4"), "a person stopped it", "--resume")
    assert cli("search", "--name", "first", "--budget", "4", "--resume")[0] == 0


@pytest.mark.usefixtures("shop")
def test_a_history_that_cannot_be_opened_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSELECTION_HISTORY_URL", "sqlite:////proc/history.sqlite")

    refused(cli("status"), "/proc/history.sqlite", "AUTOSELECTION_HISTORY_URL")


@pytest.mark.e2e
def test_a_full_disk_is_named_and_a_rerun_goes_on(shop: Workshop) -> None:
    def without_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    full = subprocess.run(
        shop.command(["search", "--name", "first"]),
        cwd=shop.folder,
        env=shop.environment,
        capture_output=True,
        text=True,
        preexec_fn=without_room,
        check=False,
    )

    refused((full.returncode, full.stdout, full.stderr), "no room for", "Free some space")
    assert shop.run("search", "--name", "first").returncode == 0


def test_a_port_that_is_taken_is_refused_by_ui_before_anything_starts(tmp_path: Path) -> None:
    shop = Workshop.fill(tmp_path / "shop")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = shop.run("ui", "--port", port)

    refused((ran.returncode, ran.stdout, ran.stderr), f"another program listens on 127.0.0.1:{port}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_interrupted_says_that_nothing_is_lost(
    shop: Workshop, number: signal.Signals
) -> None:
    """It ended with nothing but its last line of progress."""
    running = shop.start("init", "raw", "--yes", "--file", "other.yaml")
    assert running.stdout is not None
    assert running.stdout.readline() == "raw:\n"
    running.send_signal(number)
    _, error = running.communicate(timeout=60)

    assert running.returncode == 130
    assert "autoselection: interrupted; nothing is lost, run the same command again to go on" in error
    assert not (shop.folder / "other.yaml").exists()


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_an_evaluation_loses_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    shop = Workshop.fill(tmp_path / "shop")
    shop.declare(CAMPAIGN.format(delay_s=3.0))
    running = shop.start("search", "--name", "first")
    ledger = _ledger_with_a_running_trial(shop, "first")
    running.send_signal(number)
    _, error = running.communicate(timeout=60)

    assert running.returncode == 130
    assert "Traceback" not in error
    assert "To go on: autoselection search --name first" in error
    assert error.count("interrupted") == 1
    assert {trial.state for trial in ledger.trials("first")} <= {TrialState.DONE, TrialState.WAITING}

    assert shop.run("search", "--name", "first").returncode == 0
    assert ledger.search("first").spent == 3
    assert sum(payment.cost for payment in ledger.payments("first") if payment.kind == "search") == 3


def _ledger_with_a_running_trial(shop: Workshop, search: str) -> Ledger:
    """Wait until a trial trains."""
    deadline = time.monotonic() + 60
    database = shop.folder / ".autoselection/history.sqlite"
    while time.monotonic() < deadline:
        if database.exists():
            ledger = Ledger.open(f"sqlite:///{database}")
            known = [record.search for record in ledger.searches()]
            if search in known and any(trial.state is TrialState.RUNNING for trial in ledger.trials(search)):
                return ledger
        time.sleep(0.1)
    pytest.fail("no trial began within a minute")
