"""Whose runs say how much runs vary."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autoselection_core.benchmarks.metric import Metric, form_warning
from autoselection_core.benchmarks.split import Side, split
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.search import NoReportError
from autoselection_core.evaluation.folder import EvaluationFolder, untrained_key
from autoselection_core.export.searched import export_trial
from autoselection_core.history.records import TrialKind
from autoselection_core.history.specification import SearchSpec
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.duplicates import DropExactDuplicates
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe, Union, outlines
from autoselection_core.report.explaining import explain_sample
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.beginning import led_before, origin_of
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.fidelities import dev_agreement
from autoselection_core.report.sections.lead import compared_sentences, headline, lead_of, verdict_sentences
from autoselection_core.report.sections.outlook import noise_sentence, outlook
from autoselection_core.report.sections.protocol import form_warnings, level_sentences, unread_table
from autoselection_core.report.sections.tables import (
    READABLE,
    UNTRAINED,
    arm_table,
    arm_table_of,
    budget_table,
    gate_sentence,
    legend_sentences,
    policy_text,
    readable_sentence,
    reasons_table,
    trial_table,
)
from autoselection_core.report.sections.tradeoffs import signs_of, tradeoff_table, tradeoffs_of
from autoselection_core.report.sections.verdict import (
    Finding,
    compare,
    finding_sentences,
    findings,
    have_same_rows,
    in_words,
    is_better,
    verdict_sentence,
)
from autoselection_core.report.sections.waterfall import shown_columns, waterfall
from autoselection_core.report.writing import write_report
from autoselection_core.score.comparison import Difference, StatedVerdict, Verdict, arm_difference
from autoselection_core.score.score import BenchmarkScore, ItemScore
from autoselection_core.search.arms import FULL_POOL, RANDOM, WINNER
from autoselection_core.search.loop import run_search
from autoselection_core.search.report_evaluations import ArmRun
from autoselection_core.search.stated_recipes import STATED
from autoselection_core.signals.contamination.decontaminate import GateResult
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.candidates.warmup import is_plain, is_single_filter
from autoselection_core.solver.policy import LATEST
from autoselection_core.solver.programs.limits import trainable_rows
from autoselection_core.solver.proposal import ORIGINS, Proposal, RunnerUp
from autoselection_core.space import meanings
from autoselection_core.store.home import Home
from autoselection_core.subset.explain import without_idle_steps
from autoselection_core.testing.tiny_model import tiny_tokenizer
from tests.campaign.test_workspace import write_trained
from tests.report.conftest import searched_in
from tests.score.test_score import run


def score(name: str, metric: Metric, unread: int) -> BenchmarkScore:
    items = tuple(ItemScore(f"{number}", 0.0, "", is_parse_failure=number < unread) for number in range(4))
    return BenchmarkScore(name, metric, Side.TEST, items)


def test_what_could_not_be_read_stands_beside_every_arm_with_written_answers() -> None:
    written = [[score("sums", Metric.ANSWER_ACCURACY, unread)] for unread in (1, 3)]
    chosen = [[score("sums", Metric.ANSWER_ACCURACY, 0)]]

    table = unread_table({"full pool": written, "winner": chosen, "never run": []})

    assert table is not None
    assert table.columns == ("arm", "sums")
    assert table.rows == (("full pool", 0.5), ("winner", 0.0))


def test_likelihoods_have_nothing_to_read() -> None:
    assert unread_table({"winner": [[score("sums", Metric.LOG_LIKELIHOOD, 0)]]}) is None


def test_random_subsets_say_nothing_about_how_much_runs_of_the_full_pool_vary() -> None:
    """Five calm runs would hide that the two of the full pool differ by much."""
    winners, randoms, full = ([run([level] * 3) for level in levels] for levels in _LEVELS)
    tests = {WINNER: winners, RANDOM: randoms, FULL_POOL: full}
    spec = SearchSpec(campaign="calm")

    over_random, over_full = (compare(tests, name, spec) for name in (RANDOM, FULL_POOL))

    assert over_full is not None
    assert over_full.difference == arm_difference(winners, full, seed=0)
    assert over_full.difference.verdict is Verdict.UNDECIDED
    assert over_random is not None
    assert over_random.difference == arm_difference(winners, randoms, seed=0, beside=[full])


_LEVELS = ((2.0, 2.1), (0.9, 1.0, 1.1), (0.0, 1.0))
"""Scores of the winner's runs, of random subsets, of the full pool."""


def test_every_trial_stands_in_the_table_with_recipe_size_score_and_error(facts: SearchFacts) -> None:
    table = trial_table(facts)

    assert len(table.rows) == 4
    labels = outlines([observation.recipe for observation in facts.history.observations])
    for row, observation, label in zip(table.rows, facts.history.observations, labels, strict=True):
        named = dict(zip(table.columns, row, strict=True))
        assert named["recipe"] == label
        assert named["rows"] == len(facts.realise(observation.recipe))
        assert named["tokens"] is None  # the campaign counts none, so that sizes are in rows
        assert named["dev score"] == observation.utility
        assert named["± se"] == observation.standard_error


