"""The committed studies are read again from their compressed records, with the figures that docs/ shows."""

import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoselection_core.cli.app import app
from autoselection_core.errors.search import NothingMeasuredError
from autoselection_core.score.comparison import Verdict
from autoselection_core.store.home import Home
from autoselection_core.study.loading import load_study
from autoselection_core.study.report.figures import size_table
from autoselection_core.study.report.sections import write_study
from autoselection_core.study.report.tables import search_table
from autoselection_core.study.results.comparisons import (
    comparisons,
    importance_of_states,
    probabilities_of_best,
)
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.running.cost_estimate import estimated_cost, estimated_cost_with_signals
from autoselection_core.study.running.runner import run_study
from autoselection_core.study.study_run import StudyRun
from tests.study.conftest import STUDY, study_run_in
from tests.study.conftest import write_study as write_file


def test_before_anything_is_read_everything_is_left(tmp_path: Path) -> None:
    study_run = study_run_in(tmp_path)

    assert estimated_cost(study_run).evaluations == study_run.study.total_trainings
    assert not (tmp_path / "home/pools").exists()


def test_a_finished_study_has_nothing_left(finished: StudyRun) -> None:
    assert estimated_cost(finished).evaluations == estimated_cost_with_signals(finished).evaluations == 0


def test_stated_arms_that_another_study_of_the_home_folder_paid_for_are_not_left(
    tmp_path: Path, finished: StudyRun
) -> None:
    again = StudyRun(replace(finished.study, name="again"), finished.home, finished.tell)
    stated = again.study.full_pool + again.study.recipe_runs

    found = estimated_cost_with_signals(again)

    assert (found.found, found.evaluations) == (stated, again.study.total_trainings - stated)
    assert estimated_cost_with_signals(study_run_in(tmp_path)).found == 0


def test_an_arm_that_was_found_finished_is_not_left_any_more(tmp_path: Path) -> None:
    text = STUDY.replace("seeds: [0, 1]", "seeds: [0]").replace("budget: 4,", "budget: 1,")
    study_run = study_run_in(tmp_path, text)
    run_study(study_run)
    again = StudyRun(replace(study_run.study, name="again"), study_run.home, study_run.tell)

    run_study(again)

    assert estimated_cost(again).evaluations == 0
    more = replace(again.study, full_pool=again.study.full_pool + 1, budget=again.study.budget + 1)
    assert estimated_cost(StudyRun(more, study_run.home, study_run.tell)).evaluations == 1


def test_a_search_that_recommends_the_full_pool_says_so_and_is_compared_with_no_equal_rows(
    tmp_path: Path,
) -> None:
    """Random subsets of equal tokens would be the full pool under another seed."""
    text = STUDY.replace("seeds: [0, 1]", "seeds: [0]")
    study_run = study_run_in(
        tmp_path, text.replace("budget: 4, policy: random", "budget: 1, policy: default")
    )
    run_study(study_run)

    compared = [each.first for each in comparisons(StudyFacts(study_run.study, study_run.home))]
    assert not any(first.startswith("searched") for first in compared)
    assert write_study(study_run.study, study_run.home).sentences[-1] == (
        "searched/0 recommends the full pool: it is the best of what was tried, and no subset beat it."
    )


@pytest.mark.parametrize("arm", ["searches", "same"])
def test_a_larger_budget_of_a_finished_study_is_left(finished: StudyRun, arm: str) -> None:
    study = finished.study
    if arm == "searches":
        larger = replace(
            study, searches=tuple(replace(each, budget=each.budget + 1) for each in study.searches)
        )
    else:
        assert study.same is not None
        larger = replace(study, same=replace(study.same, count=study.same.count + 1))

    assert estimated_cost(StudyRun(larger, finished.home, finished.tell)).evaluations == len(study.seeds)


REPOSITORY = Path(__file__).parents[2]


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["pool_small", "pool_small_same"])
def test_a_committed_study_says_again_what_its_report_says(
    name: str, tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkout" / "studies" / name
    shutil.copytree(REPOSITORY / "studies" / name, folder)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "data").symlink_to(real_data)
    with tarfile.open(folder / "records.tar.gz") as records:
        records.extractall(folder, filter="data")
    monkeypatch.setenv("AUTOSELECTION_DATA", str(real_data))

    home = folder / "home"
    done = CliRunner().invoke(app, ["study", "report", str(folder / "study.yaml"), "--home", str(home)])

    assert done.exit_code == 0, done.output
    (written,) = home.glob("studies/*/report.md")
    committed = REPOSITORY / "docs" / "studies" / name / "report.md"
    assert _verdicts(written)
    assert _verdicts(written) == _verdicts(committed)


