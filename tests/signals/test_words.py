"""Segmentation by script, and the signals that count words."""

import math
import re
import unicodedata
from collections import Counter
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.signals import MissingExtraError
from autoselection_core.pool.sample import Message, Role, Sample, Scope
from autoselection_core.signals.contamination.audit import audit
from autoselection_core.signals.definitions.wording.actions import ActionBranching, branching
from autoselection_core.signals.definitions.wording.duplicates import JaccardPairs
from autoselection_core.signals.definitions.wording.text import Form, WordEntropy
from autoselection_core.signals.joins.shingles import shingles
from autoselection_core.testing.signals import pool_of, pool_of_answers, question_and_answer
from autoselection_core.words import count_words, search_units, words, words_and_signs

TEXT = st.text(st.sampled_from("aB é\n.,_9"), min_size=1, max_size=30).filter(str.strip)


def entropies(*samples: Sample, signal: WordEntropy = WordEntropy()) -> list[float]:  # noqa: B008 frozen
    pool = pool_of(samples)
    values = signal.compute(pool, {})[signal.name]
    assert isinstance(values, np.ndarray)
    return [float(values[pool.row_of(sample.id)]) for sample in samples]


def by_definition(text: str) -> float:
    counts = Counter(re.findall(r"\b\w+\b", text.lower()))
    total = sum(counts.values())
    return sum(c / total * math.log2(total / c) for c in counts.values()) if total else math.nan


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_word_entropy_equals_its_definition(texts: list[tuple[str, str]]) -> None:
    samples = [question_and_answer(question, answer) for question, answer in texts]

    for sample, entropy in zip(samples, entropies(*samples), strict=True):
        assert np.isclose(entropy, by_definition(sample.text()), atol=1e-5, equal_nan=True)


def test_one_word_over_and_over_scores_zero() -> None:
    assert entropies(question_and_answer("yes yes", "Yes YES.")) == [0.0]


def test_a_sample_without_words_is_unknown() -> None:
    assert np.isnan(entropies(question_and_answer("?!", "..."))).all()


def test_messages_are_joined_by_a_newline_so_words_do_not_grow_together() -> None:
    sample = Sample((Message(Role.USER, "one"), Message(Role.ASSISTANT, "two")))

    assert entropies(sample) == [1.0]


def test_the_scope_decides_which_messages_are_read() -> None:
    sample = question_and_answer("a b c d", "a a")

    assert entropies(sample, signal=WordEntropy(Scope.RESPONSE)) == [0.0]
    assert entropies(sample, signal=WordEntropy(Scope.INSTRUCTION)) == [2.0]


def test_entropy_of_pairs_counts_neighbours() -> None:
    sample = question_and_answer("a b", "a b a")  # ab ba ab ba

    assert entropies(sample, signal=WordEntropy(words=2)) == [1.0]


def test_a_sample_shorter_than_one_run_is_unknown() -> None:
    assert np.isnan(entropies(question_and_answer("a", "b"), signal=WordEntropy(words=3))).all()


def test_branching_is_half_the_verbs_and_half_the_mean_subtree() -> None:
    # "She wants to eat apples": wants <- She, eat; eat <- to, apples
    heads, verbs = [1, 1, 3, 1, 3], np.array([0, 1, 0, 1, 0], np.bool_)

    assert branching(heads, verbs) == 0.5 * 2 + 0.5 * (5 + 3) / 2


def test_two_sentences_are_two_trees() -> None:
    assert branching([0, 0, 2, 2, 2], np.array([1, 0, 1, 0, 0], np.bool_)) == 0.5 * 2 + 0.5 * (2 + 3) / 2


def test_a_text_without_verbs_is_unknown() -> None:
    assert np.isnan(branching([0, 0], np.zeros(2, np.bool_)))
    assert np.isnan(branching([], np.zeros(0, np.bool_)))


def test_without_the_extra_the_signal_is_absent_and_says_how_to_install_it() -> None:
    if find_spec("spacy") is not None:
        values = ActionBranching().compute(pool_of_answers(["She wants to eat apples."], question="?"), {})
        assert np.asarray(values["action_branching"])[0] > 1
        return
    with pytest.raises(MissingExtraError, match=r"autoselection\[actions\]"):
        ActionBranching().compute(pool_of_answers(["Dogs chase cats."]), {})


