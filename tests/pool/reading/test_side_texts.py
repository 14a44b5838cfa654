"""Texts beside a question are part of it, or are named as left beside."""

import json
from dataclasses import replace

import pytest

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.reading import Rules, read_record
from autoselection_core.pool.reading.rules import Fields
from autoselection_core.pool.reading.spellings import CONTEXTS
from autoselection_core.pool.reading.view import Treatment

ASKED: dict[str, Json] = {"question": "Who repaired the clock?", "answer": "Anneke Vos."}


def question(record: dict[str, Json]) -> str:
    return read_record(record).sample.messages[0].content


@pytest.mark.parametrize("field", CONTEXTS)
@pytest.mark.parametrize("passage", ["Anneke Vos came.\nIt was 1911.", ["Anneke Vos came.", "It was 1911."]])
def test_a_passage_is_part_of_the_question(field: str, passage: Json) -> None:
    record = {**ASKED, field: passage}

    assert question(record) == "Who repaired the clock?\nAnneke Vos came.\nIt was 1911."
    assert read_record(record).notes == ((field, Treatment.RENDERED),)
    assert read_record(record).extras is None


def test_passages_that_the_question_holds_apart_from_one_another_are_not_read_twice() -> None:
    asked = "[1] It was 1911.\n[2] It rained.\nWho came?"

    assert question({**ASKED, "question": asked, "contexts": ["It was 1911.", "It rained."]}) == asked
    assert question({**ASKED, "question": asked, "contexts": ["It was 1911.", "It snowed."]}) == (
        f"{asked}\nIt was 1911.\nIt snowed."
    )


@pytest.mark.parametrize(
    "passages",
    [
        [{"title": "1911", "text": "Anneke Vos came."}, {"text": "It was raining."}],
        {"title": ["1911"], "sentences": [["Anneke Vos came.\nIt was raining."]]},
        [["1911", ["Anneke Vos came.", "\nIt was raining."]]],
    ],
)
def test_passages_have_their_titles_and_a_line_each(passages: Json) -> None:
    assert question({**ASKED, "documents": passages}) == (
        "Who repaired the clock?\n1911: Anneke Vos came.\nIt was raining."
    )


def test_passages_of_a_search_are_its_texts() -> None:
    found: Json = {"passage_text": ["Anneke Vos came.", "It was 1911."], "is_selected": [0, 1]}

    assert question({**ASKED, "passages": found}) == "Who repaired the clock?\nAnneke Vos came.\nIt was 1911."


def test_the_definition_of_a_task_comes_before_its_question() -> None:
    assert question({**ASKED, "definition": ["Answer in a word."]}) == (
        "Answer in a word.\nWho repaired the clock?"
    )


def test_a_passage_that_the_question_holds_is_not_read_twice() -> None:
    assert question({**ASKED, "question": "It was 1911. Who came?", "context": "It was 1911."}) == (
        "It was 1911. Who came?"
    )


@pytest.mark.parametrize("passage", ["", None, [], " "])
def test_a_passage_that_says_nothing_changes_nothing(passage: Json) -> None:
    assert question({**ASKED, "context": passage}) == "Who repaired the clock?"


@pytest.mark.parametrize(
    "choices",
    [
        ["Anneke", "Bram"],
        {"label": ["A", "B"], "text": ["Anneke", "Bram"]},
        {"A": "Anneke", "B": "Bram"},
        [{"label": "A", "text": "Anneke"}, {"label": "B", "text": "Bram"}],
        [{"key": "A", "value": "Anneke"}, {"key": "B", "value": "Bram"}],
        ["A. Anneke", "B. Bram"],
        "A. Anneke\nB. Bram",
    ],
)
@pytest.mark.parametrize("field", ["choices", "options"])
def test_choices_stand_below_the_question(field: str, choices: Json) -> None:
    assert question({**ASKED, field: choices}) == "Who repaired the clock?\nA. Anneke\nB. Bram"


def test_choices_that_begin_with_their_labels_get_no_second_one() -> None:
    assert question({**ASKED, "options": ["(A) Anneke", "(B) Bram"]}).splitlines()[1:] == [
        "(A) Anneke",
        "(B) Bram",
    ]
    assert question({**ASKED, "options": ["Abel", "Bram"]}).splitlines()[1:] == ["A. Abel", "B. Bram"]


def test_choices_that_the_question_lists_are_not_read_twice() -> None:
    assert question({**ASKED, "question": "Anneke, or Bram?", "choices": ["Anneke", "Bram"]}) == (
        "Anneke, or Bram?"
    )
    assert question({**ASKED, "question": "Abramson?", "choices": ["Abram", "Anneke"]}) == (
        "Abramson?\nA. Abram\nB. Anneke"
    )