def _verdicts(report: Path) -> list[str]:
    return [line for line in report.read_text().splitlines() if "95 % interval" in line]


@pytest.fixture(scope="session")
def facts(finished: StudyRun) -> StudyFacts:
    return StudyFacts(finished.study, finished.home)


def test_the_report_has_the_tables_and_the_score_against_tokens(finished: StudyRun) -> None:
    written = write_study(finished.study, finished.home)

    text = written.markdown.read_text()
    for part in ("Arms on test items", "Differences on test items", "Searches", "tokens.svg", "A/A", "Cost"):
        assert part in text
    for name in ("tokens", "trajectories", "differences", "importance"):
        assert (written.markdown.parent / f"{name}.svg").read_bytes().startswith(b"<?xml")
    assert "<img" in written.html.read_text()


def test_a_report_says_first_that_its_study_has_not_ended(finished: StudyRun, tmp_path: Path) -> None:
    for name in ("history.sqlite", "evaluations"):
        there = finished.home.root / name
        copy = shutil.copy if there.is_file() else shutil.copytree
        copy(there, tmp_path / name)

    whole = write_study(finished.study, finished.home).markdown.read_text()
    partly = write_study(finished.study, Home(tmp_path)).markdown.read_text()

    assert "The study has not ended" not in whole
    assert partly.index("The study has not ended") < partly.index("The metric that drove")


def test_a_report_needs_neither_pool_nor_signals(finished: StudyRun, tmp_path: Path) -> None:
    before = write_study(finished.study, finished.home).markdown.read_text()
    for name in ("history.sqlite", "evaluations", "studies", "subsets"):
        there = finished.home.root / name
        copy = shutil.copy if there.is_file() else shutil.copytree
        copy(there, tmp_path / name)

    assert write_study(finished.study, Home(tmp_path)).markdown.read_text() == before


def test_a_recommendation_counts_once_however_often_it_was_run(facts: StudyFacts) -> None:
    over_seeds = next(each for each in comparisons(facts) if each.first == "searched over 2 seeds")

    assert over_seeds.runs == (2, 6)


def test_the_best_operator_of_the_formula_is_better_than_the_full_pool(facts: StudyFacts) -> None:
    found = next(each for each in comparisons(facts) if each.first == "top")

    assert found.difference.verdict is Verdict.YES


def test_a_recommendation_is_compared_with_the_plain_filter_of_the_best_dev_score(tmp_path: Path) -> None:
    plain = "  once: [drop_exact_duplicates: {}]\n"
    text = STUDY.replace("seeds: [0, 1]", "seeds: [0]").replace("same:", f"{plain}same:")
    study_run = study_run_in(tmp_path, text.replace("keep_random]", "keep_random, drop_exact_duplicates]"))
    run_study(study_run)

    found = [
        each for each in comparisons(StudyFacts(study_run.study, study_run.home)) if "plain" in each.second
    ]

    assert [each.second for each in found] == ["once, the best plain filter"]
    assert found[0].first == "searched/0, recommended"
    assert found[0].runs == (2, 2)


def test_candidates_that_are_equal_stand_in_no_ranking(facts: StudyFacts) -> None:
    shares = probabilities_of_best(facts)

    assert not any(arm.startswith("candidate") for arm in shares)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_what_the_formula_likes_is_what_goes_with_the_score(facts: StudyFacts) -> None:
    first, *_ = importance_of_states(facts)

    assert "word_entropy" in first.name
    assert first.correlation > first.high
    assert first.p_value < 0.05


def test_every_evaluated_subset_counts_in_one_size(facts: StudyFacts) -> None:
    table = size_table(facts)

    assert table is not None
    assert sum(int(row[1] or 0) for row in table.rows) == len({each.subset for each in facts.evaluations})
    last = table.rows[-1]  # the full pool is there, and nothing that the formula likes is so large
    assert float(last[4] or 0) < max(each.utility for each in facts.evaluations)


def test_a_search_is_summed_up_from_its_fourth_trial_on(facts: StudyFacts) -> None:
    table = search_table(facts)

    for row in table.rows:
        scores = [entry.utility for entry in facts.histories[str(row[0])].observations]
        assert row[table.columns.index("mean dev")] == pytest.approx(sum(scores[3:]) / len(scores[3:]))
        gaps = [max(scores[: at + 1]) - scores[at] for at in range(3, len(scores))]
        assert row[table.columns.index("gap")] == pytest.approx(sum(gaps) / len(gaps))


def test_a_study_that_never_ran_has_no_report(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")

    with pytest.raises(NothingMeasuredError, match="run it first"):
        write_study(load_study(write_file(tmp_path), home), home)
