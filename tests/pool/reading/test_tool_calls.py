"""Tool calls, reasoning and weights stay what they are, in every spelling."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool import Message, Origin, Pool, Role, Sample, Scope, ToolCall
from autoselection_core.pool.columns import SCHEMA_WITHOUT_DETAILS
from autoselection_core.pool.reading import read_record
from autoselection_core.pool.reading.view import Treatment
from autoselection_core.pool.storage import write_batches
from tests.pool.raw import ADDITION

ASK: Json = {"role": "user", "content": "Bus at Mill Lane?"}
CALL: dict[str, Json] = {"name": "find_bus", "arguments": {"stop": "Mill Lane"}}
FUNCTION: Json = {"type": "function", "function": CALL}
CALLED = (ToolCall("find_bus", '{"stop":"Mill Lane"}'),)


def answer(*turns: Json) -> Message:
    return read_record({"messages": [ASK, *turns]}).sample.messages[1]


HIDDEN: Json = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3"}
"""Reasoning that an API encrypts: nobody can read it."""


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "assistant", "content": None, "tool_calls": [FUNCTION]},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "assistant", "tool_calls": json.dumps([FUNCTION])},
        {"role": "assistant", "function_call": {**CALL, "arguments": '{"stop": "Mill Lane"}'}},
        {"from": "function_call", "value": json.dumps(CALL)},
        {"from": "tool_call", "value": json.dumps([CALL])},
        {"role": "assistant", "tool_calls": [{**CALL, "arguments": [["stop", "Mill Lane"]]}]},
        {
            "type": "ai",
            "tool_calls": [{"name": "find_bus", "args": {"stop": "Mill Lane"}, "type": "tool_call"}],
        },
        {"role": "model", "parts": [{"functionCall": {"name": "find_bus", "args": {"stop": "Mill Lane"}}}]},
        {"role": "assistant", "content": [{"toolUse": {"name": "find_bus", "input": {"stop": "Mill Lane"}}}]},
        {"role": "assistant", "channel": "commentary", "recipient": "functions.find_bus"}
        | {"content_type": "json", "content": '{"stop": "Mill Lane"}'},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": None, "function": {**CALL, "arguments": {"stop": "Mill Lane", "port": None}}}
            ],
        },
    ],
    ids=[
        *("OpenAI", "bare", "text", "older", "ShareGPT", "list", "map"),
        *("LangChain", "Gemini", "Bedrock", "Harmony", "padded"),
    ],
)
def test_a_call_is_the_same_in_every_spelling(turn: Json) -> None:
    assert answer(turn) == Message(Role.ASSISTANT, "", calls=CALLED)


def test_a_turn_of_calls_continues_the_turn_before_it() -> None:
    text: Json = {"role": "assistant", "content": "Let me look."}
    call: Json = {"from": "function_call", "value": json.dumps(CALL)}

    assert answer(text, call, call) == Message(Role.ASSISTANT, "Let me look.", calls=CALLED * 2)


def test_arguments_under_another_name_are_not_lost() -> None:
    call: Json = {"role": "assistant", "tool_calls": [{"name": "find_bus", "given": {"stop": "Mill Lane"}}]}

    assert answer(call).content == '[{"given":{"stop":"Mill Lane"},"name":"find_bus"}]'


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "user", "parts": [{"functionResponse": {"name": "find_bus", "response": {"minutes": 4}}}]},
        {"role": "user", "content": [{"toolResult": {"name": "find_bus", "content": {"minutes": 4}}}]},
        {"role": "user", "content": [{"type": "tool_result", "name": "find_bus", "content": {"minutes": 4}}]},
        {"type": "tool", "name": "find_bus", "content": {"minutes": 4}},
    ],
)
def test_a_result_is_the_same_in_every_spelling(turn: Json) -> None:
    called: Json = {"role": "assistant", "tool_calls": [CALL]}
    said = read_record({"messages": [ASK, called, turn, {"role": "assistant", "content": "Four."}]}).sample

    assert said.messages[2] == Message(Role.TOOL, '{"minutes":4}', name="find_bus")


@pytest.mark.parametrize(
    "turns",
    [
        [{"role": "assistant", "content": "51", "reasoning_content": "17 * 3"}],
        [{"role": "assistant", "content": [{"type": "thinking", "thinking": "17 * 3"}, {"text": "51"}]}],
        [{"role": "assistant", "content": [{"type": "thinking", "thinking": [{"text": "17 * 3"}]}, "51"]}],
        [
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "17 * 3"}, HIDDEN, {"text": "51"}],
            }
        ],
        [{"role": "model", "parts": [{"text": "17 * 3", "thought": True}, {"text": "51"}]}],
        [
            {
                "role": "assistant",
                "content": [{"reasoningContent": {"reasoningText": {"text": "17 * 3"}}}, {"text": "51"}],
            }
        ],
        [
            {"role": "assistant", "channel": "analysis", "content": "17 * 3"},
            {"role": "assistant", "channel": "final", "content": "51"},
        ],
        [
            {"role": "assistant", "channel": "analysis", "content": [{"type": "text", "text": "17 * 3"}]},
            {"role": "assistant", "channel": "final", "content": [{"type": "text", "text": "51"}]},
        ],
    ],
    ids=["field", "Anthropic", "Mistral", "hidden", "Gemini", "Bedrock", "Harmony", "Harmony's parts"],
)
def test_reasoning_is_the_same_in_every_spelling(turns: list[Json]) -> None:
    reading = read_record({"messages": [ASK, *turns]})

    assert reading.sample.messages[1:] == (Message(Role.ASSISTANT, "51", "17 * 3"),)
    assert any(treatment is Treatment.REASONING for _, treatment in reading.notes)


@pytest.mark.parametrize(
    "part",
    [
        {
            "type": "tool-add",
            "toolCallId": "c",
            "input": {"a": 1},
            "output": "2",
            "state": "output-available",
        },
        {"type": "dynamic-tool", "toolName": "add", "toolCallId": "c", "input": {"a": 1}, "output": "2"},
        {
            "type": "tool-invocation",
            "toolInvocation": {"toolCallId": "c", "toolName": "add", "args": {"a": 1}, "result": "2"},
        },
    ],
    ids=["typed", "dynamic", "invocation"],
)
def test_a_part_that_is_a_call_with_its_result_is_both_in_their_order(part: Json) -> None:
    parts: Json = [{"type": "step-start"}, part, {"type": "step-start"}, {"type": "text", "text": "2."}]

    read = read_record({"messages": [ASK, {"role": "assistant", "parts": parts}]}).sample

    assert read.messages[1:] == (
        Message(Role.ASSISTANT, "", calls=(ToolCall("add", '{"a":1}', "c"),)),
        Message(Role.TOOL, "2", call_id="c"),
        Message(Role.ASSISTANT, "2."),
    )


def test_reasoning_that_no_answer_follows_is_a_turn_of_its_own() -> None:
    thought: Json = {"role": "assistant", "channel": "analysis", "content": "17 * 3"}

    read = read_record({"messages": [ASK, thought, ASK, thought]}).sample

    assert [message.reasoning for message in read.messages] == [None, "17 * 3", None, "17 * 3"]


def test_reasoning_before_a_call_is_kept() -> None:
    parts: Json = [{"type": "thinking", "thinking": "Look."}, {"type": "tool_use", **CALL}]

    assert answer({"role": "assistant", "content": parts}) == Message(Role.ASSISTANT, "", "Look.", CALLED)


def test_what_is_no_call_stays_text() -> None:
    assert answer({"from": "function_call", "value": "find_bus(1)"}).content == "find_bus(1)"


@pytest.mark.parametrize(
    ("arguments", "kept"), [("", "{}"), (None, "{}"), ("5", '"5"'), ("a b", '"a b"'), (5, '"5"')]
)
def test_arguments_that_are_no_object_are_a_text(arguments: Json, kept: str) -> None:
    call: Json = {"role": "assistant", "tool_calls": [{**CALL, "arguments": arguments}]}

    assert answer(call).calls == (ToolCall("find_bus", kept),)


def test_a_result_keeps_the_call_that_it_answers() -> None:
    called: Json = {"role": "assistant", "tool_calls": [{"id": "c1", **CALL}]}
    result: Json = {"role": "tool", "tool_call_id": "c1", "name": "find_bus", "content": {"minutes": 4}}
    said = read_record({"messages": [ASK, called, result, {"role": "assistant", "content": "Four."}]}).sample

    assert said.messages[1].calls[0].id == "c1"
    assert said.messages[2] == Message(Role.TOOL, '{"minutes":4}', name="find_bus", call_id="c1")


def test_nulls_that_pad_definitions_are_no_part_of_them() -> None:
    padded: Json = [{"name": "f", "parameters": {"stop": {"type": "string"}, "port": None}}]
    turns: Json = [ASK, {"role": "assistant", "content": "a"}]

    assert read_record({"messages": turns, "tools": padded}).sample.tools == (
        '[{"name":"f","parameters":{"stop":{"type":"string"}}}]'
    )


def test_nulls_that_a_text_of_arguments_says_are_kept() -> None:
    said = answer(
        {"role": "assistant", "tool_calls": [{**CALL, "arguments": '{"stop": null, "via": [{"a": null}]}'}]}
    )
    padded = answer(
        {"role": "assistant", "tool_calls": [{**CALL, "arguments": {"stop": "Mill", "via": None}}]}
    )

    assert said.calls == (ToolCall("find_bus", '{"stop":null,"via":[{"a":null}]}'),)
    assert padded.calls == (ToolCall("find_bus", '{"stop":"Mill"}'),)


@pytest.mark.parametrize("field", ["reasoning_content", "thinking", "reasoning"])
def test_reasoning_is_part_of_what_a_sample_is(field: str) -> None:
    plain, thought, other = (
        read_record({"messages": [ASK, {"role": "assistant", "content": "51", **said}]})
        for said in ({}, {field: "17 * 3"}, {field: "3 * 17"})
    )

    assert thought.sample.messages[1].reasoning == "17 * 3"
    assert len({plain.sample.id, thought.sample.id, other.sample.id}) == 3
    assert (f"messages[].{field}", Treatment.REASONING) in thought.notes


def test_reasoning_alone_is_an_answer() -> None:
    assert answer({"role": "assistant", "content": "", "reasoning_content": "36."}).reasoning == "36."
    assert (
        answer({"role": "assistant", "content": [{"type": "thinking", "thinking": "36."}]}).reasoning == "36."
    )


@pytest.mark.parametrize(
    "mark",
    [
        {"weight": 0},
        {"weight": 0.0},
        {"weight": "0"},
        {"train": False},
        {"train": 0},
        {"train": "False"},
        {"loss": 0.0},
    ],
)
def test_a_turn_without_weight_is_kept_and_not_taught(mark: dict[str, Json]) -> None:
    first: Json = {"role": "assistant", "content": "Wrong.", **mark}
    reading = read_record({"messages": [ASK, first, ASK, {"role": "assistant", "content": "Right."}]})

    assert [each.is_taught for each in reading.sample.messages] == [True, False, True, True]
    assert reading.sample.text(Scope.RESPONSE) == "Right."
    assert "Wrong." in reading.sample.text(Scope.INSTRUCTION)
    assert reading.notes[0][1] is Treatment.UNTAUGHT


@pytest.mark.parametrize(
    "mark", [{"weight": 1}, {"train": True}, {"weight": None}, {"loss": 0.5}, {"train": "true"}]
)
def test_a_turn_with_weight_is_like_any_other(mark: dict[str, Json]) -> None:
    said: dict[str, Json] = {"role": "assistant", "content": "a"}

    assert answer({**said, **mark}) == answer(said)


def test_a_pool_keeps_everything_that_turns_say() -> None:
    sample = Sample(
        (
            Message(Role.USER, "q"),
            Message(Role.ASSISTANT, "a", "thought", (ToolCall("f", '{"x":[1,null]}', "c1"),)),
            Message(Role.TOOL, "r", name="f", call_id="c1"),
            Message(Role.ASSISTANT, "b", is_taught=False),
        )
    )
    pool = Pool.from_samples([(sample, [Origin("a", "a#1")]), (ADDITION, [Origin("a", "a#2")])])

    assert {each.id for each in pool.samples()} == {sample.id, ADDITION.id}
    assert pool.sample(pool.row_of(sample.id)) == sample
    assert pool.texts(Scope.RESPONSE)[pool.row_of(sample.id)] == (
        'thought\na\n{"arguments":{"x":[1,null]},"id":"c1","name":"f"}'
    )
    assert pool.texts() == [each.text() for each in pool.samples()]


def test_a_pool_that_was_written_before_turns_had_details_is_read() -> None:
    pool = Pool.from_samples([(ADDITION, [Origin("a", "a#1")])])
    before = pool.table.drop_columns("details").cast(SCHEMA_WITHOUT_DETAILS)
    with TemporaryDirectory() as folder:
        schema = SCHEMA_WITHOUT_DETAILS.with_metadata({b"pool_version": pool.version.encode()})
        write_batches(Path(folder) / "pool.arrow", schema, before.to_batches())

        again = Pool.open(Path(folder))

        assert isinstance(again.table, pa.Table)
        assert list(again.samples()) == [ADDITION]
        assert again.version == pool.version


RESPONSES: dict[str, Json] = {
    "asked": {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Bus at Mill Lane?"}],
    },
    "thought": {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Look it up."}],
    },
    "call": {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c1",
        "name": "find_bus",
        "status": "completed",
    }
    | {"arguments": '{"stop": "Mill Lane"}'},
    "result": {"type": "function_call_output", "call_id": "c1", "output": "at 9"},
    "answer": {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed"}
    | {"content": [{"type": "output_text", "text": "At nine.", "annotations": []}]},
}
"""Items of OpenAI's Responses."""


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [*RESPONSES.values()]},
        {"items": [*RESPONSES.values()]},
        {"input": [*RESPONSES.values()][:4], "output": [RESPONSES["answer"]]},
        {"input": [ASK], "output": [*RESPONSES.values()][1:]},
        {"input": "Bus at Mill Lane?", "output": [*RESPONSES.values()][1:]},
    ],
    ids=["messages", "items", "input", "output", "text"],
)
def test_items_of_responses_are_turns(record: Json) -> None:
    assert read_record(record).sample.messages == (
        Message(Role.USER, "Bus at Mill Lane?"),
        Message(Role.ASSISTANT, "", "Look it up.", (ToolCall("find_bus", '{"stop":"Mill Lane"}', "c1"),)),
        Message(Role.TOOL, "at 9", call_id="c1"),
        Message(Role.ASSISTANT, "At nine."),
    )


