"""Commands of studies and searches, searches that start from others, and forecasts that spend nothing."""

import html
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.workshop import Workshop
from tests.study.conftest import evaluated, study_run_in, write_study


def test_the_command_estimates_and_evaluates_nothing(tmp_path: Path, cli: Cli) -> None:
    file = write_study(tmp_path)

    code, said, _ = cli("study", "estimate", str(file), "--home", str(tmp_path / "home"))

    study_run = study_run_in(tmp_path)
    assert code == 0
    assert f"{study_run.study.total_trainings} evaluations are left at most" in said
    assert study_run.workspace.has_pool()
    assert evaluated(study_run.home) == {}


COMMANDS = (
    "ingest",
    "search",
    "realise",
    "evaluate",
    "status",
    "show",
    "explain",
    "compare",
    "export",
    "verify",
    "backup",
    "restore",
)


@pytest.mark.usefixtures("searched")
def test_a_search_ends_with_a_table_verdicts_and_what_to_run_next(cli: Cli) -> None:
    code, output, _ = cli("search", "--name", "first")

    assert code == 0
    assert "dev score" in output
    assert "± se" in output
    assert "Better than random subsets of equal tokens?" in output
    assert "interval [" in output
    assert "Better than the full pool?" in output
    assert "next: autoselection show first" in output


def test_a_new_search_says_before_it_spends_what_it_costs_and_what_its_verdict_can_say(
    cli: Cli, searched: Workshop
) -> None:
    searched.change("    search: {budget: 3", "    price_per_hour: 3600\n    search: {budget: 3")
    asked = ("search", "--name", "other", "--seed", "2", "--budget", "2", "--report-evaluations", "3")

    _, output, _ = cli(*asked)
    _, again, _ = cli(*asked)

    said = " ".join(output.split())
    assert "5 evaluations are left at most; about" in said
    assert " at 3,600 an hour (the median of the latest" in said
    reach = "What its verdict can say: the second budget pays for 3 runs"
    assert said.index(reach) < said.index("evaluations are left at most")
    assert reach not in " ".join(again.split())


def test_a_second_run_says_that_all_is_done_and_trains_nothing(cli: Cli, searched: Workshop) -> None:
    made = searched.evaluations()

    _, output, _ = cli("search", "--name", "first")

    assert "nothing is evaluated again" in output
    assert searched.evaluations() == made


def test_a_larger_budget_continues_the_search(cli: Cli, searched: Workshop) -> None:
    code, output, _ = cli("search", "--name", "first", "--budget", "4")

    assert code == 0
    assert "raised the budget of first from 3 to 4" in output
    assert "1 evaluation is left at most; about" in output
    assert "evaluations of this kind in the home folder" in output
    assert searched.ledger().search("first").spent == 4


def test_a_search_goes_on_with_the_pool_that_it_pins_after_files_were_added(
    cli: Cli, searched: Workshop
) -> None:
    (searched.folder / "raw/more.jsonl").write_text(
        '{"prompt": "Add 99 and 7.", "response": "That is 106."}\n'
    )
    pinned = searched.ledger().search("first").spec.pool_version

    code, output, _ = cli("search", "--name", "first", "--budget", "4")

    assert code == 0
    assert "raised the budget of first from 3 to 4" in output
    assert searched.ledger().search("first").spent == 4
    cli("search", "--name", "second", "--budget", "1", "--report-evaluations", "0")
    assert searched.ledger().search("second").spec.pool_version != pinned