def test_one_trial_is_starred_and_it_is_the_recommended_one(facts: SearchFacts) -> None:
    starred = [row[0] for row in trial_table(facts).rows if str(row[0]).endswith("*")]

    assert facts.best is not None
    assert starred == [f"{facts.best.trial} *"]


def test_both_budgets_are_shown_apart(facts: SearchFacts) -> None:
    assert budget_table(facts.record).rows == (("search", 4, 4.0, 0.0), ("report", 6, 6.0, 0.0))


def test_the_verdict_rests_on_fresh_runs_and_states_an_interval(facts: SearchFacts) -> None:
    over_random, over_full = findings(facts)

    assert (over_random.opponent, over_random.runs[1]) == ("random", 3)
    assert over_full.opponent == "full_pool"
    for finding in (over_random, over_full):
        assert finding.runs[0] == 2
        assert finding.difference.low < finding.difference.value < finding.difference.high
        assert f"[{finding.difference.low:+.4f}, {finding.difference.high:+.4f}]" in finding.sentence
        assert finding.difference.verdict.value in finding.sentence


def test_the_verdict_uses_test_scores_and_not_those_that_made_the_winner(facts: SearchFacts) -> None:
    winners = [run for run in facts.arms if run.arm == "winner"]
    randoms = [run for run in facts.arms if run.arm == "random"]

    def mean(runs: list[ArmRun]) -> float:
        return sum(run.test[0].mean for run in runs) / len(runs)

    assert findings(facts)[0].difference.value == pytest.approx(mean(winners) - mean(randoms))


def test_with_one_run_an_arm_the_verdict_is_undecided(tmp_path: Path) -> None:
    facts = searched_in(tmp_path, report_evaluations=2)

    found = findings(facts)

    assert found
    assert {finding.difference.verdict for finding in found} == {Verdict.UNDECIDED}
    assert "says nothing about luck" in found[0].sentence
    assert is_better(found) is Verdict.UNDECIDED


def test_an_open_verdict_beside_an_interval_that_leaves_out_zero_says_why(tmp_path: Path) -> None:
    """`undecided` stood beside [+1.92, +1.96], and the headline said that the runs tell nothing apart."""
    facts = searched_in(tmp_path, report_evaluations=2)
    clear = Difference(1.94, 1.92, 1.96, 0.95, Verdict.UNDECIDED)
    found = [replace(each, difference=clear) for each in findings(facts)]

    assert "? undecided (wherever the interval lies: an arm of one run" in found[0].sentence
    assert "? undecided (one run)" in finding_sentences(found)[0]
    assert headline(facts, found).startswith(
        "Undecided by the formula (no model was trained): an arm of one run decides nothing; undecided "
    )
    enough = [replace(each, runs=(2, 2)) for each in found]
    assert "cannot tell them apart" in headline(facts, enough)
    assert "one run" not in " ".join(finding_sentences(enough))


def test_what_holds_for_several_comparisons_is_said_once(tmp_path: Path) -> None:
    """Three paragraphs of a verdict ended with one and the same bracket."""
    facts = searched_in(tmp_path, report_evaluations=2)
    found = [replace(each, epochs=(1.94, 0.1 + place)) for place, each in enumerate(findings(facts))]
    told = finding_sentences(found)

    assert [one.opponent for one in found] == ["random", "full_pool"]
    text = " ".join(told)
    assert text.count("luck between runs") == text.count("A run of the winner read") == 1
    assert told[-2] == (
        "An arm of one run decides nothing, wherever its interval lies, as it says nothing about luck "
        "between runs: the winner, random subsets of equal tokens and the full pool."
    )
    assert told[-1].endswith(
        "1.9 times, one of random subsets of equal tokens 0.1 times, one of the full pool 1.1 times."
    )
    assert finding_sentences(found[:1]) == [found[0].sentence]
    assert "luck between runs" in found[0].sentence


def test_an_old_winner_that_came_out_ahead_after_its_search_was_superseded_is_told_from_the_one_tried_again(
    facts: SearchFacts,
) -> None:
    first, *others = facts.trials
    trials = [replace(first, proposal={"origin": "given", "edit": "winner of older, trial 2"}), *others]

    assert led_before(trials, "older", 4) == (
        ": when this search began, trial 2 of older led, which was tried again as trial 1; trial 4 leads "
        "there since"
    )
    assert led_before(trials, "old", 4) == led_before(facts.trials, "older", 4) == ""


def test_what_a_search_learns_from_is_listed_as_people_write_it(facts: SearchFacts) -> None:
    """`from what third and second, first had measured`."""

    def told(*names: str) -> str:
        spec = replace(facts.record.spec, warm_from=names[0], warm_also=names[1:])
        return origin_of(replace(facts.record, spec=spec)).partition(", ")[2]

    assert told("third", "second", "first") == "from what third, second and first had measured"
    assert told("second") == "from what second had measured"


