from pathlib import Path

import pytest

from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.errors.search import StudyBudgetError
from autoselection_core.store.home import Home
from autoselection_core.study.loading import load_study
from autoselection_core.study.study import Study
from tests.study.conftest import STUDY, write_study


def loaded(folder: Path, text: str) -> Study:
    return load_study(write_study(folder, text), Home(folder / "home"))


def test_a_study_asks_for_what_its_parts_ask_for(tmp_path: Path) -> None:
    study = loaded(tmp_path, STUDY)

    assert study.searched == 2 * 4
    # Full pool x 2, recipe x 2, candidates 2 x 3, four contests x (winner x 2 + random x 3).
    assert study.compared == 2 + 2 + 6 + 4 * 5
    assert study.needed == 38


def test_a_budget_that_does_not_cover_everything_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(StudyBudgetError, match="may pay for 37 trainings and asks for 38"):
        loaded(tmp_path, STUDY.replace("budget: 40", "budget: 37"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: toy", "name: a/b", "line 1: name is no name"),
        ("seeds: [0, 1]", "seeds: [1, 1]", "different seeds"),
        ("budget: 40\n", "", "needs the key `budget`"),
        ("keep_top: {signal: word_entropy, fraction: 0.2}", "keep_tpo: {}", "keep_tpo"),
        ("{budget: 4, policy: random}", "{policy: random}", "needs `budget`"),
        ("{budget: 4, policy: random}", "{budget: 4, policy: best}", "is refused"),
        ("{budget: 4, policy: random}", "{budget: 4, settings: {wramup: 2}}", "wramup"),
        ("{budget: 4, policy: random}", "{budget: 4, operators: [keep_tpo]}", "names no operator"),
        ("share: 0.3", "share: 1.5", "above 0 and below 1"),
        ("searches:", "ablations:", "is not a key here"),
        ("seeds:", "further_items: {items: 5}\nseeds:", "needs trained models"),
        ("seeds:", "further_items: {leading: 2}\nseeds:", "needs `items`"),
        ("seeds:", "further_items: {items: 5, leading: 1}\nseeds:", "leading"),
        ("  top: [", "  searched: [", "gives the name 'searched' to two things"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(CampaignFileError, match=said):
        loaded(tmp_path, STUDY.replace(old, new))


@pytest.mark.parametrize("key", ["held_out_benchmarks", "elsewhere"])
def test_a_transfer_and_held_out_benchmarks_are_read(tmp_path: Path, key: str) -> None:
    study = loaded(
        tmp_path,
        STUDY.replace("budget: 40", "budget: 80")
        + f"{key}: {{own: {{path: bench, format: gsm8k, test_items: 3}}}}\n"
        + "transfer: {base_model: other/model, training: {preset: lora}}\n",
    )

    assert study.held_out_benchmarks[0].settings == {"format": "gsm8k", "test_items": 3}
    assert study.transfer is not None
    assert study.transfer.base_model == "other/model"
    # Full pool, recipe, six candidates, and winner and random of four contests.
    assert study.transferred == 1 + 1 + 6 + 8
