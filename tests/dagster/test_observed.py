"""Content hashes of files that others write."""

import os
from pathlib import Path

from autoselection_dagster.assets.observed import ContentHashes, stamp


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
