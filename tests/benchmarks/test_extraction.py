import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.reading.extraction import extract, is_right
from tests.benchmarks.outputs import LETTERS, MANY_LETTERS, NUMBERS, TEXTS, YES_NO


def test_there_are_at_least_two_hundred_outputs() -> None:
    assert len({*LETTERS, *MANY_LETTERS, *NUMBERS, *YES_NO, *TEXTS}) >= 200


@pytest.mark.parametrize(("output", "answer"), LETTERS)
def test_letters(output: str, answer: str | None) -> None:
    assert extract(output, "letter", 4) == answer


@pytest.mark.parametrize(("output", "answer"), MANY_LETTERS)
def test_letters_of_many_options(output: str, answer: str | None) -> None:
    assert extract(output, "letter", 10) == answer


@pytest.mark.parametrize(("output", "answer"), NUMBERS)
def test_numbers(output: str, answer: str | None) -> None:
    assert extract(output, "number") == answer


@pytest.mark.parametrize(("output", "answer"), YES_NO)
def test_yes_and_no(output: str, answer: str | None) -> None:
    assert extract(output, "yes_no") == answer


@pytest.mark.parametrize(("output", "answer"), TEXTS)
def test_texts(output: str, answer: str | None) -> None:
    assert extract(output, "text") == answer


@pytest.mark.parametrize(
    ("parsed", "target", "reads", "right"),
    [
        ("18.0", "18", "number", True),
        ("1234", "1,234", "number", True),
        ("3/4", "0.75", "number", True),
        ("0.333", "1/3", "number", False),
        ("-5", "5", "number", False),
        ("B", "B", "letter", True),
        ("B", "C", "letter", False),
        ("yes", "yes", "yes_no", True),
        ("(A)", "A", "text", True),
        ("a", "(A)", "text", True),
        ("TRUE", "True", "text", True),
        ("antaeus  caw", "antaeus caw", "text", True),
        ("caw antaeus", "antaeus caw", "text", False),
        (None, "B", "letter", False),
        (None, "", "text", False),
    ],
)
def test_what_counts_as_right(parsed: str | None, target: str, reads: str, right: bool) -> None:  # noqa: FBT001 a column of the table
    assert is_right(parsed, target, reads) is right


@given(st.text(max_size=80), st.sampled_from(["letter", "yes_no", "number", "text"]))
def test_no_text_breaks_the_reading(text: str, reads: str) -> None:
    parsed = extract(text, reads)

    assert parsed is None or parsed.strip() == parsed != ""


@given(st.integers(-(10**9), 10**9))
def test_any_whole_number_is_read_back_in_every_dress(number: int) -> None:
    for dress in (
        f"#### {number}",
        f"Answer: {number:,}.",
        f"so 3 * 4 and then \\boxed{{{number}}}",
        f"{number}.00",
    ):
        assert is_right(extract(dress, "number"), str(number), "number")
