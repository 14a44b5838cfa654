"""A source may say which field is what; a name that leads nowhere is an error."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoselection_core.errors.pool import RejectedRecordError, UnmatchedFieldError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.identity import Json
from autoselection_core.pool import QuarantineReason, Source, ingest, sources_version
from autoselection_core.pool.reading import Fields, Rules, read_record
from autoselection_core.store.home import Home
from tests.pool.raw import write_lines

SUM: dict[str, Json] = {
    "Body": "Tom has 3 pens.",
    "Question": "How many?",
    "Answer": 3,
    "of": {"a": ["x", "y"]},
}


def said(record: Json, **fields: str | tuple[str, ...]) -> list[tuple[str, str]]:
    reading = read_record(record, Rules(fields=Fields(**fields)))  # type: ignore[arg-type]  # each of its field's type
    return [(str(each.role), each.content) for each in reading.sample.messages]


def test_a_template_fills_in_fields_and_what_dots_lead_to() -> None:
    assert said(SUM, question="{Body} {Question} {{{of.a.1}}}", answer="Answer", system="of.a.0") == [
        ("system", "x"),
        ("user", "Tom has 3 pens. How many? {y}"),
        ("assistant", "3"),
    ]


def test_a_field_whose_name_has_a_dot_is_found_before_what_the_dot_leads_to() -> None:
    assert said({"q.a": "flat", "q": {"a": "deep"}, "answer": "x"}, question="q.a")[0] == ("user", "flat")


def test_what_is_not_named_is_read_by_known_spellings() -> None:
    assert said({"problem": "2 + 2?", "generated": " 4"}, answer="generated") == [
        ("user", "2 + 2?"),
        ("assistant", " 4"),
    ]
    assert said({"Frage": "2 + 2?", "output": "4"}, question="Frage") == [
        ("user", "2 + 2?"),
        ("assistant", "4"),
    ]


def test_a_named_question_has_nothing_joined_to_it() -> None:
    reading = read_record(
        {"q": "2 + 2?", "context": "Sums.", "output": "4"}, Rules(fields=Fields(question="q"))
    )

    assert reading.sample.messages[0].content == "2 + 2?"
    assert [field for field, _ in reading.notes] == ["context"]


def test_named_reasoning_belongs_to_the_answer() -> None:
    fields = Fields(question="q", answer="a", reasoning="cot")

    sample = read_record({"q": "2?", "cot": " So.\n", "a": "2."}, Rules(fields=fields)).sample

    assert sample.messages[1].reasoning == "So."


@pytest.mark.parametrize(
    "turns", [["Hi", "Hello.", "Bye", "Goodbye."], '["Hi", "Hello.", "Bye", "Goodbye."]']
)
def test_a_named_list_of_texts_alternates(turns: Json) -> None:
    assert [text for _, text in said({"data": turns}, turns="data")] == ["Hi", "Hello.", "Bye", "Goodbye."]


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("Q: 1?\nA: one", [("user", "Q: 1?"), ("assistant", "one")]),
        ("Q: 1?\nA: one\nQ: 2?\nA: two", [("user", "Q: 1?\nA: one\nQ: 2?"), ("assistant", "two")]),
        ("Code?\nA:\n    x = 1\n", [("user", "Code?"), ("assistant", "    x = 1\n")]),
    ],
)
def test_a_text_is_split_at_the_last_mark(text: str, turns: list[tuple[str, str]]) -> None:
    assert said({"text": text}, text="text", split_on="\nA:") == turns


def test_two_marks_split_a_text_into_turns() -> None:
    marks = Fields(text="text", split_on=("Human:", "Assistant:"))
    text = "Be kind.\nHuman: a\nAssistant:  b\n\nHuman: c\nAssistant: d"

    reading = read_record({"text": text}, Rules(fields=marks))

    assert [(str(each.role), each.content) for each in reading.sample.messages] == [
        ("system", "Be kind."),
        ("user", "a"),
        ("assistant", " b"),
        ("user", "c"),
        ("assistant", "d"),
    ]


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        (
            "Be kind. <s>[INST] a [/INST] b </s><s>[INST] c [/INST] d </s>",
            ("[INST]", "[/INST]", "</s>", "<s>"),
        ),
        ("<sys>Be kind.<end>\n<q>\na<end>\n<a>\nb<end>\n<q>c<a>d", ("<q>", "<a>", "<end>", "<sys>")),
    ],
)
def test_further_marks_are_left_out_around_turns(text: str, marks: tuple[str, ...]) -> None:
    turns = said({"text": text}, text="text", split_on=marks)

    assert turns == [
        ("system", "Be kind."),
        *(("user", "a"), ("assistant", "b")),
        *(("user", "c"), ("assistant", "d")),
    ]


def test_a_further_mark_within_a_turn_is_another_speaker_s() -> None:
    marks = ("<user>", "<assistant>", "<end>")
    text = "<user>Rain?<end><assistant>I look.<end><tool>3<end>"

    with pytest.raises(RejectedRecordError, match="'<end>' is within a turn") as caught:
        said({"text": text}, text="text", split_on=marks)

    assert caught.value.reason == QuarantineReason.UNREAD


def test_dots_lead_into_texts_that_are_json() -> None:
    record: Json = {"q": "Sort.", "solutions": '["a", "b"]', "meta": '{"level": {"name": "easy"}}', "n": "[1"}

    turns = said(record, question="{q} {meta.level.name}{n.0}", answer="solutions.1")

    assert turns == [("user", "Sort. easy"), ("assistant", "b")]


@pytest.mark.parametrize(
    ("record", "fields", "reason"),
    [
        ({"a": "x"}, {"question": "q", "answer": "a"}, QuarantineReason.MISSING_FIELD),
        ({"q": "x", "a": " "}, {"question": "q", "answer": "a"}, QuarantineReason.EMPTY_ANSWER),
        ({"q": " ", "a": "x"}, {"question": "q", "answer": "a"}, QuarantineReason.EMPTY_QUESTION),
        ({"text": "x"}, {"text": "text", "split_on": "A:"}, QuarantineReason.NO_ANSWER),
        ({"x": []}, {"turns": "traj"}, QuarantineReason.MISSING_FIELD),
    ],
)
def test_a_record_without_what_is_named_is_put_aside(
    record: Json, fields: dict[str, str], reason: QuarantineReason
) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        said(record, **fields)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "wrong",
    [
        {"question": "{a", "answer": "b"},
        {"question": "{}"},
        {"question": "{a!r}"},
        {"question": "{a:>9}"},
        {"question": "{{a}}"},
        {"question": ""},
        {"question": "a", "turns": "b"},
        {"text": "a"},
        {"split_on": "a"},
        {"text": "a", "split_on": ""},
        {"text": "a", "split_on": ("Q:", "Q:")},
        {"answer_by": "index"},
        {"options": "texts"},
        {"choices": "a", "answer_by": "luck"},
        {"choices": "a", "turns": "b"},
        {"choices": ("a", "")},
        {"choices": ("a",)},
    ],
)
def test_a_mapping_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        Fields(**wrong)


def test_rules_that_contradict_one_another_are_refused() -> None:
    for wrong in (
        {"answer": "a", "fields": Fields(answer="b")},
        {"keep": ("a",), "fields": Fields(question="{a.b}")},
        {"max_characters": 0},
        {"speakers": (("Wizard", "teacher"),)},
        {"speakers": (("Wizard", "user"), ("wizard", "assistant"))},
    ):
        with pytest.raises(SettingError):
            Rules(**wrong)


WIZARD = Rules(
    speakers=(("0_Wizard", "assistant"), ("Apprentice", "user"), ("1", "user"), ("0", "assistant"))
)


@pytest.mark.parametrize(
    "record",
    [
        {"dialog": [{"speaker": "Apprentice", "text": "Hi"}, {"speaker": "0_wizard", "text": "Hello."}]},
        {"turns": {"speaker": [1, 0], "utterance": ["Hi", "Hello."]}},
        {"messages": '[{"role": 1, "content": "Hi"}, {"role": 0, "content": "Hello."}]'},
        {"conversation": [{"Apprentice": "Hi"}, {"0_Wizard": "Hello."}]},
        {
            "messages": [
                {"author": "apprentice", "content": "Hi"},
                {"author": "0_Wizard", "content": "Hello."},
            ]
        },
        {"messages": [{"author": {"role": 1}, "text": "Hi"}, {"author": {"role": 0}, "text": "Hello."}]},
    ],
    ids=["names", "numbers", "text", "fields", "authors", "roles of authors"],
)
def test_a_source_may_say_who_its_speakers_are(record: Json) -> None:
    sample = read_record(record, WIZARD).sample

    assert [(str(each.role), each.content) for each in sample.messages] == [
        ("user", "Hi"),
        ("assistant", "Hello."),
    ]


def test_speakers_that_a_source_names_change_no_text_and_no_other_list() -> None:
    record: Json = {
        "dialog": [{"speaker": "Apprentice", "text": "0_Wizard"}, {"speaker": "0_Wizard", "text": "1"}],
        "labels": [{"speaker": "Apprentice", "text": "polite"}],
    }

    reading = read_record(record, WIZARD)

    assert [each.content for each in reading.sample.messages] == ["0_Wizard", "1"]
    assert reading.extras == '{"labels":[{"speaker":"Apprentice","text":"polite"}]}'


def test_a_speaker_that_is_not_known_names_the_setting_that_says_who_it_is() -> None:
    record: Json = {
        "dialog": [{"speaker": "Apprentice", "text": "Hi"}, {"speaker": "0_Wizard", "text": "No"}]
    }

    with pytest.raises(
        RejectedRecordError, match=r'`speakers: \{"Apprentice": user, "0_Wizard": assistant\}`'
    ):
        read_record(record)
    one_known: Json = [{"role": "user", "content": "Hi"}, {"role": "Coach", "content": "Hello."}]
    with pytest.raises(RejectedRecordError, match=r'`speakers: \{"Coach": assistant\}` in its source'):
        read_record({"messages": one_known})
    with pytest.raises(RejectedRecordError, match=r"has no speaker \(role, from, .*; its fields are said"):
        read_record({"dialog": [{"said": "Hi"}]})


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        (Rules(fields=Fields(question="{Body} {Qestion}", answer="Answer")), "Qestion"),
        (Rules(answer="Anser"), "Anser"),
        (Rules(keep=("rationale",)), "rationale"),
    ],
)
def test_a_field_that_no_record_has_is_an_error(tmp_path: Path, rules: Rules, field: str) -> None:
    write_lines(tmp_path / "raw.jsonl", [json.dumps({**SUM, "prompt": "a", "output": "b"}).encode()] * 3)

    with pytest.raises(UnmatchedFieldError, match=r"in none of its 3 records \(their fields: Body") as caught:
        ingest([Source(str(tmp_path / "raw.jsonl"), rules=rules)], Home(tmp_path / "home"))

    assert caught.value.field == field
    assert not (tmp_path / "home" / "pools").exists()


def test_a_setting_that_names_no_field_but_how_one_counts_is_taken(tmp_path: Path) -> None:
    record = {"question": "Who?", "opa": "Vos", "opb": "Bram", "opc": "Cy", "opd": "Di", "cop": 1}
    write_lines(tmp_path / "raw.jsonl", [json.dumps(record).encode()])

    source = Source(str(tmp_path / "raw.jsonl"), rules=Rules(answer="cop_from_1"))

    assert ingest([source], Home(tmp_path / "home")).samples == 1


def test_a_choice_field_that_no_record_has_is_an_error(tmp_path: Path) -> None:
    write_lines(tmp_path / "raw.jsonl", [b'{"question": "Who?", "sol1": "Vos", "answer": 0}'])
    fields = Fields(choices=("sol1", "sol2"), answer_by="index")

    with pytest.raises(UnmatchedFieldError, match="sol2"):
        ingest([Source(str(tmp_path / "raw.jsonl"), rules=Rules(fields))], Home(tmp_path / "home"))


def test_a_field_that_some_records_lack_costs_those_alone(tmp_path: Path) -> None:
    write_lines(tmp_path / "raw.jsonl", [b'{"q": "1?", "a": "one"}', b'{"q": "2?"}'])
    rules = Rules(fields=Fields(question="q", answer="a"))

    found = ingest([Source(str(tmp_path / "raw.jsonl"), rules=rules)], Home(tmp_path / "home"))

    assert (found.samples, found.reasons) == (1, {"raw": {QuarantineReason.MISSING_FIELD: 1}})
    assert found.formats == {"named fields": 1}


def test_what_a_source_says_of_its_fields_is_part_of_the_version_of_the_sources(tmp_path: Path) -> None:
    path = str(write_lines(tmp_path / "raw.jsonl", [b'{"q": "1?", "a": "one"}']))

    assert sources_version([Source(path)]) == sources_version([Source(path, rules=Rules())])
    assert sources_version([Source(path, rules=Rules(answer="a"))]) != sources_version([Source(path)])
    listed, alone = (Rules(Fields(choices="c", options=how)) for how in (None, "texts"))
    assert sources_version([Source(path, rules=listed)]) != sources_version([Source(path, rules=alone)])


def test_rules_of_earlier_releases_keep_their_version(tmp_path: Path) -> None:
    source = Source(str(tmp_path / "raw.jsonl"), rules=Rules(Fields(question="q"), answer="a"))

    assert source.rules_json == {
        "fields": {"question": "q", "answer": None, "system": None, "reasoning": None, "turns": None}
        | {"text": None, "split_on": None, "tools": None},
        "answer": "a",
        "keep": None,
        "max_characters": 1 << 20,
    }
