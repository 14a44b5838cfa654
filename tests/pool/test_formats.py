"""What a record of each format says, and why some say nothing."""

import json
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool import Reason, Role, Sample
from autoselection_core.pool.canonical import canonical_text
from autoselection_core.pool.formats import read_record
from tests.pool.raw import ADDITION, ALPACA, FORMATS, OPENAI, conversation, records

CALL = {"name": "add", "arguments": '{"a": 1}'}
TOOL = {"name": "add", "parameters": {"b": 1, "a": 2}}


@pytest.mark.parametrize("record", FORMATS, ids="+".join)
def test_every_format_says_the_same(record: Json) -> None:
    assert read_record(record).sample == ADDITION


@given(records(), st.randoms(use_true_random=False))
def test_the_order_of_keys_says_nothing(record: dict[str, Json], random: Random) -> None:
    shuffled = list(record.items())
    random.shuffle(shuffled)

    assert read_record(dict(shuffled)) == read_record(record)


def test_a_conversation_keeps_its_system_prompt_turns_and_tools() -> None:
    turns = [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "1 + 1?"},
        {"from": "function_call", "value": "add(1, 1)"},
        {"from": "observation", "value": "2"},
        {"from": "gpt", "value": "Two."},
    ]

    reading = read_record({"conversations": turns, "tools": json.dumps([TOOL])})  # type: ignore[dict-item]  # JSON

    assert reading.sample == conversation(
        (Role.SYSTEM, "Be brief."),
        (Role.USER, "1 + 1?"),
        (Role.ASSISTANT, "add(1, 1)"),
        (Role.TOOL, "2"),
        (Role.ASSISTANT, "Two."),
        tools='[{"name":"add","parameters":{"a":2,"b":1}}]',
    )
    assert reading.trimmed == 0


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"content": None, "function_call": CALL}, '{"arguments":"{\\"a\\": 1}","name":"add"}'),
        ({"tool_calls": [CALL]}, '[{"arguments":"{\\"a\\": 1}","name":"add"}]'),
        ({"content": "Wait.", "tool_calls": [{"id": 7}]}, 'Wait.\n[{"id":7}]'),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
        ({"content": 2}, "2"),
    ],
)
def test_a_call_of_a_tool_is_an_answer(turn: dict[str, Json], said: str) -> None:
    record: Json = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", **turn}]}

    assert read_record(record).sample.messages[1].content == said


def test_tools_written_as_text_or_as_a_list_are_the_same() -> None:
    as_list, as_text = ({**OPENAI, "tools": tools} for tools in ([TOOL], json.dumps([TOOL])))

    assert read_record(as_list) == read_record(as_text)  # type: ignore[arg-type]  # JSON


@pytest.mark.parametrize("tools", [None, "", "[]", []])
def test_no_tools_have_one_spelling(tools: Json) -> None:
    assert read_record({**OPENAI, "tools": tools}).sample == ADDITION


def test_alpaca_has_a_system_prompt_and_a_history() -> None:
    record: Json = {**ALPACA, "system": "Be brief.", "history": [["Hi", "Hello."]]}

    assert read_record(record).sample == conversation(
        (Role.SYSTEM, "Be brief."), (Role.USER, "Hi"), (Role.ASSISTANT, "Hello."), *_turns(ADDITION)
    )


def test_turns_after_the_last_answer_are_cut_and_counted() -> None:
    said = [("user", "Add.\n1 + 1"), ("assistant", "2"), ("user", "And?"), ("user", "?")]

    reading = read_record({"messages": [{"role": role, "content": content} for role, content in said]})

    assert (reading.sample, reading.trimmed) == (ADDITION, 2)


def test_unknown_fields_are_kept() -> None:
    reading = read_record({**ALPACA, "score": 4.5, "category": "sums", "note": None})

    assert reading.extras == '{"category":"sums","score":4.5}'
    assert read_record(ALPACA).extras is None


def test_the_same_answer_under_two_keys_counts_once() -> None:
    assert read_record({**ALPACA, "response": " 2\n"}).sample == ADDITION
    assert read_record({**ALPACA, "response": ""}).sample == ADDITION


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([1], Reason.NO_MESSAGES),
        ({"text": "a"}, Reason.NO_MESSAGES),
        ({"messages": []}, Reason.NO_MESSAGES),
        ({"messages": "hello"}, Reason.NO_MESSAGES),
        ({"messages": ["hello"]}, Reason.NO_MESSAGES),
        ({"messages": [{"role": "user", "content": {"text": "a"}}]}, Reason.NO_MESSAGES),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, Reason.NO_MESSAGES),
        ({"instruction": " ", "input": "", "output": "2"}, Reason.NO_MESSAGES),
        ({**ALPACA, "history": [["Hi"]]}, Reason.NO_MESSAGES),
        ({"messages": [{"role": "narrator", "content": "a"}]}, Reason.UNKNOWN_ROLE),
        ({"messages": [{"content": "a"}]}, Reason.UNKNOWN_ROLE),
        ({"messages": [{"role": ["user"], "content": "a"}]}, Reason.UNKNOWN_ROLE),
        ({"messages": [{"role": "user", "content": "a"}]}, Reason.NO_ANSWER),
        ({"question": "a"}, Reason.NO_ANSWER),
        ({"question": "a", "answer": None}, Reason.NO_ANSWER),
        ({"question": "a", "answer": "\n"}, Reason.EMPTY_ANSWER),
        ({"messages": [{"role": "assistant", "content": " "}]}, Reason.EMPTY_ANSWER),
        ({**ALPACA, "response": "3"}, Reason.CONTRADICTION),
        ({**OPENAI, "label": False}, Reason.UNDESIRABLE),
        ({"question": "a", "answer": "\ud800"}, Reason.BAD_UTF8),
        ({**ALPACA, "note": "\ud800"}, Reason.BAD_UTF8),
        ({**ALPACA, "score": math.inf}, Reason.BAD_JSON),
    ],
)
def test_a_record_that_is_no_sample_has_a_reason(record: Json, reason: Reason) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read_record(record)

    assert caught.value.reason == reason
    assert caught.value.detail


def test_a_record_marked_desirable_is_a_sample() -> None:
    assert read_record({**OPENAI, "label": True}).sample == ADDITION


@given(st.text())
def test_canonical_text_is_its_own_canonical_text(text: str) -> None:
    once = canonical_text(text)

    assert canonical_text(once) == once
    assert "\r" not in once


@pytest.mark.parametrize("spelling", ["e\u0301t\u00e9\nx", " \u00e9te\u0301\r\nx\r\n", "\t\u00e9t\u00e9\rx"])
def test_spellings_of_one_text_are_one_text(spelling: str) -> None:
    assert canonical_text(spelling) == "\u00e9t\u00e9\nx"


def _turns(sample: Sample) -> list[tuple[Role, str]]:
    return [(message.role, message.content) for message in sample.messages]
