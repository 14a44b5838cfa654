"""Outputs as models write them, made by hand, with the answer that a person reads in each.

Letters are among four options unless a line says otherwise. None: no answer can be read.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.reading.extraction import extract, is_right

LETTERS: tuple[tuple[str, str | None], ...] = (
    # Alone, in every dress.
    ("A", "A"),
    ("B", "B"),
    ("d", "D"),
    (" C ", "C"),
    ("C.", "C"),
    ("C)", "C"),
    ("(C)", "C"),
    ("[C]", "C"),
    ("**C**", "C"),
    ("*C*", "C"),
    ("`C`", "C"),
    ('"C"', "C"),
    ("**(C)**", "C"),
    ("**C.**", "C"),
    ("C:", "C"),
    ("\n\nC\n", "C"),
    (r"\boxed{C}", "C"),
    (r"$\boxed{C}$", "C"),
    (r"\boxed{\text{C}}", "C"),
    (r"\boxed{\textbf{(C)}}", "C"),
    # After a mark.
    ("Answer: B", "B"),
    ("Answer: B.", "B"),
    ("Answer: (B)", "B"),
    ("Answer: **B**", "B"),
    ("**Answer:** B", "B"),
    ("**Answer: B**", "B"),
    ("**Answer**: B", "B"),
    ("ANSWER: B", "B"),
    ("answer: b", "B"),
    ("answer: b.", "B"),
    ("Answer:B", "B"),
    ("Answer : B", "B"),
    ("Answer = B", "B"),
    ("Final answer: B", "B"),
    ("Final Answer: (B) Paris", "B"),
    ("The answer is B", "B"),
    ("The answer is (B).", "B"),
    ("the answer is b", "B"),
    ("The answer is: B", "B"),
    ("The final answer is B.", "B"),
    ("The final answer is **B**.", "B"),
    ("The final answer is $B$.", "B"),
    (r"The answer is $\boxed{B}$.", "B"),
    (r"Answer: \boxed{\text{B}}", "B"),
    ("The correct answer is B) 12 metres.", "B"),
    ("The correct answer is option B.", "B"),
    ("The correct option is B.", "B"),
    ("The right choice is (B)", "B"),
    ("The best choice is B, since heat rises.", "B"),
    ("So the answer is B because the pressure drops.", "B"),
    ("Answer: B since both sides are equal", "B"),
    ("Answer: B is the only one that fits", "B"),
    ("Answer: Option B", "B"),
    ("Answer: option (B)", "B"),
    ("Answer: 'B'", "B"),
    ("Answer: _B_", "B"),
    ("Answer: B\nAnswer: C", "C"),
    ("Answer: A because it is the smallest", "A"),
    ("Answer: A", "A"),
    ("Answer: A.", "A"),
    ("Answer: A, as shown above.", "A"),
    # Reasoning first, answer last.
    ("Both A and C look right, but C is larger.\nAnswer: C", "C"),
    ("Option A fails. Option B fails. Therefore the answer is D.", "D"),
    ("At first the answer is A, or so it seems. In truth the answer is D.", "D"),
    ("A is wrong.\nB is wrong.\nC is wrong.\n\nThe answer is D", "D"),
    ("Let me think. (A) is too small and (B) too large, which leaves (C).", "C"),
    ("We can exclude **A** and **B**. It must be **D**", "D"),
    ("The reaction is exothermic, so (D).", "D"),
    ("B. Paris", "B"),
    ("B) Paris", "B"),
    ("B: Paris", "B"),
    ("B, because Paris is the capital.", "B"),
    ("Option B", "B"),
    ("Choice B.", "B"),
    ("Paris is the capital of France.\nB. Paris", "B"),
    (r"Adding both gives 4. \boxed{B}", "B"),
    (r"First \boxed{A}, but after checking the units \boxed{B}", "B"),
    (r"\boxed{A} was my guess. The answer is B.", "B"),
    # Words are not letters.
    ("Both", None),
    ("Both of them", None),
    ("Answer: Both", None),
    ("The answer is Both A and B", None),
    ("Because of gravity", None),
    ("Answer: Depends on the case", None),
    ("Answer: Carbon", None),
    ("The answer is a cat", None),
    ("Answer: A good question", None),
    ("The answer is a matter of taste", None),
    ("I cannot say.", None),
    ("Answer: I think none fits", None),
    ("Answer: None", None),
    ("Answer:", None),
    ("", None),
    ("   ", None),
    ("I don't know", None),
    ("The cat's name is Bob", None),
    ("42", None),
    # Letters beyond the options.
    ("Answer: E", None),
    ("(Z)", None),
    ("Answer: J", None),
)

MANY_LETTERS: tuple[tuple[str, str | None], ...] = (
    ("(J)", "J"),
    ("So the answer is (F).", "F"),
    ("Answer: I", "I"),
    ("Answer: I think (G)", "G"),
    ("The polygon has seven corners: (G)", "G"),
)
"""Among ten options."""

NUMBERS: tuple[tuple[str, str | None], ...] = (
    ("Answer: nine one one", None),
    ("18", "18"),
    ("$18", "18"),
    ("18.0", "18.0"),
    ("18.", "18"),
    ("-18", "-18"),
    ("$-18", "-18"),
    ("-$18", "-18"),
    ("1,234", "1234"),
    ("1,234,567", "1234567"),
    ("$1,234.50", "1234.50"),
    ("3/4", "3/4"),
    ("3 / 4", "3/4"),
    (r"\frac{3}{4}", "3/4"),
    (r"-\frac{3}{4}", "-3/4"),
    (r"\dfrac{1}{2}", "1/2"),
    (".5", "0.5"),
    ("0.5", "0.5"),
    ("50%", "50%"),
    ("18 dollars", "18"),
    ("18kg", "18"),
    ("#### 18", "18"),
    ("####18", "18"),
    ("#### $18", "18"),
    ("#### 18.00", "18.00"),
    ("#### -3", "-3"),
    ("#### 1,000", "1000"),
    ("#### 18 eggs", "18"),
    ("#### **18**", "18"),
    ("Answer: 18", "18"),
    ("Answer: 18.", "18"),
    ("Answer: $18.", "18"),
    ("Answer: **18**", "18"),
    ("**Answer:** 18", "18"),
    ("Answer: x = 18", "18"),
    ("The answer is 18", "18"),
    ("The answer is $18.00 a day.", "18.00"),
    ("The final answer is 1,234.", "1234"),
    (r"The answer is \boxed{18}.", "18"),
    (r"\boxed{18}", "18"),
    (r"\boxed{\text{18}}", "18"),
    (r"\boxed{\$18}", "18"),
    (r"\boxed{1,234}", "1234"),
    (r"\boxed{\frac{3}{4}}", "3/4"),
    ("16 - 3 - 4 = 9 eggs, 9 * 2 = 18.\n#### 18", "18"),
    ("She sells 9 eggs for $2 each.\nThe answer is 18. That is more than 10.", "18"),
    ("#### 12\nWait, that is wrong.\n#### 18", "18"),
    ("Answer: 12\n\nChecking again...\n\nAnswer: 18", "18"),
    ("5 apples and 3 pears make 8 fruits", "8"),
    ("5 apples and 3 pears make 8.", "8"),
    ("It takes 3 hours and 20 minutes", "20"),
    ("There are 7 days in a week, so 14 in two", "14"),
    ("between 3-5", "5"),
    ("The temperature falls to -5", "-5"),
    ("room 101B has 12 chairs", "12"),
    ("v2.0 has 3 parts", "3"),
    ("twelve", "12"),
    ("no number here", None),
    ("", None),
    ("#### ", None),
    ("Answer: none", None),
    ("Answer: unknown, but about 18", "18"),
)

YES_NO: tuple[tuple[str, str | None], ...] = (
    ("yes", "yes"),
    ("Yes", "yes"),
    ("YES.", "yes"),
    ("No", "no"),
    ("no!", "no"),
    ("**Yes**", "yes"),
    ("(No)", "no"),
    ("Answer: yes", "yes"),
    ("Answer: **No**", "no"),
    ("**Answer:** no.", "no"),
    ("The answer is yes.", "yes"),
    ("The answer is: No", "no"),
    (r"\boxed{yes}", "yes"),
    (r"\boxed{\text{No}}", "no"),
    ("Yes, there is a path between node 8 and node 2.", "yes"),
    ("No, there is no cycle in this graph.", "no"),
    ("Is there a path? Yes.", "yes"),
    ("At first it looks like no. Following 0-4-7, yes.", "yes"),
    ("Answer: no\nOn reflection...\nAnswer: yes", "yes"),
    ("The answer is yes, although there is no edge between them.", "yes"),
    ("Yes and no", None),
    ("I know nothing of nodes", None),
    ("Yesterday", None),
    ("maybe", None),
    ("", None),
    ("True", "yes"),
)

TEXTS: tuple[tuple[str, str | None], ...] = (
    ("True", "True"),
    ("False.", "False"),
    ("**True**", "True"),
    ("Answer: True", "True"),
    ("Answer: valid", "valid"),
    ("Answer: **invalid**.", "invalid"),
    ("**Answer:** antaeus caw daughter", "antaeus caw daughter"),
    ("So the answer is False.", "False"),
    ("not True is False. The answer is False", "False"),
    ("Answer: ) ] >", ") ] >"),
    ("Answer: (A)", "(A)"),
    ("Step 1: ...\nStep 2: ...\nAnswer: -48", "-48"),
    (r"\boxed{True}", "True"),
    (r"Answer: \boxed{True}", "True"),
    ("Answer: True\nAnswer: False", "False"),
    ("we sort the words one by one and compare their letters until", None),
    ("first line of thought\nsecond line of thought", None),
    ("", None),
    ("Answer: **", None),
)


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
