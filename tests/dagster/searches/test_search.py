"""A whole search through Dagster, with a formula in place of trainings."""

import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from autoselection_core import environment_variables
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.records import SearchState, TrialKind, TrialState
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.sections.lead import lead_of
from autoselection_core.report.sections.verdict import findings
from autoselection_core.report.serving import resolve_report_file
from autoselection_core.search.loop import run_search
from autoselection_core.store.home import Home
from autoselection_dagster.jobs.cost_estimate import why_nothing_starts
from autoselection_dagster.trials.naming import WORKS_ON_TAG
from autoselection_dagster.values.metadata.rendering import links, sentence_list
from tests.dagster.installations import Driver, cell, installation

_FIDELITIES = """
    policy: {warmup: 1, fresh: 40, edits: 20, draws: 2}
    fidelities: {short: {cost: 0.05, amount: 0.5}}
"""


@pytest.mark.e2e
def test_trials_at_a_cheaper_fidelity_are_runs_like_others_and_say_so(tmp_path: Path, model: Path) -> None:
    installed = installation(tmp_path / "installation", model)
    installed.campaigns.write_text(installed.campaigns.read_text() + _FIDELITIES)
    with dg.DagsterInstance.ephemeral() as instance:
        driver = Driver(installed, instance)
        driver.prepare()
        driver.start(name="first", budget=5)
        driver.work()

        search, history = driver.ledger.search("first"), driver.ledger.history("first")
        shown = instance.get_materialized_partitions(dg.AssetKey(["demo", "evaluation"]))
        cheap = driver.metadata("evaluation", f"first|{history.cheap[0].trial:03d}")

    assert search.state is SearchState.DONE
    assert search.spent == history.spent <= 5
    assert len(history.cheap) >= 2
    trials = [one.trial for one in history.observations] + [one.trial for one in history.cheap]
    assert {f"first|{trial:03d}" for trial in trials} <= shown
    assert (cheap["fidelity"], cheap["cost"]) == ("short", 0.05)


def test_a_one_slot_search_records_what_the_plain_loop_records(searched: Driver, tmp_path: Path) -> None:
    home, installed = Home(tmp_path / "plain"), searched.installation
    workspace = Workspace(load_campaigns(installed.campaigns, home)["demo"], home)
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    spec = workspace.spec(pool.version)
    workspace.ledger.register(spec, "first")

    plain = run_search(workspace.ledger, "first", workspace.solver(spec), workspace.evaluator(pool.version))

    assert len(plain.observations) == 3
    assert searched.ledger.history("first") == plain
    assert searched.ledger.search("first").spec == spec


def test_the_budgets_are_spent_to_the_unit(searched: Driver) -> None:
    search = searched.ledger.search("first")
    paid = [payment for payment in searched.ledger.payments("first") if payment.outcome == "paid"]

    assert (search.state, search.spent, search.report_spent) == (SearchState.DONE, 3, 2)
    assert sum(payment.cost for payment in paid) == 5


def test_one_worker_makes_all_trials_and_what_the_report_compares(searched: Driver) -> None:
    assert searched.asked == ["first|worker|1", "first|report|3|3|2"]


