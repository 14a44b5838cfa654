from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.parts import MIN_ITEMS, parts
from autoselection_core.benchmarks.split import split
from autoselection_core.benchmarks.split_sizes import SplitSizes
from tests.benchmarks.test_split import item


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
