"""Every block of the page on Python runs as it is written, on raw files."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from autoselection_core.testing.tiny_model import tiny_model

REPOSITORY = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs/how-to/python.md").read_text(), re.DOTALL)


def run(blocks: list[str], folder: Path) -> str:
    raw = folder / "raw"
    raw.mkdir()
    records = (
        {"instruction": f"Add {number} and {number % 7}.", "output": f"{'so ' * (number % 5)}it is {number}"}
        for number in range(40)
    )
    (raw / "sums.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOSELECTION_")}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_searches_raw_files_with_a_closed_form(tmp_path: Path) -> None:
    said = run(BLOCKS[:2], tmp_path)

    assert "process:" in said
    assert "winner" in said
    assert "of 40 samples; the first: Add" in said


def test_the_page_searches_raw_files_with_a_model(tmp_path: Path) -> None:
    tiny_model(tmp_path / "models" / "tiny")
    folder = tmp_path / "benchmarks" / "sums"
    folder.mkdir(parents=True)
    items = ({"question": f"Add {number} and 2?", "answer": str(number + 2)} for number in range(20))
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (folder / "benchmark.yaml").write_text("items: items.jsonl\n")

    run(BLOCKS[2:], tmp_path)

    assert (tmp_path / "best_subset" / "manifest.json").is_file()