def test_instructions_of_a_request_are_its_system_message_only_beside_items() -> None:
    found = read_record({"instructions": "Be brief.", "input": "Hi", "output": [RESPONSES["answer"]]}).sample
    plain = read_record({"instructions": "Be brief.", "input": "Hi", "output": "At nine."}).sample

    assert [each.role for each in found.messages] == [Role.SYSTEM, Role.USER, Role.ASSISTANT]
    assert [each.role for each in plain.messages] == [Role.USER, Role.ASSISTANT]


def test_a_custom_call_has_a_text_and_an_item_of_another_type_is_not_passed_over() -> None:
    custom: Json = {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "ls"}
    assert answer(custom, RESPONSES["answer"]).calls == (ToolCall("run", '"ls"', "c2"),)
    with pytest.raises(RejectedRecordError, match="turn 2 of messages"):
        answer({"type": "web_search_call", "id": "ws_1", "status": "completed"}, RESPONSES["answer"])


def test_the_mark_of_a_pair_in_one_turn_is_that_of_its_turns() -> None:
    pairs: Json = [{"human": "a", "assistant": "b", "train": False}, {"human": "c", "assistant": "d"}]

    messages = read_record({"messages": pairs}).sample.messages

    assert [each.is_taught for each in messages if each.role is Role.ASSISTANT] == [False, True]