@pytest.mark.parametrize("plain", [0, 2])
@pytest.mark.parametrize("budget", [0, 2, 3, 6, 8, 12])
def test_the_runs_that_a_second_budget_pays_for_add_up_to_it(budget: int, plain: int) -> None:
    """A budget of 8 bought 2 + 2 + 3 + 2 runs: one of them was the search's own."""
    told = verdict_sentence(budget, plain)

    said, bought = re.match(r"the second budget pays for (\d+) runs \(([^)]*)\)", told).groups()  # type: ignore[union-attr] # a sentence that begins otherwise fails
    assert int(said) == budget == sum(map(int, re.findall(r"(\d+) of ", bought)))
    assert told.count("beside the search's own run of the full pool") == int(budget > 0)


def test_a_search_that_tries_plain_filters_compares_its_winner_with_the_best_of_them(tmp_path: Path) -> None:
    settings = {"version": 2, "fresh": 60, "edits": 40, "draws": 4}
    facts = searched_in(tmp_path, 8, budget=6, policy="default", policy_settings=settings)

    found = {finding.opponent: finding for finding in findings(facts)}

    assert {arm: finding.runs for arm, finding in found.items()} == {
        "random": (2, 3),
        "full_pool": (2, 2),
        "plain_filter": (2, 2),
    }
    tried = {one.recipe.label for one in facts.history.observations if len(one.recipe) == 1}
    assert found["plain_filter"].recipe in tried
    assert found["plain_filter"].recipe != facts.require_best().recipe.label
    assert f"the best plain filter, {found['plain_filter'].recipe}?" in found["plain_filter"].sentence


def test_a_winner_that_is_a_plain_filter_is_called_one(tmp_path: Path) -> None:
    settings = {"full_pool": 0, "warmup": 1, "fresh": 60}
    facts = searched_in(tmp_path, 8, budget=1, policy="default", policy_settings=settings)
    (only,) = facts.history.observations

    sentence = next(each for each in compared_sentences(facts, findings(facts)) if "plain filter" in each)

    assert only.proposal["origin"] == "plain"
    assert sentence == (
        f"The winner is itself a plain filter, {only.recipe.full_label}. No tried recipe of more steps is "
        "expected to do better. No other plain filter was measured to compare it with."
    )


def test_answers_of_another_form_are_warned_of_wherever_the_verdict_is(trained_facts: SearchFacts) -> None:
    """The items have two characters, the samples a sentence: a better likelihood may be one of form."""
    report = write_report(trained_facts)
    (warning,) = form_warnings(trained_facts)
    stated = StatedVerdict.read(report.markdown.parent)
    assert stated is not None

    assert "sums: its answers have 2 characters, those of the samples 1" in warning
    assert "may be one of form alone" in warning
    assert warning in report.markdown.read_text()
    assert warning in verdict_sentences(trained_facts, report.findings)
    assert warning in stated.warnings
    assert warning in stated.sentences, "the card of an export has no other place for it"


def test_trainings_in_several_number_types_are_warned_of_wherever_the_verdict_is(
    trained_facts: SearchFacts, tmp_path: Path
) -> None:
    """As two machines that share a home leave them, or one before and after its choice was made again."""
    home = Home(shutil.copytree(trained_facts.workspace.home.root, tmp_path / "home"))
    facts = SearchFacts.of(Workspace(trained_facts.workspace.campaign, home), trained_facts.record.search)
    names = {each.evaluation for each in facts.trials} | {run.trial.evaluation for run in facts.compared}
    assert facts.mixture is None
    folder = EvaluationFolder(home.evaluation(str(facts.trials[0].evaluation)))
    before = folder.read_json("environment.json")
    folder.write_json("environment.json", {**before, "dtype": "bfloat16"})

    place = f"cpu ({before['machine']})"

    mixed = SearchFacts.of(Workspace(facts.workspace.campaign, home), facts.record.search)
    report = write_report(mixed)
    stated = StatedVerdict.read(report.markdown.parent)

    warning = (
        f"The models were trained unlike each other: {len(names) - 1} in float32 on {place}, "
        f"1 in bfloat16 on {place}. Small differences may be of rounding alone."
    )
    assert stated is not None
    assert warning in stated.warnings
    assert warning in report.markdown.read_text()


def test_items_that_are_answered_as_the_samples_are_bring_no_warning_and_a_formula_none(
    facts: SearchFacts,
) -> None:
    likelihood = Metric.LOG_LIKELIHOOD

    assert form_warning("sums", likelihood, 40, 199) == ""
    assert form_warning("sums", likelihood, 40, 200) != ""
    assert form_warning("sums", likelihood, 200, 40) != ""
    assert form_warning("sums", Metric.ANSWER_ACCURACY, 2, 200) == ""
    assert form_warning("sums", likelihood, 0, 200) == "", "nothing is known of its answers"
    assert form_warnings(facts) == []


