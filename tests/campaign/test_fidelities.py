"""A search of a campaign with cheaper evaluations, from its file to its report."""

from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm, Fidelity
from autoselection_core.campaign.declaration.codec import campaign_from_json, campaign_to_json
from autoselection_core.campaign.duration import pace_of
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.commands.showing import show_search, show_trial
from autoselection_core.errors.evaluation import UnknownFidelityError
from autoselection_core.errors.search import ChangedEvaluatorError
from autoselection_core.evaluation.fidelity import MultiFidelityEvaluator
from autoselection_core.history.records import SearchState
from autoselection_core.history.specification import SearchSpec
from autoselection_core.pool.sources import Source
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.sections.fidelities import fidelity_sentences, weighed_table
from autoselection_core.report.sections.tables import trial_table
from autoselection_core.report.writing import write_report
from autoselection_core.search.decisions import decide_again
from autoselection_core.search.loop import run_search
from autoselection_core.search.status import SearchStatus
from autoselection_core.search.time_left import LATEST
from autoselection_core.solver.proposal import Proposal
from autoselection_core.store.home import Home
from tests.campaign.test_workspace import scored, write_raw

SHORT = Fidelity(0.1, amount=0.25)


def _workspace(folder: Path) -> Workspace:
    write_raw(folder / "raw" / "sums.jsonl", count=80)
    campaign = Campaign(
        "try",
        (Source(str(folder / "raw" / "*")),),
        signals={"word_entropy": {}, "exact": {}},
        closed_form=ClosedForm({"word_entropy": 1.0}, noise=0.01),
        policy={"fresh": 40, "edits": 20, "draws": 2},
        fidelities={"short": SHORT},
    )
    return Workspace(campaign, Home(folder / "home"))


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> SearchFacts:
    workspace = _workspace(tmp_path_factory.mktemp("fidelities"))
    spec = workspace.spec(scored(workspace), budget=8)
    workspace.ledger.register(spec, "first")
    evaluator = workspace.evaluator(spec.pool_version, spec)
    run_search(workspace.ledger, "first", workspace.solver(spec), evaluator)
    return SearchFacts.of(workspace, "first")


def test_the_ledger_charges_each_trial_by_its_fidelity_and_keeps_the_budget(facts: SearchFacts) -> None:
    full = [trial for trial in facts.trials if not trial.fidelity]
    cheap = [trial for trial in facts.trials if trial.fidelity == "short"]

    assert len(cheap) >= 4
    assert len(full) + len(cheap) == len(facts.trials)
    assert {trial.cost for trial in full} == {1.0}
    assert {trial.cost for trial in cheap} == {0.1}
    assert facts.record.spent == pytest.approx(len(full) + 0.1 * len(cheap)) == facts.history.spent
    assert 7 < facts.record.spent <= 8 + 1e-9
    assert facts.record.state is SearchState.DONE
    assert facts.record.reason.startswith("its budget of 8 is spent")


def test_the_same_subset_is_another_evaluation_at_another_fidelity(facts: SearchFacts) -> None:
    full = {trial.subset: trial.evaluation for trial in facts.trials if not trial.fidelity}
    cheap = {trial.subset: trial.evaluation for trial in facts.trials if trial.fidelity}

    both = [name for name in cheap if name in full]

    assert len(both) >= 4
    assert all(cheap[name] != full[name] for name in both)
    assert all(trial.replicate == 0 for trial in facts.trials if trial.fidelity)


def test_what_is_recommended_was_trained_in_full(facts: SearchFacts) -> None:
    assert facts.best is not None
    assert facts.best.trial in {one.trial for one in facts.history.observations}


def test_every_decision_is_had_again_from_the_ledger(facts: SearchFacts) -> None:
    solver = facts.workspace.solver(facts.record.spec)

    decisions = decide_again(facts.workspace.ledger, "first", solver)

    assert len(decisions) == len(facts.trials)
    assert all(one.is_same for one in decisions)


