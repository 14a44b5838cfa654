import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.pool import Source, ingest
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.contamination.audit import audit, overlap
from autoselection_core.signals.contamination.contamination import (
    DEFAULT_LIMIT,
    MATCHES,
    Contamination,
    Match,
    contamination,
    items_found,
    match,
    match_codes,
)
from autoselection_core.signals.contamination.decontaminate import Gate
from autoselection_core.signals.contamination.ngrams import occurrences, runs_of
from autoselection_core.signals.contamination.phrases import MAX_FURTHER_UNITS, bare_questions
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of, pool_of_answers
from autoselection_core.words import search_units

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


@pytest.mark.parametrize(
    "copied",
    [
        LONG.replace("twelve loaves", "\\textbf{twelve} \\emph{loaves}").replace(
            "Monday", "$\\text {Monday}$"
        ),
        LONG.replace(" ", "&amp;nbsp;"),
        LONG.replace("twelve", "&amp;#116;welve"),
    ],
    ids=["fonts of LaTeX", "spaces as entities, twice", "letters as entities, twice"],
)
def test_a_question_in_other_fonts_or_escaped_twice_is_found(copied: str) -> None:
    assert share(copied) == 1.0


def test_stress_in_cyrillic_is_no_other_word() -> None:
    stressed = "\u0437\u0430\u0301\u043c\u043e\u043a"

    assert search_units(stressed) == search_units(stressed.replace("\u0301", ""))


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


@pytest.mark.parametrize("metric", ["log_likelihood", "choice_accuracy", "answer_accuracy"])
@pytest.mark.parametrize("options", ["letters", "texts"])
def test_the_label_of_an_option_is_no_answer_and_a_short_text_is_one(
    metric: str, options: str, tmp_path: Path
) -> None:
    questions = [
        (STEM, CHOICES, 1),
        ("How many legs has an ant?", "2468", 2),
        ("太阳从哪边升起", "东西南北", 0),
    ]
    records = [{"question": asked, "choices": [*texts], "answer": at} for asked, texts, at in questions]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    said = {"name": "made", "items": "items.jsonl", "metric": metric, "options": options, "shots": 0}
    items = benchmark_from({**said, "answer_by": "index"}, tmp_path).items

    assert share(f"{STEM} A thing, B or D, as far as I see.", items=items) == 0.0
    for asked, texts, at in questions:
        assert share(texts[at], question=asked, items=items) == 1.0
        assert share("Nobody knows.", question=asked, items=items) == 0.0


def test_options_that_a_prompt_lists_at_its_end_are_not_part_of_the_question() -> None:
    stems = (LONG, STEM, "How many of them are there?")
    choices = (("24", "36", "12", "30"), CHOICES, ("2", "4", "6", "8"))
    lists = ("\n".join(map(". ".join, zip("ABCD", texts, strict=True))) for texts in choices)
    prompts = [f"Question: {stem}\n{listed}\nAnswer:" for stem, listed in zip(stems, lists, strict=True)]
    items = tuple(replace(item(prompt, "B", (*"ABCD",)), target="B") for prompt in prompts)

    assert bare_questions(items) == stems
    by_text = tuple(replace(each, choices=found) for each, found in zip(items, choices, strict=True))
    assert all("\nD. " in each for each in bare_questions(by_text))
    again = item(prompts[0].replace("24", "25"), "B", (*"ABCD",))
    assert bare_questions((*items, again))[0].endswith("D. 30"), "two questions have one stem"
    for stem, texts in zip(stems, choices, strict=True):
        assert share(f"It is {texts[1]}", question=stem, items=items) == 1.0
        assert share("Who knows?", question=f"{stem} (1) {' (2) '.join(texts[::-1])}", items=items) == 1.0
    assert share("It is B", question=STEM, items=items) == 0.0


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


ASKED = ("Why do cats sleep so much during the warm summer days?", "Who painted the old bridge over there?")
CHINESE = "中国历史上第一个统一的封建王朝是由哪一位皇帝在公元前建立起来的"