def test_a_likelihood_has_a_perplexity_and_an_even_guess_beside_it(trained_facts: SearchFacts) -> None:
    """Answers are the numbers 67 to 96: their digits as the tokenizer writes them, each counted once."""
    (benchmark,) = trained_facts.workspace.benchmarks
    tokenizer = tiny_tokenizer()
    texts = [item.reference for item in split(benchmark).test]
    used = {token for text in texts for token in tokenizer(text, add_special_tokens=False)["input_ids"]}
    (sentence,) = level_sentences(trained_facts)
    mean = float(np.mean([run.test[0].mean for run in trained_facts.compared if run.arm == WINNER]))

    assert trained_facts.answer_tokens == {"sums": len(used)}
    assert f"{mean:.4g} nats a token is a perplexity of {np.exp(-mean):,.0f}" in sentence
    assert (
        f"the {len(used)} different tokens of its right answers scores {-np.log(len(used)):.3g}" in sentence
    )
    assert ("score lower than that" in sentence) == (mean < -np.log(len(used)))
    assert sentence in compared_sentences(trained_facts, findings(trained_facts))


def test_a_search_is_shown_on_a_machine_without_its_model(trained_facts: SearchFacts) -> None:
    """A backup is restored where no base model is: the level is left out, and the verdict stays."""
    campaign = replace(trained_facts.workspace.campaign, base_model=None)
    told = []
    for model in ("/nowhere/model", "nobody/has-this-model"):
        elsewhere = replace(trained_facts.workspace, campaign=replace(campaign, base_model=model))
        facts = SearchFacts.of(elsewhere, trained_facts.record.search)
        told.append((facts.answer_tokens, list(level_sentences(facts))))

    assert told == [({}, []), ({}, [])]


def test_tokens_that_a_training_reads_have_a_column_and_are_equal_where_that_is_said(
    trained_facts: SearchFacts,
) -> None:
    """Whole samples of equal readable tokens differ: half of the pool's are longer than `max_tokens`."""
    table = arm_table_of(trained_facts)
    place, arms = table.columns.index(READABLE), [row[0] for row in table.rows]
    sizes = dict(zip(arms, [row[place] for row in table.rows], strict=True))
    column = trained_facts.signals["tokens"].astype(np.float64)
    answered = trainable_rows(trained_facts.signals, 64)
    whole = int(np.where(answered, np.minimum(column, 64), 0).sum())
    trials = trial_table(trained_facts)
    winner, drawn = sizes["winner"], sizes["random"]
    assert isinstance(winner, int)
    assert isinstance(drawn, int)

    assert sizes["full pool"] == whole < int(column.sum())
    assert winner - 64 < drawn <= winner
    assert sizes[UNTRAINED] is None
    assert [row[trials.columns.index(READABLE)] for row in trials.rows] == [winner]
    told = readable_sentence(trained_facts)
    assert f"({np.count_nonzero(~answered)} of {len(answered)} samples of the pool)" in told
    assert told in write_report(trained_facts).markdown.read_text()
    full = next(each for each in findings(trained_facts) if each.opponent == FULL_POOL)
    read = [run.training_tokens or 0 for run in trained_facts.compared if run.arm == FULL_POOL]
    assert full.epochs is not None
    assert full.epochs[1] == pytest.approx(np.mean(read) / whole)


def test_a_winner_of_one_ranking_that_is_no_usual_filter_is_called_a_plain_filter_too() -> None:
    recipes = {
        "one": Recipe((KeepTop("words", order="lowest"),)),
        "two": Recipe((KeepTop("words"), KeepTop("tokens"))),
        "none": Recipe(),
        "random": Recipe((KeepRandom(),)),
    }

    assert [name for name, recipe in recipes.items() if is_single_filter(recipe)] == ["one"]
    assert not is_plain(recipes["one"])


def test_steps_and_recipes_of_one_label_are_told_apart_by_their_numbers() -> None:
    """A newcomer read `keep_top[words] > keep_top[words] > keep_top[words]`."""
    shares = (0.9, 0.8)
    repeated = Recipe((*(KeepTop("words", fraction=share) for share in shares), KeepTop("ifd")))
    united = Recipe((KeepTop("ifd"), Union(repeated.with_steps(repeated.steps[:2]))))
    ranked = [Recipe((KeepTop("ifd", fraction=share),), seed) for share, seed in ((0.1, 0), (0.1, 1))]

    assert repeated.outline == "keep_top[words,fraction=0.9] > keep_top[words,fraction=0.8] > keep_top[ifd]"
    assert united.outline.endswith("union(keep_top[words,fraction=0.9] > keep_top[words,fraction=0.8])")
    assert outlines(ranked) == ["keep_top[ifd]", "keep_top[ifd]"], "their rows are the same"
    other = Recipe((KeepTop("ifd", fraction=0.2),))
    assert outlines([other, *ranked[:1]]) == ["keep_top[ifd,fraction=0.2]", "keep_top[ifd,fraction=0.1]"]


