"""Folders that are made once."""

from pathlib import Path

import pytest

from demo.prepared import is_made, prepared


def write_one(folder: Path) -> None:
    (folder / "content").write_text("one")


def refuse(_: Path) -> None:
    raise RuntimeError


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    made = prepared(tmp_path / "made", {"seed": 1}, write_one)

    assert prepared(tmp_path / "made", {"seed": 1}, refuse) == made
    assert (made / "content").read_text() == "one"


def test_another_origin_makes_it_again(tmp_path: Path) -> None:
    prepared(tmp_path / "made", {"seed": 1}, write_one)

    with pytest.raises(RuntimeError):
        prepared(tmp_path / "made", {"seed": 2}, refuse)


def test_an_interrupted_preparation_leaves_nothing_to_trust(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        prepared(tmp_path / "made", {"seed": 1}, refuse)

    assert not is_made(tmp_path / "made", {"seed": 1})
    assert not (tmp_path / "made").exists()
