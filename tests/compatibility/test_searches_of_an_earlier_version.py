"""Searches that commit f7d6479 recorded are decided again as they were, reported again, and go on."""

import json
from collections.abc import Sequence
from dataclasses import astuple, replace
from itertools import chain
from typing import Any

import pytest

from autoselection_core.campaign.on_pool_change import search_again
from autoselection_core.cli.running import run
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import TrialKind, TrialState
from autoselection_core.report.lineage.pairing import pairing_table
from autoselection_core.report.sections.verdict import findings
from autoselection_core.search.decisions import decide_again
from autoselection_core.search.loop import run_search
from autoselection_core.search.report_evaluations import STATED_ARM
from autoselection_core.signals.table import first_name
from autoselection_core.solver.analysis.forecast import forecast
from autoselection_core.solver.analysis.replay import replay
from autoselection_core.study.loading import load_study
from autoselection_core.study.results.comparisons import comparisons
from autoselection_core.study.results.facts import StudyFacts
from tests.compatibility.earlier import REDEFINED, SEARCHES, EarlierHome, recorded, trials_of

pytestmark = pytest.mark.e2e

TOLERANCE = 1e-4
"""Of what a surrogate computes: another processor rounds differently."""

REPORTED = tuple(name for name in SEARCHES if "findings" in recorded()["searches"][name])


@pytest.mark.parametrize("search", SEARCHES)
def test_every_decision_comes_out_as_recorded(read: EarlierHome, search: str) -> None:
    decisions = decide_again(read.ledger, search, read.facts(search).solver)

    again = [[one.trial, one.recorded.fingerprint, one.again and one.again.fingerprint] for one in decisions]

    assert again == recorded()["searches"][search]["decisions"]


@pytest.mark.parametrize("policy", ["default", "random", "autoselection"])
@pytest.mark.parametrize("search", SEARCHES)
def test_a_replay_chooses_the_trials_that_it_chose(read: EarlierHome, search: str, policy: str) -> None:
    facts = read.facts(search)
    solver = facts.workspace.solver(replace(facts.record.spec, policy=policy))

    steps = [list(astuple(step)) for step in replay(solver, facts.history)]

    assert steps == recorded()["searches"][search]["replays"][policy]


@pytest.mark.parametrize("search", SEARCHES)
def test_the_recommendation_is_the_one_that_was_made(read: EarlierHome, search: str) -> None:
    best, known = read.facts(search).require_best(), recorded()["searches"][search]["recommended"]

    assert (best.trial, best.subset, best.recipe.fingerprint) == (
        known["trial"],
        known["subset"],
        known["recipe"],
    )
    assert (best.evaluations, best.best_observed) == (known["evaluations"], known["best_observed"])
    for name in ("mean", "deviation", "noise"):
        assert getattr(best, name) == pytest.approx(known[name], rel=TOLERANCE), name


@pytest.mark.parametrize("search", SEARCHES)
def test_a_forecast_says_what_it_said(read: EarlierHome, search: str) -> None:
    facts, known = read.facts(search), recorded()["searches"][search]["forecast"]

    found = forecast(facts.solver, facts.history, known["evaluations"])

    assert (found.unit, found.over) == (known["unit"], known["over"])
    for name in ("low", "median", "high", "mean"):
        assert getattr(found, name) == pytest.approx(known[name], rel=TOLERANCE), name


@pytest.mark.parametrize("search", REPORTED)
def test_two_models_are_paired_on_the_items_that_they_were_paired_on(read: EarlierHome, search: str) -> None:
    table = pairing_table(read.facts(search), 1, 2)

    assert table is not None
    known = recorded()["searches"][search]["compared"]["paired"]
    assert [row[0] for row in table.rows] == [row[0] for row in known]
    assert flat(row[1:6] for row in table.rows) == pytest.approx(flat(row[1:6] for row in known), abs=1e-9)


@pytest.mark.parametrize("search", REPORTED)
def test_a_report_repeats_the_verdicts(read: EarlierHome, search: str) -> None:
    # Recipes that a person stated have a comparison behind these since then.
    found = [one for one in findings(read.facts(search)) if not one.opponent.startswith(STATED_ARM)]

    differences = [one.difference for one in found]
    known = recorded()["searches"][search]["findings"]
    assert [[one.opponent, one.difference.verdict.value] for one in found] == [then[:2] for then in known]
    assert flat([one.value, one.low, one.high] for one in differences) == pytest.approx(
        flat(then[2:] for then in known), abs=1e-9
    )


@pytest.mark.parametrize("search", ["formula", "published", "cheap", "trained", "every_signal"])
def test_a_search_that_is_done_trains_nothing_again(earlier: EarlierHome, search: str) -> None:
    made, before = earlier.evaluations(), trials_of(earlier.ledger, search)
    report = earlier.home.reports / search / "report.md"
    report.unlink()

    assert run(["search", "-c", search, "--name", search]) == 0

    assert earlier.evaluations() == made
    assert trials_of(earlier.ledger, search) == before
    lines = report.read_text().splitlines()
    for number, *figures in recorded()["searches"][search]["table"]:
        start = f"| {number} |".replace("*", r"\*")
        rows = [line for line in lines if line.startswith(start)]
        assert any(all(figure in line for figure in figures) for line in rows), number


