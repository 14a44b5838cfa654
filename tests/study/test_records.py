"""The committed studies are read again from their compressed records, with the figures that docs/ shows."""

import shutil
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoselection_core.cli.app import app

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["pool_small", "pool_small_same"])
def test_a_committed_study_says_again_what_its_report_says(
    name: str, tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkout" / "studies" / name
    shutil.copytree(REPOSITORY / "studies" / name, folder)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "data").symlink_to(real_data)
    with tarfile.open(folder / "records.tar.gz") as records:
        records.extractall(folder, filter="data")
    monkeypatch.setenv("AUTOSELECTION_DATA", str(real_data))

    home = folder / "home"
    done = CliRunner().invoke(app, ["study", "report", str(folder / "study.yaml"), "--home", str(home)])

    assert done.exit_code == 0, done.output
    (written,) = home.glob("studies/*/report.md")
    committed = REPOSITORY / "docs" / "studies" / name / "report.md"
    assert _verdicts(written)
    assert _verdicts(written) == _verdicts(committed)


def _verdicts(report: Path) -> list[str]:
    return [line for line in report.read_text().splitlines() if "95% interval" in line]