@pytest.mark.parametrize("mark", [{"loss_weight": 0}, {"mask": True}, {"train": "perhaps"}])
def test_a_mark_in_terms_that_are_not_known_is_noted(mark: dict[str, Json]) -> None:
    turns: Json = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", **mark}]

    assert (f"messages[].{next(iter(mark))}", Treatment.MARK) in read_record({"messages": turns}).notes


@pytest.mark.parametrize(
    ("use", "result"), [("tool_use", "tool_result"), ("mcp_tool_use", "web_search_tool_result")]
)
def test_a_turn_with_a_call_and_its_result_keeps_their_order(use: str, result: str) -> None:
    parts: Json = [
        {"type": "text", "text": "Let me look."},
        {"type": use, "id": "t1", "name": "search", "input": {"q": "river"}},
        {"type": result, "tool_use_id": "t1", "content": [{"type": "text", "text": "Lemmer"}]},
        {"type": "text", "text": "The Lemmer."},
    ]
    turns: Json = [
        {"role": "user", "content": "Name a river."},
        {"role": "assistant", "content": parts, "train": True},
    ]

    messages = read_record({"messages": turns}).sample.messages

    assert [(str(each.role), each.content) for each in messages] == [
        ("user", "Name a river."),
        ("assistant", "Let me look."),
        ("tool", "Lemmer"),
        ("assistant", "The Lemmer."),
    ]
    assert [call.name for call in messages[1].calls] == ["search"]