def test_a_report_names_what_a_union_adds_and_explains_its_notation(facts: SearchFacts) -> None:
    """`... > union` never said with what; `>`, operators, utility and surrogate were nowhere explained."""
    united = Recipe((KeepTop("ifd"), Union(Recipe((KeepTop("words", order="lowest"),)))))
    notation, words = legend_sentences([united, Recipe((KeepRandom(),))])
    page = write_report(facts).markdown.read_text()

    assert united.outline == "keep_top[ifd] > union(keep_top[words,lowest])"
    assert Recipe((Union(Recipe()),)).outline == "union(full pool)"
    long = Recipe(tuple(KeepTop(name) for name in "abcd"))
    assert Recipe((Union(long),)).outline == "union(keep_top[a] > keep_top[b] > ...)"
    assert "`>`" in notation
    assert "`union(R)`" in notation
    assert "`keep_top`: Keep the first rows in the ranking by one signal" in notation
    assert "`keep_random`: " in notation
    assert all(word in words for word in ("utility", "surrogate", "posterior mean", "Floors"))
    assert words in page


def test_a_gate_that_cut_nothing_says_so_and_a_policy_is_named_with_its_version(facts: SearchFacts) -> None:
    """ "0 of 1,000 samples ... were left out" and the policy "default" said little."""
    nothing = GateResult(facts.pool, facts.record.spec.pool_version, 0.5, ("sums",), ())
    pinned = SearchSpec(campaign="try", policy_settings={"version": LATEST})

    assert gate_sentence(nothing) == (
        f"none of {len(facts.pool)} samples contains a question of sums, so none was left out"
    )
    assert policy_text(pinned) == f"default, version {LATEST}"
    assert policy_text(replace(pinned, policy_settings={})) == "default, version 1"
    assert policy_text(replace(pinned, policy="random")) == "random"


def test_a_full_pool_that_won_is_said_to_be_the_best_and_compared_with_the_best_subset(
    whole_pool_facts: SearchFacts,
) -> None:
    facts = whole_pool_facts
    (found,) = findings(facts)
    lead = lead_of(facts, [found])

    assert lead.verdict == (
        "By the formula (no model was trained) the full pool is the best that was tried; no subset beat it."
    )
    assert (found.opponent, found.runs, found.difference.verdict) == ("proper_subset", (3, 3), Verdict.YES)
    assert "Better than the best subset that leaves something out, " in found.sentence
    assert "beats the best subset that leaves something out" in outlook(facts).sentence
    assert "random" not in " ".join([lead.verdict, *lead.details, *lead.further])


def test_arms_of_the_same_rows_are_no_opponents(whole_pool_facts: SearchFacts, facts: SearchFacts) -> None:
    """A report that an earlier release planned has random draws that are the full pool under another seed."""
    winners = [run for run in whole_pool_facts.arms if run.arm == "winner"]
    same = [replace(run, arm=arm) for run, arm in zip(winners, (WINNER, RANDOM, FULL_POOL), strict=True)]

    assert have_same_rows(same, WINNER, RANDOM)
    assert have_same_rows(same, WINNER, FULL_POOL)
    assert not have_same_rows(facts.arms, WINNER, RANDOM)


def test_noise_between_runs_is_measured_on_repeated_runs(facts: SearchFacts) -> None:
    """The noise of the surrogate said 0.014 where two runs on the same rows differed by 0.17."""
    ledger, search = facts.workspace.ledger, facts.record.search
    trials = (*ledger.trials(search), *ledger.trials(search, TrialKind.REPORT))
    runs = {(each.subset, each.evaluation): each.utility for each in trials}
    frame = pd.DataFrame(
        [(subset, value) for (subset, _), value in runs.items()], columns=["subset", "score"]
    )
    grouped = frame.groupby("subset")["score"]
    repeated = frame[grouped.transform("count") > 1]
    residual = repeated["score"] - grouped.transform("mean")[repeated.index]
    deviation = (float((residual**2).sum()) / (len(repeated) - repeated["subset"].nunique())) ** 0.5

    said = noise_sentence(facts)

    assert said.startswith(f"Runs of one subset vary by {deviation:.2g} (standard deviation of dev scores")
    assert f"from {len(repeated)} runs of {repeated['subset'].nunique()} subsets" in said
    assert said in write_report(facts).markdown.read_text()


def test_a_report_of_trainings_says_how_far_the_dev_items_rank_its_models(tmp_path: Path) -> None:
    workspace = write_trained(tmp_path)
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    spec = workspace.spec(pool.version, budget=4, report_evaluations=0)
    search = workspace.ledger.register(spec, "ranked")
    run_search(workspace.ledger, search, workspace.solver(spec), workspace.evaluator(pool.version, spec))
    facts = SearchFacts.of(workspace, search)

    agreement = dev_agreement(facts)

    measured = {one.evaluation for one in facts.trials if one.utility is not None}
    assert agreement is not None
    assert agreement.models == len(measured) > 2, [one.reason for one in facts.trials]
    assert agreement.items == len(split(workspace.benchmarks[0]).dev)
    assert agreement.sentence.split(".")[0] in write_report(facts).markdown.read_text()