ENGLISH = (
    "In the heat of summer many people like to swim in the sea "
    "because the water cools the body down and lifts the mood."
)
TRANSLATIONS = {
    "Chinese": "在炎热的夏天里很多人喜欢去海边游泳因为海水能让身体很快凉快下来也能让心情变得轻松愉快起来。",
    "Japanese": "夏の暑い日には、水が体を冷やし気分を明るくしてくれるので、多くの人が海で泳ぐのを好みます。",
    "Thai": "ในช่วงหน้าร้อนผู้คนจำนวนมากชอบว่ายน้ำในทะเลเพราะน้ำช่วยให้ร่างกายเย็นลงและทำให้อารมณ์ดีขึ้น",
    "Lao": ("ໃນລະດູຮ້ອນຫຼາຍຄົນມັກລອຍນ້ຳໃນທະເລເພາະນ້ຳຊ່ວຍໃຫ້ຮ່າງກາຍເຢັນລົງແລະເຮັດໃຫ້ອາລົມດີຂຶ້ນ"),
    "Burmese": (
        "နွေရာသီတွင် လူများစွာသည် ပင်လယ်တွင် ရေကူးရန် ကြိုက်နှစ်သက်ကြသည် အဘယ်ကြောင့်ဆိုသော် ရေသည် ခန္ဓာကိုယ်ကို အေးစေပြီး စိတ်ကို ကြည်လင်စေသည်"
    ),
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
    unmarked = text.translate(dict.fromkeys(map(ord, r"&<\_"), " "))
    assert search_units(unmarked) == re.findall(r"\w+", unmarked.lower())
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


SYLLABLES = {
    "Tibetan": ("བོད་ཀྱི་སྐད་ཡིག་སྦྱོང༌།", 5),
    "Dzongkha": ("རྫོང་ཁ་ལྷབ། དགའ་", 4),
    "Javanese": ("ꦲꦤꦕꦫꦏ꧈ꦢꦠꦱꦮꦭ꧉", 10),
    "Balinese": ("ᬅᬓ᭄ᬱᬭ", 4),
    "Yi": ("ꆈꌠꁱꂷ。", 4),
    "Amharic": ("ሰላም፡ለዓለም፡ሁሉ።", 3),
    "Khmer": ("ខ្ញុំ\u200bទៅ\u200bសាលា។", 3),
}


@pytest.mark.parametrize("script", SYLLABLES)
def test_text_without_spaces_and_dictionary_is_many_words(script: str) -> None:
    text, count = SYLLABLES[script]

    assert len(words(text)) == len(words_and_signs(text)) == count_words(text) == count
    assert len(search_units(text)) >= count
    assert np.asarray(Form().compute(pool_of_answers([text], question="?"), {})["words"])[0] == count + 1


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
    ("What is 5! ?", "What is 5 ?"),
    ("(n-1)!", "(n-1)"),
    ("Share it 3:4.", "Share it 3, 4."),
    ("f'(x)", "f(x)"),
    ("~p", "p"),
    ("\N{THUMBS UP SIGN}", "\N{THUMBS DOWN SIGN}"),
    ("Answer: \N{CHECK MARK}", "Answer: \N{BALLOT X}"),
    ("\N{BLACK SPADE SUIT} 4", "\N{BLACK HEART SUIT} 4"),
    ("5\N{PRIME}", "5\N{DOUBLE PRIME}"),
    ("A \N{UPWARDS ARROW}", "A \N{DOWNWARDS ARROW}"),
    ("Write it in C#.", "Write it in C."),
    ("Write it in C++.", "Write it in C."),
    ("while !done", "while done"),
    ("if (!(a))", "if ((a))"),
    ("!!x", "!x"),
    ("n!", "n"),
    ("x**2", "x*2"),
    ("2**3", "2 3"),
    ("costs .5", "costs 5"),
    ("a @ b", "a b"),
    ("x/y", "x y"),
    ("x-y", "x y"),
    ("2\N{MIDDLE DOT}3", "2 3"),
    ("5\N{PER MILLE SIGN}", "5"),
    ("\N{EN DASH}5", "5"),
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
        ("Great. Thanks.", "Great! Thanks!"),
        ("It is 5 or so.", "It is ~~5~~ or so."),
        ("one\ntwo", "\N{BLACK CIRCLE} one\n\N{BLACK CIRCLE} two"),
        ("C and C", "# C and C ##"),
        ("Let s go", "Let's! Go!"),
        ("Wow no", "Wow!!!no"),
        ("Am I It is a", "Am I! It is a!"),
        ("The answer is 5", "The **answer** is **5**."),
        ("The last line So", "The last line ... So"),
        ("a < b", "a \N{FULLWIDTH LESS-THAN SIGN} b"),
        ("x = -5", "x = \N{EN DASH}5"),
        ("The years 1990 1995", "The years 1990\N{EN DASH}1995"),
    ],
)
def test_layout_and_punctuation_make_no_other_text(plain: str, laid_out: str) -> None:
    assert words_and_signs(plain) == words_and_signs(laid_out)
