"""What the UI can be asked for that costs nothing."""

import re
from pathlib import Path

import dagster as dg
import pytest

from autoselection_core.export.checking import verify_export
from autoselection_core.pool.pool import Pool
from tests.dagster.driver import Driver


def test_the_recommended_subset_is_exported_and_verifies(searched: Driver) -> None:
    searched.run("export_subset", run_config={"ops": {"export": {"config": {"search": "first"}}}})

    (folder,) = (searched.installation.home / "exports").iterdir()
    assert verify_export(folder).problems == ()


def test_an_export_stays_below_the_home_folder(searched: Driver, tmp_path: Path) -> None:
    config = {"search": "first", "folder": f"../../{tmp_path.name}"}

    with pytest.raises(dg.Failure):
        searched.run("export_subset", run_config={"ops": {"export": {"config": config}}})


def test_two_trials_are_compared_with_six_rows_of_either_side(searched: Driver) -> None:
    told = told_by(searched, "compare_subsets", "compare", search="first", first=2, second=3)

    assert "only in trial 2" in told["shared"]
    assert "generated" in told["by_source"]
    assert "word_entropy" in told["by_signal"]
    assert "utility" in told["models"]
    for trial in (2, 3):
        alone = int(re.findall(rf"([\d,]+) only in trial {trial}", told["shared"])[0])
        assert told["rows"].count(f"only in trial {trial}: ") == min(6, alone)


def test_a_sample_leads_back_to_every_subset_and_model_that_used_it(searched: Driver) -> None:
    trials = [trial for trial in searched.ledger.done() if trial.search == "first"]
    full = next(trial for trial in trials if trial.recipe is not None and not trial.recipe.steps)
    sample = Pool.open(searched.installation.home / "pools" / pool_of(searched)).sample(0).id

    told = told_by(searched, "explain", "tell", name=sample, search="first")

    assert f"{sample} is" in told["answer"]
    assert "licence CC0-1.0" in told["details"]
    assert f"{full.reservation.partition} | {full.subset} | {full.evaluation}" in unescaped(
        told["where_it_was_used"]
    )
    assert "Say number" in told["messages"]


def test_an_evaluation_leads_to_its_recipe_steps_signals_and_ancestors(searched: Driver) -> None:
    trial = searched.ledger.trials("first")[2]

    told = told_by(searched, "explain", "tell", name=str(trial.evaluation))

    assert f"{trial.evaluation} is the evaluation of first" in told["answer"]
    assert f"subset {trial.subset}" in told["details"]
    assert "process:" in told["recipe"]
    assert len(told["steps_of_the_recipe"].splitlines()) > 2


def test_a_search_is_explained_from_the_full_pool_on(searched: Driver) -> None:
    told = told_by(searched, "explain", "tell", name="first")

    assert "full pool" in told["from_the_full_pool_to_the_recommended_subset"]


def told_by(driver: Driver, job: str, op: str, **config: object) -> dict[str, str]:
    """The metadata of a job's one step."""
    result = driver.run(job, run_config={"ops": {op: {"config": config}}})
    (output,) = [event for event in result.all_node_events if event.is_successful_output]
    return {name: str(value.value) for name, value in output.step_output_data.metadata.items()}


def pool_of(driver: Driver) -> str:
    return driver.ledger.search("first").spec.pool_version


def unescaped(markdown: str) -> str:
    return markdown.replace("\\", "")