def test_a_report_waits_for_the_worker_that_plans_it_and_plans_it_where_that_one_died(
    tmp_path: Path, model: Path
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        driver = Driver(installation(tmp_path, model), instance)
        driver.prepare()
        driver.start(name="first", budget=1)
        workspace = Workspace(
            load_campaigns(driver.installation.campaigns, Home(driver.installation.home))["demo"],
            Home(driver.installation.home),
        )
        spec = driver.ledger.search("first").spec
        run_search(driver.ledger, "first", workspace.solver(spec), workspace.evaluator(spec.pool_version))
        worker = dg.DagsterRun("demo_work", tags={WORKS_ON_TAG: "first"}, status=dg.DagsterRunStatus.STARTED)
        instance.add_run(worker)

        waiting = driver.tick()
        instance.report_run_failed(worker)
        driver.work()

    assert isinstance(waiting, dg.SkipReason)
    assert driver.asked == ["first|report|1|0|2", "first|worker|2", "first|report|1|2|2"]


def test_a_tick_after_the_end_asks_for_nothing(searched: Driver) -> None:
    assert isinstance(searched.tick(), dg.SkipReason)


def test_report_evaluations_are_trials_of_the_lineage_too(searched: Driver) -> None:
    arms = [
        trial for trial in searched.ledger.trials("first", TrialKind.REPORT) if trial.state is TrialState.DONE
    ]

    shown = searched.instance.get_materialized_partitions(dg.AssetKey(["demo", "evaluation"]))

    assert {f"first|report-{arm.trial:02d}" for arm in arms} <= shown
    assert {"first|001", "first|002", "first|003"} <= shown


def test_every_kind_of_plot_is_a_picture(searched: Driver) -> None:
    facts = {
        **searched.metadata("subset", "first|002"),
        **searched.metadata("search_report", "first"),
        **searched.metadata("best_subset", "first"),
    }
    pictures = {
        name for name, value in facts.items() if str(value).startswith("![plot](data:image/png;base64,")
    }

    assert pictures >= {
        "retention_per_step",
        "signal_histograms",
        "score_trajectory",
        "score against tokens",
        "operator_credit",
        "source_mix",
    }
    assert not {"candidate_map", "search_tree"} & set(facts), "three trials say nothing there"


def test_pictures_are_shown_in_their_rows_where_reports_are_served(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment_variables.REPORTS_URL, "http://127.0.0.1:3001")
    with dg.DagsterInstance.ephemeral() as instance:
        driver = Driver(installation(tmp_path / "installation", model), instance)
        driver.prepare()
        driver.start(name="first", budget=2, report_evaluations=0)
        driver.work()
        facts = {
            **driver.metadata("signal/tokens"),
            **driver.metadata("subset", "first|002"),
            **driver.metadata("search_report", "first"),
            **driver.metadata("best_subset", "first"),
        }
    pictures = {
        name: str(value)
        for name, value in facts.items()
        if str(value).startswith("![plot](http://127.0.0.1:3001/reports/pictures/")
    }

    assert pictures.keys() >= {"histograms", "signal_histograms", "score_trajectory", "source_mix"}
    for shown in pictures.values():
        name = shown.removesuffix(")").rpartition("/")[2]
        assert (
            resolve_report_file(driver.installation.home / "reports", f"/reports/pictures/{name}") is not None
        )
    hidden = [name for name, value in facts.items() if str(value).startswith("![") and len(str(value)) > 999]
    assert not hidden


def test_the_trials_of_a_long_search_are_linked_in_rows_that_the_ui_shows() -> None:
    urls = {
        f"{number:03d}": f"/assets/demo/evaluation?view=partitions&partition=a-search%7C{number:03d}"
        for number in range(1, 41)
    }

    rows = links("trial_pages", urls)

    assert list(rows)[:2] == ["trial_pages", "trial_pages_2"]
    assert all(len(row.value) < 1000 for row in rows.values())
    assert re.findall(r"\]\(([^)]+)\)", " ".join(row.value for row in rows.values())) == list(urls.values())


def test_every_sentence_of_a_verdict_is_shown_whole_in_rows_that_the_ui_shows() -> None:
    sentences = [f"Better than opponent_{number} *really*? {'word ' * 60}" for number in range(9)]

    rows = sentence_list("comparisons", sentences)

    assert list(rows)[:2] == ["comparisons", "comparisons_2"]
    assert all(len(row.value) < 1000 for row in rows.values())
    shown = "\n".join(row.value for row in rows.values()).splitlines()
    assert shown == [f"- {sentence}".replace("*", "\\*") for sentence in sentences]


def whole(text: str) -> str:
    """A text without the invisible places at which its long words may break."""
    return text.replace("\u200b", "")


def test_the_page_of_a_search_has_the_verdict_warning_and_comparisons_of_its_written_report(
    searched: Driver,
) -> None:
    shown, best = searched.metadata("search_report", "first"), searched.metadata("best_subset", "first")
    (campaign,) = load_campaigns(searched.installation.campaigns, Home(searched.installation.home)).values()
    facts = SearchFacts.of(Workspace(campaign, Home(searched.installation.home)), "first")
    lead = lead_of(facts, findings(facts))

    assert lead.verdict == shown["verdict"] == best["verdict"]
    rows = "\n".join(str(value) for name, value in shown.items() if name.startswith("comparisons"))
    told = [shown.get("warning"), *(row.removeprefix("- ") for row in whole(rows).splitlines())]
    assert [re.sub(r"\\(.)", r"\1", sentence) for sentence in told if sentence] == lead.details
    assert shown.get("warning") == best.get("warning")


def test_every_asset_of_a_trial_says_what_its_missing_partitions_are(searched: Driver) -> None:
    graph = searched.definitions.resolve_asset_graph()

    for name in ("recipe", "subset", "subset_state", "fine_tuned_model", "evaluation"):
        description = graph.get(dg.AssetKey(["demo", name])).description or ""
        assert "shows a pair beyond a search's trials as missing" in description


def test_the_best_subset_leads_to_everything_that_it_came_from(searched: Driver) -> None:
    facts = searched.metadata("best_subset", "first")
    trial = next(
        each for each in searched.ledger.trials("first") if each.reservation.partition == facts["partition"]
    )

    assert trial.recipe is not None
    shown = Recipe.from_yaml(facts["recipe"].split("```")[1].removeprefix("yaml"))
    assert set(shown.steps) <= set(trial.recipe.steps), "steps that change nothing are left out"
    run = searched.instance.get_run_by_id(facts["run"].partition("(/runs/")[2].rstrip(")"))
    assert run is not None
    assert run.tags["dagster/partition"] == facts["partition"]
    assert "(/assets/demo/signal/word_entropy)" in facts["signals"]
    assert (facts["subset"], facts["evaluation"]) == (trial.subset, trial.evaluation)
    assert (searched.installation.home / "evaluations" / facts["evaluation"] / "result.json").exists()
    (came, *_) = ["".join(map(str, record.data.values())) for record in facts["how_it_came_about"]]
    assert trial.recipe.full_label.replace(" ", "") in whole(came).replace(" ", "")
    # A recipe reads columns, and some signals have several: `tokens` also counts those of the response.
    spec = searched.ledger.search("first").spec
    known = {version[:12] for version in spec.signal_versions.values()}
    assert {record.data["version"] for record in facts["signal_versions"]} <= known
    links = {name for name, value in facts.items() if isinstance(value, dg.AssetKey)}
    assert links == {"base_model", "pool"}
    partition = facts["partition"].replace("|", "%7C")
    for asset in ("recipe", "subset", "subset_state", "fine_tuned_model", "evaluation"):
        assert f"(/assets/demo/{asset}?view=partitions&partition={partition})" in facts["made_of"]
    assert "(/assets/demo/search_report?view=partitions&partition=first)" in facts["made_of"]


def test_the_counts_of_the_steps_lead_to_the_rows_of_the_subset(searched: Driver) -> None:
    facts = searched.metadata("subset", "first|002")

    assert cell(facts["steps"][-1], "rows out", facts["steps"]) == str(facts["dagster/row_count"])


def test_a_subset_lists_its_rows_and_an_evaluation_the_items_that_it_won(searched: Driver) -> None:
    rows = [row.data for row in searched.metadata("subset", "first|002")["rows"]]
    full = searched.metadata("evaluation", "first|002")

    (campaign,) = load_campaigns(searched.installation.campaigns, Home(searched.installation.home)).values()
    pool = Workspace(campaign, Home(searched.installation.home)).pool()
    assert {row["fate"].split(" ")[0] for row in rows} >= {"kept", "dropped"}
    assert {row["id"] for row in rows} <= {pool.sample(row).id[:12] for row in range(len(pool))}
    won = full["won and lost against full pool"]
    assert "against trial 1" in won
    assert "won and lost against anchor" not in full or won != full["won and lost against anchor"]
    for made in (full, searched.metadata("fine_tuned_model", "first|002")):
        assert "(/assets/demo/recipe?view=partitions&partition=first%7C002)" in made["made_of"]
    items = full["items against full pool"]
    assert {cell(item, "against trial 1", items) for item in items} <= {"won", "lost"}


def test_a_state_stands_beside_that_of_the_pool(searched: Driver) -> None:
    facts = searched.metadata("subset_state", "first|002")

    rows = {whole(cell(row, "statistic", facts["state"])).replace(" ", ""): row for row in facts["state"]}
    for column in ("subset", "pool", "difference"):
        assert cell(next(iter(rows.values())), column, facts["state"])
    beside = ("units", "state", "made_of", "dagster/row_count")
    assert set(rows) == {name for name in facts if name not in beside}
    assert "in its standard deviations" in facts["units"]


def test_a_run_that_explains_a_prefix_links_to_the_trials(searched: Driver) -> None:
    subset = searched.metadata("best_subset", "first")["subset"]

    config = {"ops": {"tell": {"config": {"name": subset[:8]}}}}
    run = searched.run("explain", run_config=config)

    (output,) = (event for event in run.all_events if event.event_type_value == "STEP_OUTPUT")
    told = {name: str(value.value) for name, value in output.step_output_data.metadata.items()}
    assert told["answer"].startswith(f"{subset} is the subset of first|")
    sample = searched.metadata("subset", "first|001")["rows"][0].data["id"]
    run = searched.run("explain", run_config={"ops": {"tell": {"config": {"name": sample}}}})
    (output,) = (event for event in run.all_events if event.event_type_value == "STEP_OUTPUT")
    used = output.step_output_data.metadata["subset of trial 1 of first"].value
    assert used == "/assets/demo/subset?view=partitions&partition=first%7C001"


def test_the_run_of_a_report_says_a_line_for_each_baseline(searched: Driver) -> None:
    first, *_ = searched.instance.get_runs(dg.RunsFilter(job_name="demo_report"))
    said = [entry.user_message for entry in searched.instance.all_logs(first.run_id)]
    arms = searched.ledger.trials("first", TrialKind.REPORT)

    lines = [line for line in said if re.match(r"report evaluation \d+ of \d+ \(", line)]
    assert len(lines) == sum(arm.state.has_ended for arm in arms) >= 2
    assert all("its test items are scored" in line for line in lines)


def test_the_report_shows_arms_on_test_items(searched: Driver) -> None:
    arms = searched.metadata("search_report", "first")["arms"]

    assert len(arms) > 1
    assert all(cell(arm, "test score", arms) for arm in arms)


def test_the_report_offers_further_runs_with_command_and_a_filled_launchpad(searched: Driver) -> None:
    offer = str(searched.metadata("search_report", "first")["further_runs"])
    budget = searched.ledger.search("first").report_evaluations

    assert f"search --name first --report-evaluations {budget + 4}" in offer
    assert "of the winner" in offer
    assert "/guess/raise_budget/playground/setup?config=ops" in offer
    assert f"report_evaluations%3A%20{budget + 4}" in offer


def test_nothing_is_pickled(searched: Driver) -> None:
    folders = [searched.installation.home, Path(searched.instance.root_directory)]

    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    pickled = [
        file
        for file in files
        if file.read_bytes()[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
    ]

    assert len(files) > 50
    assert not pickled


def test_a_finished_trial_made_again_is_the_same_and_costs_nothing(searched: Driver) -> None:
    before = searched.metadata("evaluation", "first|002")
    search = searched.ledger.search("first")

    result = searched.run(
        "demo_trial", partition_key=dg.MultiPartitionKey({"search": "first", "trial": "002"})
    )

    assert result.success
    assert searched.metadata("evaluation", "first|002") == before
    assert searched.ledger.search("first") == search


def test_a_code_server_can_load_every_definition(searched: Driver) -> None:
    repository = searched.definitions.get_repository_def()

    repository.load_all_definitions()

    assert {"start_search", "explain", "compare_subsets", "demo_trial"} <= set(repository.job_names)


def test_the_code_location_loads_without_torch(searched: Driver) -> None:
    code = "import sys, autoselection_dagster.definitions; print('torch' in sys.modules)"

    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin", **searched.installation.environment},
        capture_output=True,
        text=True,
        check=True,
    )

    assert finished.stdout.strip() == "False"


def test_checks_block_what_would_be_paid_for(searched: Driver) -> None:
    graph = searched.definitions.get_repository_def().asset_graph
    checks = {key.name: graph.get_check_spec(key) for key in graph.asset_check_keys}

    assert {name for name, spec in checks.items() if spec.blocking} == {
        "counts_add_up",
        "holds_no_benchmark_question",
        "ids_are_unique",
        "is_aligned_to_the_pool",
        "is_mostly_known",
        "subset_is_inside_the_pool",
        "subset_passed_the_gate",
        "dev_and_test_are_disjoint",
        "subset_equals_what_was_trained",
        "score_is_finite",
        "budget_is_kept",
        "arms_have_equal_tokens",
    }
    assert all(spec.description for spec in checks.values())


def test_a_new_trial_of_one_search_makes_no_other_best_subset_stale(searched: Driver) -> None:
    searched.start(name="second", seed=9, budget=1, report_evaluations=0)
    result = searched.tick()
    assert isinstance(result, dg.SensorResult)
    searched.add_partitions(result)
    searched.launch((result.run_requests or [])[0])

    graph = searched.definitions.get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(searched.instance, graph, LoadingContextForTest(searched.instance))
    causes = resolver.get_stale_causes(dg.AssetKey(["demo", "best_subset"]), "first")

    assert "second|001" in searched.instance.get_materialized_partitions(dg.AssetKey(["demo", "evaluation"]))
    assert causes == []


def test_a_search_started_while_no_daemon_runs_is_told_so(searched: Driver) -> None:
    assert "the daemon does not run" in why_nothing_starts(searched.instance)