@pytest.mark.parametrize("search", ["formula", "published", "advised", "cheap", "trained", "every_signal"])
def test_a_search_goes_on_with_one_more_trial(earlier: EarlierHome, search: str) -> None:
    known = recorded()["searches"][search]
    made, before = earlier.evaluations(), earlier.ledger.trials(search)

    assert run(["search", "-c", search, "--name", search, "--budget", str(known["budget"] + 1)]) == 0

    record = earlier.ledger.search(search)
    after = earlier.ledger.trials(search)
    assert (record.budget, record.spent, record.held) == (known["budget"] + 1, known["spent"] + 1, 0)
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert made.items() <= earlier.evaluations().items()
    is_consistent(earlier.ledger, search)


def test_a_killed_worker_s_trial_is_taken_over_with_the_proposal_that_it_had(earlier: EarlierHome) -> None:
    held = earlier.ledger.trials("unfinished")[-1]
    assert held.state is TrialState.RUNNING

    asked = ("--seed", "1", "--budget", "6", "--report-evaluations", "2")
    assert run(["search", "-c", "formula", "--name", "unfinished", *asked]) == 0

    taken = earlier.ledger.trials("unfinished")[held.trial - 1]
    assert (taken.state, taken.attempt) == (TrialState.DONE, held.attempt + 1)
    assert (taken.recipe, taken.subset, taken.proposal) == (held.recipe, held.subset, held.proposal)
    assert earlier.ledger.search("unfinished").spent == 6
    is_consistent(earlier.ledger, "unfinished")


def test_a_stopped_search_goes_on_with_the_arms_that_wait(earlier: EarlierHome) -> None:
    ledger, facts = earlier.ledger, earlier.facts("by_hand")
    ledger.resume("by_hand")

    spec = facts.record.spec
    run_search(ledger, "by_hand", facts.solver, facts.workspace.evaluator(spec.pool_version, spec))

    assert ledger.search("by_hand").spent == facts.record.budget
    is_consistent(ledger, "by_hand")


def test_a_pool_that_grows_again_scores_its_new_samples_only(earlier: EarlierHome) -> None:
    workspace = earlier.workspace("growing")
    known = len(workspace.pool())
    records = [
        {"prompt": f"Say more, {number}.", "response": "bread river song " * number} for number in range(1, 6)
    ]
    (earlier.folder / "growing" / "third.jsonl").write_text(
        "".join(json.dumps(record) + "\n" for record in records)
    )

    pool = workspace.ingest().pool
    reports = [workspace.score(name, pool) for name in workspace.signal_names]
    again = search_again(workspace, workspace.campaign.on_pool_change.budget)

    assert len(pool) == known + len(records)
    computed = {first_name(report.name): report.computed for report in reports}
    assert computed.pop("exact") == len(pool)  # groups are numbered over the whole pool
    assert computed == {name: len(pool if name in REDEFINED else records) for name in computed}
    assert again.is_new
    assert again.warm_from == "growing-pool-582e9004"


def test_a_study_says_what_it_said_and_trains_nothing_again(earlier: EarlierHome) -> None:
    made, known = earlier.evaluations(), recorded()["study"]

    assert run(["study", "run", "study.yaml"]) == 0

    assert earlier.evaluations() == made
    for entry, trials in known["entries"].items():
        assert len(trials_of(earlier.ledger, entry)) == trials
    study = load_study(earlier.folder / "study.yaml", earlier.home)
    found = comparisons(StudyFacts(study, earlier.home))
    assert [[one.first, one.second, one.difference.verdict.value] for one in found] == [
        then[:3] for then in known["comparisons"]
    ]
    differences = ([one.difference.value, one.difference.low, one.difference.high] for one in found)
    assert flat(differences) == pytest.approx(flat(then[3:] for then in known["comparisons"]), abs=1e-9)


def is_consistent(ledger: Ledger, search: str) -> None:
    """Each evaluation is paid for once, each trial ends once, and the payments are what was spent."""
    record, money = ledger.search(search), ledger.payments(search)
    for kind, spent in ((TrialKind.SEARCH, record.spent), (TrialKind.REPORT, record.report_spent)):
        assert sum(one.cost for one in money if one.kind is kind) == pytest.approx(spent)
    paid = [one.evaluation for one in money if one.outcome == "paid"]
    assert len(paid) == len(set(paid))
    ended = [(one.kind, one.trial) for one in money if one.outcome in ("paid", "reused")]
    assert len(ended) == len(set(ended))
    done = [trial for trial in trials_of(ledger, search) if trial.state is TrialState.DONE]
    assert len(ended) == len(done)


def flat(rows: Any) -> Sequence[float]:
    return list(chain.from_iterable(rows))
