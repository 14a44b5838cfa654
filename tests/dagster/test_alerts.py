"""Alerts are told once, to the webhook and beside the search."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest

from autoselection_core import environment
from autoselection_dagster.searches.alerts import post
from tests.dagster.driver import Driver


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a webhook on loopback was told."""
    texts: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv(environment.WEBHOOK_URL, f"http://127.0.0.1:{server.server_port}/hook")
    yield texts
    server.shutdown()
    thread.join()
    server.server_close()


def tick(driver: Driver, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    repository = driver.definitions.get_repository_def()
    with dg.build_sensor_context(
        instance=driver.instance,
        repository_def=repository,
        cursor=cursor,
        resources={"ledger": driver._resources["ledger"]},
    ) as context:
        found = repository.get_sensor_def("search_alerts")(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def test_a_spent_budget_and_a_stopped_search_are_told_once(driver: Driver, received: list[str]) -> None:
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

    assert received == [
        "search s has spent 1 of 2 evaluations",
        "search s cannot go on: three trials in a row failed",
    ]
    assert isinstance(again, dg.SkipReason)
    assert [event.partition for event in first.asset_events or ()] == ["s", "s"]
    assert isinstance(tick(driver, None), dg.SkipReason)


def test_without_a_webhook_nothing_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment.WEBHOOK_URL, raising=False)

    assert not post("hello")
