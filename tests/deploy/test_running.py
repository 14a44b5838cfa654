"""Files of `deploy/`, read by the programs that they are for."""

import base64
import http.server
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from autoselection_core.loopback import free_port
from tests.dagster.installations import Driver, installation
from tests.postgresql import Server, postgresql

DEPLOY = Path(__file__).parents[2] / "deploy"

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as running:
        yield running


def test_compose_reads_its_file() -> None:
    done = subprocess.run(
        ["docker-compose", "-f", "compose.yaml", "--env-file", "env.example", "config"],
        cwd=DEPLOY / "docker",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]

    assert set(services) >= {
        "postgres",
        "code",
        "gpu-worker",
        "daemon",
        "webserver",
        "webserver-read-only",
        "proxy",
        "objects",
    }
    assert [name for name, service in services.items() if service.get("ports")] == ["proxy"]
    assert [name for name, service in services.items() if service.get("deploy")] == ["gpu-worker"]
    assert services["daemon"]["environment"]["DAGSTER_HOME"] == "/var/lib/autoselection/dagster"


def test_the_installation_s_dagster_yaml_works_on_postgresql(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (DEPLOY / "dagster.yaml").read_text() + (DEPLOY / "dagster-postgres.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(settings)
    url = server.new_database().replace("postgresql://", "postgresql+psycopg2://")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url)
    monkeypatch.setenv("AUTOSELECTION_HISTORY_URL", server.new_url())

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        driver = Driver(installation(tmp_path / "installation", _model(tmp_path)), instance)
        driver.prepare()
        driver.start(name="first")
        driver.work()

        assert "postgres" in type(instance.run_storage).__module__
        assert driver.ledger.database.engine.dialect.name == "postgresql"
        assert driver.ledger.search("first").spent == 3
        assert len(instance.get_runs()) > 3
        assert "trials" in driver.metadata("search_report", "first")
    assert not list((tmp_path / "installation").rglob("history.sqlite"))


def _model(folder: Path) -> Path:
    from autoselection_core.testing.tiny_model import tiny_model

    return tiny_model(folder / "tiny")


class _Says(http.server.BaseHTTPRequestHandler):
    """A webserver that answers with its own port."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.connection.getsockname()[1]).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def upstreams() -> Iterator[tuple[int, int, int]]:
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Says) for _ in range(3)]
    for each in servers:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    yield servers[0].server_port, servers[1].server_port, servers[2].server_port
    for each in servers:
        each.shutdown()
        each.server_close()


def test_the_proxy_lets_editors_start_and_viewers_only_look(
    tmp_path: Path, upstreams: tuple[int, int, int]
) -> None:
    editor, viewer, reports = upstreams
    site = f"http://127.0.0.1:{free_port()}"
    environment = {
        "SITE": site,
        "EDITOR_HASH": _hash("edits"),
        "VIEWER_HASH": _hash("views"),
        "EDITOR_UPSTREAM": f"127.0.0.1:{editor}",
        "VIEWER_UPSTREAM": f"127.0.0.1:{viewer}",
        "REPORTS_UPSTREAM": f"127.0.0.1:{reports}",
        "HOME": str(tmp_path),
    }
    file = shutil.copy(DEPLOY / "proxy/Caddyfile", tmp_path / "Caddyfile")
    caddy = subprocess.Popen(
        ["caddy", "run", "--config", file, "--adapter", "caddyfile"],
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(site)
        assert _get(site, None) == 401
        assert _get(site, "viewer:views") == 401
        assert _get(site, "editor:views") == 401
        assert _get(site, "editor:edits") == str(editor)
        assert _get(f"{site}/view/runs", "viewer:views") == str(viewer)
        assert _get(f"{site}/view", None) == 401
        assert _get(f"{site}/viewer", "viewer:views") == 401
        assert _get(f"{site}/reports/first/report.html", None) == 401
        assert _get(f"{site}/reports/first/report.html", "viewer:views") == str(reports)
        assert _get(f"{site}/reports", "editor:edits") == str(reports)
        # A link in a page starts at the root; a viewer who follows it stays a viewer.
        link = f"{site}/assets/demo/evaluation?view=partitions&partition=first%7C001"
        assert _get(link, "viewer:views", f"{site}/view/assets/demo/search_report") == str(viewer)
        assert _get(link, "editor:edits", f"{site}/assets/demo/search_report") == str(editor)
        assert _get(link, "viewer:views", f"{site}/assets/view/search_report") == 401
    finally:
        caddy.terminate()
        caddy.wait(20)


def _hash(password: str) -> str:
    command = ["caddy", "hash-password", "--plaintext", password]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _get(url: str, who: str | None, page: str | None = None) -> str | int:
    request = urllib.request.Request(url)  # noqa: S310 - a loopback address
    if page is not None:
        request.add_header("Referer", page)
    if who is not None:
        request.add_header("Authorization", f"Basic {base64.b64encode(who.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - a loopback address
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def _await(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            _get(url, None)
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the proxy did not start")
