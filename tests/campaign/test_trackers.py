"""Finished trials in a tracker, which may be down and costs no trial then.

The server here keeps what MLflow's REST API is sent; `docs/how-to/ui.md` says how a real one was tried.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from autoselection_core.campaign.trackers import MlflowTracker, TrackedTrial, tell

TRIAL = TrackedTrial("s|001", {"recipe": "keep_top[tokens]"}, {"utility": 0.5}, {"page": "/assets/x"})


class Kept(BaseHTTPRequestHandler):
    """The five calls of MLflow's REST API that are used, in memory."""

    experiments: ClassVar[dict[str, str]]
    runs: ClassVar[list[dict[str, Any]]]

    def do_GET(self) -> None:
        name = self.path.rpartition("=")[2]
        self.answer(200, {"experiment": {"experiment_id": self.experiments[name]}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.path.removeprefix("/api/2.0/mlflow/"):
            case "experiments/create" if body["name"] in self.experiments:
                self.answer(400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "exists"})
            case "experiments/create":
                self.experiments[body["name"]] = str(len(self.experiments) + 1)
                self.answer(200, {"experiment_id": self.experiments[body["name"]]})
            case "runs/search":
                wanted = body["filter"].rpartition(" = ")[2].strip("'")
                self.answer(200, {"runs": [each for each in self.runs if each["tags"][0]["value"] == wanted]})
            case "runs/create":
                self.runs.append(body)
                self.answer(200, {"run": {"info": {"run_id": str(len(self.runs))}}})
            case "runs/log-batch" | "runs/update":
                self.runs[int(body["run_id"]) - 1] |= body
                self.answer(200, {})
            case other:
                self.answer(404, {"message": other})

    def answer(self, status: int, content: dict[str, Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    handler = type("Own", (Kept,), {"experiments": {}, "runs": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def test_a_trial_is_one_run_with_params_scores_and_links_however_often_it_is_told(
    server: ThreadingHTTPServer,
) -> None:
    tracker = MlflowTracker(f"http://127.0.0.1:{server.server_port}", "sums")

    assert tell([tracker], TRIAL) == tell([tracker], TRIAL) == ()

    (run,) = server.RequestHandlerClass.runs  # type: ignore[attr-defined] # the class above
    assert run["params"] == [{"key": "recipe", "value": "keep_top[tokens]"}]
    assert [(each["key"], each["value"]) for each in run["metrics"]] == [("utility", 0.5)]
    assert {"key": "autoselection.page", "value": "/assets/x"} in run["tags"]
    assert run["status"] == "FINISHED"


def test_a_tracker_that_does_not_answer_is_told_of_and_stops_nothing(server: ThreadingHTTPServer) -> None:
    port = server.server_port
    server.shutdown()
    server.server_close()

    (problem,) = tell([MlflowTracker(f"http://127.0.0.1:{port}")], TRIAL)

    assert problem.startswith(f"mlflow did not take the trial: http://127.0.0.1:{port} does not answer")
