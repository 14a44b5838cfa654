"""Raw files on object storage, and exports that go there, against an S3-compatible server on loopback."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.commands.exporting import upload_export
from autoselection_core.errors.pool import NoSourceFileError
from autoselection_core.errors.store import ObjectsUnreachableError
from autoselection_core.loopback import free_port
from autoselection_core.store.home import Home
from autoselection_core.store.objects import Mirror, upload
from tests.store.object_server import Objects, object_server

pytestmark = pytest.mark.e2e

_CAMPAIGN = """
campaigns:
  ours:
    pool:
      - {{path: "{path}", licence: CC0-1.0}}
    signals: [word_entropy]
    closed_form: {{weights: {{word_entropy: 1.0}}}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Objects]:
    with object_server() as started:
        started.make("ours")
        yield started


@pytest.fixture
def objects(server: Objects, monkeypatch: pytest.MonkeyPatch) -> Objects:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AUTOSELECTION_OBJECTS", "s3://ours/raw")
    return server


def lines(count: int) -> bytes:
    records = ({"instruction": f"Say {number}.", "output": f"It is {number}."} for number in range(count))
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def workspace(folder: Path, path: str) -> Workspace:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "autoselection.yaml"
    file.write_text(_CAMPAIGN.format(path=path))
    home = Home(folder / "home")
    return Workspace(load_campaigns(file, home)["ours"], home)


def test_a_pool_from_object_storage_is_the_pool_of_the_same_files(objects: Objects, tmp_path: Path) -> None:
    raw = tmp_path / "local" / "raw"
    for name in ("a.jsonl", "deep/b.jsonl"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(lines(20 + len(name)))
        objects.put(f"ours/raw/same/{name}", (raw / name).read_bytes())
    objects.put("ours/raw/same/notes.txt", b"not asked for")

    here = workspace(tmp_path / "local", "raw/**/*.jsonl").ingest()
    there = workspace(tmp_path / "fetched", "s3://ours/raw/same/**/*.jsonl").ingest()

    assert there.pool.version == here.pool.version
    assert there.pool.source_names == here.pool.source_names


def test_changed_new_and_removed_objects_are_seen_and_others_not_fetched_again(
    objects: Objects, tmp_path: Path
) -> None:
    objects.put("ours/raw/changing/a.jsonl", lines(5))
    objects.put("ours/raw/changing/b.jsonl", lines(6))
    opened = workspace(tmp_path, "s3://ours/raw/changing/*.jsonl")
    opened.ingest()
    assert opened.is_ingested()
    before = {file.name: file.stat() for file in opened.campaign.source_files()}

    time.sleep(1.1)  # the storage's clock ticks in seconds
    objects.put("ours/raw/changing/b.jsonl", lines(7))
    assert not opened.is_ingested()
    opened.ingest()
    objects.put("ours/raw/changing/c.jsonl", lines(8))
    assert {file.name for file in opened.campaign.source_files()} == {"a.jsonl", "b.jsonl", "c.jsonl"}
    objects.remove("ours/raw/changing/b.jsonl")
    after = {file.name: file.stat() for file in opened.campaign.source_files()}

    assert set(after) == {"a.jsonl", "c.jsonl"}
    assert after["a.jsonl"].st_ino == before["a.jsonl"].st_ino


def test_one_object_can_be_named(objects: Objects, tmp_path: Path) -> None:
    objects.put("ours/raw/one.jsonl", lines(9))

    assert len(workspace(tmp_path, "s3://ours/raw/one.jsonl").ingest().pool) == 9


def test_what_is_not_there_is_named_as_the_campaign_names_it(objects: Objects, tmp_path: Path) -> None:
    assert objects
    with pytest.raises(NoSourceFileError, match=r"s3://ours/raw/none/\*\.jsonl"):
        workspace(tmp_path, "s3://ours/raw/none/*.jsonl").ingest()


def test_storage_that_does_not_answer_is_named(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert objects
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(ObjectsUnreachableError, match="AWS_ENDPOINT_URL"):
        workspace(tmp_path, "s3://ours/raw/one.jsonl").ingest()


def test_an_export_is_put_beside_its_manifest(objects: Objects, tmp_path: Path) -> None:
    export = tmp_path / "best"
    export.mkdir()
    for name in ("data.jsonl", "README.md", "manifest.json"):
        (export / name).write_text(f"the {name}")

    upload_export(export, "s3://ours/exports/best")

    assert objects.read("ours/exports/best/manifest.json") == b"the manifest.json"
    assert objects.read("ours/exports/best/data.jsonl") == b"the data.jsonl"


def test_an_upload_to_a_bucket_that_is_not_there_is_refused(objects: Objects, tmp_path: Path) -> None:
    assert objects
    (tmp_path / "file").write_text("x")

    with pytest.raises(ObjectsUnreachableError, match="s3://nobodys/there"):
        upload(tmp_path, "s3://nobodys/there", last="file")


def test_a_mirror_lies_below_the_home_folder(tmp_path: Path) -> None:
    mirror = Mirror("s3://ours/raw/**/x?.jsonl", Home(tmp_path))

    assert mirror.pattern.is_relative_to(tmp_path / "objects")
    assert mirror.pattern.parts[-2:] == ("**", "x?.jsonl")
