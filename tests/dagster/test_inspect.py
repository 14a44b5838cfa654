"""Jobs of the UI that cost nothing."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import pytest
import yaml

from autoselection_core.errors.pool import UnmatchedFieldError
from autoselection_core.export.manifest import verify_export
from autoselection_core.pool.pool import Pool
from autoselection_dagster.assets.progress import Logged
from autoselection_dagster.beta import versioned_output
from autoselection_dagster.errors import one_sentence
from tests.dagster.installations import Driver


@dataclass
class Clock:
    """Ten seconds pass between any two looks at it."""

    now: float = 100.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


def logged(stage: str, counted: str | None = None) -> Logged:
    return Logged(logging.getLogger("steps"), stage, counted, Clock())


def test_a_first_count_promises_no_time_left(caplog: pytest.LogCaptureFixture) -> None:
    """A step that starts at one of many has no pace yet; "0 s left" would be a lie."""
    with caplog.at_level(logging.INFO):
        Logged(logging.getLogger("steps"), "training")(1, 24)

    assert caplog.messages == ["training: 1 of 24"]


HOSTILE = "a\x1b[2J\u202e%s"


def test_text_of_the_pool_commands_neither_log_nor_page(caplog: pytest.LogCaptureFixture) -> None:
    """It comes in names of files and fields, and in what judges and templates say."""
    with caplog.at_level(logging.INFO):
        logged(HOSTILE)(1, 2)
    with pytest.raises(dg.Failure) as failed, one_sentence():
        raise UnmatchedFieldError(HOSTILE, HOSTILE, 3, (HOSTILE,))
    shown = versioned_output(1, {"why": HOSTILE, "count": 3}, "v").metadata

    with pytest.raises(dg.Failure) as long, one_sentence():
        raise UnmatchedFieldError("a" * 100_000, "b" * 100_000, 3, ("c",))

    assert len(str(long.value.description)) < 3_000
    said = (*caplog.messages, str(failed.value.description), str(shown["why"].value))
    assert len(said) == 3
    assert all("\\x1b[2J\\u202e" in each and each.isprintable() for each in said)


def test_the_end_of_a_stage_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        said = Logged(logging.getLogger("steps"), "training")
        for done in (1, 2, 24):
            said(done, 24)

    assert caplog.messages == ["training: 1 of 24", "training: 24 of 24"]


def test_a_line_says_how_many_samples_a_second_and_how_long_it_will_take(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        progress = logged("ifd", "samples")
        for done in (500, 1500, 2000):
            progress("ifd", done, 2000)

    assert caplog.messages == [
        "ifd: 500 of 2,000",
        "ifd: 1,500 of 2,000, 100.0 samples/s, about 5 s left of this",
        "ifd: 2,000 of 2,000, 75.0 samples/s",
    ]


def test_a_stage_that_counts_something_else_has_no_samples_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Blocks of vectors are no samples."""
    with caplog.at_level(logging.INFO):
        progress = logged("embedding_pairs", "samples")
        progress("comparing vectors", 1, 40)
        progress("comparing vectors", 11, 40)

    assert caplog.messages[1] == "comparing vectors: 11 of 40, about 29 s left of this"


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
    trials = [trial for trial in searched.ledger.finished_trials() if trial.search == "first"]
    full = next(trial for trial in trials if trial.recipe is not None and not trial.recipe.steps)
    sample = Pool.open(searched.installation.home / "pools" / pool_of(searched)).sample(0).id

    told = told_by(searched, "explain", "tell", name=sample, search="first")

    assert f"{sample} is" in told["answer"]
    assert list(told)[1].startswith("subset of trial "), "the log shows the beginning of its entry only"
    assert "licence CC0-1.0" in told["details"]
    place = full.reservation.partition
    (row,) = [each for each in told["where_it_was_used"].splitlines() if each.startswith(f"{place} | ")]
    assert str(full.subset)[:12] in row
    assert str(full.evaluation)[:12] in row
    assert told["subset of trial 1 of first"] == "/assets/demo/subset?view=partitions&partition=first%7C001"
    assert "Say number" in told["messages"]


