"""A changed pool is searched again, once, from what the search before it measured."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from autoselection_core.campaign.declaration.campaign import OnPoolChange
from autoselection_core.campaign.on_pool_change import is_unattended, wait_until
from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.history.records import SearchState, StopCause
from autoselection_core.store.home import Home
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.assets.sources import stamp
from autoselection_dagster.installation import Installation
from autoselection_dagster.sensors.source_changes import SourceWatch
from autoselection_dagster.trials.workers import is_over
from tests.dagster.installations import Driver, installation, write_samples


def raw(driver: Driver) -> Path:
    return driver.installation.campaigns.parent / "raw"


def declare(driver: Driver, on_pool_change: str) -> dg.Definitions:
    file = driver.installation.campaigns
    file.write_text(file.read_text().rstrip() + f"\n    on_pool_change: {on_pool_change}\n")
    return definitions_of(driver.installation)


@contextmanager
def opened(folder: Path) -> Iterator[Driver]:
    place = folder / "installation"
    with dg.DagsterInstance.local_temp(str(folder / "instance")) as instance:
        yield Driver(Installation(place / "home", place / "autoselection.yaml"), instance)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """Folder of an installation with a finished search: made once, as a busy machine takes minutes for it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "instance").mkdir()
    installation(folder / "installation", model)
    with opened(folder) as driver:
        driver.prepare()
        driver.start(name="s", budget=2, report_evaluations=0)
        driver.work()
    return folder


@pytest.fixture
def measured(finished: Path, tmp_path: Path) -> Iterator[Driver]:
    """A copy of it."""
    with opened(shutil.copytree(finished, tmp_path / "copy")) as driver:
        yield driver


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


