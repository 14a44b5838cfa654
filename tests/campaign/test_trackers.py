"""Finished trials in a tracker, which may be down and costs no trial then.

One server here keeps what MLflow's REST API is sent. The slow test asks a real one, which is installed
beside this environment, because it needs an older pyarrow.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

from autoselection_core.campaign.trackers import (
    MlflowTracker,
    TensorBoardTracker,
    TrackedTrial,
    WandbTracker,
    tell,
)
from autoselection_core.loopback import free_port

TRIAL = TrackedTrial("s|001", {"recipe": "keep_top[tokens]"}, {"utility": 0.5}, {"page": "/assets/x"})
MLFLOW = "mlflow==3.17.2"


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

    for user, shown in (("", ""), ("somebody:s3cret@", "***@"), ("somebody:s3c@r/et@", "***@")):
        (problem,) = tell([MlflowTracker(f"http://{user}127.0.0.1:{port}")], TRIAL)

        address = f"http://{shown}127.0.0.1:{port}"
        assert problem.startswith(f"mlflow did not take the trial: {address} does not answer")


def test_tensorboard_shows_params_and_scores_of_a_trial_once(tmp_path: Path) -> None:
    tracker = TensorBoardTracker(tmp_path)

    assert tell([tracker], TRIAL) == tell([tracker], TRIAL) == ()

    (run,) = {file.parent for file in tmp_path.rglob("events.*")}
    assert run == tmp_path / "s" / "001"
    events = EventAccumulator(str(run))
    events.Reload()
    assert [event.value for event in events.Scalars("utility")] == [0.5]
    assert "/assets/x" in events.Tensors("page/text_summary")[0].tensor_proto.string_val[0].decode()


def test_text_for_tensorboard_is_code_whatever_it_holds(tmp_path: Path) -> None:
    """A fence inside of a recipe ended the block, and what followed was Markdown."""
    steps = "steps:\n```\n\n# <b>large</b>"
    TensorBoardTracker(tmp_path).record(replace(TRIAL, params={"recipe_yaml": steps}))

    (run,) = {file.parent for file in tmp_path.rglob("events.*")}
    events = EventAccumulator(str(run))
    events.Reload()
    (shown,) = events.Tensors("recipe_yaml/text_summary")[0].tensor_proto.string_val
    assert shown.decode() == "".join(f"    {line}" for line in steps.splitlines(keepends=True))


def test_wandb_gets_one_offline_run_a_trial(tmp_path: Path) -> None:
    tracker = WandbTracker(tmp_path, "sums")

    assert tell([tracker], TRIAL) == tell([tracker], TRIAL) == ()

    (file,) = tmp_path.rglob("*.wandb")
    records = list(records_of(file))
    (run,) = [record.run for record in records if record.HasField("run")]
    assert (run.project, run.display_name) == ("sums", "s|001")
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert {"recipe": "keep_top[tokens]", "page": "/assets/x"}.items() <= config.items()
    logged = [item for record in records for item in record.history.item if record.HasField("history")]
    assert "0.5" in [item.value_json for item in logged if "utility" in (item.key, *item.nested_key)]


def records_of(file: Path) -> Iterator[Record]:
    """The records of a W&B file: a header of 7 bytes, then blocks of 32 KiB as LevelDB writes its log."""
    content, at, whole = file.read_bytes(), 7, b""
    while at < len(content):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield Record.FromString(whole)
            whole = b""


def test_a_full_or_forbidden_folder_is_told_of_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")

    problems = tell([TensorBoardTracker(blocked), WandbTracker(blocked, "sums")], TRIAL)

    assert [problem.partition(" did not take the trial")[0] for problem in problems] == [
        "tensorboard",
        "wandb",
    ]
    assert blocked.read_text() == "no folder"


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_real_mlflow_server_shows_one_run_a_trial(tmp_path: Path) -> None:
    packages, store = tmp_path / "packages", tmp_path / "store"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(packages), MLFLOW]
    subprocess.run(install, check=True)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    serve = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    places = ["--backend-store-uri", f"sqlite:///{store}.db", "--default-artifact-root", str(store)]
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    with subprocess.Popen([*serve, *places], env=environment, start_new_session=True) as server:
        try:
            wait_for(f"{address}/health", server)
            tracker = MlflowTracker(address, "sums")
            assert tell([tracker], TRIAL) == tell([tracker], TRIAL) == ()
            asked = {"experiment_ids": [tracker._experiment()]}
            runs = requests.post(f"{address}/api/2.0/mlflow/runs/search", json=asked, timeout=60).json()[
                "runs"
            ]
        finally:
            os.killpg(server.pid, signal.SIGTERM)

    (run,) = runs
    assert run["info"]["status"] == "FINISHED"
    assert {"key": "recipe", "value": "keep_top[tokens]"} in run["data"]["params"]
    assert [(metric["key"], metric["value"]) for metric in run["data"]["metrics"]] == [("utility", 0.5)]


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    """Wait until a server answers; fail when it has ended."""
    while not answers(address):
        assert server.poll() is None, f"the server ended with {server.returncode}"
        time.sleep(1)


def answers(address: str) -> bool:
    """True when a server answers there."""
    try:
        return requests.get(address, timeout=5).ok
    except requests.RequestException:
        return False
