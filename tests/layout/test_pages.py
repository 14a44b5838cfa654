"""Pages of the documentation that are run as they are written."""

import ast
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from autoselection_core.benchmarks.loading import load_benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.settings import BenchmarkSettings
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model

BENCHMARK_PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "benchmark.md"
_BLOCK = re.compile(r"```(\w+)( \w+)?\n(.*?)```", re.DOTALL)
_BLOCKS = _BLOCK.findall(BENCHMARK_PAGE.read_text())
EXAMPLES = [
    (said, record)
    for (kind, label, said), (next_kind, _, record) in pairwise(_BLOCKS)
    if (kind, label, next_kind) == ("yaml", "", "json")
]
ALONE = [said for kind, label, said in _BLOCKS if label in {" hub", " harness"}]


def test_the_page_has_its_examples() -> None:
    assert (len(EXAMPLES), len(ALONE)) == (7, 2)


@pytest.mark.parametrize(("said", "record"), EXAMPLES)
def test_an_example_is_a_benchmark(tmp_path: Path, said: str, record: str) -> None:
    plain = json.loads(record)
    place = tmp_path / "example"
    place.mkdir()
    (place / "benchmark.yaml").write_text(said)
    named = next(name for name in ("Question", "question") if name in plain)
    records = [{**plain, named: f"{plain[named]} ({number})"} for number in range(12)]
    (place / "items.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))

    benchmark = load_benchmark(place)

    assert len(benchmark.items) == 12
    assert benchmark.items[0].target in {"10", "yes", "A", "B", "C", "melts in the sun."}


@pytest.mark.parametrize("said", ALONE)
def test_an_example_without_files_has_settings_that_exist(said: str) -> None:
    assert BenchmarkSettings.from_mapping({"name": "example", **yaml.safe_load(said)})


def test_every_metric_of_ones_own_is_explained() -> None:
    text = BENCHMARK_PAGE.read_text()

    assert all(f"| `{metric}`" in text for metric in Metric if metric is not Metric.TASK_SCORE)


REPOSITORY = Path(__file__).parents[2]
PYTHON_BLOCKS = re.findall(
    r"```python\n(.*?)```", (REPOSITORY / "docs/how-to/python.md").read_text(), re.DOTALL
)


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
    said = run(PYTHON_BLOCKS[:2], tmp_path)

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

    run(PYTHON_BLOCKS[2:], tmp_path)

    assert (tmp_path / "best_subset" / "manifest.json").is_file()


SCORES_PAGE = (Path(__file__).parents[2] / "docs/how-to/bring-your-scores.md").read_text()
SCORES_BLOCKS = re.findall(r"```yaml\n(.*?)```", SCORES_PAGE, re.DOTALL)
GIVES = {0: {"rm_score", "quality"}, 1: {"toxicity"}, 2: {"embedding", "cluster/4"}}


@pytest.mark.parametrize("number", GIVES)
def test_a_block_of_the_page_gives_signals_that_recipes_can_use(tmp_path: Path, number: int) -> None:
    records = [
        {
            "instruction": f"Say {n}",
            "output": f"It is {n}",
            "doc": f"d{n}",
            "rm_score": n / 2,
            "meta": {"quality": str(n)},
        }
        for n in range(12)
    ]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "scores.csv").write_text("doc,toxicity\n" + "".join(f"d{n},{n / 12}\n" for n in range(9)))
    declared = {
        "pool": [{"path": "raw.jsonl"}],
        **yaml.safe_load(SCORES_BLOCKS[number]),
        "closed_form": {"weights": {}, "size_weight": 1.0},
    }
    file = tmp_path / "autoselection.yaml"
    file.write_text(yaml.safe_dump({"campaigns": {"mine": declared}}))
    home = Home(tmp_path / "home")
    workspace = Workspace(load_campaigns(file, home)["mine"], home)
    pool = workspace.ingest().pool
    rows = [{"id": name.decode(), "vector": [float(n % 4), 1.0]} for n, name in enumerate(pool.ids)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "mine.parquet")

    reports = [workspace.score(name, pool) for name in workspace.signal_names]
    table = workspace.signals(pool.version)

    assert GIVES[number] <= {*table.columns, *table.labels, *table.vectors}
    assert all(np.isfinite(share) for report in reports for share in report.finite_share.values())
    if number == 1:
        assert np.isfinite(table["toxicity"]).sum() == 9
        assert any(template.label == "keep_top[toxicity]" for template in catalogue(table))


def test_every_block_of_the_page_is_tried() -> None:
    assert len(SCORES_BLOCKS) == len(GIVES)


ROOT = Path(__file__).parents[2]
SECURITY_PAGE = ROOT / "docs" / "reference" / "security.md"
ROWS = [line.split(" | ") for line in SECURITY_PAGE.read_text().splitlines() if line.startswith("| ")][2:]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:60])
def test_every_sentence_names_a_test_that_exists(row: list[str]) -> None:
    named = _TEST.findall(row[2])

    assert named
    for file, test in named:
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / file).read_text()))
            if isinstance(node, ast.FunctionDef)
        }
        assert test in functions, f"{file} has no {test}"


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