def test_items_of_a_formula_rank_nothing(facts: SearchFacts) -> None:
    assert len(facts.trials) > 2
    assert dev_agreement(facts) is None


def test_noise_that_nothing_measured_is_not_stated(tmp_path: Path) -> None:
    assert "was not measured" in noise_sentence(searched_in(tmp_path, report_evaluations=0))


def test_without_a_second_budget_nothing_is_claimed(tmp_path: Path) -> None:
    facts = searched_in(tmp_path, report_evaluations=0)

    assert findings(facts) == ()
    assert is_better(()) is Verdict.UNDECIDED
    assert write_report(facts).html.exists()


def test_the_page_needs_nothing_else_and_runs_no_script(facts: SearchFacts) -> None:
    page = write_report(facts).html.read_text()

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert page.count("data:image/svg+xml;base64,") >= 4


def test_the_report_names_metric_budgets_verdict_and_the_recipe(facts: SearchFacts) -> None:
    text = write_report(facts).markdown.read_text()

    assert "The metric that drove the search: closed_form" in text
    assert "Better than random subsets of equal tokens?" in text
    assert "| report | 6 | 6 |" in text
    assert "process:" in text
    assert facts.record.spec.pool_version in text


def test_every_picture_that_the_markdown_names_lies_beside_it(facts: SearchFacts) -> None:
    report = write_report(facts)
    named = re.findall(r"!\[[^\]]+\]\((\w+\.svg)\)", report.markdown.read_text())

    assert {"arms.svg", "trajectory.svg", "tokens.svg", "retention.svg", "histograms.svg"} <= set(named)
    assert all((report.markdown.parent / name).stat().st_size > 1000 for name in named)


def test_a_report_written_twice_is_the_same_page(facts: SearchFacts) -> None:
    assert write_report(facts).html.read_bytes() == write_report(facts).html.read_bytes()


def test_a_running_search_has_no_report(tmp_path: Path) -> None:
    facts = searched_in(tmp_path, report_evaluations=0)
    facts.workspace.ledger.raise_budget("first", 5)

    with pytest.raises(NoReportError):
        write_report(SearchFacts.of(facts.workspace, "first"))


def test_arms_stand_with_dev_and_test_scores(facts: SearchFacts) -> None:
    rows = arm_table(facts.arms, facts.record.spec).rows

    assert [row[0] for row in rows] == ["winner"] * 2 + ["random"] * 3 + ["full pool"] * 2
    assert [row[1] for row in rows[:5]] == ["replicate 1", "replicate 2", "draw 1", "draw 2", "draw 3"]
    assert all(isinstance(row[5], float) and row[7] == 40 for row in rows)
    assert all(row[2] is None and row[3] is None for row in rows)  # no tokens are counted, none trained


def test_a_search_that_counts_tokens_shows_them(facts: SearchFacts) -> None:
    spec = replace(facts.record.spec, signal_versions={"tokens": "0"}, metric="answer_accuracy")

    table = arm_table(facts.arms, spec)

    assert [row[2] for row in table.rows] == [row[3] for row in table.rows]
    assert all(isinstance(row[2], int) for row in table.rows)
    assert table.columns[-1] == "test items"


def test_no_page_of_a_search_by_a_formula_claims_a_trained_model(facts: SearchFacts) -> None:
    written = write_report(facts)
    pages = [written.markdown.read_text(), written.html.read_text()]
    said = [*pages, *(each.sentence for each in written.findings), outlook(facts).sentence]

    claims = ("trains a better model", "train a better model", "full trainings", "Test items")
    assert [claim for claim in claims for text in said if claim in text] == []
    assert all("no model was trained" in text for text in said)
    assert all("simulated items" in page for page in pages)


def test_a_waterfall_shows_what_the_steps_read_then_the_scores_brought_and_no_constants() -> None:
    values = {name: np.array([1, 2, 3], np.float32) for name in ("a", "b", "c", "rm_score", "ifd")}
    constant = {"has_code": np.zeros(3, np.float32), "unknown": np.full(3, np.nan, np.float32)}
    signals = SignalTable("pool", np.arange(3, dtype=np.uint64), {**constant, **values})

    shown = shown_columns(signals, ("ifd", "has_code", "exact"), ("rm_score",))

    assert shown == ("ifd", "rm_score", "a", "b")