@pytest.mark.parametrize(
    ("job", "op"), [("explain", "tell"), ("compare_subsets", "compare"), ("raise_budget", "budget")]
)
def test_nothing_in_the_log_of_a_job_is_markdown(searched: Driver, job: str, op: str) -> None:
    """The UI shows a button in the place of it there."""
    result = searched.run(job, run_config={"ops": {op: {"config": {}}}})

    (output,) = [event for event in result.all_node_events if event.is_successful_output]
    assert output.step_output_data.metadata
    assert not [
        name
        for name, value in output.step_output_data.metadata.items()
        if isinstance(value, dg.MarkdownMetadataValue)
    ]


def test_the_launchpad_of_explain_is_filled_with_the_latest_search(searched: Driver) -> None:
    told = told_by(searched, "explain", "tell")

    assert "full pool" in told["from_the_full_pool_to_the_recommended_subset"]


def test_a_row_of_a_subset_opens_its_explanation(searched: Driver) -> None:
    facts = searched.metadata("subset", "first|002")

    (url, *_) = re.findall(r"\(/guess/explain/playground/setup\?config=([^)]+)\)", facts["explain_rows"])
    config = yaml.safe_load(unquote(url))
    result = searched.run("explain", run_config=config)

    assert config["ops"]["tell"]["config"]["name"].startswith(facts["rows"][0].data["id"])
    assert config["ops"]["tell"]["config"]["search"] == "first", "the latest search may be another one"
    assert result.success


def test_every_row_that_a_page_shows_has_a_link_to_its_explanation(searched: Driver) -> None:
    facts = searched.metadata("subset", "first|002")

    urls = re.findall(r"setup\?config=([^)]+)\)", facts["explain_every_row"])
    linked = [yaml.safe_load(unquote(url))["ops"]["tell"]["config"]["name"] for url in urls]

    assert len(linked) > 3
    assert [name[:12] for name in linked] == [row.data["id"] for row in facts["rows"]]


def test_the_recommended_trial_is_compared_with_the_one_that_it_came_from(searched: Driver) -> None:
    told = told_by(searched, "compare_subsets", "compare")
    best = searched.metadata("best_subset", "first")["trial"]

    assert f"only in trial {best}" in told["shared"]


def test_an_evaluation_leads_to_its_recipe_steps_signals_and_ancestors(searched: Driver) -> None:
    trial = searched.ledger.trials("first")[2]

    told = told_by(searched, "explain", "tell", name=str(trial.evaluation))

    assert f"{trial.evaluation} is the evaluation of first" in told["answer"]
    assert f"subset {trial.subset}" in told["details"]
    assert "process:" in told["recipe"]
    assert trial.recipe is not None
    assert len(told["steps_of_the_recipe"].splitlines()) == len(trial.recipe.steps)


def test_a_search_is_explained_from_the_full_pool_on(searched: Driver) -> None:
    told = told_by(searched, "explain", "tell", name="first")

    assert "full pool" in told["from_the_full_pool_to_the_recommended_subset"]


def told_by(driver: Driver, job: str, op: str, **config: object) -> dict[str, str]:
    """The metadata of a job's one step."""
    result = driver.run(job, run_config={"ops": {op: {"config": config}}})
    (output,) = [event for event in result.all_node_events if event.is_successful_output]
    return {name: _text(value) for name, value in output.step_output_data.metadata.items()}


def _text(value: dg.MetadataValue) -> str:
    if isinstance(value, dg.TableMetadataValue):
        return "\n".join(" | ".join(map(str, record.data.values())) for record in value.records)
    return str(value.value)


def pool_of(driver: Driver) -> str:
    return driver.ledger.search("first").spec.pool_version
