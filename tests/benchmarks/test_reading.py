"""The readers of generated answers: what a person reads, in time linear in the text's length."""

import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.reading.extraction import READING, extract, is_right, read_answer
from autoselection_core.benchmarks.reading.number_words import worded_at
from autoselection_core.benchmarks.reading.numbers import numerals, value
from autoselection_core.benchmarks.reading.options import named_option
from autoselection_core.benchmarks.reading.texts import fold
from autoselection_core.identity import Json, fingerprint
from autoselection_core.pool.sample import Message, Role
from tests.benchmarks.spellings import WRITTEN_WITH, Spelling, is_read
from tests.benchmarks.spellings_apart import APART

READS = ("letter", "yes_no", "number", "text")
UNITS = (
    *("Answer:", "Answer:\n", "\n", " ", "\t", "\\boxed{", "####", "#### 2. ", "A ", "a", "B. ", "**B**"),
    *(
        "1",
        "1,234,",
        "12,34,",
        "1.",
        "1.234.",
        "1 234 ",
        "1\u00a0",
        "1_",
        "1,",
        "-",
        "\u2212",
        "$",
        "½",
        "3/4 ",
    ),
    *("10^", "1e", "\\frac", "\\frac{1}{", "1\\frac12", "\\,", "(", "[", "(see", "[1] ", "(1", "not 8 "),
    *(
        "answer ",
        "answer is ",
        "correct answer ",
        "ans ",
        "答案",
        "答案是",
        "选",
        "：",
        "。",
        "is A, ",
        "option ",
    ),
    *(
        "A is the ",
        "yes ",
        "no, ",
        "so ",
        "so (",
        "\\text{",
        "\\",
        "{",
        "}",
        "*",
        "_",
        "`",
        "~",
        "= ",
        "1 = ",
    ),
    *(
        "1 + ",
        "Answer: 1 + 1 = ",
        "Answer: about ",
        "Answer: x = ",
        "Question:",
        "Question: 1\n",
        "</",
        "<answer>",
    ),
    *("the ", "the Nile ", "because ", "Answer: because ", "#### 1\n\nQ: "),
    *("twelve ", "twenty-", "one hundred and ", "minus ", "三", "千", '"', '{"answer": "', '\\"', "</s>"),
    *(
        "two thirds ",
        "and a half ",
        "a third ",
        "zwei",
        "und",
        "Antwort: zwei ",
        "quatre-vingt-",
        "mil ",
        "12:",
        "1:30",
    ),
    *(
        "2.500 ",
        "Die Antwort ist ",
        "0,5 ",
        "25% ",
        " and ",
        "é",
        "⁄",
        "¹⁄₃ ",
        "\u200f",
        "10 to the power of ",
    ),
    *("\n\nTask 1: ", "€", "1.250 ", "la ", "option ", "correct option ", "opción correcta ", "cevap A "),
    *("**A) ", "*A. ", "A works ", "A - ab ", "\u20131 "),
    *("2\\sqrt{3} ", "x + ", "}{", "5! = ", "half a million ", "1/2/", "0x1 ", "£1m ", "yes and no "),
    *("it is ", "that is not ", "the statement is true ", "of course ", "my choice ", "n't "),
)
SHORT, LONG = 4_000, 16_000


def seconds(unit: str, length: int, reads: str) -> float:
    """The shortest of three readings of a text that repeats a unit, in seconds of the process."""
    text = "Answer: " + (unit * length)[:length]
    taken = []
    for _ in range(3):
        started = time.process_time()
        extract(text, reads, 26, ["the Nile", "the Rhine"] if reads == "letter" else ())
        taken.append(time.process_time() - started)
    return min(taken)


@pytest.mark.parametrize("reads", READS)
@given(unit=st.sampled_from(UNITS), other=st.sampled_from(("", *UNITS)))
def test_four_times_the_text_takes_about_four_times_the_time(reads: str, unit: str, other: str) -> None:
    # A quadratic reader takes sixteen times as long, and an exponential one never ends.
    assert seconds(unit + other, LONG, reads) < 9 * seconds(unit + other, SHORT, reads) + 0.05