def test_the_base_model_has_a_row_where_it_was_scored_and_old_reports_have_none(tmp_path: Path) -> None:
    facts = searched_in(tmp_path, report_evaluations=2)
    assert facts.untrained is None
    assert UNTRAINED not in write_report(facts).markdown.read_text()

    run = facts.arms[0]
    evaluator = facts.workspace.evaluator(facts.record.spec.pool_version, facts.record.spec)
    known = evaluator.load_finished(str(run.trial.evaluation))
    assert known is not None
    folder = EvaluationFolder(facts.workspace.home.evaluation(untrained_key(facts.record.spec.evaluator)))
    folder.write_test(run.test, 1.0)
    folder.write_result(replace(known, key=folder.key))
    read = SearchFacts.of(facts.workspace, facts.record.search)

    (*_, last) = arm_table(read.arms, read.record.spec, read.untrained).rows
    assert last[0] == UNTRAINED
    assert last[4] == known.utility
    assert last[5] == pytest.approx(run.test[0].mean)
    page = write_report(read).markdown.read_text()
    assert f"| {UNTRAINED} |" in page
    assert f"The untrained base model scores {last[5]:.4g} on these items: runs of the winner" in page
    assert re.search(r"on average, are (higher|lower) by [\d.e-]+\.", page), "how much, and no verdict"


def test_the_headline_names_every_opponent_and_one_success_does_not_stand_alone(facts: SearchFacts) -> None:
    random, full = findings(facts)
    assert (random.opponent, full.opponent) == (RANDOM, FULL_POOL)

    def judged(finding: Finding, verdict: Verdict) -> Finding:
        return replace(finding, difference=replace(finding.difference, verdict=verdict))

    found = [judged(random, Verdict.YES), judged(full, Verdict.UNDECIDED)]

    assert headline(facts, found).endswith("beats random ones; undecided against the full pool.")
    assert in_words(found).startswith(
        "better than random subsets of equal tokens; undecided against the full pool, by the formula"
    )
    both = [judged(random, Verdict.YES), judged(full, Verdict.YES)]
    assert headline(facts, both).endswith("beats random ones and the full pool.")


def test_exports_leave_out_the_steps_that_change_nothing_as_the_report_does(
    facts: SearchFacts, tmp_path: Path
) -> None:
    left_out = 0
    for trial in facts.trials:
        folder = tmp_path / f"trial-{trial.trial}"
        export_trial(facts.workspace, facts.record.search, folder, trial.trial)
        manifest = json.loads((folder / "manifest.json").read_text())
        assert trial.recipe is not None
        shorter = without_idle_steps(trial.recipe, facts.signals)
        assert manifest["recipe"] == shorter.settings
        assert manifest["subset"] == trial.subset
        assert manifest.get("idle_steps", 0) == len(trial.recipe) - len(shorter)
        left_out += manifest.get("idle_steps", 0)

    assert left_out > 0


def test_explanations_number_the_steps_as_the_recommended_recipe_is_shown(facts: SearchFacts) -> None:
    """`explain` named a step 3 that the report's recipe had not."""
    best, padded = facts.require_best(), SearchFacts.of(facts.workspace, facts.record.search)
    idle = (DropExactDuplicates(), DropExactDuplicates())
    vars(padded)["best"] = replace(best, recipe=best.recipe.with_steps((*best.recipe.steps, *idle)))

    told = [part for part in explain_sample(padded, facts.pool.sample(0).id) if isinstance(part, str)]

    shown = padded.best_recipe
    assert 0 < len(shown) < len(best.recipe) + len(idle)
    assert len([line for line in told if line.startswith("  step ")]) == len(shown)
    assert any("left out here" in line for line in told)
    assert [prefix.step for prefix in waterfall(padded)] == [
        "full pool",
        *(step.label for step in shown.steps),
    ]
    assert waterfall(padded)[-1].subset.fingerprint == best.subset


def test_a_cell_with_a_bar_does_not_break_a_markdown_table() -> None:
    text = Table("t", ("a", "b"), (("x|y", 1),)).to_markdown()

    assert text.splitlines()[-1] == r"| x\|y | 1 |"


def test_a_finding_is_a_value(facts: SearchFacts) -> None:
    found: Finding = findings(facts)[0]

    assert found == findings(facts)[0]


def test_a_few_trials_have_no_map_no_tree_and_no_trade_offs(facts: SearchFacts) -> None:
    text = write_report(facts).markdown.read_text()

    assert "## Trade-offs" not in text
    assert not {"map.svg", "tree.svg"} & set(re.findall(r"\((\w+\.svg)\)", text))


def test_trade_offs_are_in_the_report_and_the_best_expected_score_is_on_the_front(tmp_path: Path) -> None:
    facts = searched_in(tmp_path, report_evaluations=0, budget=6)
    table = tradeoff_table(tradeoffs_of(facts), "rows")
    written = write_report(facts)

    named = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    best = max(named, key=lambda row: float(str(row["closed_form"]).split(" ")[0]))
    assert {row["trial"] for row in named} == {one.trial for one in facts.history.observations}
    assert best["on the front"] == "yes"
    assert str(best["chance"]).endswith("%")
    assert "map.svg" in written.markdown.read_text()
    assert "## Trade-offs" in written.markdown.read_text()
    assert (written.html.parent / "tradeoffs.svg").read_bytes().startswith(b"<?xml")


