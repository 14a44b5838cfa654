from pathlib import Path

import numpy as np
import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.contamination import Contamination, clean_rows, contaminated_shares
from autoselection_core.signals.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.pools import pool_of_answers

LONG = "A baker sells twelve loaves on Monday and twice as many on Tuesday; how many loaves are sold in all?"
STEM = "Which of the following statements is false?"
CHOICES = ("Whales are mammals.", "Sharks are mammals.", "Bats can fly.", "Ants are insects.")


def item(question: str, reference: str, choices: tuple[str, ...] | None = None) -> Item:
    return Item(question, (Message(Role.USER, question),), reference, choices)


ITEMS = (item(LONG, "36"), item(STEM, CHOICES[1], CHOICES), item("What is 7 x 8?", "56"))


def share(text: str) -> float:
    return float(contaminated_shares([text], ITEMS)[0])


def test_a_question_that_was_copied_is_found_whatever_its_case_spacing_and_punctuation() -> None:
    assert share("Q: " + LONG.upper().replace(" ", "\n").replace(";", " -- ") + " A: 36") == 1.0


def test_half_of_a_long_question_is_half_of_it() -> None:
    words = LONG.split()
    runs = len(words) - 12

    assert share(" ".join(words[:-3])) == pytest.approx((runs - 3) / runs)


def test_a_stock_phrase_alone_is_no_contamination() -> None:
    assert share(f"{STEM} The sky is green.") == 0.0


def test_a_short_question_with_its_answer_is_found() -> None:
    assert share(f"{STEM}\nIt is this one: sharks are mammals") == 1.0
    assert share("What is 7 x 8? 56") == 1.0
    assert share("What is 7 x 8? 55") == 0.0


def test_options_are_found_behind_any_marker_and_in_any_order() -> None:
    options = "\n".join(f"({letter}) {choice}" for letter, choice in zip("WXYZ", CHOICES[::-1], strict=True))

    assert share(f"{STEM}\n{options}") == 1.0


def test_a_run_does_not_reach_from_one_text_into_the_next() -> None:
    words = LONG.split()

    assert contaminated_shares([" ".join(words[:8]), " ".join(words[8:])], ITEMS).tolist() == [0.0, 0.0]


def test_the_gate_cuts_what_holds_an_item_and_keeps_the_rest(tmp_path: Path) -> None:
    pool = pool_of_answers([LONG, "Nothing of it.", f"{STEM} Sharks are mammals."])
    store = SignalStore(Home(tmp_path))
    report = store.score(Contamination(Benchmark("made", ITEMS)), pool)

    clean = clean_rows(store.table(pool, {report.name: report.version}), ["made"])

    assert [text.split("\n")[1] for text, keep in zip(pool.texts(), clean, strict=True) if keep] == [
        "Nothing of it."
    ]


def test_other_items_are_another_version() -> None:
    assert (
        Contamination(Benchmark("made", ITEMS)).fingerprint
        != Contamination(Benchmark("made", ITEMS[:2])).fingerprint
    )


def test_a_pool_of_one_text_and_one_of_many_agree() -> None:
    texts = [LONG, STEM, "What is 7 x 8? 56", ""]

    assert np.array_equal(contaminated_shares(texts, ITEMS), [share(text) for text in texts])