def test_the_words_of_a_prompt_around_every_question_are_not_looked_for() -> None:
    items = tuple(item(f"Question: {question}\nAnswer:", "Nobody knows") for question in ASKED)

    assert bare_questions(items) == ASKED
    assert share("Nobody knows.", question=ASKED[0], items=items) == 1.0
    assert share(f"{ASKED[0]} Nobody knows.", question="Solve this.", items=items) == 1.0


def test_a_bare_question_stays_whole_where_the_prompt_says_more() -> None:
    items = tuple(Item(q, (Message(Role.USER, f"{q}\nAnswer:"),), "x") for q in ("Q: is it?", "Q: was it?"))

    assert bare_questions(items) == ("Q: is it?", "Q: was it?")
    assert bare_questions(items[:1]) == ("Q: is it?",)


@pytest.mark.parametrize(
    ("end", "kept"),
    [("\nAnswer:", ""), (" Answer: ", " "), (" Answer:\n", " "), (" :", " :"), ("?", "?"), ("\na b:\nc", "")],
)
def test_the_label_behind_every_question_is_cut_off(end: str, kept: str) -> None:
    asked = [f"{question}{end}" for question in ("Why is it dark", "Who came")]
    items = [Item(text, (Message(Role.USER, text),), "") for text in asked]

    assert bare_questions(items) == (f"Why is it dark{kept}", f"Who came{kept}")


def test_a_common_end_without_white_space_takes_linear_time() -> None:
    """A label was looked for from every character on: a minute for 100,000 of them."""
    asked = [f"{question}? {'x' * 1_000_000}" for question in ("Why", "Who")]

    assert bare_questions([Item(text, (Message(Role.USER, text),), "") for text in asked]) == tuple(asked)


FRENCH = "Où dînèrent les élèves après l'été à la forêt près de la fenêtre ouverte?"


def test_a_copy_in_another_encoding_is_found() -> None:
    items = (item(FRENCH, "là"),)

    assert share(unicodedata.normalize("NFD", FRENCH), items=items) == 1.0
    assert share(unicodedata.normalize("NFKD", FRENCH).upper(), items=items) == 1.0


def test_a_copy_in_full_width_letters_is_found() -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in LONG)

    assert share(wide) == 1.0


TURKISH = "İstanbul'da bir çiftçi köy pazarında on yedi sepet olgun elmayı satarsa kaç lira kazanır acaba?"  # noqa: RUF001
ARABIC = "يبيع مزارع سبع عشرة سلة من التفاح الناضج في سوق القرية بثلاث قطع نقدية لكل سلة فكم يكسب؟"
HEBREW = "איכר מוכר שבעה עשר סלים של תפוחים בשלים בשוק הכפר בשלושה מטבעות כל אחד"
ALEF = "\N{ARABIC LETTER ALEF}"
UNSEEN: Mapping[str, Callable[[str], str]] = {
    "zero-width spaces in words": "\u200b".join,
    "soft hyphens": lambda text: " ".join(f"{word[:3]}\u00ad{word[3:]}" for word in text.split(" ")),
    "joiners": lambda text: text.replace("a", "a\u200d").replace(ALEF, f"{ALEF}\u200c"),
    "variation selectors": lambda text: text.replace(" ", " \ufe0f"),
    "directions": lambda text: f"\ufeff\u202b{text}\u202c",
    "spaces that do not break": lambda text: text.replace(" ", "\u00a0"),
    "entities of HTML": lambda text: text.replace(" ", "&nbsp;").replace("?", "&#63;"),
    "tags of HTML": lambda text: f"<p>{text.replace(' ', '<br/>')}</p>",
    "emphasis": lambda text: f"_{text.replace(' ', '_ _')}_",
    "spelled line ends": lambda text: text.replace(" ", "\\n"),
    "crossed out": "\u0336".join,
    "capital letters": str.upper,
    "lengthened letters": lambda text: text.replace(ALEF, f"{ALEF}\u0640"),
    "vowel points": lambda text: text.replace("ب", "بَ").replace("ש", "שׁ"),
}


@pytest.mark.parametrize("text", [FRENCH, TURKISH, ARABIC, HEBREW, CHINESE], ids=lambda text: text[:8])
@pytest.mark.parametrize("form", UNSEEN)
def test_a_copy_that_looks_the_same_is_found(text: str, form: str) -> None:
    """Each of these copies but those of unbroken spaces and directions had a share of 0.00."""
    assert share("51", question=UNSEEN[form](text), items=(item(text, "51"),)) == 1.0


