"""Every command of the tutorial does what the tutorial says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"


@pytest.mark.e2e
def test_every_command_of_the_tutorial_is_true(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / "tutorial" / "first-search.md").read_text(), re.DOTALL)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOSELECTION_")}
    path = f"{Path(sys.executable).parent}:{kept['PATH']}"

    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env={**kept, "PATH": path, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert "101 records = 80 samples + 20 merged (said the same) + 1 quarantined" in said
    exported = (tmp_path / "best/data.jsonl").read_text()
    assert "Unplug it for a minute" in exported
    assert "We are sorry" not in exported
    assert "part part part" not in exported
    assert "Better than random subsets of equal tokens?" in said
    assert "raised the budget of first from 6 to 8" in said
    assert (tmp_path / "for-trl/trl.yaml").is_file()


def test_links_between_documents_lead_somewhere() -> None:
    for page in DOCS.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text()):
            assert (page.parent / target).is_file(), (page.name, target)
