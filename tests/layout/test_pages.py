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
    assert "Better than random subsets of equal tokens? " in said
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
    said = run_shell("\n".join(shell_blocks("docs/tutorial/first-search.md")), tmp_path)

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


def shell_blocks(page: str) -> list[str]:
    """Blocks of commands of a page, in their order."""
    return re.findall(r"^```sh\n(.*?)^```", (REPOSITORY / page).read_text(), re.DOTALL | re.MULTILINE)


def run_shell(script: str, folder: Path, said: str = "") -> str:
    """Output of a script in a folder, with the programs of this environment; every command has to succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOSELECTION_")}
    path = f"{Path(sys.executable).parent}:{kept['PATH']}"
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env={**kept, "PATH": path, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_records(file: Path, count: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    records = (
        {"prompt": f"Add {n} and {n % 7}.", "response": f"{'so ' * (n % 5)}it is {n}", "rm_score": n / 7}
        for n in range(count)
    )
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


RUN_WHOLE = {
    "docs/tutorial/first-search.md": "test_every_command_of_the_tutorial_is_true",
    "docs/how-to/begin.md": "test_the_commands_for_files_of_one_s_own_are_true",
    "docs/how-to/bring-your-scores.md": "test_the_commands_about_a_finished_search_are_true",
    "docs/how-to/adviser.md": "test_the_commands_about_a_finished_search_are_true",
    "docs/how-to/exports.md": "test_the_commands_about_a_finished_search_are_true",
    "docs/how-to/cheap.md": "test_a_cheap_search_informs_another_by_the_commands_of_the_page",
}
"""Pages whose every command a slow test of this file runs as it is written."""

RUN_ELSEWHERE = {
    ("demo/test_demo_run.py", "test_the_demo_measures_everything_once_and_then_says_so"): ("make demo",),
    ("e2e/test_services.py", "test_reports_are_read_beside_the_ui"): ("make ui",),
    ("store/test_objects.py", "test_a_pool_from_object_storage_is_the_pool_of_the_same_files"): (
        "export AUTOSELECTION_OBJECTS=",
        "export AWS_",
    ),
    ("cluster/test_ray.py", "test_every_process_of_the_cluster_listens_on_loopback_only"): (
        "openssl rand",
        "export RAY_AUTH_MODE=",
        "ray start",
    ),
    ("cluster/test_ray.py", "test_the_environment_names_the_cluster"): ("export AUTOSELECTION_RAY_ADDRESS=",),
    (
        "cluster/test_ray.py",
        "test_a_search_on_the_cluster_records_what_one_here_records_though_a_worker_is_killed",
    ): ("autoselection search --slots 8",),
    (
        "e2e/test_ray_runs.py",
        "test_a_search_whose_runs_are_ray_jobs_records_what_the_plain_loop_records_though_one_is_killed",
    ): ("export DAGSTER_RAY_ADDRESS=", "cat deploy/dagster.yaml deploy/dagster-ray.yaml"),
    ("export/test_backup.py", "test_a_home_restored_elsewhere_has_the_same_history_and_files"): (
        "autoselection backup",
        "AUTOSELECTION_HOME=/var/lib/elsewhere",
    ),
    ("dagster/test_pruning.py", "test_a_dry_run_names_what_may_go_and_changes_nothing"): (
        "autoselection prune",
    ),
    ("deploy/test_running.py", "test_the_installation_s_dagster_yaml_works_on_postgresql"): (
        "createdb history",
        "export AUTOSELECTION_HISTORY_URL=",
        "export DAGSTER_POSTGRES_URL=",
        "cat deploy/dagster.yaml deploy/dagster-postgres.yaml",
    ),
    ("dagster/test_component.py", "test_a_scaffolded_component_loads_as_it_stands"): ("dg ",),
}
"""Tests that do what the other commands do, each with their beginnings."""

NOT_RUN = "pip install --constraint constraints.txt"
"""Beginning of the commands that no test runs; `docs/explanation/untested.md` says why."""

PAGES = ["README.md", *(str(page.relative_to(REPOSITORY)) for page in sorted(DOCS.glob("[ht]*/*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_run_by_a_test(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    assert all(re.findall(r"^```(.*)$", text, re.MULTILINE)[::2]), "a block has no language"
    lines = [line for block in shell_blocks(page) for line in block.splitlines()]
    if page in RUN_WHOLE:
        assert lines
        assert RUN_WHOLE[page] in globals()
        return
    untested = (DOCS / "explanation/untested.md").read_text()
    for line in lines:
        if line.startswith(NOT_RUN):
            assert NOT_RUN in untested
            continue
        ((file, name),) = (test for test, begins in RUN_ELSEWHERE.items() if line.startswith(begins))
        assert f"def {name}(" in (REPOSITORY / "tests" / file).read_text(), f"{file} has no {name}"


@pytest.mark.e2e
def test_the_commands_for_files_of_one_s_own_are_true(tmp_path: Path) -> None:
    place, look, trained, programs = shell_blocks("docs/how-to/begin.md")
    write_records(tmp_path / "data/maths.jsonl", 60)
    table = pa.Table.from_pylist(
        [json.loads(line) for line in (tmp_path / "data/maths.jsonl").read_text().splitlines()]
    )
    pq.write_table(table, tmp_path / "data/maths.parquet")
    place = place.replace("/path/to/venv/bin", str(Path(sys.executable).parent))
    assert look.endswith("autoselection ui\n")  # it serves until it is stopped: tests/e2e

    said = run_shell(place + look.removesuffix("autoselection ui\n"), tmp_path, said="\n\n")
    write_records(tmp_path / "mine/raw/sums.jsonl", 40)
    tiny_model(tmp_path / "mine/models/SmolLM2-135M-Instruct")
    items = ({"question": f"What is {n} and 2?", "answer": str(n + 2)} for n in range(40))
    (tmp_path / "mine/my_test.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    allowed = look.splitlines(keepends=True)[0]  # each block goes on in the shell of the one before
    then = run_shell(allowed + trained + programs, tmp_path / "mine", said="\n")

    assert "nothing is missing" in said
    assert "Better than random subsets of equal tokens?" in said
    assert "What its verdict can say: the second budget pays for 8 runs (2 of the winner, " in then
    assert "14 trainings are left at most" in then
    assert json.loads(then.splitlines()[-1])["facts"]["verdict"] in {"yes", "no", "undecided"}


@pytest.mark.e2e
def test_the_commands_about_a_finished_search_are_true(tmp_path: Path) -> None:
    write_records(tmp_path / "raw/sums.jsonl", 60)
    declared = {
        "pool": [{"path": "raw/*"}],
        "signals": ["word_entropy", "exact", {"column": "rm_score"}],
        "closed_form": {"weights": {"word_entropy": 1.0}, "noise": 0.02},
        "search": {"budget": 7, "policy": "random", "report_evaluations": 6},
    }
    (tmp_path / "autoselection.yaml").write_text(yaml.safe_dump({"campaigns": {"mine": declared}}))
    blocks = [
        block.replace("SEARCH", "first")
        for page in ("bring-your-scores", "adviser", "exports")
        for block in shell_blocks(f"docs/how-to/{page}.md")
    ]

    said = run_shell("\n".join(["autoselection search --name first", *blocks]), tmp_path)

    assert "Better than the stated recipe, keep_top[rm_score]?" in said
    assert "trial 7 of first: done." in said
    assert "7 of 7 decisions come out as recorded" in said
    assert (tmp_path / "best/trl.yaml").is_file()


@pytest.mark.e2e
def test_a_cheap_search_informs_another_by_the_commands_of_the_page(tmp_path: Path) -> None:
    """The campaigns have closed forms here in place of two models, and smaller budgets."""
    write_records(tmp_path / "raw/sums.jsonl", 60)
    both = {
        name: {
            "pool": [{"path": "raw/*"}],
            "signals": ["word_entropy", "exact"],
            "closed_form": {"weights": {"word_entropy": 1.0}, "noise": noise},
            "search": {"budget": budget, "report_evaluations": 0},
        }
        for name, noise, budget in (("cheap", 0.1, 4), ("real", 0.02, 2))
    }
    (tmp_path / "autoselection.yaml").write_text(yaml.safe_dump({"campaigns": both}))

    said = run_shell("\n".join(shell_blocks("docs/how-to/cheap.md")), tmp_path)

    assert "started from look. " in said