def test_every_reason_of_a_choice_is_explained_and_the_numbers_of_its_interval_are_named() -> None:
    second = RunnerUp("keep_top[tokens]", -1.0, 0.25, 0.5)
    proposal = Proposal("edit", 2, "shift", -1.5, 0.5, (-3.0, -2.0, -1.0, 0.0), 0.1, 1, second, noise=0.2)

    rows = {str(name): (value, meaning) for name, value, meaning in reasons_table(proposal).rows}

    assert rows["interval"][0] == "5 %: -3, 25 %: -2, 75 %: -1, 95 %: 0"
    assert rows["runner_up"][0] == "keep_top[tokens], expected utility -1 ± 0.25"
    assert rows["origin"] == ("edit", "a change of an earlier trial's recipe")
    assert all(meaning for _, meaning in rows.values())


def test_the_origin_of_a_stated_recipe_has_a_meaning_too() -> None:
    assert STATED in ORIGINS


@pytest.mark.parametrize("origin", ORIGINS)
def test_every_origin_with_a_meaning_is_one_of_a_proposal(origin: str) -> None:
    assert f"`{origin}`" in meanings(Proposal)["origin"]


def test_the_sign_of_a_trade_off_is_that_of_the_benchmarks_metric(facts: SearchFacts) -> None:
    assert signs_of(facts) == {"closed_form": 1.0}


def test_the_picture_of_the_arms_names_the_runs_that_are_trials_of_the_search(facts: SearchFacts) -> None:
    made = {trial.evaluation: trial.trial for trial in reversed(facts.trials)}
    (own,) = [run for run in facts.compared if run.trial.evaluation in made]
    picture = lead_of(facts, findings(facts)).picture

    assert picture is not None
    assert own.arm == "full_pool"
    told = f"(full pool: one is trial {made[own.trial.evaluation]} of the search)"
    assert picture.caption.startswith(f"Test score of every run {told}, and the mean;")
    assert b"Fresh" not in picture.svg


def test_the_first_screen_says_verdict_rows_sources_licences_cost_and_what_next(facts: SearchFacts) -> None:
    lead = lead_of(facts, findings(facts))
    said = dict(lead.facts)

    assert facts.best_subset is not None
    kept = len(facts.best_subset)
    assert lead.tone == findings(facts)[0].difference.verdict.value
    assert said["Rows kept"].startswith(f"{kept} of 70 (")
    assert said["Sources"] == f"sums {kept}"
    assert said["Licences"] == "not stated"
    assert said["Cost"].startswith("4 evaluations by the formula of the search and 6 of its report, ")
    assert any(f"autoselection export {facts.record.search}" in text for text in lead.further)


def test_the_price_of_an_hour_turns_the_cost_into_money(facts: SearchFacts) -> None:
    workspace = facts.workspace
    hours = sum(entry.seconds for entry in workspace.ledger.payments(facts.record.search)) / 3600
    priced = replace(workspace, campaign=replace(workspace.campaign, price_per_hour=1_000_000.0))

    said = dict(lead_of(SearchFacts.of(priced, facts.record.search), findings(facts)).facts)

    assert said["Cost"].endswith(f", {hours * 1_000_000:,.2f} at 1,000,000 an hour")


def test_numbers_with_an_error_or_a_mark_are_aligned_to_the_right_too() -> None:
    page = Table("t", ("trial", "score", "step"), (("3 *", "-1.6 ± 0.43", "3 steps"),)).to_html()

    assert page.count('<td class="number"') == 2


def test_fractions_of_a_column_have_the_same_digits_after_the_point_and_invent_none() -> None:
    scores = (-2.5, -2.36512, None)
    far = (0.5, 0.00001234, float("nan"))
    page = Table(
        "t", ("score", "far", "cost"), tuple(zip(scores, far, (1.0, 2.0, 1.0), strict=True))
    ).to_html()

    assert re.findall(r'"number"[^>]*>([^<]+)</td>', page) == [
        *("-2.500", "0.5", "1"),
        *("-2.365", "1.234e-05", "2"),
        *("-", "nan", "1"),
    ]


def test_paper_shows_no_contents_and_cuts_neither_tables_nor_pictures(facts: SearchFacts) -> None:
    page = write_report(facts).html.read_text()
    printed = page[page.index("@media print") :]

    assert "nav { display: none }" in printed
    assert ".table { overflow: visible }" in printed
    assert re.search(r"figure, [^}]*break-inside: avoid", printed)


def test_columns_of_numbers_are_aligned_to_the_right_and_names_are_not() -> None:
    page = Table("t", ("name", "count"), (("a", 1), ("b", None))).to_html()

    assert '<th class="number">count</th>' in page
    assert '<td data-column="name">a</td>' in page
    assert '<td class="number" data-column="count">-</td>' in page


def test_a_table_without_rows_says_that_there_are_none() -> None:
    empty = Table("t", ("name", "count"), ())

    assert (empty.to_markdown(), empty.to_html()) == ("none", "<p>none</p>")
