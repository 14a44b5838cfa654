"""The split into dev and test, and the parts of the test side."""

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
from autoselection_core.benchmarks.normalisation import compare, normalise
from autoselection_core.benchmarks.parts import MIN_ITEMS, parts
from autoselection_core.benchmarks.split import split
from autoselection_core.errors.benchmarks import BadItemError, NoItemsError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.pool.sample import Message, Role, Sample


def item(question: str, answer: str = "yes") -> Item:
    return Item(question, (Message(Role.USER, question),), answer)


def target(question: str) -> Sample:
    return Sample((Message(Role.USER, question), Message(Role.ASSISTANT, "yes")))


MANY = tuple(item(f"Is {number} even?") for number in range(300))


def test_sides_are_disjoint_and_hold_everything() -> None:
    sides = split(Benchmark("even", MANY))

    assert set(sides.dev).isdisjoint(sides.test)
    assert {*sides.dev, *sides.test} == set(MANY)


def test_about_forty_percent_are_dev() -> None:
    assert 0.33 < len(split(Benchmark("even", MANY)).dev) / len(MANY) < 0.47


def test_a_repeated_question_stays_on_one_side_however_it_is_spelled() -> None:
    twins = tuple(item(each.question.upper().replace(" ", "  ") + "!", "no") for each in MANY)

    sides = split(Benchmark("even", MANY + twins))

    dev, test = ({normalise(each.question) for each in side} for side in (sides.dev, sides.test))
    assert dev.isdisjoint(test)


def test_a_question_that_stands_among_the_targets_is_on_neither_side() -> None:
    sides = split(Benchmark("even", MANY, (target("IS 7 EVEN"), target("Is 8 even ?"))))

    assert {each.question for each in sides.left_out} == {"Is 7 even?", "Is 8 even?"}
    assert set(sides.left_out).isdisjoint({*sides.dev, *sides.test})


BRACKETS = tuple(
    item(f"Close the brackets: {'< ' * (number // 5 + 1)}{'( ' * (number % 5 + 1)}") for number in range(60)
)


def test_items_that_only_their_symbols_tell_apart_stay_where_a_target_has_their_words() -> None:
    shots = (target(BRACKETS[3].question.upper()), target("CLOSE THE BRACKETS: <<< ((("))
    sides = split(Benchmark("brackets", BRACKETS, shots))

    assert {each.question for each in sides.left_out} == {BRACKETS[3].question, BRACKETS[12].question}
    assert {*sides.dev, *sides.test, *sides.left_out} == set(BRACKETS)
    assert 10 < len(sides.dev) < 40


def test_a_question_that_is_nothing_but_symbols_is_told_from_others() -> None:
    items = (item("< ( ["), item("{ < <"), *MANY)
    sides = split(Benchmark("brackets", items, (target("< ( ["),)))

    assert {each.question for each in sides.left_out} == {"< ( ["}


def test_symbols_do_not_count_where_no_other_item_has_the_same_words() -> None:
    sides = split(Benchmark("even", MANY, (target("Is 7 <even>?"),)))

    assert {each.question for each in sides.left_out} == {"Is 7 even?"}


def test_no_item_moves_where_no_target_has_its_words() -> None:
    plus, minus = (tuple(item(f"{number} {sign} 7") for number in range(80)) for sign in "+-")
    sides = split(Benchmark("sums", (*plus, *minus), (target("Is 7 even?"),)))

    assert {normalise(each.question) for each in sides.dev}.isdisjoint(
        normalise(each.question) for each in sides.test
    )
    assert compare([each.question for each in plus], ["Is 7 even?"]).told_apart == frozenset()


def test_symbols_that_count_change_the_version() -> None:
    shots = (target(BRACKETS[3].question),)
    words = tuple(replace(each, question=f"{each.question} {number}") for number, each in enumerate(BRACKETS))

    assert Benchmark("b", BRACKETS, shots).version != Benchmark("b", BRACKETS).version
    assert Benchmark("b", words, shots).question_comparison.told_apart == frozenset()


def test_the_bare_questions_of_the_targets_count_where_they_are_given() -> None:
    targets = (target("Is 7 even?\n\nA. yes\nB. no"),)

    assert split(Benchmark("even", MANY, targets)).left_out == ()
    assert len(split(Benchmark("even", MANY, targets, target_questions=("Is 7 even?",))).left_out) == 1


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_smaller_limit_keeps_some_of_a_larger_ones_items(small: int, large: int) -> None:
    few, many = (
        split(Benchmark("even", MANY, sizes=SplitSizes(dev_items=limit, test_items=limit)))
        for limit in sorted((small, large))
    )

    assert set(few.dev) <= set(many.dev)
    assert set(few.test) <= set(many.test)
    assert len(few.dev) == len(few.test) == min(small, large)


def test_new_items_move_no_old_one() -> None:
    before, after = split(Benchmark("even", MANY[:200])), split(Benchmark("even", MANY))

    assert set(before.dev) <= set(after.dev)
    assert set(before.test) <= set(after.test)


def test_a_side_without_items_is_an_error() -> None:
    with pytest.raises(NoItemsError, match=r"side, of 1 item\)"):
        split(Benchmark("even", MANY[:1]))


def test_a_side_without_items_says_that_records_repeat_one_another() -> None:
    with pytest.raises(NoItemsError, match=r"side, of 1 item; 9 records repeat an earlier one\)"):
        split(Benchmark("even", MANY[:1], left_out=9))


def test_items_that_ask_the_same_and_are_answered_otherwise_are_counted() -> None:
    asked = [item("Is it cold?", "yes"), item("Is it cold?", "no"), item("Is it warm?", "no")]

    assert Benchmark("even", tuple(asked)).answered_anew == 1
    assert Benchmark("even", tuple(asked[1:])).answered_anew == 0


def test_a_benchmark_without_items_is_an_error() -> None:
    with pytest.raises(NoItemsError):
        Benchmark("even", ())


@pytest.mark.parametrize("name", ["", "a/b", "../up", ".hidden", "two words"])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(SettingError):
        Benchmark(name, MANY)


@pytest.mark.parametrize(
    "sizes", [{"dev_share": 0.0}, {"dev_share": 1.0}, {"dev_items": 0}, {"test_items": 0}]
)
def test_sizes_that_leave_a_side_empty_are_refused(sizes: dict[str, float]) -> None:
    with pytest.raises(SettingError):
        SplitSizes(**sizes)  # type: ignore[arg-type]


def test_everything_that_a_score_follows_from_changes_the_version() -> None:
    plain = Benchmark("even", MANY)
    changed = [
        replace(plain, name="odd"),
        replace(plain, items=MANY[1:]),
        replace(plain, items=(replace(MANY[0], prompt=MANY[1].prompt), *MANY[1:])),
        replace(plain, items=(replace(MANY[0], reference="no"), *MANY[1:])),
        replace(plain, sizes=SplitSizes(dev_share=0.5)),
        replace(plain, targets=(target("Is 7 even?"),)),
    ]

    assert len({plain.version, *(each.version for each in changed)}) == 7
    assert Benchmark("even", MANY, chance=0.5).version == plain.version


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
