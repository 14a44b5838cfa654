import json
from pathlib import Path

import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.errors.benchmarks import BadItemError


def graphs(folder: Path, *answers: str) -> Benchmark:
    records = [
        {"index": number, "input_prompt": f"Q: The edges are: (0, {number}). Is it so?", "answer": answer}
        for number, answer in enumerate(answers)
    ]
    (folder / "items.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return benchmark_from({"name": "graphs", "format": "graphwiz", "dev_share": 0.5}, folder)


def test_yes_no_and_number_tasks_are_read_and_orders_are_left_out(tmp_path: Path) -> None:
    benchmark = graphs(tmp_path, "### Yes", "### No", "### 13", "### [0, 2, 1]", "### Yes", "### 4", "### No")

    assert [(item.target, item.reads) for item in benchmark.items] == [
        ("yes", "yes_no"),
        ("no", "yes_no"),
        ("13", "number"),
        ("yes", "yes_no"),
        ("4", "number"),
        ("no", "yes_no"),
    ]
    assert "Answer: X" in benchmark.items[0].prompt[-1].content
    assert "#### N" in benchmark.items[2].prompt[-1].content


def test_an_answer_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadItemError, match="neither yes, no nor a whole number"):
        graphs(tmp_path, "### Yes", "### perhaps")
