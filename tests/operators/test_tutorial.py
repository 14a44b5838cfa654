"""The tutorial's package is built from its page, installed, and passes its own tests."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "extend.md"
_FILE = re.compile(r"```\w+\n# file: (\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package of the page, installed the way an installer leaves it: files beside their metadata."""
    for name, text in _FILE.findall(PAGE.read_text()):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "polite" / "__init__.py").write_text("")
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    information = tmp_path / f"{project['name']}-{project['version']}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        f"[{group}]\n" + "\n".join(f"{name} = {target}" for name, target in points.items())
        for group, points in project["entry-points"].items()
    ]
    (information / "entry_points.txt").write_text("\n".join(lines))
    return tmp_path


def test_the_tutorial_builds_a_package_that_passes_its_own_tests(package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package)},
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert "13 passed" in done.stdout


OPERATORS = ("operator", "from autoselection_core.recipe import Recipe; Recipe.from_yaml('[]')")
SIGNALS = (
    "signal",
    "from autoselection_core.campaign.declaration.signals import installed_signals as s; s()",
)


@pytest.mark.parametrize(
    ("use", "name", "target", "reason"),
    [
        (OPERATORS, "none", "polite.operators:KeepNothing", "no attribute 'KeepNothing'"),
        (OPERATORS, "none", "impolite.operators:KeepTop", "No module named 'impolite'"),
        (OPERATORS, "none", "polite.signals:Politeness", "it is no subclass of Operator"),
        (
            OPERATORS,
            "again",
            "autoselection_core.operators.definitions.score:KeepTop",
            "operator is called 'keep_top'",
        ),
        (SIGNALS, "none", "polite.signals:Rudeness", "no attribute 'Rudeness'"),
        (SIGNALS, "none", "polite.operators:KeepTopOfEach", "it is no subclass of Signal"),
        (SIGNALS, "tokens", "polite.signals:Politeness", "another signal is called 'tokens' already"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_named(
    package: Path, use: tuple[str, str], name: str, target: str, reason: str
) -> None:
    kind, program = use
    (points,) = package.glob("*.dist-info/entry_points.txt")
    points.write_text(f"[autoselection.{kind}s]\n{name} = {target}\n")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(package)},
        check=False,
        capture_output=True,
        text=True,
    )

    assert f"the {kind} {target!r} cannot be used: " in done.stderr
    assert reason in done.stderr


def test_every_sentence_of_code_on_the_page_is_a_file() -> None:
    text = PAGE.read_text()

    assert len(_FILE.findall(text)) == text.count("```") // 2