@pytest.mark.parametrize("spelling", WRITTEN_WITH, ids=lambda each: each[0][:40])
def test_the_spellings_that_the_reader_was_written_with_are_read(spelling: Spelling) -> None:
    assert is_read(spelling)


@pytest.mark.parametrize("spelling", APART, ids=lambda each: each[0][:40])
def test_the_spellings_that_were_kept_apart_are_read(spelling: Spelling) -> None:
    assert is_read(spelling)


def test_there_are_two_hundred_spellings_and_half_of_them_were_kept_apart() -> None:
    assert len(set(APART)) >= 100
    assert len({*WRITTEN_WITH, *APART}) >= 200
    assert not set(APART) & set(WRITTEN_WITH)


@given(st.integers(-(10**9), 10**9), st.sampled_from(["{:,}", "{:_}", "{}", "{}.00", "{:e}"]))
def test_every_spelling_of_a_whole_number_has_its_value(number: int, form: str) -> None:
    spelled = form.format(number)
    wanted = float(spelled) if "e" in spelled else number
    (found,) = numerals(spelled)

    assert float(value(found.spelled) or 0) == pytest.approx(wanted, rel=1e-12)


def in_words(number: int) -> str:
    """English words of a whole number below a trillion."""
    for scale, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            between = " and " if rest < 100 else " "
            return f"{in_words(number // scale)} {name}" + (f"{between}{in_words(rest)}" if rest else "")
    small = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
    small += ["twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if number < 20:
        return small[number]
    return tens[number // 10 - 2] + (f"-{small[number % 10]}" if number % 10 else "")


def in_numerals(number: int) -> str:
    """Chinese numerals of a whole number from 1 to 10^12 - 1."""
    for scale, name in ((10**8, "亿"), (10**4, "万"), (1000, "千"), (100, "百"), (10, "十")):
        if number >= scale:
            rest = number % scale
            gap = "零" if rest and rest < scale // 10 else ""
            return f"{in_numerals(number // scale)}{name}{gap}" + (in_numerals(rest) if rest else "")
    return "零一二三四五六七八九"[number]


def test_tens_behind_tens_are_no_number() -> None:
    assert worded_at("twenty ten", 0, 10) is None
    assert worded_at("twenty nine", 0, 11) == "29"


@given(st.integers(1, 10**12 - 1))
def test_a_number_in_words_has_its_value(number: int) -> None:
    assert extract(f"So the answer is {in_words(number)}.", "number") == str(number)
    assert extract(f"答案是{in_numerals(number)}。", "number") == str(number)


_GERMAN = (
    *("", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf"),
    "zwölf",
)
_FRENCH = (
    *("", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze"),
    *("douze", "treize", "quatorze", "quinze", "seize"),
)
_SPANISH = (
    *("", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once"),
    *("doce", "trece", "catorce", "quince", "dieciséis", "diecisiete", "dieciocho", "diecinueve"),
    *("veinte", "veintiuno", "veintidós", "veintitrés", "veinticuatro", "veinticinco", "veintiséis"),
    *("veintisiete", "veintiocho", "veintinueve"),
)
_SPANISH_HUNDREDS = (
    *("ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos"),
    *("setecientos", "ochocientos", "novecientos"),
)


def in_german(number: int) -> str:
    """German words of a whole number from 1 to 999,999."""
    for scale, name in ((1000, "tausend"), (100, "hundert")):
        if number >= scale:
            many = re.sub("eins$", "ein", in_german(number // scale))
            return f"{many}{name}" + (in_german(number % scale) if number % scale else "")
    if number <= 12:
        return _GERMAN[number]
    if number < 20:
        return {16: "sech", 17: "sieb"}.get(number, _GERMAN[number - 10]) + "zehn"
    tens = ("zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
    unit = "ein" if number % 10 == 1 else _GERMAN[number % 10]
    return (f"{unit}und" if number % 10 else "") + tens[number // 10 - 2]


def in_french(number: int) -> str:
    """French words of a whole number from 1 to 999,999."""
    for scale, name in ((1000, "mille"), (100, "cent")):
        if number >= scale:
            many = "" if number // scale == 1 else in_french(number // scale) + " "
            return f"{many}{name}" + (f" {in_french(number % scale)}" if number % scale else "")
    return in_french_below_hundred(number)


def in_french_below_hundred(number: int) -> str:
    if number < 20:
        return _FRENCH[number] if number <= 16 else f"dix-{_FRENCH[number - 10]}"
    if number >= 80:
        return "quatre-vingts" if number == 80 else f"quatre-vingt-{in_french(number - 80)}"
    tens = ("vingt", "trente", "quarante", "cinquante", "soixante", "soixante")[number // 10 - 2]
    unit = number - 60 if number >= 70 else number % 10
    return tens + (f" et {in_french(unit)}" if unit in {1, 11} else f"-{in_french(unit)}" if unit else "")


def in_spanish(number: int) -> str:
    """Spanish words of a whole number from 1 to 999,999."""
    if number >= 1000:
        many = "" if number // 1000 == 1 else in_spanish(number // 1000) + " "
        return f"{many}mil" + (f" {in_spanish(number % 1000)}" if number % 1000 else "")
    if number >= 100:
        rest = f" {in_spanish(number % 100)}" if number % 100 else ""
        return "cien" if number == 100 else f"{_SPANISH_HUNDREDS[number // 100 - 1]}{rest}"
    if number < 30:
        return _SPANISH[number]
    tens = ("treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa")[number // 10 - 3]
    return f"{tens} y {_SPANISH[number % 10]}" if number % 10 else tens


@given(st.integers(1, 999_999))
def test_a_number_in_german_french_or_spanish_words_has_its_value(number: int) -> None:
    assert extract(f"Die Antwort ist {in_german(number)}.", "number") == str(number)
    assert extract(f"La réponse est {in_french(number)}.", "number") == str(number)
    assert extract(f"La respuesta es {in_spanish(number)}.", "number") == str(number)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59))
def test_two_times_are_equal_only_if_they_are_the_same(hour: int, minute: int, other: int, late: int) -> None:
    parsed = extract(f"They meet at {hour}:{minute:02}.", "number")

    assert is_right(parsed, f"{other}:{late:02}", "number") is ((hour, minute) == (other, late))


@given(st.integers(1, 999), st.integers(0, 999))
def test_a_point_before_three_digits_is_what_the_language_says(whole: int, rest: int) -> None:
    spelled, thousands, decimals = f"{whole}.{rest:03}", f"{1000 * whole + rest}", f"{whole}.{rest:03}"
    german, english = (
        extract(f"{said} {spelled}.", "number") for said in ("Die Antwort ist", "The answer is")
    )

    assert is_right(german, thousands, "number")
    assert is_right(english, decimals, "number")
    assert not is_right(german, decimals, "number")
    assert not is_right(english, thousands, "number")


def test_the_question_s_language_says_what_a_point_is_where_the_answer_has_no_words() -> None:
    question = "Wie viele Äpfel hat sie insgesamt?"
    item = Item(question, (Message(Role.USER, question),), "2500", reads="number")

    assert read_answer(item, "#### 2.500") == "2500"
    assert read_answer(item, "\\boxed{2.500}") == "2500"
    assert read_answer(replace(item, question="How many apples?"), "#### 2.500") == "2.500"


@pytest.mark.parametrize("parsed", ["2500", "2.5"])
def test_an_expected_point_of_a_language_with_a_decimal_comma_is_either(parsed: str) -> None:
    assert is_right(parsed, "2.500", "number", "Wie viel kostet das?")
    assert is_right(parsed, "2.500", "number", "How much is it?") is (parsed == "2.5")


@pytest.mark.parametrize("parsed", ["0.25", "25", "25%"])
def test_percents_are_their_number_or_their_share(parsed: str) -> None:
    assert is_right(parsed, "25%", "number")
    assert is_right("25%", parsed, "number")


def test_a_share_is_not_the_number_of_percents_without_the_sign() -> None:
    assert not is_right("0.25", "25", "number")
    assert not is_right("25%", "2500", "number")
    assert not is_right("0.25%", "25%", "number")


@pytest.mark.parametrize(
    ("power", "number"), [("2^-1", "1/2"), ("10^-2", "1/100"), ("4^2", "16"), ("7^0", "1")]
)
def test_a_power_has_its_value(power: str, number: str) -> None:
    assert is_right(extract(f"Answer: {power}", "number"), number, "number")


@pytest.mark.parametrize("text", ["The answer is one of them.", "No one knows.", "It is the one above."])
def test_one_is_no_number_where_it_stands_for_something(text: str) -> None:
    assert extract(text, "number") is None


@given(st.text(max_size=200))
def test_folding_keeps_every_character_in_its_place(text: str) -> None:
    assert len(fold(text)) == len(text)


@pytest.mark.parametrize(
    "number", ["1" * 5_000, "9^9999", "10^9999", "1e9999", "9" * 299 + "^300", "1/0", "0^-1"]
)
def test_a_number_that_is_none_breaks_nothing(number: str) -> None:
    parsed = extract(f"Answer: {number}", "number")

    assert is_right(parsed, "3", "number") is False


def test_an_item_s_options_are_known_by_their_words_in_the_order_presented() -> None:
    item = Item(
        "Which river?",
        (Message(Role.USER, "Which river?"),),
        "the Rhine",
        choices=("the Nile", "the Rhine", "the Danube"),
        target="A",
        reads="letter",
        order=(1, 2, 0),
    )

    assert read_answer(item, "It is the Rhine.") == "A"
    assert read_answer(item, "Answer: C") == "C"
    assert read_answer(item, "Answer: D") is None


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("black and white", 1),
        ("a black and white film", 1),
        ("it is black", 0),
        ("it is a white horse", 2),
        ("black, not white", None),
        ("first black, then white", None),
        ("black and white, then white", 1),
        ("blackbird", None),
    ],
)
def test_an_option_inside_a_longer_one_that_is_said_does_not_count(said: str, number: int | None) -> None:
    assert named_option(said, ("Black", "black and white", "the white")) == number


READINGS = ("97339a827ccbf3a0feee365f99297e24", 7)
"""Hash of what is read of all spellings, and the version of the reading that reads them so."""

LIKELY, READ = "185741051d3d666ad3a280090f2752af", "f27cdb6382c525c5f9049cc1a2233a51"
READ_BEFORE = "4cf17284a020025e1a4e0b884667b956"
"""Versions of a benchmark, and the one that commit f7d6479 gives to it where answers are read."""


def test_texts_that_are_read_otherwise_have_another_version_of_the_reading() -> None:
    """Old and new readings would be mixed in one search: raise `READING` and pin both again."""
    read: list[Json] = [
        extract(text, reads, *((options, ()) if isinstance(options, int) else (len(options), options)))
        for text, reads, options, _ in (*WRITTEN_WITH, *APART)
    ]

    assert (fingerprint(read), READING) == READINGS


@pytest.mark.parametrize(
    ("choices", "version"),
    [
        (("2", "3"), "38c667cf9cd952493a41469682a65928"),
        (("2", "33"), "98def7aecc00ad2c1cb511621362268e"),
    ],
)
def test_choices_of_equal_lengths_keep_the_version_that_they_had(
    choices: tuple[str, ...], version: str
) -> None:
    """Commit f7d6479 compared choices per byte: equal lengths are ordered alike, others were 200d9621..."""
    item = Item("1 + 1?", (Message(Role.USER, "1 + 1?"),), "2", choices=choices)

    assert Benchmark("sums", (item,), metric=Metric.CHOICE_ACCURACY).version == version


def test_the_way_answers_are_read_is_part_of_a_benchmark_whose_answers_are_read() -> None:
    item = Item("1 + 1?", (Message(Role.USER, "1 + 1?"),), "2", reads="number")
    likely, read = (
        Benchmark("sums", (item,), metric=metric).version
        for metric in (Metric.LOG_LIKELIHOOD, Metric.ANSWER_ACCURACY)
    )

    assert (likely, read) == (LIKELY, READ)
    assert read != READ_BEFORE