def test_a_formula_is_reported_whatever_benchmarks_its_campaign_has(cli: Cli, shop: Workshop) -> None:
    (shop.folder / "sums").mkdir()
    (shop.folder / "sums/benchmark.yaml").write_text("items: items.jsonl\n")
    items = [{"question": f"What is {number} times 3?", "answer": str(3 * number)} for number in range(20)]
    (shop.folder / "sums/items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    shop.change("    closed_form:", "    benchmarks: {sums: {path: sums}}\n    closed_form:")

    code, output, _ = cli("search", "--name", "first")

    assert code == 0
    assert "Better than the full pool?" in output
    assert "Both evaluations on the same dev items" in cli("compare", "1", "2")[1]


@pytest.mark.usefixtures("shop")
def test_ingest_accounts_for_every_record(cli: Cli) -> None:
    code, output, _ = cli("ingest")

    assert code == 0
    assert "71 records = 70 samples + 0 merged (said the same) + 1 quarantined" in output
    assert "bad JSON" in output
    assert "word_entropy" in output


@pytest.mark.usefixtures("shop")
def test_progress_names_stage_and_count(cli: Cli) -> None:
    _, _, progress = cli("search", "--report-evaluations", "0")

    assert "reading records: 71 of 71" in progress
    assert "evaluations of the search: 3 of 3" in progress
    assert "trial 1 choosing" in progress
    assert "evaluations of the search: 1 of 3" in progress


@pytest.mark.usefixtures("searched")
def test_status_lists_searches_and_why_nothing_runs(cli: Cli) -> None:
    _, output, _ = cli("status")

    assert "3 of 3" in output
    assert "the trials of first are done: its budget of 3 is spent" in output


def test_show_begins_with_the_verdict_that_the_search_ended_with(cli: Cli, searched: Workshop) -> None:
    _, ended, _ = cli("search", "--name", "first")
    code, shown, _ = cli("show", "first")

    verdict = shown[: shown.index("Trials of first")]
    assert code == 0
    assert verdict in ended
    assert verdict.startswith("Undecided") or "random ones" in verdict.splitlines()[0]
    assert "Better than random subsets of equal tokens?" in verdict
    assert "test score" in verdict
    report = searched.folder / ".autoselection/reports/first/report.html"
    assert verdict.rstrip().endswith(f"the report, for a browser: {report.resolve().as_uri()}")
    assert report.is_file()


def test_the_command_that_a_report_offers_makes_the_runs_that_it_names(cli: Cli, searched: Workshop) -> None:
    cli("search", "--name", "first")
    page = (searched.folder / ".autoselection/reports/first/report.html").read_text()
    shown, offer = cli("show", "first")[1], json.loads(cli("show", "first", "--json")[1])["facts"]["further"]
    before = searched.ledger().search("first")

    assert offer["command"] == "autoselection search --name first --report-evaluations 10"
    # The random policy did not evaluate the full pool, so one run of it was still to be paid.
    assert offer["runs"] == {"full_pool": 1, "winner": 2, "random": 1}
    assert "(1 run of the full pool, 2 runs of the winner, 1 random subset) would bring" in shown
    price = r"for 4 evaluations(, about \d+ s)?: "  # on a busy machine a formula takes long enough to say
    assert re.search(f"{price}`{offer['command']}`", shown)
    assert re.search(f"{price}<code>{offer['command']}</code>", re.sub("</?span[^>]*>", "", page))
    code, after, _ = cli(*offer["command"].split()[1:])

    assert code == 0
    assert searched.ledger().search("first").report_spent == before.report_spent + offer["cost"]
    assert "4 fresh runs of the winner against 4." in after
    assert "--report-evaluations 14`" in after


def test_a_second_search_says_in_a_line_that_its_signals_are_known(cli: Cli, shop: Workshop) -> None:
    _, first, progress = cli("search", "--name", "first", "--report-evaluations", "0")
    _, second, again = cli("search", "--name", "second", "--seed", "1", "--report-evaluations", "0")

    assert "signal word_entropy: 70 of 70" in progress
    assert "signals: 3 of 3" in progress
    assert "up to date" not in first
    assert "3 signals are up to date\n" in second
    assert "signal" not in again
    shop.change("[word_entropy, ", "[form, word_entropy, ")
    _, third, third_progress = cli("ingest")
    assert "3 signals are up to date" in third
    assert "signals: 1 of 1" in third_progress
    assert "left out: IFD, losses and entropies of the base model" in third
    assert "add `base_model: FOLDER` and model_scores to `signals:`" in first
    assert "left out: " not in second, "it was said where signals were scored"


def test_a_second_search_says_whether_it_learns_from_the_first(cli: Cli, shop: Workshop) -> None:
    asked = ("search", "--report-evaluations", "0", "--policy", "random")
    _, first, _ = cli(*asked, "--name", "first")
    _, anew, _ = cli(*asked, "--name", "anew", "--seed", "1")
    _, again, _ = cli(*asked, "--name", "anew", "--seed", "1")
    _, warm, _ = cli(*asked, "--name", "warm", "--seed", "2", "--warm-from", "first", "--warm-from", "anew")

    assert shop.ledger().search("warm").spec.warm_from == "first"
    assert "first starts" not in first, "nothing was measured before it"
    assert "anew starts anew: it does not learn from first" in anew
    assert "`--warm-from first`" in anew
    assert "starts anew" not in again, "it was said when it began"
    assert "warm starts from what first and anew measured" in warm


def test_a_search_ends_with_the_address_of_its_report_and_what_to_run_next(
    cli: Cli, searched: Workshop
) -> None:
    _, ended, _ = cli("search", "--name", "first")

    report, *_, following = ended.rstrip().splitlines()[-2:]
    page = (searched.folder / ".autoselection/reports/first/report.html").resolve()
    assert report == f"the report, for a browser: {page.as_uri()}"
    assert following.startswith("next: autoselection show first; autoselection export first; ")
    assert following.endswith("; autoselection ui")


def test_the_verdict_is_data_for_a_program(cli: Cli, searched: Workshop) -> None:
    facts = json.loads(cli("show", "first", "--json")[1])["facts"]

    told = cli("show", "first")[1]
    assert [each["opponent"] for each in facts["comparisons"]] == ["random", "full_pool"]
    for each in facts["comparisons"]:
        assert each["low"] <= each["value"] <= each["high"]
        assert f"{each['value']:+.4f}, 95 % interval [{each['low']:+.4f}, {each['high']:+.4f}]" in told
        assert f"{each['runs'][0]} fresh runs of the winner against {each['runs'][1]}" in told
    assert facts["verdict"] == facts["comparisons"][0]["verdict"]
    assert Path(facts["report"]) == (searched.folder / ".autoselection/reports/first/report.html").resolve()


def test_a_search_without_a_report_shows_no_verdict(cli: Cli, searched: Workshop) -> None:
    cli("search", "--name", "first")
    searched.ledger().raise_budget("first", 5)

    shown = json.loads(cli("show", "first", "--json")[1])
    (status,) = json.loads(cli("status", "--json")[1])["facts"]["searches"]

    assert shown["facts"] == {}
    assert status["verdict"] is None


def test_the_report_that_planned_the_baselines_is_no_verdict(cli: Cli, searched: Workshop) -> None:
    file = searched.folder / ".autoselection/reports/first/verdict.json"
    planned = {"subset": "", "words": "not compared with random subsets", "sentences": []}
    file.write_text(json.dumps(planned))

    (status,) = json.loads(cli("status", "--json")[1])["facts"]["searches"]

    assert status["verdict"] is None
    assert "not compared" not in cli("status")[1]


@pytest.mark.usefixtures("searched")
def test_status_says_the_verdict_in_a_few_words(cli: Cli) -> None:
    facts = json.loads(cli("show", "first", "--json")[1])["facts"]
    document = json.loads(cli("status", "--json")[1])
    (status,) = document["facts"]["searches"]

    words = {"yes": "better than", "no": "no better than", "undecided": "undecided against"}
    random, full = (words[each["verdict"]] for each in facts["comparisons"])
    beside = f"{random} random subsets of equal tokens; {full} the full pool, by the formula"
    assert facts["verdict"] == facts["comparisons"][0]["verdict"]
    assert status["verdict"] == beside
    assert f"done: {status['verdict']}" in json.dumps(document["tables"]), "on paper the cell is wrapped"


@pytest.mark.usefixtures("searched")
def test_status_is_data_for_a_program(cli: Cli) -> None:
    _, output, _ = cli("status", "--json")
    (first,) = json.loads(output)["facts"]["searches"]

    assert (first["search"], first["stage"], first["spent"], first["trainings_left"]) == (
        "first",
        "done",
        3,
        0,
    )
    assert first["best_trial"] in (1, 2, 3)


@pytest.mark.usefixtures("searched")
def test_show_tells_a_trial_s_recipe_steps_and_reasons(cli: Cli) -> None:
    assert "recommended: trial" in cli("show")[1]
    code, output, _ = cli("show", "first", "--trial", "2")

    assert code == 0
    assert "process:" in output
    assert "rows in" in output
    assert "Why the solver chose it" in output
    assert "1 measured, 0 pending" in output
    assert "came from: random (a recipe that was drawn at random)" in cli("show")[1]
    assert "a recipe that was drawn at random" in output


def test_explain_tells_why_a_sample_is_out_with_value_rank_and_cut_off(cli: Cli, shop: Workshop) -> None:
    shop.change("[word_entropy, exact, near_duplicates]", "[word_entropy]\n    operators: [keep_top]")
    cli("search", "--budget", "1", "--report-evaluations", "0")
    cli("export", "--to", "out")
    kept = {json.loads(line)["id"] for line in (shop.folder / "out/data.jsonl").read_text().splitlines()}
    every = _ids_of_pool(shop)

    _, inside, _ = cli("explain", min(kept))
    _, outside, _ = cli("explain", min(every - kept))

    assert "is in the best subset" in inside
    assert "is not in the best subset" in outside
    assert "drops it: word_entropy" in outside
    assert "rank" in outside
    assert "cut-off" in outside
    assert "selected by trials:" in outside
    assert "licence CC0-1.0" in outside


def test_an_export_reminds_of_a_licence_that_no_source_states(cli: Cli, shop: Workshop) -> None:
    shop.change(", licence: CC0-1.0", "")
    cli("search", "--budget", "1", "--report-evaluations", "0")

    _, told, _ = cli("export", "--to", "out")
    samples = len((shop.folder / "out/data.jsonl").read_text().splitlines())

    assert f"{samples} of these samples come from sources that state no licence: `licence: NAME`" in told


def _ids_of_pool(shop: Workshop) -> set[str]:
    from autoselection_core.pool.pool import Pool

    (folder,) = (shop.folder / ".autoselection/pools").iterdir()
    pool = Pool.open(folder)
    return {pool.sample(row).id for row in range(len(pool))}


@pytest.mark.parametrize("spelling", ["messages", "prompt-completion", "sharegpt"])
def test_an_export_is_verified_and_a_changed_one_is_found_out(
    cli: Cli, searched: Workshop, spelling: str
) -> None:
    assert cli("export", "--to", "out", "--format", spelling)[0] == 0
    assert cli("export", "--to", "out", "--format", spelling)[0] == 0
    assert cli("verify", "out")[0] == 0
    card = (searched.folder / "out/README.md").read_text()
    assert "CC0-1.0" in card
    assert re.search(r"^Dev utility .* \(.*: a formula, no model was trained\)", card, re.MULTILINE)

    data = searched.folder / "out/data.jsonl"
    data.write_text(data.read_text().replace("Add", "Sum", 1).replace("ADD", "SUM", 1))
    code, output, _ = cli("verify", "out")

    assert code == 1
    assert "data.jsonl was changed" in output


def test_the_card_states_the_verdict_of_the_report_and_the_content_is_the_same_without_it(
    cli: Cli, searched: Workshop
) -> None:
    report = searched.folder / ".autoselection/reports/first"
    winner = json.loads((report / "verdict.json").read_text())["subset"]
    other = next(each.trial for each in searched.ledger().trials("first") if each.subset != winner)
    report.rename(report.with_name("elsewhere"))
    before = json.loads(cli("export", "first", "--to", "out", "--json")[1])["facts"]
    card = searched.folder / "out/README.md"
    assert "not compared with anything yet" in card.read_text()
    data = (searched.folder / "out/data.jsonl").read_bytes()
    report.with_name("elsewhere").rename(report)

    after = json.loads(cli("export", "first", "--to", "out", "--json")[1])["facts"]

    assert after == before
    assert (searched.folder / "out/data.jsonl").read_bytes() == data
    assert cli("verify", "out")[0] == 0
    _, shown, _ = cli("show", "first")
    said = shown[: shown.index("Test scores (")].strip().splitlines()
    assert f"**Verdict:** {said[0]}\n" in card.read_text()
    assert all(f"- {sentence}\n" in card.read_text() for sentence in said[1:])
    assert "- Mean test scores: winner " in card.read_text()
    assert "`reports/first/report.html`" in card.read_text()
    assert "not compared with anything" not in card.read_text()
    assert cli("export", "first", "--to", "new")[0] == 0
    assert (searched.folder / "new/README.md").read_bytes() == card.read_bytes()
    assert cli("export", "first", "--trial", str(other), "--to", "other")[0] == 0
    assert f"is about subset `{winner}`" in (searched.folder / "other/README.md").read_text()


def test_trl_reads_an_export_as_conversations(cli: Cli, searched: Workshop) -> None:
    cli("export", "--to", "out")

    first = json.loads((searched.folder / "out/data.jsonl").read_text().splitlines()[0])

    assert [message["role"] for message in first["messages"]] == ["user", "assistant"]
    assert first["sources"] == ["sums"]


def test_realise_shows_what_a_recipe_leaves(cli: Cli, shop: Workshop) -> None:
    cli("ingest")
    (shop.folder / "recipe.yaml").write_text("- keep_top: {signal: word_entropy, fraction: 0.5}\n")

    code, output, _ = cli("realise", "recipe.yaml")

    assert code == 0
    assert "35 of 70 rows" in output


def test_a_winner_of_few_samples_is_warned_of_at_the_end_of_a_search_and_on_the_card(
    cli: Cli, searched: Workshop
) -> None:
    _, output, _ = cli("search", "--name", "first")
    cli("export", "first", "--to", "out")
    card = (searched.folder / "out/README.md").read_text()

    kept = json.loads((searched.folder / "out/manifest.json").read_text())["samples"]
    assert kept < 70
    assert f"{kept} samples: a longer training may learn them by heart" in output
    assert f"- {kept} samples: a longer training may learn them by heart" in card


HALF = "- keep_top: {signal: word_entropy, fraction: 0.5}\n"


def test_a_winner_against_a_score_of_the_user_says_so_beside_the_verdict(cli: Cli, shop: Workshop) -> None:
    records = [{"prompt": f"Add {n} and 7.", "response": f"{n + 7} is it", "rm_score": n} for n in range(60)]
    (shop.folder / "raw/sums.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    shop.change("[word_entropy, exact, near_duplicates]", "[word_entropy, {column: rm_score}]")
    shop.change("{word_entropy: 1.0}", "{rm_score: -1.0}")
    shop.change("{budget: 3, policy: random,", "{budget: 6, policy: default,")
    shop.change("    signals:", "    policy: {version: 2, min_share: 0.2}\n    signals:")

    code, output, _ = cli("search", "--name", "first")
    page = (shop.folder / ".autoselection/reports/first/report.html").read_text()

    assert code == 0
    said = next(line for line in output.splitlines() if line.startswith("Your score rm_score: "))
    assert "the winner goes against it, its rows average " in said
    assert "standard deviations below the pool's (higher counts as better)" in said
    assert "than the best filter by it, keep_top[rm_score" in said
    assert said in html.unescape(page)


def test_a_recipe_of_one_s_own_is_paid_once_and_stands_beside_the_winner(
    cli: Cli, searched: Workshop
) -> None:
    (searched.folder / "half.yaml").write_text(HALF)
    before = searched.ledger().search("first")

    code, output, _ = cli("evaluate", "half.yaml", "--search", "first", "--report-evaluations", "7")
    again, repeated, _ = cli("evaluate", "half.yaml", "--json")

    after = searched.ledger().search("first")
    assert (code, again) == (0, 0)
    assert "keeps 35 of 70 rows; it costs 1 evaluation by the formula" in output
    assert "1 of 7 left" in output
    assert "advantage of winner (a fresh run)" in output
    assert (after.report_spent, after.spent) == (before.report_spent + 1, before.spent)
    told = json.loads(repeated)
    assert told["facts"]["cost"] == 1
    assert told["tables"][0]["rows"][0]["what"] == "utility"


def test_a_recipe_of_one_s_own_has_its_row_and_comparison_wherever_the_verdict_is(
    cli: Cli, searched: Workshop
) -> None:
    (searched.folder / "half.yaml").write_text(HALF)
    _, output, _ = cli("evaluate", "half.yaml", "--search", "first", "--report-evaluations", "7")
    _, shown, _ = cli("show", "first")
    told = json.loads(cli("show", "first", "--json")[1])
    report = searched.folder / ".autoselection/reports/first"
    pages = [(report / f"report.{kind}").read_text() for kind in ("html", "md")]

    name = "stated recipe keep_top[word_entropy,fraction=0.5]"
    compared = "Better than the stated recipe, keep_top[word_entropy]?"
    assert all(compared in each for each in (output, shown, *pages))
    assert all(name in each.replace("<wbr>", "").replace("\\", "") for each in pages)
    assert "stated recipe" in (report / "arms.svg").read_text()
    assert told["facts"]["comparisons"][-1]["opponent"] == "stated_recipe"
    (row,) = [each for each in told["tables"][0]["rows"] if each["arm"] == name]
    assert isinstance(row["test score"], float)
    assert '"stage": "done"' in cli("status", "--json")[1]

    (searched.folder / "third.yaml").write_text(HALF.replace("0.5", "0.3"))
    cli("evaluate", "third.yaml", "--search", "first", "--report-evaluations", "8")
    opponents = [each["opponent"] for each in json.loads(cli("show", "--json")[1])["facts"]["comparisons"]]
    assert opponents[-2:] == ["stated_recipe_1", "stated_recipe_2"]


def test_a_recipe_beyond_the_budget_is_refused_with_the_option_that_raises_it(
    cli: Cli, searched: Workshop
) -> None:
    (searched.folder / "half.yaml").write_text(HALF)
    made = searched.evaluations()

    code, output, error = cli("evaluate", "half.yaml")

    assert code == 2
    assert "0 of 6 left" in output
    assert "`autoselection evaluate --report-evaluations 7`" in error
    assert searched.evaluations() == made


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("shop")
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    code, output, _ = cli(command, "--help")

    assert code == 0
    assert "Usage" in output


@pytest.mark.usefixtures("shop")
def test_the_command_lists_all_commands(cli: Cli) -> None:
    said = cli("--help")[1]

    assert all(command in said for command in COMMANDS)
    assert "..." not in said.partition("Commands")[2], "a summary is too long for 80 columns"


@pytest.mark.usefixtures("shop")
def test_the_home_folder_is_the_environment_s(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSELECTION_HOME", str(tmp_path / "elsewhere"))

    cli("ingest")

    assert (tmp_path / "elsewhere/pools").is_dir()
    assert not (tmp_path / ".autoselection").exists()


def test_explain_leads_from_a_search_to_its_subset_and_evaluation_and_back_to_a_sample(
    cli: Cli, searched: Workshop
) -> None:
    trial = searched.ledger().trials("first")[-1]

    code, told, _ = cli("explain", "first")
    assert (code, "full pool" in told, "expected" in told) == (0, True, True)
    for name in (trial.subset, trial.evaluation):
        code, told, _ = cli("explain", str(name))
        assert code == 0
        assert f"first|{trial.trial:03d}" in told
        assert str(trial.evaluation) in told
    code, told, _ = cli("explain", min(_ids_of_pool(searched)))
    assert code == 0
    assert "evaluations by a formula, without a model" in told
    assert "models trained on them" not in told


@pytest.mark.usefixtures("searched")
def test_compare_counts_what_either_subset_has_alone(cli: Cli) -> None:
    code, told, _ = cli("compare", "1", "2")

    assert code == 0
    assert "only in trial 1" in told
    assert "difference in sd of the pool" in told
    assert "Both evaluations on the same dev items" in told
    assert "McNemar" in told


def test_a_warm_search_learns_from_the_one_that_it_names(cli: Cli, searched: Workshop) -> None:
    wanted = ("--warm-from", "first", "--policy", "default", "--budget", "2", "--report-evaluations", "0")

    code, _, _ = cli("search", "--name", "second", *wanted)

    assert code == 0
    ledger = searched.ledger()
    assert ledger.search("second").spec.warm_from == "first"
    assert ledger.history("second").observations[-1].proposal["earlier"] == 3
    code, shown, _ = cli("show", "second")
    assert code == 0
    assert "started from first. " in shown
    assert "recipes were measured there and here" in shown


def test_a_search_learns_from_several_earlier_ones(cli: Cli, searched: Workshop) -> None:
    wanted = ("--policy", "default", "--budget", "1", "--report-evaluations", "0")

    cli("search", "--name", "second", *wanted)
    code, _, _ = cli("search", "--name", "third", "--warm-from", "first", "--warm-from", "second", *wanted)

    assert code == 0
    ledger = searched.ledger()
    spec = ledger.search("third").spec
    assert (spec.warm_from, spec.warm_also) == ("first", ("second",))
    known = len(ledger.history("first").observations) + len(ledger.history("second").observations)
    assert ledger.history("third").observations[-1].proposal["earlier"] == known


@pytest.mark.usefixtures("searched")
def test_a_warm_search_from_nowhere_is_refused(cli: Cli) -> None:
    code, _, problems = cli("search", "--name", "second", "--warm-from", "never")

    assert code == 2
    assert "never" in problems


def test_a_search_decides_again_what_it_recorded_and_a_changed_record_is_told(
    cli: Cli, searched: Workshop
) -> None:
    code, output, _ = cli("replay", "first")
    with closing(sqlite3.connect(searched.folder / ".autoselection/history.sqlite")) as history, history:
        history.execute("UPDATE searches SET spec = replace(spec, '\"seed\":0', '\"seed\":1')")
    changed, told, _ = cli("replay", "first")

    assert code == 0
    assert "3 of 3 decisions come out as recorded" in output
    assert changed == 1
    assert "of 3 decisions come out as recorded" in told


def test_forecast_and_replay_spend_nothing(cli: Cli, searched: Workshop) -> None:
    made = searched.evaluations()

    forecast_code, forecast, _ = cli("forecast", "first", "--evaluations", "2")
    replay_code, replay, _ = cli("replay", "first", "--policy", "default")

    assert (forecast_code, replay_code) == (0, 0)
    assert "2 more evaluations of first are likely to gain" in forecast
    assert "90 % interval" in forecast
    assert "default over what first measured" in replay
    assert searched.evaluations() == made
