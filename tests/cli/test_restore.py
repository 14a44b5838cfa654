"""After a backup is restored onto another machine, every command works, on searches of earlier pools too."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.workshop import Workshop


@pytest.fixture
def restored(searched: Workshop, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A folder elsewhere with a home that was restored: one search of an earlier pool, one of the latest."""
    with (searched.folder / "raw" / "sums.jsonl").open("a") as raw:
        raw.writelines(
            json.dumps({"prompt": f"Now add {number} and 9.", "response": f"beta gamma {number}"}) + "\n"
            for number in range(20)
        )
    assert cli("search", "--name", "second")[0] == 0
    assert cli("backup", str(tmp_path / "backup.tar"))[0] == 0
    elsewhere = tmp_path / "another" / "machine"
    elsewhere.mkdir(parents=True)
    shutil.copytree(searched.folder / "raw", elsewhere / "raw")
    shutil.copy(searched.folder / "autoselection.yaml", elsewhere)
    shutil.rmtree(searched.folder)
    monkeypatch.chdir(elsewhere)
    code, said, _ = cli("restore", str(tmp_path / "backup.tar"))
    assert code == 0, said
    return Workshop(elsewhere)


@pytest.mark.parametrize("search", ["first", "second"])
def test_every_command_works_on_a_restored_search(cli: Cli, restored: Workshop, search: str) -> None:
    made = restored.evaluations()

    for command in (
        ("show", search),
        ("show", search, "--trial", "2"),
        ("explain", search),
        ("compare", "1", "2", "--search", search),
        ("forecast", search, "--evaluations", "2"),
        ("replay", search),
        ("export", search, "--to", f"out-{search}"),
        ("verify", f"out-{search}"),
        ("status",),
    ):
        code, said, problem = cli(*command)
        assert code == 0, (command, said, problem)
    code, said, problem = cli("search", "--name", "second", "--budget", "4")
    assert code == 0, problem
    assert set(made) < set(restored.evaluations())
