"""Conditions, owners, tags and freshness that Dagster shows for the assets of a campaign."""

from datetime import timedelta
from typing import Any

import dagster as dg

from autoselection_dagster.assembly import definitions_of
from tests.dagster.installations import Driver, write_samples

SIGNALS = {"tokens", "word_entropy", "exact", "near_duplicates"}


class Automation:
    """Requests of Dagster's own evaluator of conditions, tick after tick."""

    def __init__(self, driver: Driver, declared: str = "on_pool_change: on_change") -> None:
        file = driver.installation.campaigns
        file.write_text(file.read_text().rstrip() + f"\n    {declared}\n")
        self.driver, self.definitions = driver, definitions_of(driver.installation)
        self.cursor: Any = None
        self.tick()

    def tick(self) -> set[str]:
        found = dg.evaluate_automation_conditions(
            self.definitions,
            self.driver.instance,
            cursor=self.cursor,
            asset_selection=dg.AssetSelection.all(),
        )
        self.cursor = found.cursor
        keys = [entry.key for entry in found.results if entry.true_subset.size]
        return {key.path[-1] for key in keys if isinstance(key, dg.AssetKey)}

    def observe(self) -> None:
        self.driver.run("demo_prepare", asset_selection=[dg.AssetKey(["demo", "raw_sources"])])


def test_pool_signals_and_next_search_follow_sources_whose_content_changed(driver: Driver) -> None:
    driver.prepare()
    automation = Automation(driver)
    write_samples(driver.installation.campaigns.parent / "raw" / "more.jsonl", 10, seed=3)
    automation.observe()

    assert automation.tick() == {"pool", "next_search", *SIGNALS}
    assert automation.tick() == set(), "what was asked for once is asked for again"


def test_nothing_follows_sources_that_were_touched_and_a_pool_that_was_made_again_alike(
    driver: Driver,
) -> None:
    driver.prepare()
    automation = Automation(driver)
    (driver.installation.campaigns.parent / "raw" / "generated.jsonl").touch()
    automation.observe()

    assert automation.tick() == set()
    driver.prepare()
    assert automation.tick() == set()


def test_what_a_person_prepared_is_followed_by_the_next_search_alone(driver: Driver) -> None:
    driver.prepare()
    automation = Automation(driver)
    write_samples(driver.installation.campaigns.parent / "raw" / "more.jsonl", 10, seed=3)
    driver.prepare()

    assert automation.tick() == {"next_search"}


def test_a_blocking_check_that_failed_keeps_everything_after_it_from_being_made(driver: Driver) -> None:
    driver.prepare()
    automation = Automation(driver)
    write_samples(driver.installation.campaigns.parent / "raw" / "more.jsonl", 10, seed=3)
    driver.prepare()
    failed = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["demo", "pool"]),
        check_name="ids_are_unique",
        passed=False,
        metadata={},
    )
    driver.instance.report_runless_asset_event(failed)

    assert automation.tick() == set()


def test_no_search_follows_by_itself_unless_the_campaign_says_so(driver: Driver) -> None:
    driver.prepare()
    automation = Automation(driver, "on_pool_change: off")
    write_samples(driver.installation.campaigns.parent / "raw" / "more.jsonl", 10, seed=3)
    automation.observe()

    assert automation.tick() == {"pool", *SIGNALS}


def test_the_automation_tab_lists_one_sensor_a_campaign_and_no_schedule_that_nobody_asked_for(
    driver: Driver,
) -> None:
    repository = driver.definitions.get_repository_def()

    assert not repository.schedule_defs
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "demo_automation",
        "demo_pool_changed",
        "failed_runs",
        "search_alerts",
        "search_sensor",
    }
    assert all(sensor.description for sensor in repository.sensor_defs)


def test_every_asset_has_a_description_and_the_owners_and_tags_of_its_campaign(driver: Driver) -> None:
    file = driver.installation.campaigns
    kept = "{owners: ['team:data', ann@example.com], tags: {domain: sums}, max_age_hours: 48}"
    file.write_text(file.read_text().rstrip() + f"\n    stewardship: {kept}\n")
    definitions = definitions_of(driver.installation)

    specs = {spec.key.path[-1]: spec for spec in definitions.resolve_all_asset_specs()}

    assert {name for name, spec in specs.items() if not spec.description} == set()
    assert all(list(spec.owners) == ["team:data", "ann@example.com"] for spec in specs.values())
    assert all(spec.tags["domain"] == "sums" for spec in specs.values())
    assert specs["pool"].freshness_policy == dg.FreshnessPolicy.time_window(timedelta(hours=48))
