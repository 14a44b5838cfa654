from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.errors.search import NoReportError
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.evaluation.training.plan import TrainingPlan, make_plan
from autoselection_core.evaluation.training.settings import FineTuning, Schedule
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import TrialKind
from autoselection_core.models.chat.spans import Encoded, Turn
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe
from autoselection_core.search.arms import RANDOM, RandomDraws, random_recipe
from autoselection_core.search.loop import run_search
from autoselection_core.search.propose import tokens_of
from autoselection_core.search.report_evaluations import ArmRun, arms_after, plan_arms, report_arms
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import Subset, realise
from tests.search.worlds import Content, InOrder, Picky, Untrained, closed_form, spec, table, training_failed


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path / 'history.sqlite'}")


def searched(ledger: Ledger, folder: Path, **fields: int) -> str:
    evaluator = closed_form(folder)
    search = ledger.register(spec(evaluator, **{"budget": 3, **fields}))
    run_search(ledger, search, InOrder(table(), []), evaluator)
    return search


def reported(ledger: Ledger, search: str, folder: Path) -> tuple[ArmRun, ...]:
    return report_arms(ledger, search, InOrder(table(), []), closed_form(folder))


def test_a_report_compares_the_winner_with_the_full_pool_and_three_random_draws(
    ledger: Ledger, tmp_path: Path
) -> None:
    runs = reported(ledger, searched(ledger, tmp_path), tmp_path)

    assert sorted(run.arm for run in runs) == [*["full_pool"] * 2, *["random"] * 3, *["winner"] * 2]
    assert all(run.test for run in runs)


def test_the_winner_is_judged_by_runs_that_did_not_make_it_the_winner(ledger: Ledger, tmp_path: Path) -> None:
    search = searched(ledger, tmp_path)
    runs = [run.trial for run in reported(ledger, search, tmp_path) if run.arm == "winner"]

    used = {(entry.subset, entry.replicate) for entry in ledger.history(search).observations}
    assert used.isdisjoint({(run.subset, run.replicate) for run in runs})
    assert len({run.replicate for run in runs}) == 2


