from pathlib import Path

from tests.cli.conftest import Cli
from tests.study.conftest import evaluated, ground_in, write_study


def test_the_command_estimates_and_evaluates_nothing(tmp_path: Path, cli: Cli) -> None:
    file = write_study(tmp_path)

    code, said, _ = cli("study", "estimate", str(file), "--home", str(tmp_path / "home"))

    ground = ground_in(tmp_path)
    assert code == 0
    assert f"{ground.study.needed} trainings are left at most" in said
    assert ground.workspace.has_pool()
    assert evaluated(ground.study, ground.home) == {}