def test_a_finished_search_is_not_run_again(facts: SearchFacts) -> None:
    workspace, spec = facts.workspace, facts.record.spec
    evaluator = workspace.evaluator(spec.pool_version, spec)

    assert run_search(workspace.ledger, "first", workspace.solver(spec), evaluator) == facts.history


def test_show_and_report_say_what_a_fidelity_cost_and_how_it_ranked(
    facts: SearchFacts, capsys: pytest.CaptureFixture[str]
) -> None:
    (sentence,) = fidelity_sentences(facts)
    show_search(facts)
    page = write_report(facts).html.read_text()

    assert sentence.startswith("short, 0.1 of a full training each (")
    assert f"of its seconds): {len(facts.history.cheap)} scores" in sentence
    assert "rank correlation" in sentence
    assert "short, 0.1 of a full" in capsys.readouterr().out.replace("\n", " ")
    assert sentence in page
    assert trial_table(facts).columns[-1] == "fidelity"
    assert {row[-1] for row in trial_table(facts).rows} == {"full", "short"}


def test_a_trial_says_what_each_fidelity_promised(
    facts: SearchFacts, capsys: pytest.CaptureFixture[str]
) -> None:
    hint = next(one for one in facts.history.cheap if one.proposal["origin"] != "pair")

    show_trial(facts, hint.trial)
    full, short = weighed_table(Proposal.from_json(hint.proposal).weighed).rows

    assert "What each fidelity promised" in capsys.readouterr().out
    assert (full[:3], short[:2]) == (("full", 1.0, 0), ("short", 0.1))
    assert not Proposal.from_json(facts.history.observations[0].proposal).weighed


def test_a_search_keeps_its_fidelities_when_the_campaign_declares_others(facts: SearchFacts) -> None:
    workspace, spec = facts.workspace, facts.record.spec
    other = replace(workspace, campaign=replace(workspace.campaign, fidelities={}))

    again, now = (each.evaluator(spec.pool_version, spec) for each in (other, workspace))

    assert isinstance(again, MultiFidelityEvaluator)
    assert isinstance(now, MultiFidelityEvaluator)
    assert again.cheaper["short"].evaluator.fingerprint == now.cheaper["short"].evaluator.fingerprint
    assert SearchSpec.from_json(spec.to_json()) == spec
    assert other.spec(spec.pool_version, budget=8).identity != spec.identity
    assert workspace.spec(spec.pool_version, policy="random").fidelities == {}


@pytest.mark.parametrize("error", [UnknownFidelityError, ChangedEvaluatorError])
def test_a_judge_without_the_fidelity_or_with_another_stops_the_search(
    tmp_path: Path, error: type[Exception]
) -> None:
    workspace = _workspace(tmp_path)
    spec = workspace.spec(scored(workspace), budget=8)
    workspace.ledger.register(spec, "first")
    fidelities = {"short": Fidelity(0.1, amount=0.5)}
    other = replace(workspace, campaign=replace(workspace.campaign, fidelities=fidelities))
    changed = None if error is UnknownFidelityError else other.spec(spec.pool_version, budget=8)
    evaluator = other.evaluator(spec.pool_version, changed)

    with pytest.raises(error):
        run_search(workspace.ledger, "first", workspace.solver(spec), evaluator)

    record = workspace.ledger.search("first")
    assert record.state is SearchState.STOPPED
    assert record.spent == record.measured == 4


def test_a_campaign_with_fidelities_survives_json() -> None:
    campaign = Campaign("try", (), fidelities={"short": SHORT})

    assert campaign_from_json(campaign_to_json(campaign)) == campaign


def test_time_left_of_full_trainings_is_told_by_full_trainings_alone(facts: SearchFacts) -> None:
    workspace, spec = facts.workspace, facts.record.spec
    payments = workspace.ledger.payments("first")

    status = SearchStatus.of(workspace.ledger, "first", workspace.home)

    assert {payment.cost for payment in payments} == {0.1, 1.0}
    assert status.training_s == median([each.seconds for each in payments if each.cost == 1.0][-LATEST:])
    assert status.training_s == pace_of(workspace, spec.evaluator, {}).seconds
