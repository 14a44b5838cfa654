"""Every field of a study's file changes what a study does."""

from dataclasses import fields
from pathlib import Path

import pytest

from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.errors.search import StudyBudgetError
from autoselection_core.history.records import TrialKind
from autoselection_core.store.home import Home
from autoselection_core.study.loading import entries, load_study
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.running.runner import run_study
from autoselection_core.study.study import (
    Candidates,
    FurtherItems,
    RecipeArm,
    SearchArm,
    Study,
    Transfer,
)
from autoselection_core.study.study_run import StudyRun
from tests.study.conftest import STUDY, study_run_in, write_study

SMALL = (
    STUDY.replace("budget: 40", "budget: 20")
    .replace("seeds: [0, 1]", "seeds: [0]")
    .replace("{budget: 4,", "{budget: 3,")
    .replace("candidates: 3", "candidates: 2")
    + "full_pool: 1\nwinner: 1\nrandom: 1\nrecipe_runs: 1\n"
)
"""A smaller study, of which every field is stated."""

CHANGES = {
    "Study.name": ("name: toy", "name: other"),
    "Study.campaign": ("noise: 0.02", "noise: 0.2"),
    "Study.budget": ("budget: 20", "budget: 30"),
    "Study.seeds": ("seeds: [0]", "seeds: [1]"),
    "Study.full_pool": ("full_pool: 1", "full_pool: 2"),
    "Study.recipes": ("  top: [", "  more: [keep_random: {fraction: 0.5}]\n  top: ["),
    "Study.recipe_runs": ("recipe_runs: 1", "recipe_runs: 2"),
    "Study.searches": ("searches:\n", "searches:\n  again: {budget: 1}\n"),
    "Study.winner": ("winner: 1", "winner: 2"),
    "Study.random": ("random: 1", "random: 2"),
    "Study.same": ("same: {candidates: 2, share: 0.3}\n", ""),
    "SearchArm.name": ("searched:", "called:"),
    "SearchArm.budget": ("{budget: 3,", "{budget: 4,"),
    "SearchArm.policy": ("policy: random", "policy: default"),
    "SearchArm.settings": ("policy: random", "policy: random, settings: {min_share: 0.6}"),
    "SearchArm.operators": ("policy: random", "policy: random, operators: [keep_random]"),
    "RecipeArm.name": ("  top: [", "  best: ["),
    "RecipeArm.recipe": ("fraction: 0.2", "fraction: 0.4"),
    "Candidates.count": ("candidates: 2", "candidates: 3"),
    "Candidates.share": ("share: 0.3", "share: 0.6"),
}
TRAINED = {
    "Study.held_out_benchmarks",
    "Study.transfer",
    "Study.further_items",
    "Transfer.base_model",
    "Transfer.training",
    "FurtherItems.items",
    "FurtherItems.leading",
}
"""They need trained models: `test_trained` sees what they change."""


def outcome(study_run: StudyRun) -> dict[str, object]:
    """Evaluations by name with their scores, and the budgets."""
    run_study(study_run)
    ledger = study_run.ledger
    found: dict[str, object] = {
        f"{entry} {kind} {number} {trial.arm} {trial.replicate}": (trial.subset, trial.utility)
        for entry in entries(study_run.study, ledger)
        for kind in TrialKind
        for number, trial in enumerate(ledger.trials(entry, kind))
    }
    allowed = ledger.search(StudyFacts(study_run.study, study_run.home).entries[0]).spec
    return {**found, "allowed": (allowed.budget, allowed.report_evaluations)}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return outcome(study_run_in(tmp_path_factory.mktemp("before"), SMALL))


@pytest.mark.e2e
@pytest.mark.parametrize("name", CHANGES)
def test_another_value_has_another_outcome(name: str, tmp_path: Path, before: dict[str, object]) -> None:
    old, new = CHANGES[name]
    assert old in SMALL

    assert outcome(study_run_in(tmp_path, SMALL.replace(old, new))) != before


def test_every_field_has_a_change() -> None:
    named = {
        f"{each.__name__}.{field.name}"
        for each in (Study, SearchArm, RecipeArm, Candidates, Transfer, FurtherItems)
        for field in fields(each)
    }

    assert named == CHANGES.keys() | TRAINED


def loaded(folder: Path, text: str) -> Study:
    return load_study(write_study(folder, text), Home(folder / "home"))


def test_a_study_asks_for_what_its_parts_ask_for(tmp_path: Path) -> None:
    study = loaded(tmp_path, STUDY)

    assert study.search_trainings == 2 * 4
    # Full pool x 2, recipe x 2, candidates 2 x 3, four contests x (winner x 2 + random x 3).
    assert study.arm_evaluations == 2 + 2 + 6 + 4 * 5
    assert study.total_trainings == 38


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
    assert study.transfer_evaluations == 1 + 1 + 6 + 8
