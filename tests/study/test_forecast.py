"""What a study says it will cost, before and while it is paid for."""

from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.study.running.forecast import forecast, forecast_with_signals
from autoselection_core.study.running.runner import run_study
from autoselection_core.study.study_run import StudyRun
from tests.study.conftest import STUDY, ground_in


def test_before_anything_is_read_everything_is_left(tmp_path: Path) -> None:
    study_run = ground_in(tmp_path)

    assert forecast(study_run).evaluations == study_run.study.needed
    assert not (tmp_path / "home/pools").exists()


def test_a_finished_study_has_nothing_left(finished: StudyRun) -> None:
    assert forecast(finished).evaluations == forecast_with_signals(finished).evaluations == 0


def test_stated_arms_that_another_study_of_the_home_folder_paid_for_are_not_left(
    tmp_path: Path, finished: StudyRun
) -> None:
    again = StudyRun(replace(finished.study, name="again"), finished.home, finished.tell)
    stated = again.study.full_pool + again.study.recipe_runs

    found = forecast_with_signals(again)

    assert (found.found, found.evaluations) == (stated, again.study.needed - stated)
    assert forecast_with_signals(ground_in(tmp_path)).found == 0


def test_an_arm_that_was_found_finished_is_not_left_any_more(tmp_path: Path) -> None:
    text = STUDY.replace("seeds: [0, 1]", "seeds: [0]").replace("budget: 4,", "budget: 1,")
    study_run = ground_in(tmp_path, text)
    run_study(study_run)
    again = StudyRun(replace(study_run.study, name="again"), study_run.home, study_run.tell)

    run_study(again)

    assert forecast(again).evaluations == 0
    more = replace(again.study, full_pool=again.study.full_pool + 1, budget=again.study.budget + 1)
    assert forecast(StudyRun(more, study_run.home, study_run.tell)).evaluations == 1


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

    assert forecast(StudyRun(larger, finished.home, finished.tell)).evaluations == len(study.seeds)
