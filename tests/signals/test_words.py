"""Segmentation by script, and the signals that count words."""

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.signals.contamination.audit import audit
from autoselection_core.signals.definitions.wording.duplicates import JaccardPairs
from autoselection_core.signals.definitions.wording.form import Form
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.joins.shingles import shingles
from autoselection_core.testing.pools import pool_of, pool_of_answers, question_and_answer
from autoselection_core.words import count_words, search_units, words, words_and_signs

ENGLISH = (
    "In the heat of summer many people like to swim in the sea "
    "because the water cools the body down and lifts the mood."
)
TRANSLATIONS = {
    "Chinese": "在炎热的夏天里很多人喜欢去海边游泳因为海水能让身体很快凉快下来也能让心情变得轻松愉快起来。",
    "Japanese": "夏の暑い日には、水が体を冷やし気分を明るくしてくれるので、多くの人が海で泳ぐのを好みます。",
    "Thai": "ในช่วงหน้าร้อนผู้คนจำนวนมากชอบว่ายน้ำในทะเลเพราะน้ำช่วยให้ร่างกายเย็นลงและทำให้อารมณ์ดีขึ้น",
    "Khmer": ("នៅរដូវក្តៅ មនុស្សជាច្រើនចូលចិត្តហែលទឹកក្នុងសមុទ្រ ព្រោះទឹកធ្វើឱ្យរាងកាយត្រជាក់ និងធ្វើឱ្យអារម្មណ៍ល្អ"),
    "Hindi": (
        "गर्मियों की तपिश में बहुत से लोग समुद्र में तैरना पसंद करते हैं क्योंकि पानी शरीर को ठंडा करता है और मन को खुश करता है।"
    ),
}
SCRIPTS = st.text(st.characters(codec="utf-8"), max_size=60)


@given(st.text(st.characters(codec="ascii"), max_size=80))
def test_words_of_ascii_text_are_runs_of_letters_digits_and_underscores(text: str) -> None:
    runs = re.findall(r"\w+", text.lower())

    assert words(text) == runs
    assert search_units(text) == runs
    assert count_words(text) == len(text.split())
    assert [word for word in words_and_signs(text) if word[0].isalnum() or word[0] == "_"] == runs


@given(SCRIPTS)
def test_two_encodings_of_a_text_have_one_segmentation(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))

    assert words(composed) == words(decomposed)
    assert words_and_signs(composed) == words_and_signs(decomposed)
    assert search_units(composed) == search_units(decomposed)


@given(SCRIPTS, SCRIPTS)
def test_a_line_break_ends_every_word(first: str, second: str) -> None:
    assert words(f"{first}\n{second}") == words(first) + words(second)
    assert search_units(f"{first}\n{second}") == search_units(first) + search_units(second)


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_sentence_and_its_translation_have_about_as_many_words_and_bits(language: str) -> None:
    sentences = [ENGLISH, TRANSLATIONS[language]]
    pool = pool_of(question_and_answer("?", text) for text in sentences)
    order = [pool.row_of(question_and_answer("?", text).id) for text in sentences]
    entropy = np.asarray(WordEntropy().compute(pool, {})["word_entropy"])[order]
    length = np.asarray(Form().compute(pool, {})["words"])[order]
    sets = shingles(sentences, 5).sizes

    assert entropy[1] == pytest.approx(entropy[0], rel=0.15)
    assert length[1] == pytest.approx(length[0], rel=0.35)
    assert sets[1] == pytest.approx(sets[0], rel=0.4)
    assert audit(pool_of_answers([sentences[1]])).response_words[0] == length[1] - 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TRANSLATIONS["Chinese"], TRANSLATIONS["Chinese"].replace("很多人", "许多人")),
        (TRANSLATIONS["Japanese"], TRANSLATIONS["Japanese"].replace("好みます", "好みました")),
        (TRANSLATIONS["Thai"], f"{TRANSLATIONS['Thai']}เสมอ"),
        (ENGLISH, ENGLISH.replace("people", "folks")),
    ],
)
def test_near_duplicates_are_found_in_every_script(first: str, second: str) -> None:
    pairs = JaccardPairs().compute(pool_of_answers([first, second], question="summer?"), {})[
        "near_duplicates"
    ]

    assert len(pairs) == 1


PROBLEMS = [
    ("if a < b:\n    return a", "if a > b:\n    return a"),
    ("What is 812 + 37?", "What is 812 - 37?"),
    ("What is 812 \N{MINUS SIGN} 37?", "What is 812 + 37?"),
    ("x^2 - 4 = 0", "x^2 = 4 - 0"),
    ("x = -2", "x = 2"),
    ("2 * 3", "2 / 3"),
    ("a != b", "a == b"),
    ("Close: ( [ <", "Close: { [ ("),
    ("It costs £5", "It costs €5"),
    ("x² + 1", "x³ + 1"),
    ("p ≤ q", "p ≥ q"),
]


@pytest.mark.parametrize(("first", "second"), PROBLEMS)
def test_other_signs_are_another_problem(first: str, second: str) -> None:
    assert words_and_signs(first) != words_and_signs(second)
    assert shingles([first], 5).hashes.tolist() != shingles([second], 5).hashes.tolist()


@pytest.mark.parametrize(
    ("plain", "laid_out"),
    [
        ("A well known fact", "A well-known fact."),
        ("one\ntwo", "- one\n- two"),
        ("The answer is 5", '**The answer** is "5"!'),
        ("812 - 37", "812 \N{MINUS SIGN} 37"),
        ("cats and or dogs", "cats and/or dogs"),
    ],
)
def test_layout_and_punctuation_make_no_other_text(plain: str, laid_out: str) -> None:
    assert words_and_signs(plain) == words_and_signs(laid_out)
