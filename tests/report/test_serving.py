"""Written reports in a browser: these files and no others, and nothing in them runs."""

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoselection_core.report.serving import PICTURES, picture_path, report_path, server_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "reports"
    (folder / "first").mkdir(parents=True)
    (folder / "first" / "report.html").write_text("<h1>Search first</h1>")
    (folder / "first" / "notes.txt").write_text("not for everybody")
    (folder.parent / "history.sqlite").write_text("secret")
    (folder / "first" / "linked.html").symlink_to(folder.parent / "history.sqlite")
    return folder


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    with server_of(folder, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path)
    answer = connection.getresponse()
    said = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return said


def test_a_report_is_read_in_a_browser_and_nothing_in_it_runs(port: int) -> None:
    status, text, headers = ask(port, report_path("first"))

    assert (status, text) == (200, "<h1>Search first</h1>")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none';")


def test_the_first_page_lists_the_reports(port: int) -> None:
    assert '<a href="/reports/first/report.html">first</a>' in ask(port, "/reports")[1]


def test_a_picture_of_the_ui_is_read(port: int, folder: Path) -> None:
    (folder / PICTURES).mkdir()
    (folder / PICTURES / "0a1b.png").write_bytes(b"picture")

    status, text, headers = ask(port, picture_path("0a1b.png"))

    assert (status, text, headers["Content-Type"]) == (200, "picture", "image/png")


@pytest.mark.parametrize(
    "path",
    [
        "/reports/first/notes.txt",
        "/reports/first/linked.html",
        "/reports/../history.sqlite",
        "/reports/first/../../history.sqlite",
        "/reports/%2e%2e/history.sqlite",
        "/reports/first/%2e%2e%2f%2e%2e%2fhistory.sqlite",
        "/reports/second/report.html",
        "/history.sqlite",
    ],
)
def test_nothing_but_reports_is_read(port: int, path: str) -> None:
    assert ask(port, path)[:2] == (404, "no such report\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_is_written(port: int, method: str) -> None:
    assert ask(port, report_path("first"), method)[0] == 501
