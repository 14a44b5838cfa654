"""The page on benchmarks of one's own shows what works."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from autoselection_core.benchmarks.loading import load_benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.settings import BenchmarkSettings

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "benchmark.md"
_BLOCK = re.compile(r"```(\w+)( \w+)?\n(.*?)```", re.DOTALL)
_BLOCKS = _BLOCK.findall(PAGE.read_text())
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
    assert BenchmarkSettings.said({"name": "example", **yaml.safe_load(said)})


def test_every_metric_of_ones_own_is_explained() -> None:
    text = PAGE.read_text()

    assert all(f"| `{metric}`" in text for metric in Metric if metric is not Metric.TASK_SCORE)
