from collections import Counter
from pathlib import Path

import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.pool import Source, ingest
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.contamination.contamination import (
    DEFAULT_LIMIT,
    Contamination,
    contamination,
    items_found,
    match_codes,
)
from autoselection_core.signals.contamination.matches import MATCHES, Match, match
from autoselection_core.signals.contamination.overlap import overlap
from autoselection_core.store.home import Home
from autoselection_core.testing.pools import pool_of, pool_of_answers

LONG = "A baker sells twelve loaves on Monday and twice as many on Tuesday; how many loaves are sold in all?"
STEM = "Which of the following statements is false?"
CHOICES = ("Whales are mammals.", "Sharks are mammals.", "Bats can fly.", "Ants are insects.")


def item(question: str, reference: str, choices: tuple[str, ...] | None = None) -> Item:
    return Item(question, (Message(Role.USER, question),), reference, choices)


ITEMS = (item(LONG, "36"), item(STEM, CHOICES[1], CHOICES), item("What is 7 x 8?", "56"))


def share(text: str, *, question: str = "Solve this.", items: tuple[Item, ...] = ITEMS) -> float:
    return float(contamination(pool_of_answers([text], question=question), items)[0][0])


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


def test_few_words_count_only_when_they_are_all_that_is_asked() -> None:
    assert share("What is 7 x 8? It is 56.") == 0.0
    assert share("It is 56.", question="What is 7 x 8?") == 1.0
    assert share("It is 55.", question="What is 7 x 8?") == 0.0


def test_options_that_only_the_prompt_lists_are_known() -> None:
    listed = STEM + "".join(f"\n{letter}. {choice}" for letter, choice in zip("ABCD", CHOICES, strict=True))
    lettered = Item(STEM, (Message(Role.USER, listed),), "B", ("A", "B", "C", "D"), target="B")

    assert share(f"{STEM} Plants need B or D.", items=(lettered,)) == 0.0
    assert share(f"{STEM} Sharks are mammals.", items=(lettered,)) == 1.0
    assert share(f"{STEM} 1) {' 2) '.join(CHOICES[::-1])}", items=(lettered,)) == 1.0


def test_options_are_found_behind_any_marker_and_in_any_order() -> None:
    options = "\n".join(f"({letter}) {choice}" for letter, choice in zip("WXYZ", CHOICES[::-1], strict=True))

    assert share(f"{STEM}\n{options}") == 1.0


def test_a_run_does_not_reach_from_one_sample_into_the_next() -> None:
    words = LONG.split()
    pool = pool_of_answers([" ".join(words[:9]), " ".join(words[9:])], question="?")

    assert contamination(pool, ITEMS)[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LONG.replace(" ", "\n "), Match.EXACT),
        (LONG.upper(), Match.NORMALISED),
        (LONG.replace("sold in all", "sold"), Match.RUNS),
        ("A baker sells twelve loaves.", None),
    ],
)
def test_a_copy_says_how_much_of_the_spelling_is_left(text: str, found: Match | None) -> None:
    (share,), (code,) = contamination(pool_of_answers([f"Q: {text} A: 36"], question="Solve this."), ITEMS)

    assert (MATCHES[code - 1] if code else None) == found
    assert (share > 0) == (found is not None)


def test_bracket_puzzles_are_equal_in_words_and_not_in_characters() -> None:
    assert match("Close the sequence: ( <", "Close the sequence: [ {") is Match.NORMALISED
    assert match("Close the sequence: ( <", "Close  the sequence:\n( <") is Match.EXACT
    assert match("?", "?!") is Match.EXACT
    assert match("?", "!") is None


def test_other_items_are_another_version() -> None:
    assert (
        Contamination(Benchmark("made", ITEMS)).fingerprint
        != Contamination(Benchmark("made", ITEMS[:2])).fingerprint
    )


def test_one_sample_alone_and_among_many_has_one_share() -> None:
    texts = [LONG, STEM, f"{STEM} sharks are mammals", LONG[: len(LONG) - 12]]
    pool = pool_of_answers(texts, question="Solve this.")

    together = contamination(pool, ITEMS)[0]

    assert [share(text.partition("\n")[2]) for text in pool.texts()] == together.tolist()
    assert len(set(together.tolist())) == 3


def test_an_item_without_words_is_nowhere() -> None:
    assert share("?!", items=(item("?!", "..."),)) == 0.0


def read(real_data: Path, name: str) -> Benchmark:
    settings = {"name": name, "format": name, "items": f"benchmarks/{name}.parquet"}
    return benchmark_from({**settings, "targets": f"targets/{name}.parquet"}, real_data)


@pytest.mark.e2e
@pytest.mark.real_data
def test_no_question_of_a_benchmark_stands_in_the_whole_pool_and_a_copied_one_would_be_found(
    real_data: Path, tmp_path: Path
) -> None:
    pool = ingest([Source(str(real_data / "pool_90k.parquet"))], Home(tmp_path)).pool

    for name in ("gsm8k", "bbh", "mmlu", "gpqa"):
        benchmark = read(real_data, name)
        copied = benchmark.items[0]
        assert not (items_found(pool, benchmark.items).share >= DEFAULT_LIMIT).any()
        copies = pool_of_answers([f"{copied.question}\n{copied.choices or ''}\n{copied.reference}"])
        assert (items_found(copies, benchmark.items).share >= DEFAULT_LIMIT).any()


@pytest.mark.real_data
def test_what_is_really_there_is_found(real_data: Path) -> None:
    bbh, gsm8k, mmlu = (read(real_data, name) for name in ("bbh", "gsm8k", "mmlu"))

    def copied(benchmark: Benchmark) -> dict[Match, int]:
        """Items that stand among the targets as a whole, by how they stand there at best."""
        targets = pool_of(benchmark.targets)
        found = items_found(targets, benchmark.items)
        codes = match_codes(targets, benchmark.items, found)
        whole = found.share == 1.0
        best = {int(item): int(codes[whole & (found.phrase == item)].min()) for item in found.phrase[whole]}
        return dict(Counter(MATCHES[code - 1] for code in best.values()))

    found = {each.name: overlap(each) for each in (bbh, mmlu, gsm8k)}
    assert {name: each.repeated for name, each in found.items()} == {"bbh": 26, "mmlu": 56, "gsm8k": 0}
    assert {name: dict(each.among_targets) for name, each in found.items()} == {
        "bbh": {Match.NORMALISED: 27},
        "mmlu": {Match.EXACT: 1},
        "gsm8k": {},
    }
    # The 27 questions of BBH are bracket puzzles: equal to a target in words, though not in brackets.
    assert copied(bbh) == {Match.NORMALISED: 27}
    assert copied(mmlu) == {Match.EXACT: 1}
    assert copied(gsm8k) == {}