@pytest.mark.parametrize(
    "settings", [3, {"temperature": 0.7}, {"model": "gpt"}, {"A": 1}, [{"name": "x"}], [["a"]], []]
)
def test_settings_that_are_called_options_are_no_choices(settings: Json) -> None:
    reading = read_record({**ASKED, "options": settings})

    assert reading.sample == read_record(ASKED).sample
    assert settings == [] or reading.extras is not None


def test_more_choices_than_letters_have_labels_of_two() -> None:
    texts: Json = [f"choice {number}" for number in range(28)]

    assert question({**ASKED, "choices": texts}).splitlines()[-1] == "AB. choice 27"


def test_a_number_as_answer_counts_the_choices_from_zero() -> None:
    reading = read_record({"question": "Who?", "choices": ["Anneke", "Bram"], "answer": 1})

    assert reading.sample.messages[1].content == "B. Bram"
    assert ("answer", Treatment.INDEX) in reading.notes


def test_any_other_text_is_kept_beside_and_named() -> None:
    reading = read_record({**ASKED, "rationale": "He said so.", "score": 3, "tags": ["a"], "hint": ""})

    assert reading.notes == (("rationale", Treatment.KEPT), ("tags", Treatment.KEPT))
    assert reading.extras == '{"hint":"","rationale":"He said so.","score":3,"tags":["a"]}'


def test_a_field_that_the_source_keeps_is_not_read_and_the_others_are_not_kept() -> None:
    reading = read_record({**ASKED, "context": "It was 1911.", "score": 3}, Rules(keep=("context",)))

    assert reading.sample == read_record(ASKED).sample
    assert reading.extras == '{"context":"It was 1911."}'


TURNS: list[Json] = [
    {"role": "user", "content": "Who repaired the clock?"},
    {"role": "assistant", "content": "Anneke Vos."},
    {"role": "user", "content": "When?"},
    {"role": "assistant", "content": "In 1911."},
]


@pytest.mark.parametrize("field", CONTEXTS)
def test_a_passage_beside_turns_is_part_of_the_first_question(field: str) -> None:
    reading = read_record({"messages": TURNS, field: "Anneke Vos came."})

    said = [message.content for message in reading.sample.messages]
    assert said == ["Who repaired the clock?\nAnneke Vos came.", "Anneke Vos.", "When?", "In 1911."]
    assert reading.notes == ((field, Treatment.RENDERED),)


def test_a_passage_that_a_turn_holds_is_not_read_twice() -> None:
    opening: Json = {"role": "system", "content": "Read this: Anneke Vos came."}

    reading = read_record({"messages": [opening, *TURNS], "context": "Anneke Vos came."})

    assert reading.sample == read_record({"messages": [opening, *TURNS]}).sample


def test_what_is_no_passage_beside_turns_stays_beside() -> None:
    reading = read_record({"messages": TURNS, "context": {"crawl": "17"}})

    assert reading.sample == read_record({"messages": TURNS}).sample
    assert reading.notes == (("context", Treatment.KEPT),)


@pytest.mark.parametrize(
    ("context", "rendered"),
    [
        ({"title": ["A", "B"], "sentences": [["One. ", "Two."], ["Three."]]}, "A: One. Two.\nB: Three."),
        ({"contexts": ["One.", "Two."], "labels": ["X", "Y"]}, "One.\nTwo."),
    ],
)
def test_passages_of_an_object_are_part_of_the_question(context: Json, rendered: str) -> None:
    assert question({**ASKED, "context": context}) == f"Who repaired the clock?\n{rendered}"


def test_choices_beside_turns_stand_below_the_first_question() -> None:
    reading = read_record({"messages": TURNS, "choices": ["Anneke", "Bram"]})

    assert reading.sample.messages[0].content == "Who repaired the clock?\nA. Anneke\nB. Bram"


RIVER: dict[str, Json] = {"ctx": "The Lemmer", "endings": ["burns.", "flows.", "sings."], "label": "1"}
ENDING = Fields(question="ctx", choices="endings", answer="label")
LISTED = "The Lemmer\nA. burns.\nB. flows.\nC. sings."


def read_choice(record: dict[str, Json], fields: Fields) -> tuple[str, str]:
    """Question and answer."""
    asked, answered = read_record(record, Rules(fields)).sample.messages
    return asked.content, answered.content


