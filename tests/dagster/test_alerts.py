"""Alerts are told once, to the webhook and beside the search."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import dagster as dg
import pytest

from autoselection_core import environment_variables
from autoselection_core.score.score import CLOSED_FORM
from autoselection_core.store.home import Home
from autoselection_dagster.names import key
from autoselection_dagster.sensors.alerts import Outbox, alerts_of
from tests.dagster.installations import Driver, write_samples
from tests.dagster.test_checks import record


@dataclass
class Webhook:
    """A webhook on loopback.

    Attributes:
        received: What it was told and took.
        answer: The status of its answers; it takes nothing when that is an error.
    """

    received: list[str] = field(default_factory=list)
    answer: int = 200


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    told = Webhook()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
            if told.answer < 400:
                told.received.append(text)
            self.send_response(told.answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv(environment_variables.WEBHOOK_URL, f"http://127.0.0.1:{server.server_port}/hook")
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def tick(driver: Driver, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    repository = driver.definitions.get_repository_def()
    with dg.build_sensor_context(
        instance=driver.instance,
        repository_def=repository,
        cursor=cursor,
        resources={name: driver._resources[name] for name in (key("ledger"), key("home"))},
    ) as context:
        found = repository.get_sensor_def("search_alerts")(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def test_an_alert_counts_what_a_search_pays_for_as_its_page_does() -> None:
    trained = record(spent=3.0)
    formula = replace(trained, spec=replace(trained.spec, metric=CLOSED_FORM))

    assert [each.text for each in alerts_of(trained)] == ["search s has spent 3 of 3 trainings"]
    assert [each.text for each in alerts_of(formula)] == ["search s has spent 3 of 3 evaluations"]


def test_a_spent_budget_and_a_stopped_search_are_told_once(driver: Driver, webhook: Webhook) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)
    assert isinstance(tick(driver, None), dg.SkipReason)
    result = driver.tick()
    assert isinstance(result, dg.SensorResult)
    driver.add_partitions(result)
    driver.launch((result.run_requests or [])[0])
    driver.ledger.stop("s", "three trials in a row failed")

    first = tick(driver, "[]")
    assert isinstance(first, dg.SensorResult)
    again = tick(driver, first.cursor)

    assert webhook.received == [
        "search s has spent 2 of 2 evaluations",
        "search s cannot go on: three trials in a row failed",
    ]
    assert isinstance(again, dg.SkipReason)
    assert [event.partition for event in first.asset_events or ()] == ["s", "s"]
    assert isinstance(tick(driver, None), dg.SkipReason)


def test_a_pool_that_went_on_fails_a_check_of_the_reports_until_it_is_searched(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=1, report_evaluations=0)
    driver.work()
    assert isinstance(tick(driver, "[]"), dg.SensorResult)
    write_samples(driver.installation.campaigns.parent / "raw" / "more.jsonl", 20, seed=5)
    driver.prepare()

    changed = tick(driver, json.dumps(["s|1|1"]))

    assert isinstance(changed, dg.SensorResult)
    (check,) = list(changed.asset_events or ())
    assert isinstance(check, dg.AssetCheckEvaluation)
    assert (check.check_name, check.passed, check.severity) == (
        "is_of_the_latest_pool",
        False,
        dg.AssetCheckSeverity.WARN,
    )
    assert isinstance(tick(driver, changed.cursor), dg.SkipReason)
    driver.start(name="again", budget=1, report_evaluations=0)
    driver.work()
    report = driver.instance.get_latest_asset_check_evaluation_record(
        dg.AssetCheckKey(check.asset_key, check.check_name)
    )
    assert report is not None
    assert report.event is not None
    assert "passed" in str(report.event.message)


def test_a_webhook_that_is_down_holds_up_nothing_and_is_told_later(driver: Driver, webhook: Webhook) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)
    driver.ledger.stop("s", "three trials in a row failed")
    webhook.answer = 503

    down = tick(driver, "[]")
    assert isinstance(down, dg.SensorResult)
    still_down = tick(driver, down.cursor)
    webhook.answer = 200
    tick(driver, down.cursor)
    tick(driver, down.cursor)

    assert [event.partition for event in down.asset_events or ()] == ["s"]
    assert isinstance(still_down, dg.SkipReason)
    assert "1 alert waits" in str(still_down.skip_message)
    assert "503" in str(still_down.skip_message)
    assert webhook.received == ["search s cannot go on: three trials in a row failed"]


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:9/secret", "secret", "http://127.0.0.1:9/a secret", "http://127.0.0.1:secret/a"),
        *("http://127.0.0.1:9/secret\n", "http://user:secret@127.0.0.1:9/a"),
    ],
)
def test_a_webhook_that_does_not_exist_is_a_sentence_without_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(environment_variables.WEBHOOK_URL, url)
    outbox = Outbox.of(Home(tmp_path))
    outbox.put("one")
    outbox.put("two")

    said = str(outbox.deliver())

    assert "2 alerts wait" in said
    assert "secret" not in said


def test_a_run_that_failed_is_told_with_its_cause(driver: Driver, webhook: Webhook) -> None:
    with pytest.raises(dg.Failure):
        driver.start()
    (run,) = driver.instance.get_runs()
    (failure,) = driver.instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE
    ).records
    event = failure.event_log_entry.dagster_event
    assert event is not None
    context = dg.build_run_status_sensor_context(
        sensor_name="failed_runs", dagster_event=event, dagster_instance=driver.instance, dagster_run=run
    )

    driver.definitions.get_repository_def().get_sensor_def("failed_runs")(
        context.for_run_failure(), autoselection_home=Home(driver.installation.home)
    )
    tick(driver, None)

    (told,) = webhook.received
    assert told.startswith(f"run {run.run_id} of start_search failed: ")


def test_without_a_webhook_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment_variables.WEBHOOK_URL, raising=False)
    outbox = Outbox.of(Home(tmp_path))

    outbox.put("hello")

    assert outbox.deliver() is None
    assert not outbox.folder.exists()