def hyphenated(text: str, mark: str = "-\n") -> str:
    """A text whose long words are parted at line ends."""
    return " ".join(f"{word[:3]}{mark}{word[3:]}" if len(word) > 5 else word for word in text.split(" "))


ON_ITS_WAY: Mapping[str, Callable[[str], str]] = {
    "hyphens at line ends": hyphenated,
    "hyphens before indented lines": lambda text: hyphenated(text, "- \r\n    "),
    "hyphens of their own": lambda text: hyphenated(text, "\u2010\n"),
    "soft hyphens at line ends": lambda text: hyphenated(text, "\u00ad\n"),
    "hyphens at spelled line ends": lambda text: hyphenated(text, "-\\n"),
    "hyphens at tags": lambda text: hyphenated(text, "-<br>"),
    "lines broken by mail": lambda text: hyphenated(text, "=\n"),
    "percent-encoding": quote,
    "percent-encoding of forms": quote_plus,
    "percent-encoding of spaces": lambda text: text.replace(" ", "%20"),
    "percent-encoding twice": lambda text: quote(quote(text)),
    "zero-width spaces for spaces": lambda text: text.replace(" ", "\u200b"),
    "joiners for spaces": lambda text: text.replace(" ", "\u2060\ufeff"),
    "zero-width spaces for spaces, encoded": lambda text: quote(text.replace(" ", "\u200b")),
}


@pytest.mark.parametrize("text", [LONG, FRENCH, TURKISH, HEBREW, CHINESE], ids=lambda text: text[:8])
@pytest.mark.parametrize("form", ON_ITS_WAY)
def test_a_copy_is_found_whatever_it_went_through_on_its_way(text: str, form: str) -> None:
    """Each of these had a share below the limit in one text or another."""
    assert share("51", question=ON_ITS_WAY[form](text), items=(item(text, "51"),)) == 1.0


def test_a_hyphen_at_a_line_end_may_also_part_two_words() -> None:
    text = LONG.replace("how many", "how-many").replace("twice as", "twice-as")

    assert share("36", question=text.replace("-", "-\n"), items=(item(text, "36"),)) == 1.0


def test_a_short_question_is_found_in_either_reading_with_few_words_beside_it() -> None:
    assert share("It is 56.", question="What%20is%207%20x%208%3F") == 1.0
    assert share("It is 56.", question="What\u200bis\u200b7\u200bx\u200b8?") == 1.0
    assert share("It is 56.", question="Pray an-\nswer me. " * 5 + "What is 7 x 8?") == 0.0


def test_two_readings_share_no_run() -> None:
    words = LONG.split()
    text = " ".join([*words[-9:], "par-\nted", *words[:-9]])

    assert share(text) == share(text.replace("par-\nted", "parted")) < DEFAULT_LIMIT


