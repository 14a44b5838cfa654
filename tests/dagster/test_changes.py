"""Changes of a folder, and the ticks at which they become a new pool."""

import os
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from autoselection_core.identity import fingerprint_file
from autoselection_core.store.home import Home
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.assets.sources import ContentHashes, SeenFile, SeenFiles, stamp
from autoselection_dagster.sensors.source_changes import FIRST_PAUSE_S, SETTLED_AFTER_S, SourceWatch
from tests.dagster.installations import Driver, cell, write_samples
from tests.dagster.test_automation import Automation


def test_the_version_of_files_changes_with_what_they_hold(tmp_path: Path) -> None:
    hashes, file = ContentHashes(tmp_path / "memory.json"), tmp_path / "a.jsonl"
    file.write_text("one")
    before = hashes.version([file])

    file.write_text("other")

    assert hashes.version([file]) != before


def test_a_touched_file_with_the_same_content_keeps_its_version(tmp_path: Path) -> None:
    hashes, file = ContentHashes(tmp_path / "memory.json"), tmp_path / "a.jsonl"
    file.write_text("one")
    before = hashes.version([file])

    os.utime(file, ns=(1, 1))

    assert hashes.version([file]) == before


def test_a_file_of_the_same_size_and_time_is_not_read_again(tmp_path: Path) -> None:
    hashes, file = ContentHashes(tmp_path / "memory.json"), tmp_path / "a.jsonl"
    file.write_text("one")
    os.utime(file, ns=(1, 1))
    before = hashes.version([file])

    file.write_text("two")
    os.utime(file, ns=(1, 1))

    assert hashes.version([file]) == before, "the memory was not used"


def test_a_folder_counts_with_all_files_below_it(tmp_path: Path) -> None:
    hashes, folder = ContentHashes(tmp_path / "memory.json"), tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    before = hashes.version([folder])

    (folder / "deep" / "weights").write_text("1")

    assert hashes.version([folder]) != before


def test_a_missing_file_has_a_version_of_its_own(tmp_path: Path) -> None:
    hashes, file = ContentHashes(tmp_path / "memory.json"), tmp_path / "a.jsonl"
    missing = hashes.version([file])

    file.write_text("")

    assert hashes.version([file]) != missing


def test_the_stamp_notices_a_change_without_reading(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("one")
    before = stamp([file])

    os.utime(file, ns=(1, 1))

    assert stamp([file]) != before


def test_files_that_were_there_first_are_no_change() -> None:
    watched = SourceWatch().observe("a", 0.0)

    assert not watched.is_due(1_000.0)


def test_a_change_settles_by_a_clock_that_was_set_back() -> None:
    watched = SourceWatch().observe("a", 0.0).observe("b", 10_000.0).observe("b", 100.0).observe("b", 105.0)

    assert not watched.is_due(100.0 + SETTLED_AFTER_S - 1)
    assert watched.is_due(100.0 + SETTLED_AFTER_S)


def test_a_change_is_due_once_it_has_settled() -> None:
    watched = SourceWatch().observe("a", 0.0).observe("b", 100.0)

    assert not watched.is_due(100.0 + SETTLED_AFTER_S - 1)
    assert watched.is_due(100.0 + SETTLED_AFTER_S)


def test_a_file_that_is_still_written_puts_it_off() -> None:
    watched = SourceWatch().observe("a", 0.0).observe("b", 100.0).observe("c", 105.0)

    assert not watched.is_due(100.0 + SETTLED_AFTER_S)
    assert watched.is_due(105.0 + SETTLED_AFTER_S)


def test_files_that_were_set_back_while_unsettled_are_no_change() -> None:
    watched = SourceWatch().observe("a", 0.0).observe("b", 100.0).observe("a", 105.0)

    assert not watched.is_due(1_000.0)


def test_what_was_seen_survives_a_restart() -> None:
    watched = SourceWatch().observe("a", 0.0).observe("b", 100.0)

    assert SourceWatch.read(watched.cursor) == watched


def asked_twice() -> SourceWatch:
    return SourceWatch().observe("a", 0.0).observe("b", 100.0).record_request(200.0).record_request(400.0)


def test_a_change_whose_run_failed_is_asked_for_again_after_a_pause_that_grows() -> None:
    failed = [dg.DagsterRunStatus.FAILURE]
    once = SourceWatch().observe("a", 0.0).observe("b", 100.0).record_request(200.0)

    assert not once.is_lost(failed, 200.0 + FIRST_PAUSE_S - 1)
    assert once.is_lost(failed, 200.0 + FIRST_PAUSE_S)
    assert not asked_twice().is_lost(failed, 400.0 + FIRST_PAUSE_S)
    assert asked_twice().is_lost(failed, 400.0 + 2 * FIRST_PAUSE_S)


def test_each_run_for_one_change_has_a_key_of_its_own() -> None:
    once = SourceWatch().observe("a", 0.0).observe("b", 100.0).record_request(200.0)

    assert once.run_key("demo") == "demo|b|100.0"
    assert asked_twice().run_key("demo") == "demo|b|100.0|2"


def test_a_run_that_succeeded_or_still_runs_is_not_asked_for_again() -> None:
    for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED):
        assert not asked_twice().is_lost([status], 1e9)
    assert asked_twice().record_status([dg.DagsterRunStatus.SUCCESS]).asked == 0


def test_a_cursor_of_an_earlier_release_is_still_read() -> None:
    kept = SourceWatch.read('{"seen": "a", "since": 1.0, "done": "a"}')

    assert (kept.seen, kept.asked, kept.why_idle) == ("a", 0.0, "the source files are as they were")


