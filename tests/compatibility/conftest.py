"""A home that an earlier version wrote, unpacked elsewhere than where it was made."""

import shutil
from pathlib import Path

import pytest

from tests.compatibility.earlier import EarlierHome, unpack

collect_ignore = ["f7d6479"]
"""The script that made the home runs with the code of its commit only."""


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home as it was written; nobody may change it."""
    return unpack(tmp_path_factory.mktemp("earlier") / "unpacked")


@pytest.fixture
def earlier(unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EarlierHome:
    """A copy of the home, whose folder is the working folder."""
    folder = tmp_path / "moved"
    shutil.copytree(unpacked, folder)
    return EarlierHome.entered(folder, monkeypatch)


@pytest.fixture(scope="module")
def shared(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for the tests of a module that only read."""
    folder = tmp_path_factory.mktemp("shared") / "moved"
    shutil.copytree(unpacked, folder)
    return folder


@pytest.fixture
def read(shared: Path, monkeypatch: pytest.MonkeyPatch) -> EarlierHome:
    """The home for reading; its folder is the working folder."""
    return EarlierHome.entered(shared, monkeypatch)