@pytest.mark.parametrize(
    ("label", "by"),
    [
        *(("1", "index"), (1, "index"), (1.0, "index"), (2, "number"), ("b", "letter"), ("flows.", "text")),
        *(("B", None), ("flows.", None)),
    ],
)
def test_an_answer_is_one_of_the_choices_that_the_source_names(label: Json, by: str | None) -> None:
    fields = replace(ENDING, answer_by=by)

    assert read_choice({**RIVER, "label": label}, fields) == (LISTED, "B. flows.")
    assert read_choice({**RIVER, "label": label}, replace(fields, options="texts")) == (
        "The Lemmer",
        "flows.",
    )


def test_choices_may_have_a_field_each_and_a_cell_may_list_them() -> None:
    apart: dict[str, Json] = {
        "goal": "Dry a cup.",
        "sol1": "Use soup.",
        "sol2": "Use a towel.",
        "answer": "2",
    }
    named = Fields(question="goal", choices=("sol1", "sol2"), answer_by="number")

    assert read_choice(apart, named) == ("Dry a cup.\nA. Use soup.\nB. Use a towel.", "B. Use a towel.")
    assert read_choice({**RIVER, "endings": json.dumps(RIVER["endings"]), "label": "B"}, ENDING)[0] == LISTED


def test_named_choices_under_a_known_name_are_listed_once_or_not_at_all() -> None:
    record: dict[str, Json] = {"question": "Who?", "choices": ["Anneke", "Bram"], "answer": 1}
    fields = Fields(choices="choices", answer_by="index")

    assert read_choice(record, fields) == ("Who?\nA. Anneke\nB. Bram", "B. Bram")
    assert read_choice(record, replace(fields, options="texts")) == ("Who?", "Bram")


@pytest.mark.parametrize(
    ("label", "by", "what"),
    [
        *(("1", None, "more than one of"), ("4", "number", "none of"), ("", "index", "none of")),
        *(("D", "letter", "none of"), ("\u00b2", "index", "none of"), ("9" * 99, "index", "none of")),
    ],
)
def test_an_answer_that_names_no_choice_or_may_name_two_is_put_aside(
    label: str, by: str | None, what: str
) -> None:
    with pytest.raises(RejectedRecordError, match=f"{what} its 3 choices; `answer_by`"):
        read_choice({**RIVER, "label": label}, replace(ENDING, answer_by=by))


def test_a_record_without_the_named_choices_is_put_aside() -> None:
    with pytest.raises(RejectedRecordError, match="no two choices under endings"):
        read_choice({**RIVER, "endings": []}, ENDING)


@pytest.mark.parametrize(
    ("choices", "answer"),
    [
        *((["x", "y"], said) for said in (-1, 7, 2.0, 0.5, True, "7")),
        (["x", None, "z"], 1),
        (["x", None, "z"], "B"),
        ({"A": "x", "B": None, "C": "z"}, 1),
        ("A) x\nB) y", 0),
    ],
)
def test_an_answer_that_counts_none_of_the_choices_is_put_aside(choices: Json, answer: Json) -> None:
    with pytest.raises(RejectedRecordError):
        read_record({"question": "q", "choices": choices, "answer": answer})


@pytest.mark.parametrize(
    ("choices", "answer", "said"),
    [
        (["x", "y"], 1.0, "B. y"),
        (["x", "y", None], 1, "B. y"),
        (["4", "5"], 5, "5"),
        (["4", "5"], "5", "5"),
        (["x", None, "z"], "z", "z"),
        ({"label": ["1", "2"], "text": ["x", "y"]}, "2", "2"),
        ([True, False], False, "false"),
    ],
)
def test_an_answer_among_the_choices_is_read_as_it_was(choices: Json, answer: Json, said: str) -> None:
    record: dict[str, Json] = {"question": "q", "choices": choices, "answer": answer}

    assert read_record(record).sample.messages[-1].content == said


def test_named_choices_with_a_null_before_another_have_no_places() -> None:
    fields = Fields(question="q", choices=("a", "b", "c"), answer="by", answer_by="index")
    record: dict[str, Json] = {"q": "q", "a": "x", "b": None, "c": "z", "by": 1}

    with pytest.raises(RejectedRecordError, match="is null before another"):
        read_choice(record, fields)
    assert read_choice({**record, "by": "z"}, replace(fields, answer_by="text"))[1] == "B. z"


def test_an_answer_is_one_of_named_choices_that_carry_their_letters_by_its_text() -> None:
    rules = Rules(Fields(choices="among", answer="right", answer_by="text"))
    record: Json = {"question": "Which?", "among": ["A. red", "B. green"], "right": "green"}

    sample = read_record(record, rules).sample

    assert sample.messages[0].content == "Which?\nA. red\nB. green"
    assert sample.messages[1].content == "B. green"