def test_a_full_pool_that_won_is_compared_with_the_best_proper_subset_by_fresh_runs_of_both(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Random draws of as many tokens would be the full pool, too, under another seed."""
    search, solver = searched(ledger, tmp_path), Content(table(), [])
    runs = report_arms(ledger, search, solver, closed_form(tmp_path))

    best = solver.recommend(ledger.history(search))
    assert best.proper_subset is not None
    subsets = {"winner": best.subset, "proper_subset": realise(best.proper_subset, table()).fingerprint}
    assert [run.arm for run in runs] == ["winner", "proper_subset"] * 3
    assert all(run.trial.subset == subsets[run.arm] for run in runs)
    assert [run.trial.replicate for run in runs] == [1, 1, 2, 2, 3, 3]
    assert ledger.search(search).report_spent == 6


def test_a_full_pool_that_was_tried_alone_has_fresh_runs_and_no_opponent(
    ledger: Ledger, tmp_path: Path
) -> None:
    runs = reported(ledger, searched(ledger, tmp_path, budget=1), tmp_path)

    assert [(run.arm, run.trial.replicate) for run in runs] == [("winner", 1), ("winner", 2)]


def test_a_report_on_the_full_pool_that_an_earlier_release_began_is_read_as_it_was_planned(
    ledger: Ledger, tmp_path: Path
) -> None:
    search = searched(ledger, tmp_path)
    solver, signals = Content(table(), []), table()
    whole = realise(Recipe(), signals).fingerprint
    planned = arms_after(ledger.history(search), solver, 6, {whole})
    ledger.plan_report(search, planned)

    assert plan_arms(ledger, search, solver) == planned
    assert {plan.arm for plan in planned} == {"winner", "random", "full_pool"}


@pytest.mark.parametrize("tokens", [100, 1000, 7000])
def test_random_arms_have_the_winner_s_tokens_and_not_one_more(tokens: int) -> None:
    signals = table()
    draws = [realise(random_recipe(tokens, draw, signals), signals) for draw in range(3)]

    assert all(tokens - 100 < tokens_of(drawn, signals) <= tokens for drawn in draws)
    assert len({drawn.fingerprint for drawn in draws}) == 3


MAX_TOKENS = 64


def long_table() -> SignalTable:
    """Samples of 10 to 400 tokens: some are nearly all answer, the prompt of others fills the limit."""
    known, rng = table(), np.random.default_rng(1)
    tokens = rng.integers(10, 400, len(known)).astype(np.float32)
    answers = np.where(rng.random(len(known)) < 0.5, 8, tokens - 5).astype(np.float32)
    columns = {**known.columns, "tokens": tokens, "response_tokens": answers}
    return SignalTable("pool", known.keys, columns, ids=known.ids)


def plan_of_training(subset: Subset, signals: SignalTable) -> TrainingPlan:
    training = FineTuning(schedule=Schedule.EPOCHS, amount=1, batch=512, max_tokens=MAX_TOKENS)
    of = {signals.ids[row].decode(): row for row in subset.rows}

    def read(sample: str) -> Encoded:
        whole, answer = (int(signals[name][of[sample]]) for name in ("tokens", "response_tokens"))
        read = min(whole, MAX_TOKENS)
        turns = (Turn(whole - answer, whole - answer, read, read),) if whole - answer < read else ()
        return Encoded(np.arange(read, dtype=np.int32), turns, truncated=read < whole)

    return make_plan(tuple(of), read, training, 0)


@pytest.mark.parametrize("draw", range(3))
def test_random_arms_read_and_step_as_the_winner_does_where_samples_are_cut(draw: int) -> None:
    """Equal tokens of whole samples were read as 368,640 and 442,641 tokens."""
    signals = long_table()
    winner = Recipe((KeepTop("tokens", fraction=0.3),))
    drawn = RandomDraws(winner, signals, MAX_TOKENS).plan(RANDOM, draw)
    plans = [plan_of_training(realise(recipe, signals), signals) for recipe in (winner, drawn.recipe)]

    assert 0 <= plans[0].tokens - plans[1].tokens < MAX_TOKENS
    assert abs(len(plans[0].steps) - len(plans[1].steps)) <= 1


def test_random_arms_of_a_pool_without_long_samples_are_those_of_earlier_releases() -> None:
    signals, winner = table(), Recipe((KeepTop("quality", fraction=0.3),))

    plans = [RandomDraws(winner, signals, limit).plan(RANDOM, 0) for limit in (None, 100)]

    assert plans[0] == plans[1]


def test_a_report_that_was_begun_with_whole_samples_goes_on_so(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path, long_table())
    search = ledger.register(spec(evaluator, budget=3))
    earlier = InOrder(long_table(), [])
    run_search(ledger, search, earlier, evaluator)
    began = report_arms(ledger, search, earlier, evaluator)

    again = report_arms(ledger, search, replace(earlier, max_tokens=MAX_TOKENS), evaluator)

    assert again == began


def test_a_new_report_reads_equal_tokens(ledger: Ledger, tmp_path: Path) -> None:
    signals = long_table()
    evaluator, solver = closed_form(tmp_path, signals), InOrder(signals, [], MAX_TOKENS)
    search = ledger.register(spec(evaluator, budget=4))
    run_search(ledger, search, solver, evaluator)

    read = {
        run.arm: tokens_of(realise(run.trial.recipe or Recipe(), signals), signals, MAX_TOKENS)
        for run in report_arms(ledger, search, solver, evaluator)
    }

    assert 0 <= read["winner"] - read["random"] < MAX_TOKENS


def test_a_winner_smaller_than_any_sample_is_compared_with_one_sample() -> None:
    signals = table()

    assert len(realise(random_recipe(1, 0, signals), signals)) == 1


def test_a_report_is_paid_from_its_own_budget_and_shares_what_is_there(
    ledger: Ledger, tmp_path: Path
) -> None:
    search = searched(ledger, tmp_path)
    reported(ledger, search, tmp_path)

    record = ledger.search(search)
    assert record.spent == 3
    assert record.report_spent == 6  # the search evaluated the full pool once already


def test_the_base_model_is_scored_with_the_first_report_and_no_budget_pays_for_it(
    ledger: Ledger, tmp_path: Path
) -> None:
    search = searched(ledger, tmp_path)
    evaluator = Untrained(closed_form(tmp_path), [])

    for _ in range(2):
        report_arms(ledger, search, InOrder(table(), []), evaluator)

    assert evaluator.asked == [f"report of search {search}, base model untrained"]
    record = ledger.search(search)
    assert (record.spent, record.report_spent) == (3, 6)
    assert len(ledger.trials(search, TrialKind.REPORT)) == 7


def test_a_small_report_budget_is_never_exceeded(ledger: Ledger, tmp_path: Path) -> None:
    search = searched(ledger, tmp_path, report_evaluations=2)

    runs = reported(ledger, search, tmp_path)

    assert [run.arm for run in runs] == ["full_pool", "winner", "random"]
    assert ledger.search(search).report_spent == 2


def test_a_report_made_again_pays_nothing_and_says_the_same(ledger: Ledger, tmp_path: Path) -> None:
    search = searched(ledger, tmp_path)
    first = reported(ledger, search, tmp_path)

    assert reported(ledger, search, tmp_path) == first
    assert ledger.search(search).report_spent == 6


def test_test_items_are_opened_for_the_report_and_nothing_else(ledger: Ledger, tmp_path: Path) -> None:
    search = searched(ledger, tmp_path)
    home = closed_form(tmp_path).home
    keys = [trial.evaluation or "" for trial in ledger.trials(search)]
    assert not any(EvaluationFolder(home.evaluation(key)).openings() for key in keys)

    reported(ledger, search, tmp_path)

    opened = [trial.evaluation or "" for trial in ledger.trials(search, TrialKind.REPORT)]
    reasons = [EvaluationFolder(home.evaluation(key)).openings()[0]["reason"] for key in opened]
    assert all(search in reason for reason in reasons)
    assert {key for key in keys if EvaluationFolder(home.evaluation(key)).openings()} <= set(opened)


def test_a_running_search_is_not_reported(ledger: Ledger, tmp_path: Path) -> None:
    search = searched(ledger, tmp_path)
    ledger.raise_budget(search, 4)

    with pytest.raises(NoReportError, match="let it finish"):
        reported(ledger, search, tmp_path)


def test_an_arm_that_fails_leaves_the_others_standing(ledger: Ledger, tmp_path: Path) -> None:
    search = searched(ledger, tmp_path)
    picky = Picky(closed_form(tmp_path), training_failed(), fails_below=200)

    runs = report_arms(ledger, search, InOrder(table(), []), picky)

    assert {run.arm for run in runs} <= {"full_pool", "winner"}
    assert "TrainingFailedError" in str([trial.reason for trial in ledger.trials(search, TrialKind.REPORT)])


def test_a_larger_report_budget_buys_runs_of_winner_and_random_draws_in_turn(
    ledger: Ledger, tmp_path: Path
) -> None:
    search = searched(ledger, tmp_path)
    first = reported(ledger, search, tmp_path)
    ledger.raise_report_evaluations(search, 9)

    runs = reported(ledger, search, tmp_path)

    assert runs[: len(first)] == first
    assert [run.arm for run in runs[len(first) :]] == ["winner", "random", "winner"]
    assert ledger.search(search).report_spent == 9
