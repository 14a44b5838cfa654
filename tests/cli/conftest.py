import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from autoselection_core.cli.running import run
from tests.cli.workshop import Workshop

Cli: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The home and the campaigns are those of the working folder."""
    for name in [name for name in os.environ if name.startswith("AUTOSELECTION_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def finished_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the search `first` is done; made once, because a search takes seconds."""
    shop = Workshop.fill(tmp_path_factory.mktemp("finished"))
    made = shop.run("search", "--name", "first")
    assert made.returncode == 0, made.stderr
    return shop.folder


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A folder with a campaign, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    return Workshop.fill(tmp_path)


@pytest.fixture
def searched(finished_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A copy of the folder with a finished search, which is the working folder."""
    folder = tmp_path / "searched"
    shutil.copytree(finished_shop, folder)
    monkeypatch.chdir(folder)
    return Workshop(folder)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command in this process: exit code, output, error output."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(arguments)
        output = capsys.readouterr()
        return code, output.out, output.err

    return call
