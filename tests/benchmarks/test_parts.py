"""Parts of a benchmark: chat form, targets, answers by a program."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark, SplitSizes
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.benchmarks.parts import MIN_ITEMS, parts
from autoselection_core.benchmarks.split import split
from autoselection_core.errors.benchmarks import BadItemError
from tests.benchmarks.test_split import item


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


def benchmark(tasks: Sequence[str | None], limit: int | None) -> Benchmark:
    items = tuple(replace(item(f"Is {at} even?"), task=task) for at, task in enumerate(tasks))
    return Benchmark("even", items, sizes=SplitSizes(test_items=limit))


def whole_test_side(one: Benchmark) -> set[Item]:
    return set(split(replace(one, sizes=SplitSizes())).test)


@given(st.integers(2, 60), st.integers(1, 4))
def test_every_item_of_the_test_side_is_in_one_part_and_every_part_has_a_scored_one(
    limit: int, tasks: int
) -> None:
    one = benchmark([f"task {number % tasks}" for number in range(200)], limit)

    found = parts(one)

    everything = [item for part in found for item in (*part.first, *part.waiting)]
    assert len(everything) == len(set(everything)) == sum(part.population for part in found)
    assert set(everything) == whole_test_side(one)
    assert {item for part in found for item in part.first} == set(split(one).test)
    assert all(part.first for part in found)


def test_a_task_is_a_part_of_its_own_once_enough_of_it_is_scored() -> None:
    one = benchmark(["common"] * 180 + ["rare"] * 20, 40)

    found = {part.name: part for part in parts(one)}

    assert set(found) == {"even", "even: common"}
    assert len(found["even: common"].first) >= MIN_ITEMS


def test_a_benchmark_of_one_task_is_one_part() -> None:
    assert [part.name for part in parts(benchmark([None] * 60, 20))] == ["even"]


def test_a_task_of_which_nothing_is_scored_counts_together_with_the_others() -> None:
    """Were the scored task a part of its own, nothing would stand for the other one."""
    scored = split(benchmark([None] * 200, 10)).test
    numbers = {int(each.question.split()[1]) for each in scored}
    one = benchmark(["scored" if number in numbers else "unscored" for number in range(200)], 10)

    assert [part.name for part in parts(one)] == ["even"]


def test_more_items_are_drawn_in_the_order_of_the_split() -> None:
    (part,) = parts(benchmark([None] * 200, 10))

    assert {*part.first, *part.waiting[:15]} == set(split(benchmark([None] * 200, 25)).test)
