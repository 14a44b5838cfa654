"""Data sets of a hub are read from the local cache, and from nowhere else without a network."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import pytest

from autoselection_core.errors.store import InvalidHubNameError
from autoselection_core.store.hub import HubDataset

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: parts/first.jsonl
  - split: test
    path: parts/second*.jsonl
---
# Sums
"""

READ = """
import json, sys
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.pool import Source
from autoselection_core.pool.sources import list_files
from autoselection_core.store.hub import HubDataset

try:
    if sys.argv[1].startswith("pinned "):
        print(json.dumps(Source.at(sys.argv[1].removeprefix("pinned ")).list_files().pinned))
        raise SystemExit
    files = list_files([Source(sys.argv[1], hub=HubDataset.parse(sys.argv[1]))])
    print(json.dumps([[file.name, file.relative_path] for file in files]))
    assert all(file.path.read_bytes() for file in files)
except AutoSelectionError as error:
    print(json.dumps(f"{type(error).__name__}: {error}"))
"""


def read(home: Path, uri: str, **variables: str) -> object:
    """Names and places of the files that a name leads to, with a cache below a folder and no network."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", **variables}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", READ, uri], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def cached(home: Path, card: str | None, *names: str) -> None:
    """Leave a data set in a cache as the hub's own library does."""
    folder = home / "hub" / "datasets--ours--sums"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    for name in names:
        file = folder / "snapshots" / COMMIT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"question": "1 + 1?", "answer": "2"}\n')
    if card is not None:
        (folder / "snapshots" / COMMIT / "README.md").write_text(card)


def refused(name: str, why: str) -> str:
    """One sentence for a data set that is neither in the cache nor to be had."""
    return (
        f"HubUnreachableError: hf://{name} is not in the local cache and cannot be downloaded ({why}): check"
        " name, revision and network, or download it elsewhere and name its folder as a path."
    )


def test_the_card_says_which_files_are_a_split(tmp_path: Path) -> None:
    cached(tmp_path, CARD, "parts/first.jsonl", "parts/second-1.jsonl", "parts/second-2.jsonl")

    assert read(tmp_path, "hf://ours/sums:train") == [["ours/sums", "parts/first.jsonl"]]
    assert read(tmp_path, f"hf://ours/sums@{COMMIT}:test") == [
        ["ours/sums", "parts/second-1.jsonl"],
        ["ours/sums", "parts/second-2.jsonl"],
    ]


@pytest.mark.parametrize(
    "header", ["[" * 2_000 + "]" * 2_000, "date: 2026-13-45", "a: !!python/name:os.system x"]
)
def test_a_card_that_is_no_plain_data_is_no_card(tmp_path: Path, header: str) -> None:
    cached(tmp_path, f"---\n{header}\n---\n", "data/train.jsonl", "data/test.jsonl")

    assert read(tmp_path, "hf://ours/sums:test") == [["ours/sums", "data/test.jsonl"]]


def test_without_a_card_the_names_of_files_say_it(tmp_path: Path) -> None:
    cached(tmp_path, None, "data/train-00000-of-00001.jsonl", "data/test-00000-of-00001.jsonl", "notes.txt")

    assert read(tmp_path, "hf://ours/sums@main:test") == [["ours/sums", "data/test-00000-of-00001.jsonl"]]
    assert read(tmp_path, "hf://ours/sums/data") == [
        ["ours/sums", "data/test-00000-of-00001.jsonl"],
        ["ours/sums", "data/train-00000-of-00001.jsonl"],
    ]


def test_a_split_that_is_not_there_and_a_data_set_that_is_not_cached_are_named(tmp_path: Path) -> None:
    cached(tmp_path, CARD, "parts/first.jsonl")

    assert "NoSourceFileError: no file matches the source 'hf://ours/sums:dev'" in str(
        read(tmp_path, "hf://ours/sums:dev")
    )
    assert read(tmp_path, "hf://theirs/sums") == refused("theirs/sums", "HF_HUB_OFFLINE forbids it")


SERVED = {
    "README.md": CARD.encode(),
    "parts/first.jsonl": b'{"question": "1 + 1?", "answer": "2"}\n',
    "parts/second-1.jsonl": b'{"question": "1 + 2?", "answer": "3"}\n',
    "weights.bin": b"large",
}


class Hub(BaseHTTPRequestHandler):
    """A hub with one data set, which remembers what was asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith(f"/api/datasets/ours/sums/tree/{COMMIT}"):
            tree = [
                {"type": "file", "path": name, "size": len(SERVED[name]), "oid": "0" * 40} for name in SERVED
            ]
            return self._answer(json.dumps(tree).encode())
        if path.startswith("/api/datasets/ours/sums"):
            siblings = [{"rfilename": name} for name in SERVED]
            return self._answer(json.dumps({"id": "ours/sums", "sha": COMMIT, "siblings": siblings}).encode())
        name = path.partition(f"/datasets/ours/sums/resolve/{COMMIT}/")[2]
        if name not in SERVED:
            return self.send_error(404)
        if self.command == "GET":
            self.asked.append(name)
        return self._answer(SERVED[name])

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_what_is_named_is_downloaded_once_and_nothing_else(tmp_path: Path, hub: str) -> None:
    online = {"HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0"}

    first = read(tmp_path, f"hf://ours/sums@{COMMIT}:train", **online)
    downloaded = sorted(Hub.asked)
    without_network = read(tmp_path, f"hf://ours/sums@{COMMIT}:train")

    assert first == without_network == [["ours/sums", "parts/first.jsonl"]]
    assert "weights.bin" not in downloaded
    assert downloaded.count("parts/first.jsonl") == 1


def test_a_hub_that_does_not_answer_is_named_with_the_way_forward(tmp_path: Path) -> None:
    said = read(tmp_path, "hf://ours/sums", HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="0")

    assert said == refused("ours/sums", "the hub does not answer")


def test_a_hub_that_has_no_such_data_set_says_so(tmp_path: Path, hub: str) -> None:
    said = str(read(tmp_path, "hf://theirs/sums", HF_ENDPOINT=hub, HF_HUB_OFFLINE="0"))

    assert said == refused("theirs/sums", "the hub answers 404")


def test_the_commit_that_was_read_is_named(tmp_path: Path) -> None:
    cached(tmp_path, CARD, "parts/first.jsonl")

    assert read(tmp_path, "pinned hf://ours/sums:train") == f"hf://ours/sums@{COMMIT}:train"


@pytest.mark.parametrize(
    "name",
    ["hf://", "hf://sums", "hf://a/../b", "hf://a/b@", "hf://a/b:train:test", "hf://a/b?x", "s3://a/b"],
)
def test_what_is_no_name_of_a_data_set_is_refused(name: str) -> None:
    with pytest.raises(InvalidHubNameError, match="is no data set of a hub"):
        HubDataset.parse(name)


def test_a_name_is_its_own_spelling() -> None:
    for uri in ("hf://a/b", "hf://a/b/c/d@v1.0:train", "hf://a/b:train"):
        assert HubDataset.parse(uri).uri == uri
