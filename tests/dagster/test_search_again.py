"""A changed pool is searched again, once, from what the search before it measured."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.history.records import SearchState
from autoselection_dagster.assembly import definitions_of
from tests.dagster.driver import Driver
from tests.dagster.installations import write_samples


def raw(driver: Driver) -> Path:
    return driver.installation.campaigns.parent / "raw"


def declare(driver: Driver, research: str) -> dg.Definitions:
    file = driver.installation.campaigns
    file.write_text(file.read_text().rstrip() + f"\n    on_pool_change: {research}\n")
    return definitions_of(driver.installation)


@pytest.fixture
def measured(driver: Driver) -> Driver:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)
    driver.work()
    return driver


def test_an_added_file_leads_to_one_warm_search_that_scores_only_what_is_new(measured: Driver) -> None:
    write_samples(raw(measured) / "more.jsonl", 20, seed=5)

    measured.run("demo_search_again")
    measured.run("demo_search_again")

    before, after = measured.ledger.searches()
    assert after.spec.warm_from == before.search == "s"
    assert after.spec.pool_version != before.spec.pool_version
    facts = measured.metadata("signal/word_entropy")
    assert measured.metadata("pool")["samples"] == facts["dagster/row_count"]
    assert measured.metadata("next_search")["is_new"] is False
    measured.work()
    assert measured.ledger.search(after.search).state is SearchState.DONE


def test_the_winner_of_the_search_that_measured_most_is_tried_first_on_the_changed_pool(
    measured: Driver,
) -> None:
    recipe = "process:\n- keep_top: {signal: word_entropy, fraction: 0.37}"
    config = {"recipe": recipe, "name": "one"}
    measured.run("evaluate_recipe", run_config={"ops": {"evaluate": {"config": config}}})
    measured.work()
    write_samples(raw(measured) / "more.jsonl", 20, seed=5)

    measured.run("demo_search_again")

    again = measured.ledger.searches()[-1]
    (first,) = measured.ledger.trials(again.search)
    assert again.spec.warm_from == "s", "one evaluation of a person teaches less than two trials"
    assert first.proposal["origin"] == "given"
    assert first.recipe in {each.recipe for each in measured.ledger.trials("s")}


def test_only_new_samples_are_scored(measured: Driver) -> None:
    known = measured.metadata("pool")["samples"]
    write_samples(raw(measured) / "more.jsonl", 20, seed=5)

    measured.run("demo_search_again")

    facts = measured.metadata("signal/word_entropy")
    assert facts["computed"] == facts["dagster/row_count"] - known > 0
    assert facts["reused"] == known


def test_a_removed_record_leads_to_a_search_and_what_stays_is_not_scored_again(measured: Driver) -> None:
    file = raw(measured) / "generated.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-10]))

    measured.run("demo_search_again")

    assert [search.spec.warm_from for search in measured.ledger.searches()] == [None, "s"]
    assert measured.metadata("signal/word_entropy")["computed"] == 0


def test_a_pool_that_did_not_change_leads_to_no_search(measured: Driver) -> None:
    measured.run("demo_search_again")

    assert len(measured.ledger.searches()) == 1
    assert "already" in measured.metadata("next_search")["decided"]


def test_everything_that_follows_from_an_older_pool_is_stale(measured: Driver) -> None:
    trial = dg.MultiPartitionKey({"search": "s", "trial": "001"})
    assert not causes(measured, "subset", trial)

    write_samples(raw(measured) / "more.jsonl", 20, seed=5)
    measured.prepare()

    for asset in ("subset", "subset_state", "fine_tuned_model", "evaluation"):
        assert causes(measured, asset, trial)
    for asset in ("search_report", "best_subset"):
        assert causes(measured, asset, "s")


def causes(driver: Driver, asset: str, partition: str) -> list[object]:
    graph = driver.definitions.get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(driver.instance, graph, LoadingContextForTest(driver.instance))
    return list(resolver.get_stale_causes(dg.AssetKey(["demo", asset]), partition))


@pytest.mark.parametrize(
    ("asked", "sensor", "schedules"),
    [
        ("off", dg.DefaultSensorStatus.STOPPED, []),
        ("on_change", dg.DefaultSensorStatus.RUNNING, []),
        (
            "{when: schedule, cron: 0 4 * * 1}",
            dg.DefaultSensorStatus.STOPPED,
            [("demo_search_again_schedule", dg.DefaultScheduleStatus.RUNNING)],
        ),
    ],
)
def test_sensor_runs_and_schedule_exists_as_the_campaign_chooses(
    driver: Driver,
    asked: str,
    sensor: dg.DefaultSensorStatus,
    schedules: list[tuple[str, dg.DefaultScheduleStatus]],
) -> None:
    repository = declare(driver, asked).get_repository_def()

    assert repository.get_sensor_def("demo_pool_changed").default_status is sensor
    assert [(each.name, each.default_status) for each in repository.schedule_defs] == schedules


def test_a_schedule_says_whose_hours_it_means(driver: Driver) -> None:
    declared = declare(driver, "{when: schedule, cron: 0 4 * * 1, timezone: Europe/Berlin}")
    schedule = declared.get_repository_def().get_schedule_def("demo_search_again_schedule")

    assert schedule.execution_timezone == "Europe/Berlin"
    assert "Europe/Berlin" in (schedule.description or "")


def test_a_time_zone_that_does_not_exist_is_refused_by_name(driver: Driver) -> None:
    with pytest.raises(CampaignFileError, match=r"timezone.*Berlin/Europe"):
        declare(driver, "{when: schedule, timezone: Berlin/Europe}")