@pytest.mark.parametrize(
    ("latin", "alike"),
    [
        ("aeopcyxijs", "аеорсухіјѕ"),  # noqa: RUF001 Cyrillic, and so on
        ("hdqwl", "һԁԛԝӏ"),  # noqa: RUF001
        ("ov", "ον"),  # noqa: RUF001
        ("nuohg", "ոսօհց"),  # noqa: RUF001
        ("ag", "ɑɡ"),  # noqa: RUF001
        ("ABEHIJKMOPCTYXS", "АВЕНІЈКМОРСТУХЅ"),  # noqa: RUF001
        ("ABEZHIKMNOPTYX", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"),  # noqa: RUF001
    ],
)
def test_a_copy_with_letters_of_another_script_that_look_alike_is_found(latin: str, alike: str) -> None:
    """Each of these copies had a share of 0.00: no run of 13 words was whole."""
    text = " ".join(f"{letter}z{letter}R{letter}" for letter in (latin * 10)[:20])

    copy = text.translate(str.maketrans(latin, alike))

    assert copy != text
    assert share("51", question=copy, items=(item(text, "51"),)) == 1.0


RUSSIAN = (
    "Сколько рублей заработает крестьянин, если он продаст на рынке семнадцать корзин по три рубля каждая?"
)
GREEK = "Πόσα ευρώ κερδίζει ένας αγρότης αν πουλήσει δεκαεπτά καλάθια με ώριμα μήλα προς τρία ευρώ το καθένα;"  # noqa: RUF001


@pytest.mark.parametrize("text", [RUSSIAN, GREEK], ids=["Russian", "Greek"])
def test_a_question_in_a_script_with_look_alike_letters_is_found_in_any_case_and_no_other_one_is(
    text: str,
) -> None:
    items = (item(text, "51"),)

    copies = [share("51", question=form(text), items=items) for form in (str, str.upper, str.title)]

    assert copies == [1.0, 1.0, 1.0]
    assert share("51", question=" ".join(reversed(text.split())), items=items) == 0.0


@pytest.mark.parametrize("script", ["CYRILLIC", "GREEK", "ARMENIAN"])
def test_no_two_letters_of_one_script_become_one(script: str) -> None:
    letters = {chr(code).casefold() for code in range(0x370, 0x590) if _is_letter_of(script, chr(code))}
    single = {each for each in letters if len(each) == 1 and unicodedata.normalize("NFKC", each) == each}

    units = [tuple(search_units(each)) for each in sorted(single)]

    assert len(set(units)) == len(single) > 30


def _is_letter_of(script: str, letter: str) -> bool:
    return letter.isalpha() and unicodedata.name(letter, "").startswith(script)


@pytest.mark.parametrize("text", [CHINESE, f"请回答下面的问题 {CHINESE}", f"请你告诉我{CHINESE}并且解释原因"])
def test_a_copy_in_a_script_without_spaces_is_found_behind_any_opening(text: str) -> None:
    assert share("秦始皇", question=text, items=(item(CHINESE, "秦始皇"),)) == 1.0


@pytest.mark.parametrize(
    ("further", "found"), [(0, 1.0), (2, 1.0), (MAX_FURTHER_UNITS, 1.0), (MAX_FURTHER_UNITS + 1, 0.0)]
)
def test_a_short_question_is_found_behind_an_opening_of_a_few_words(further: int, found: float) -> None:
    opening = " ".join(["please"] * further)

    assert share("It is 56.", question=f"{opening} What is 7 x 8?") == found


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_sample_at_the_limit_is_cut(hits: int, runs: int) -> None:
    limit = min(hits, runs) / runs
    words = [f"w{number}" for number in range(runs + 12)]
    text = " ".join(words[: min(hits, runs) + 12])
    benchmark = Benchmark("made", (item(" ".join(words), "z"),))

    with TemporaryDirectory() as folder:
        gated = Gate([benchmark], limit).cut(
            pool_of_answers([text, "other"]), SignalStore(Home(Path(folder)))
        )

    assert gated.samples_cut == 1
    assert audit(pool_of_answers([text, "other"]), [benchmark], limit).contamination["made"].rows != ()


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
    assert {name: each.repeated for name, each in found.items()} == {"bbh": 0, "mmlu": 56, "gsm8k": 0}
    assert {name: dict(each.among_targets) for name, each in found.items()} == {
        "bbh": {},
        "mmlu": {Match.EXACT: 1},
        "gsm8k": {},
    }
    # 27 bracket puzzles of BBH have the words of a target, and one question stands behind an opening.
    assert copied(bbh) == {Match.NORMALISED: 28}
    assert copied(mmlu) == {Match.EXACT: 1}
    assert copied(gsm8k) == {}


def test_a_phrase_is_found_in_every_batch_of_texts_under_the_row_of_its_text() -> None:
    runs = runs_of(["Which river is the longest?", "How many moons has Mars?"])
    rows = {0: 0, 65_535: 1, 65_536: 0, 65_540: 1}
    asked = ["They asked: which river is the longest? Nobody knew.", "How many moons has Mars? Two."]
    texts = [asked[rows[row]] if row in rows else "Nothing." for row in range(65_541)]

    found = occurrences(iter(texts), runs)

    assert dict(zip(found.text.tolist(), found.phrase.tolist(), strict=True)) == rows
    assert found.share.tolist() == [1.0] * len(rows)