def test_the_winner_of_the_last_search_that_had_a_choice_is_tried_first_on_the_changed_pool(
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


def test_a_search_learns_from_all_searches_before_it_and_says_so(measured: Driver) -> None:
    measured.start(name="other", budget=2, seed=3, report_evaluations=0)
    measured.work()
    write_samples(raw(measured) / "more.jsonl", 20, seed=5)

    measured.run("demo_search_again")
    measured.work()

    again = measured.ledger.searches()[-1]
    assert (again.spec.warm_from, again.spec.warm_also) == ("other", ("s",))
    assert again.spec.identity != replace(again.spec, warm_also=()).identity
    assert measured.metadata("next_search")["warm_also"] == "s"
    (first, *_) = measured.ledger.trials(again.search)
    winner = measured.metadata("best_subset", "other")["trial"]
    assert first.proposal["edit"] == f"winner of other, trial {winner}"


def test_added_removed_and_changed_samples_are_counted_by_source(measured: Driver) -> None:
    file = raw(measured) / "generated.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    changed = [line.replace("Say", "Tell") if place == 5 else line for place, line in enumerate(lines)]
    file.write_text("".join(changed[:-3]))
    write_samples(raw(measured) / "more.jsonl", 20, seed=5)
    held = measured.metadata("pool")["samples"]

    measured.run("demo_search_again")

    for asset in ("pool", "next_search"):
        told = measured.metadata(asset)["change"]
        now = measured.metadata("pool")["samples"]
        found = re.search(r"(\d+) samples? added, (\d+) removed and (\d+) changed, (\d+) now", told)
        assert found is not None
        added, removed, edited, after = map(int, found.groups())
        assert (held + added - removed, edited, after) == (now, 1, now)
        assert added == 17 or added > 0


def test_a_running_search_of_an_older_pool_stops_where_the_campaign_says_so(measured: Driver) -> None:
    declare(measured, "{when: on_change, running: stop}")
    measured.definitions = definitions_of(measured.installation)
    measured.start(name="endless", budget=50, seed=4, report_evaluations=2)
    write_samples(raw(measured) / "more.jsonl", 20, seed=5)

    measured.run("demo_search_again")

    old = measured.ledger.search("endless")
    assert (old.state, old.stop_cause) == (SearchState.STOPPED, StopCause.SUPERSEDED)
    assert not is_over(old), "its report would cost trainings"
    assert measured.metadata("next_search")["stopped"] == "endless"
    assert measured.ledger.search("s").state is SearchState.DONE


def test_limits_put_the_next_search_off(measured: Driver) -> None:
    write_samples(raw(measured) / "more.jsonl", 20, seed=5)
    measured.run("demo_search_again")
    (began,) = [each.created_at for each in measured.ledger.searches() if is_unattended(each)]

    def until(asked: OnPoolChange, later_h: float) -> float:
        return wait_until(measured.ledger, "demo", asked, began + later_h * 3600)

    assert until(OnPoolChange(), 0.1) == 0
    assert until(OnPoolChange(min_hours=2), 1.9) == pytest.approx(began + 2 * 3600)
    assert until(OnPoolChange(min_hours=2), 2.1) == 0
    assert until(OnPoolChange(max_a_day=1), 23) == pytest.approx(began + 24 * 3600)
    assert until(OnPoolChange(max_a_day=1), 24.1) == 0
    assert until(OnPoolChange(max_a_day=2), 1) == 0


def test_a_changed_pool_waits_for_the_least_interval_without_a_run(measured: Driver) -> None:
    declare(measured, "{when: on_change, min_hours: 5}")
    measured.definitions = definitions_of(measured.installation)
    write_samples(raw(measured) / "more.jsonl", 20, seed=5)
    measured.run("demo_search_again")
    write_samples(raw(measured) / "still_more.jsonl", 20, seed=6)
    sensor = measured.definitions.get_repository_def().get_sensor_def("demo_pool_changed")
    settled = SourceWatch("before", 1.0, "before").observe("x", 2.0)
    now = stamp(list(raw(measured).glob("*.jsonl")))
    cursor = replace(settled, seen=now, since=2.0).cursor

    home = Home(measured.installation.home)
    with dg.build_sensor_context(
        instance=measured.instance, resources={"autoselection_home": home}, cursor=cursor
    ) as context:
        answer = sensor(context)

    assert isinstance(answer, dg.SkipReason)
    assert "may begin at" in str(answer.skip_message)
    assert "min_hours: 5" in str(answer.skip_message)


def test_ticks_of_a_schedule_do_not_queue_behind_a_run(measured: Driver) -> None:
    repository = declare(measured, "{when: schedule, cron: '* * * * *'}").get_repository_def()
    schedule = repository.get_schedule_def("demo_search_again_schedule")

    def tick() -> str:
        with dg.build_schedule_context(
            instance=measured.instance, resources={"autoselection_home": Home(measured.installation.home)}
        ) as context:
            data = schedule.evaluate_tick(context)
        return str(data.skip_message) if data.skip_message else f"{len(data.run_requests or ())} runs"

    assert tick() == "1 runs"
    job = repository.get_job("demo_search_again")
    run = measured.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert "is not over" in tick()
    measured.instance.report_run_failed(run)
    assert tick() == "1 runs"
    for file in raw(measured).glob("*"):
        file.unlink()
    assert "raw" in tick()


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


def test_the_best_subset_comes_with_the_report_once_all_is_measured_and_is_up_to_date(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=2)
    best, seen = dg.AssetKey(["demo", "best_subset"]), []

    while isinstance(result := driver.tick(), dg.SensorResult):
        driver.add_partitions(result)
        for request in result.run_requests or ():
            driver.launch(request)
        if "s" in driver.instance.get_materialized_partitions(best):
            seen.append((driver.ledger.search("s").open_arms, causes(driver, "best_subset", "s")))

    assert seen
    assert seen == [(0, [])] * len(seen), "no evaluation is open, and nothing is stale"


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


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("99 99 * * *", r"on_pool_change.cron is '99 99 \* \* \*', whose minute is '99'.*from 0 to 59"),
        ("0 24 * * *", "whose hour is '24'"),
        ("0 4 0 * *", "whose day is '0'"),
        ("0 4 * 1,13 *", "whose month is '1,13'.* or jan feb"),
        ("0 4 * * mo", "whose weekday is 'mo'.* or sun mon"),
        ("*/0 * * * *", "whose minute is '\\*/0'"),
        ("0 4 31 feb *", "no such month has a day 31"),
        ("0 4 31 4,6 *", "no such month has a day 31"),
        ("0 4 * *", "must be five fields"),
    ],
)
def test_times_that_never_come_are_refused_by_field_and_line(driver: Driver, cron: str, told: str) -> None:
    with pytest.raises(CampaignFileError, match=rf"line \d+.*{told}|{told}.*line \d+"):
        declare(driver, f"{{when: schedule, cron: '{cron}'}}")


@pytest.mark.parametrize(
    "cron",
    ["*/15 0-6,22-23 1,15 jan-mar MON", "5/10 4 l * ?", "0 4 ? 2 fri#2", "0 4 29 2 *", "00 4 31 4,5 l5"],
)
def test_times_that_dagster_takes_are_taken(driver: Driver, cron: str) -> None:
    declared = declare(driver, f"{{when: schedule, cron: '{cron}'}}")

    assert [each.cron_schedule for each in declared.get_repository_def().schedule_defs] == [cron]


def test_a_time_zone_that_does_not_exist_is_refused_by_name(driver: Driver) -> None:
    with pytest.raises(CampaignFileError, match=r"timezone.*Berlin/Europe"):
        declare(driver, "{when: schedule, timezone: Berlin/Europe}")
