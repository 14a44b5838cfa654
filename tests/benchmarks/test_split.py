from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark, SplitSizes
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.normalisation import compare, normalise
from autoselection_core.benchmarks.split import split
from autoselection_core.errors.benchmarks import NoItemsError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.pool.sample import Message, Role, Sample


def item(question: str, answer: str = "yes") -> Item:
    return Item(question, (Message(Role.USER, question),), answer)


def target(question: str) -> Sample:
    return Sample((Message(Role.USER, question), Message(Role.ASSISTANT, "yes")))


MANY = tuple(item(f"Is {number} even?") for number in range(300))


def test_sides_are_disjoint_and_hold_everything() -> None:
    parts = split(Benchmark("even", MANY))

    assert set(parts.dev).isdisjoint(parts.test)
    assert {*parts.dev, *parts.test} == set(MANY)


def test_about_forty_percent_are_dev() -> None:
    assert 0.33 < len(split(Benchmark("even", MANY)).dev) / len(MANY) < 0.47


def test_a_repeated_question_stays_on_one_side_however_it_is_spelled() -> None:
    twins = tuple(item(each.question.upper().replace(" ", "  ") + "!", "no") for each in MANY)

    parts = split(Benchmark("even", MANY + twins))

    sides = [{normalise(each.question) for each in side} for side in (parts.dev, parts.test)]
    assert sides[0].isdisjoint(sides[1])


def test_a_question_that_stands_among_the_targets_is_on_neither_side() -> None:
    parts = split(Benchmark("even", MANY, (target("IS 7 EVEN"), target("Is 8 even ?"))))

    assert {each.question for each in parts.left_out} == {"Is 7 even?", "Is 8 even?"}
    assert set(parts.left_out).isdisjoint({*parts.dev, *parts.test})


BRACKETS = tuple(
    item(f"Close the brackets: {'< ' * (number // 5 + 1)}{'( ' * (number % 5 + 1)}") for number in range(60)
)


def test_items_that_only_their_symbols_tell_apart_stay_where_a_target_has_their_words() -> None:
    shots = (target(BRACKETS[3].question.upper()), target("CLOSE THE BRACKETS: <<< ((("))
    parts = split(Benchmark("brackets", BRACKETS, shots))

    assert {each.question for each in parts.left_out} == {BRACKETS[3].question, BRACKETS[12].question}
    assert {*parts.dev, *parts.test, *parts.left_out} == set(BRACKETS)
    assert 10 < len(parts.dev) < 40


def test_a_question_that_is_nothing_but_symbols_is_told_from_others() -> None:
    items = (item("< ( ["), item("{ < <"), *MANY)
    parts = split(Benchmark("brackets", items, (target("< ( ["),)))

    assert {each.question for each in parts.left_out} == {"< ( ["}


def test_symbols_do_not_count_where_no_other_item_has_the_same_words() -> None:
    parts = split(Benchmark("even", MANY, (target("Is 7 <even>?"),)))

    assert {each.question for each in parts.left_out} == {"Is 7 even?"}


def test_no_item_moves_where_no_target_has_its_words() -> None:
    plus, minus = (tuple(item(f"{number} {sign} 7") for number in range(80)) for sign in "+-")
    parts = split(Benchmark("sums", (*plus, *minus), (target("Is 7 even?"),)))

    assert {normalise(each.question) for each in parts.dev}.isdisjoint(
        normalise(each.question) for each in parts.test
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
    with pytest.raises(NoItemsError, match="side"):
        split(Benchmark("even", MANY[:1]))


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