def test_a_deleted_pool_is_one_alert_and_no_failing_tick(driver: Driver) -> None:
    sensor = driver.definitions.get_repository_def().get_sensor_def("demo_pool_changed")
    (driver.installation.campaigns.parent / "raw" / "generated.jsonl").unlink()
    home = Home(driver.installation.home)
    cursor, alerts = None, []

    for _ in range(3):
        with dg.build_sensor_context(
            instance=driver.instance, resources={"autoselection_home": home}, cursor=cursor
        ) as context:
            answer = sensor(context)
        assert isinstance(answer, dg.SensorResult)
        assert answer.skip_reason is not None
        assert "raw" in str(answer.skip_reason.skip_message)
        cursor = answer.cursor
        alerts += answer.asset_events

    assert [alert.asset_key.path for alert in alerts] == [["demo", "raw_sources"]]


def test_deleted_sources_are_one_alert_that_names_them_all_and_ask_for_no_pool(driver: Driver) -> None:
    raw = driver.installation.campaigns.parent / "parts"
    raw.mkdir()
    file = driver.installation.campaigns
    more = "".join(
        f"      - {{path: parts/part{number:02}.jsonl, licence: CC0-1.0}}\n" for number in range(12)
    )
    file.write_text(file.read_text().replace("    base_model", f"{more}    base_model", 1))
    for number in range(12):
        write_samples(raw / f"part{number:02}.jsonl", 10, seed=number)
    driver.definitions = definitions_of(driver.installation)
    driver.prepare()
    automation = Automation(driver)
    for number in range(12):
        (raw / f"part{number:02}.jsonl").unlink()

    sensor = automation.definitions.get_repository_def().get_sensor_def("demo_pool_changed")
    home = Home(driver.installation.home)
    with dg.build_sensor_context(instance=driver.instance, resources={"autoselection_home": home}) as context:
        answer = sensor(context)
    assert isinstance(answer, dg.SensorResult)
    (alert,) = answer.asset_events
    driver.instance.report_runless_asset_event(alert)

    said = str(alert.metadata["alert"].value)
    assert "12 sources" in said
    assert all(f"part{number:02}.jsonl" in said for number in range(10))
    assert "part10.jsonl" not in said
    assert "and 2 more" in said
    assert automation.tick() == set()


def test_an_observation_of_the_sources_lists_their_files_with_sizes_and_hashes(driver: Driver) -> None:
    driver.prepare()

    event = driver.instance.fetch_observations(dg.AssetKey(["demo", "raw_sources"]), limit=1).records[0]
    seen = event.asset_observation
    assert seen is not None
    file = driver.installation.campaigns.parent / "raw" / "generated.jsonl"
    assert seen.metadata["bytes"].value == file.stat().st_size
    table = str(seen.metadata["content"].value)
    assert "raw/generated.jsonl" in table.replace(" ", "")
    assert fingerprint_file(file)[:12] in table


def test_an_observation_says_which_files_were_added_removed_or_changed_since_the_one_before(
    driver: Driver,
) -> None:
    raw = driver.installation.campaigns.parent / "raw"
    write_samples(raw / "gone.jsonl", 10, seed=1)
    first = _observed(driver)
    unchanged = _observed(driver)
    size = (raw / "generated.jsonl").stat().st_size
    (raw / "gone.jsonl").unlink()
    write_samples(raw / "new.jsonl", 10, seed=2)
    write_samples(raw / "generated.jsonl", 61)

    told = _observed(driver)

    assert first["change"].value == "the first observation that names its files"
    assert unchanged["change"].value == "no file changed since the observation before"
    assert told["change"].value == "files since the observation before: 1 added, 1 removed, 1 changed"
    table = told["changed_files"]
    assert isinstance(table, dg.TableMetadataValue)
    rows = {str(row.data["file"]): row for row in table.records}
    assert {name: cell(row, "what") for name, row in rows.items()} == {
        "raw/generated.jsonl": "changed",
        "raw/gone.jsonl": "removed",
        "raw/new.jsonl": "added",
    }
    assert cell(rows["raw/generated.jsonl"], "bytes before") == f"{size:,}"
    assert cell(rows["raw/new.jsonl"], "bytes") == f"{(raw / 'new.jsonl').stat().st_size:,}"


def test_files_that_were_remembered_by_a_run_without_an_observation_are_no_news_missed(
    tmp_path: Path,
) -> None:
    seen, first, second = SeenFiles(tmp_path / "seen.json"), SeenFile(1, "a"), SeenFile(2, "b")
    versions = ("1", "2", "3", "4", "5")
    found = {
        version: seen.exchange(before, version, {"file": first if version == "3" else second})
        for version, before in zip(versions, (None, "1", "2", "3", "3"), strict=True)
    }

    assert found["1"] is None
    assert found["4"] == {"file": first}
    assert found["5"] == {"file": first}, "the observation before is that of 3, if the run of 4 was killed"
    assert seen.exchange("1", "6", {"file": first}) is None, "only the latest are kept"


def _observed(driver: Driver) -> Mapping[str, dg.MetadataValue]:
    """Metadata of a new observation of the sources."""
    sources = dg.AssetKey(["demo", "raw_sources"])
    driver.run("demo_prepare", asset_selection=[sources])
    seen = driver.instance.fetch_observations(sources, limit=1).records[0].asset_observation
    assert seen is not None
    return seen.metadata
