"""Samples read from records of each format, and reasons why some records are no sample."""

import json
import math
import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.pool import RejectedRecordError, UndeclaredAnswerError
from autoselection_core.identity import Json
from autoselection_core.pool import Message, QuarantineReason, Role, Sample
from autoselection_core.pool.canonical import canonical_text
from autoselection_core.pool.reading import Rules, read_record
from autoselection_core.pool.reading.rules import KNOWN, Fields
from autoselection_core.pool.reading.view import Treatment
from tests.pool.raw import ADDITION, ALPACA, FORMATS, OPENAI, conversation, records

SAID: dict[str, Json] = {"role": "assistant", "content": "b"}
EMPTY_TURNS: tuple[Json, ...] = (
    {"role": "user", "content": ""},
    {"role": "user", "content": " \n"},
    {"role": "user", "content": None},
    {"role": "user"},
    {"role": "user", "content": []},
    {"role": "user", "content": [{"type": "text", "text": ""}]},
)
"""A turn of the user that says nothing: one rule for all of them."""

TOOL: dict[str, Json] = {"name": "add", "parameters": {"b": 1, "a": 2}}


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
        ({"content": "Wait.", "tool_calls": [{"id": 7}]}, 'Wait.\n[{"id":7}]'),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab"),
        ({"content": [{"type": "text", "value": "a"}, None, {"text": "b", "type": None}]}, "ab"),
        ({"content": {"type": "text", "text": "a"}}, "a"),
        ({"content": ["a", "b"]}, "a\nb"),
        ({"content": 2}, "2"),
        ({"content": True}, "true"),
        ({"content": " a\r\n"}, " a\n"),
    ],
)
def test_an_answer_is_what_its_turn_says(turn: dict[str, Json], said: str) -> None:
    record: Json = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", **turn}]}

    assert read_record(record).sample.messages[1] == Message(Role.ASSISTANT, said)


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


@pytest.mark.parametrize(
    "history",
    [
        [["Hi", "Hello."]],
        '[["Hi", "Hello."]]',
        ["Hi", "Hello."],
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}],
        "User: Hi\nBot: Hello.",
        "Q: Hi\n\nA: Hello.\n",
    ],
)
def test_a_history_is_earlier_turns_however_it_is_written(history: Json) -> None:
    earlier = conversation((Role.USER, "Hi"), (Role.ASSISTANT, "Hello."), *_turns(ADDITION))

    assert read_record({**ALPACA, "history": history}).sample == earlier


@pytest.mark.parametrize("history", ["He asked for sums.", "User: Hi", "Note: A: B: C"])
def test_a_history_without_turns_stands_before_the_question(history: str) -> None:
    said = read_record({**ALPACA, "history": history})

    assert said.sample.messages[0].content == f"{history}\n{ADDITION.messages[0].content}"
    assert ("history", Treatment.RENDERED) in said.notes


@pytest.mark.parametrize("part", [{"type": "refusal", "refusal": "No."}, {"type": "refusal", "text": "No."}])
def test_a_refusal_among_parts_is_the_answer(part: Json) -> None:
    turns: list[Json] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [part]}]

    assert read_record({"messages": turns}).sample.messages[1].content == "No."


TURNS: list[Json] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]


@pytest.mark.parametrize(
    ("record", "rules"),
    [
        (
            {"Messages": [{"Role": "User", "Content": "Hi"}, {"ROLE": "Assistant", "CONTENT": "Hello."}]},
            KNOWN,
        ),
        ({" question": "Hi", "answer ": "Hello."}, KNOWN),
        ({"message_1": TURNS[0], "message_2": TURNS[1], "role_1": "Chef"}, KNOWN),
        ({"input": {"messages": TURNS[:1]}, "output": TURNS[1]}, KNOWN),
        (
            {"input": {"messages": TURNS[:1], "tools": []}, "preferred_output": TURNS[1:]}
            | {"non_preferred_output": [{"role": "assistant", "content": "No."}]},
            Rules(answer="preferred_output"),
        ),
        (
            {"conversation": [{"input": "Hi", "output": None}], "chosen": TURNS, "rejected": []},
            Rules(answer="chosen"),
        ),
        (
            {"messages": [{"role": "user", "content": {"content_type": "text", "parts": ["Hi"]}}, TURNS[1]]},
            KNOWN,
        ),
        ({"messages": TURNS[:1], "answer": "Hello.", "reasoning": "off"}, KNOWN),
        ({"messages": [TURNS[0], {**TURNS[1], "reasoning": "High"}]}, KNOWN),  # type: ignore[dict-item] # turns
    ],
)
def test_layouts_of_further_sets_are_read(record: Json, rules: Rules) -> None:
    assert read_record(record, rules).sample == conversation((Role.USER, "Hi"), (Role.ASSISTANT, "Hello."))


@pytest.mark.parametrize(
    "token", ["<|vision_start|><|image_pad|><|vision_end|>", "<|image|>", "<start_of_image>"]
)
def test_a_question_with_the_token_of_a_picture_is_put_aside_wherever_it_stands(token: str) -> None:
    with pytest.raises(RejectedRecordError) as refused:
        read_record({"question": f"See {token} here.", "answer": "A cat."})

    assert refused.value.reason is QuarantineReason.MEDIA


def test_turns_after_the_last_answer_are_cut_and_counted() -> None:
    said = [("user", "Add.\n1 + 1"), ("assistant", "2"), ("user", "And?"), ("user", "?")]

    reading = read_record({"messages": [{"role": role, "content": content} for role, content in said]})

    assert (reading.sample, reading.trimmed) == (ADDITION, 2)


def test_unknown_fields_are_kept() -> None:
    reading = read_record({**ALPACA, "score": 4.5, "category": "sums", "note": None})

    assert reading.extras == '{"category":"sums","score":4.5}'
    assert read_record(ALPACA).extras is None


def test_what_has_no_spelling_in_a_side_field_costs_that_value_and_not_the_sample() -> None:
    reading = read_record({**ALPACA, "score": math.inf, "meta": {"note": "half \udc00"}})

    assert reading.sample == ADDITION
    assert reading.extras == '{"meta":{"note":"half \ufffd"},"score":null}'
    assert ("score", Treatment.UNSPELLED) in reading.notes


def test_the_same_answer_under_two_keys_counts_once() -> None:
    assert read_record({**ALPACA, "response": "2"}).sample == ADDITION
    assert read_record({**ALPACA, "response": ""}).sample == ADDITION


@pytest.mark.parametrize("short", ["4", " 4\n"])
def test_an_answer_within_a_fuller_one_is_no_contradiction(short: str) -> None:
    reading = read_record({"question": "2 + 2?", "answer": short, "output": "  It makes 4."})

    assert reading.sample.messages[1].content == "  It makes 4."
    assert reading.notes == (("answer", Treatment.FULLER),)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([1], QuarantineReason.NO_MESSAGES),
        ({"text": "a"}, QuarantineReason.NO_MESSAGES),
        ({"messages": []}, QuarantineReason.NO_MESSAGES),
        ({"messages": "hello"}, QuarantineReason.NO_MESSAGES),
        ({"messages": ["hello"]}, QuarantineReason.NO_ANSWER),
        ({"messages": [1, 2]}, QuarantineReason.NO_MESSAGES),
        ({"messages": [{"role": "user", "content": {"date": "a"}}]}, QuarantineReason.NO_MESSAGES),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, QuarantineReason.MEDIA),
        ({"image": "a.png", **OPENAI}, QuarantineReason.MEDIA),
        ({"instruction": " ", "input": "", "output": "2"}, QuarantineReason.EMPTY_QUESTION),
        *(({"messages": [turn, SAID]}, QuarantineReason.EMPTY_QUESTION) for turn in EMPTY_TURNS),
        ({**ALPACA, "history": [["Hi"]]}, QuarantineReason.NO_MESSAGES),
        ({"messages": [{"role": "narrator", "content": "a"}]}, QuarantineReason.UNKNOWN_ROLE),
        ({"messages": [{"content": "a"}]}, QuarantineReason.UNKNOWN_ROLE),
        ({"messages": [{"role": ["user"], "content": "a"}]}, QuarantineReason.UNKNOWN_ROLE),
        ({"messages": [{"role": "user", "content": "a"}]}, QuarantineReason.NO_ANSWER),
        ({"question": "a"}, QuarantineReason.NO_ANSWER),
        ({"question": "a", "answer": None}, QuarantineReason.NO_ANSWER),
        ({"question": "a", "answer": "\n"}, QuarantineReason.EMPTY_ANSWER),
        ({"messages": [{"role": "assistant", "content": " "}]}, QuarantineReason.EMPTY_ANSWER),
        ({**ALPACA, "response": "3"}, QuarantineReason.CONTRADICTION),
        ({**OPENAI, "label": False}, QuarantineReason.UNDESIRABLE),
        ({"messages": [{"role": "user", "content": "a"}, {**SAID, "weight": 0}]}, QuarantineReason.UNTAUGHT),
        ({"question": "a", "context": {"at": [1]}, "answer": "b"}, QuarantineReason.UNREAD),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, QuarantineReason.PREFERENCE),
        ({"question": "a", "answer": "\ud800"}, QuarantineReason.BAD_UTF8),
    ],
)
def test_a_record_that_is_no_sample_has_a_reason(record: Json, reason: QuarantineReason) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read_record(record)

    assert caught.value.reason == reason
    assert caught.value.detail


def test_a_record_marked_desirable_is_a_sample() -> None:
    assert read_record({**OPENAI, "label": True}).sample == ADDITION


def test_a_label_that_marks_no_bad_answer_is_kept_beside_where_the_source_says_so() -> None:
    with pytest.raises(RejectedRecordError, match=r"say `keep: \[label\]` in its source"):
        read_record({**OPENAI, "label": False})

    assert read_record({**OPENAI, "label": False}, Rules(keep=("label",))).sample == ADDITION


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


@pytest.mark.parametrize("label", ["False", "false", 0, "0", 0.0, False])
@pytest.mark.parametrize("name", ["label", "Label"])
def test_the_bad_answer_of_an_unpaired_preference_is_put_aside(name: str, label: Json) -> None:
    with pytest.raises(RejectedRecordError, match=f"keep: .{name}."):
        read_record({"prompt": "Add.", "completion": "3", name: label})


def test_a_label_of_zero_beside_other_fields_is_noted() -> None:
    assert ("label", Treatment.LABEL) in read_record({**OPENAI, "label": 0}).notes


@pytest.mark.parametrize(
    "record",
    [
        {"question": "when", "answer": ["14 December 1972", "December 1972"]},
        {"inputs": ["l1", "l2"], "targets": ["x", "y"]},
    ],
)
def test_a_list_of_several_answers_is_put_aside(record: dict[str, Json]) -> None:
    with pytest.raises(RejectedRecordError, match="lists 2 answers"):
        read_record(record)


def test_a_part_of_a_template_that_a_record_lacks_is_noted() -> None:
    rules = Rules(Fields(question="{Body} {Question}", answer="Answer"))

    assert ("Body", Treatment.MISSING) in read_record({"Question": "q2", "Answer": "a2"}, rules).notes


ASKED: list[Json] = [{"role": "user", "content": "Hi"}]
REPLY: Json = {"role": "assistant", "content": "Hello."}
CHAT: Json = {"id": "chatcmpl-1", "choices": [{"index": 0, "message": REPLY, "finish_reason": "stop"}]}
PARTS: Json = [{"type": "text", "text": "Hello."}]
CLAUDE: Json = {"id": "msg_1", "type": "message", "role": "assistant", "content": PARTS, "usage": {"n": 1}}
GEMINI: dict[str, Json] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello."}]}}],
    "modelVersion": "x",
}
ITEMS: Json = [
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]}
]
WHOLE: Json = {"model": "m", "messages": ASKED}
URL = "/v1/chat/completions"
PARTS_OF_HI: Json = [{"text": "Hi"}]
SAID_OF_HI = conversation((Role.USER, "Hi"), (Role.ASSISTANT, "Hello."))
EXCHANGES: dict[str, dict[str, Json]] = {
    "log of requests": {"request": WHOLE, "response": CHAT},
    "log of requests with a text": {"request": WHOLE, "response": "Hello."},
    "bodies": {"request": {"url": URL, "body": WHOLE}, "response": {"status": 200, "body": CHAT}},
    "bodies as text": {"request_body": json.dumps(WHOLE), "response_body": json.dumps(CHAT)},
    "request and batch": {
        "custom_id": "a",
        "method": "POST",
        "url": URL,
        "body": WHOLE,
        "response": {"status_code": 200, "request_id": "r", "body": CHAT},
        "error": None,
    },
    "request with its answer": {"custom_id": "a", "body": {"model": "m", "messages": [*ASKED, REPLY]}},
    "turns and response": {"messages": ASKED, "response": CHAT, "model": "m"},
    "turns and choices": {"messages": ASKED, "choices": [{"message": {"content": "Hello."}}], "id": "x"},
    "prompt and response": {"prompt": "Hi", "response": CHAT},
    "completion": {"prompt": "Hi", "choices": [{"index": 0, "text": "Hello.", "finish_reason": "stop"}]},
    "Weave": {"inputs": WHOLE, "output": CHAT, "op_name": "call"},
    "Messages": {"request": {"model": "m", "max_tokens": 9, "messages": ASKED}, "response": CLAUDE},
    "batch of Messages": {
        "custom_id": "a",
        "params": WHOLE,
        "result": {"type": "succeeded", "message": CLAUDE},
    },
    "Responses": {"request": {"model": "m", "input": "Hi"}, "response": {"id": "resp_1", "output": ITEMS}},
    "Ollama": {"request": WHOLE, "response": {"model": "m", "message": REPLY, "done": True}},
    "Gemini": {"request": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}, "response": GEMINI},
    "vLLM": {"prompt": "Hi", "outputs": [{"index": 0, "text": "Hello.", "token_ids": [1]}], "finished": True},
    "TGI": {"inputs": "Hi", "generated_text": "Hello.", "details": {"n": 1}},
    "LangSmith": {"inputs": {"messages": ASKED}, "outputs": {"generations": [[{"text": "Hello."}]]}},
    "Bedrock": {"modelInput": {"messages": ASKED}, "modelOutput": CLAUDE, "recordId": "1"},
    "messages by speaker": {"session": "s", "user_message": "Hi", "assistant_message": "Hello."},
    "ideal answer": {"input": ASKED, "ideal": "Hello."},
}


@pytest.mark.parametrize("record", EXCHANGES.values(), ids=EXCHANGES)
def test_a_request_to_a_model_and_its_response_are_a_conversation(record: Json) -> None:
    assert read_record(record).sample == conversation((Role.USER, "Hi"), (Role.ASSISTANT, "Hello."))


def test_the_answers_of_a_response_are_not_chosen_from_where_nothing_says_which_is_best() -> None:
    for key in ("generations", "outputs", "responses"):
        with pytest.raises(RejectedRecordError, match=f"its {key} are 2 answers"):
            read_record({"prompt": "Hi", key: ["Go.", "Hello."]})


@pytest.mark.parametrize("name", ["correctness", "is_correct", "correctness_math_verify"])
def test_of_several_answers_that_are_marked_the_first_right_one_is_read(name: str) -> None:
    record: dict[str, Json] = {"question": "Hi", "answer": "7", "generations": ["Go.", "Hello.", "Hey."]}
    marked: dict[str, Json] = {**record, name: [False, True, True]}

    assert read_record(marked, Rules(answer="generations")).sample == SAID_OF_HI
    with pytest.raises(RejectedRecordError, match="no answer is right"):
        read_record({**record, name: [False, False, False]}, Rules(answer="generations"))
    with pytest.raises(UndeclaredAnswerError, match="answer: generations"):
        read_record({key: value for key, value in marked.items() if key != "answer"})


@pytest.mark.parametrize(
    "record",
    [
        {**GEMINI, "contents": [{"role": "user", "parts": PARTS_OF_HI}]},
        {"inputs": {"messages": ASKED}, "outputs": {"messages": [REPLY]}},
        {"request": WHOLE, "response": {"output": {"message": REPLY}, "stopReason": "end_turn"}},
        {"input": {"inputBodyJson": WHOLE}, "output": {"outputBodyJson": {"output": {"message": REPLY}}}},
    ],
    ids=["Gemini in one object", "LangGraph", "Converse", "log of Bedrock"],
)
def test_further_exchanges_are_a_conversation(record: Json) -> None:
    assert read_record(record).sample == SAID_OF_HI


def test_a_turn_of_the_user_alone_is_no_response() -> None:
    records: list[Json] = [
        {"message": {"role": "user", "content": "Hi"}},
        {"role": "user", "content": [{"text": "Hi"}]},
    ]
    for record in records:
        with pytest.raises(RejectedRecordError) as caught:
            read_record(record)
        assert "response of a model" not in caught.value.detail


def test_what_an_annotator_decided_is_no_answer() -> None:
    record: dict[str, Json] = {"prompt": "Hi", "response": "Hello.", "_task_hash": 1}

    assert read_record({**record, "answer": "accept"}).sample == SAID_OF_HI
    with pytest.raises(RejectedRecordError, match="annotator said 'reject'") as caught:
        read_record({**record, "answer": "reject"})
    assert caught.value.reason == QuarantineReason.UNDESIRABLE
    assert read_record({"prompt": "Yes or no?", "answer": "accept"}).sample.messages[1].content == "accept"


def test_an_exchange_keeps_system_message_tools_calls_and_what_is_beside() -> None:
    call: Json = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    request: dict[str, Json] = {
        "model": "m",
        "system": [{"type": "text", "text": "Be brief."}],
        "tools": [{**TOOL}],
    }
    choices: Json = [{"message": {"content": None, "tool_calls": [call]}}, {"message": {"content": "Other."}}]

    reading = read_record(
        {"request": {**request, "messages": ASKED}, "response": {"id": "r", "choices": choices}, "user": 7}
    )

    assert [str(turn.role) for turn in reading.sample.messages] == ["system", "user", "assistant"]
    assert reading.sample.messages[0].content == "Be brief."
    assert [each.name for each in reading.sample.messages[2].calls] == ["add"]
    assert reading.sample.tools is not None
    assert json.loads(reading.extras or "") == {
        "user": 7,
        "request_metadata": {"model": "m"},
        "response_metadata": {"id": "r", "other_choices": choices[1:]},  # type: ignore[index] # a list
    }
    assert ("response_metadata", Treatment.KEPT) in reading.notes


@pytest.mark.parametrize("response", ["Fine.", CHAT | {"choices": [{"message": {"content": "Fine."}}]}])  # type: ignore[operator] # an object
def test_the_response_ends_a_conversation_of_several_turns(response: Json) -> None:
    """Its answer was left out where the assistant had said something before, and the question was cut."""
    turns: list[Json] = [*ASKED, REPLY, {"role": "user", "content": "And you?"}]
    expected = conversation(
        (Role.USER, "Hi"), (Role.ASSISTANT, "Hello."), (Role.USER, "And you?"), (Role.ASSISTANT, "Fine.")
    )

    for record in (
        {"messages": turns, "response": response},
        {"request": {"messages": turns}, "response": response},
    ):
        reading = read_record(record)
        assert (reading.sample, reading.trimmed) == (expected, 0)


MCQ: Json = {"question": "Which?", "choices": [{"label": "A", "text": "red"}, {"label": "B", "text": "blue"}]}
ONE_TURN: dict[str, Json] = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (
            ONE_TURN,
            "it is one turn of a conversation: write the turns of each as a list under `messages`, on one",
        ),
        (
            {"conversation_id": 3, "sender": "bot", "message": "Hello."},
            ".[0].conversation_id, messages: map({role: .sender, content: .message})}'` does",
        ),
        (
            {"custom_id": "a", "method": "POST", "url": URL, "body": WHOLE},
            "the answers of a batch are in a file of their own: join the two by `custom_id` first",
        ),
        (
            {"id": "b", "custom_id": "a", "response": {"status_code": 200, "body": CHAT}, "error": None},
            "response of a model without what was asked; the requests of a batch are in a file of their own",
        ),
        (
            {"custom_id": "a", "result": {"type": "succeeded", "message": CLAUDE}},
            "response of a model without what was asked; the requests of a batch are in a file of their own",
        ),
        (
            {"request": {"messages": ASKED}, "reply": "Hello."},
            "it asks, and no field that is known answers: `fields: {turns: request.messages}` and `answer:`",
        ),
        (
            {"inputs": {"question": "Hi"}, "outputs": {"answer": "Hello."}},
            "as in `fields: {question: inputs.question, answer: outputs.answer}`",
        ),
        (
            {
                "id": "1",
                "fields": {"prompt": "Hi", "response": "Hello."},
                "suggestions": [],
                "status": "done",
            },
            "as in `fields: {question: fields.prompt, answer: fields.response}`",
        ),
        (
            {"data": {"prompt": "Hi"}, "annotations": [{"result": [{"value": {"text": ["Hello."]}}]}]},
            "as in `fields: {question: data.prompt, answer: annotations.0.result.0.value.text.0}`",
        ),
        ({"prompt": "Hi", "winner": "Hello.", "loser": "No."}, "with `answer: winner` in its source"),
        ({"prompt": "Hi", "y_w": "Hello.", "y_l": "No."}, "with `answer: y_w` in its source"),
        (
            {"prompt": "Hi", "chosen_response": "Hello.", "rejected_response": "No."},
            "`answer: chosen_response`",
        ),
        ({"question": "Hi", "response_win": "Hello.", "response_lose": "No."}, "`answer: response_win`"),
        ({"prompt": "Hi", "accept": "Hello.", "reject": "No."}, "`answer: accept` in its source"),
        (
            {"prompt": "Hi", "answer_a": "No.", "answer_b": "Hello.", "label": 1},
            "`answer: answer_a` in its source reads",
        ),
        (
            {"prompt": "Hi", "response_a": "No.", "response_b": "Hello.", "preference": "b"},
            "`answer: preference`",
        ),
        ({"request": {"messages": ASKED}, "response": {"error": {"code": 429}}}, "its response is an error"),
        (
            {"request": {"messages": ASKED}, "response": 'data: {"choices": []}'},
            "no field that is known answers",
        ),
        ({"input": "Hi", "target": "Hello.", "output": CHAT}, "output holds something other than text"),
        (
            {"fields": {"prompt": "Hi"}, "responses": {"answer": [{"value": "Hello."}, {"value": "Hey."}]}},
            "as in `fields: {question: fields.prompt, answer: responses.answer.0.value}`",
        ),
        (
            {"data": {"text": "Nice."}, "annotations": [{"result": [{"value": {"choices": ["Positive"]}}]}]},
            "as in `fields: {question: data.text, answer: annotations.0.result.0.value.choices.0}`",
        ),
        (MCQ, "name the answer under `fields`"),
    ],
)
def test_a_part_of_an_example_says_what_it_is_a_part_of(record: Json, says: str) -> None:
    with pytest.raises(RejectedRecordError) as refused:
        read_record(record)

    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("record", "rules"),
    [
        (
            {"inputs": {"question": "Hi"}, "outputs": {"answer": "Hello."}},
            ("inputs.question", "outputs.answer"),
        ),
        (
            {"data": {"prompt": "Hi"}, "annotations": [{"result": [{"value": {"text": ["Hello."]}}]}]},
            ("data.prompt", "annotations.0.result.0.value.text.0"),
        ),
        ({"fields": {"prompt": "Hi", "response": "Hello."}}, ("fields.prompt", "fields.response")),
        (
            {"fields": {"prompt": "Hi"}, "responses": {"answer": [{"value": "Hello."}, {"value": "Hey."}]}},
            ("fields.prompt", "responses.answer.0.value"),
        ),
    ],
)
def test_the_setting_that_a_reason_names_reads_the_record(record: Json, rules: tuple[str, str]) -> None:
    named = Rules(fields=Fields(question=rules[0], answer=rules[1]))

    assert read_record(record, named).sample == conversation((Role.USER, "Hi"), (Role.ASSISTANT, "Hello."))


def node(parent: str | None, role: str, content: Json, **further: Json) -> dict[str, Json]:
    """A node of the tree that an export of ChatGPT holds."""
    if isinstance(content, str):
        content = {"content_type": "text", "parts": [content]}
    message: Json = {"author": {"role": role}, "content": content, "recipient": "all", **further}
    return {"message": message, "parent": parent, "children": []}


EXPORTED: dict[str, Json] = {
    "root": {"message": None, "parent": None, "children": ["hidden"]},
    "hidden": node("root", "system", "", weight=0.0),
    "wishes": node(
        "hidden", "user", {"content_type": "user_editable_context", "user_instructions": "Be brief."}
    ),
    "first": node("wishes", "user", "Name a lake."),
    "said": node("first", "assistant", "The Tjeuk."),
    "asked": node("wishes", "user", "Name a river."),
    "thoughts": node(
        "asked", "assistant", {"content_type": "thoughts", "thoughts": [{"content": "Frisian."}]}
    ),
    "call": node(
        "thoughts", "assistant", {"content_type": "code", "text": '{"q": "river"}'}, recipient="search"
    ),
    "found": node("call", "tool", {"content_type": "execution_output", "text": "Lemmer"}),
    "recap": node("found", "assistant", {"content_type": "reasoning_recap", "content": "Thought for 2s"}),
    "end": node("recap", "assistant", "The Lemmer.", weight=1.0),
}


def test_an_export_of_chatgpt_is_read_from_its_current_node_to_the_root() -> None:
    reading = read_record({"title": "Rivers", "mapping": EXPORTED, "current_node": "end"})

    assert [(str(each.role), each.content) for each in reading.sample.messages] == [
        ("system", "Be brief."),
        ("user", "Name a river."),
        ("assistant", ""),
        ("tool", "Lemmer"),
        ("assistant", "The Lemmer."),
    ]
    called = reading.sample.messages[2]
    assert called.reasoning == "Frisian."
    assert [(call.name, call.arguments) for call in called.calls] == [("search", '{"q":"river"}')]
    assert json.loads(reading.extras or "")["messages_of_other_branches"] == 2


def test_another_current_node_is_another_branch() -> None:
    sample = read_record({"mapping": EXPORTED, "current_node": "said"}).sample

    assert [each.content for each in sample.messages[1:]] == ["Name a lake.", "The Tjeuk."]


@pytest.mark.parametrize(
    "asked",
    [
        node(
            None,
            "user",
            {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}]},
        ),
        node(None, "user", "What does it say?", metadata={"attachments": [{"name": "letter.pdf"}]}),
    ],
)
def test_a_question_about_a_file_that_an_export_lacks_is_put_aside(asked: Json) -> None:
    nodes: Json = {"asked": asked, "said": node("asked", "assistant", "A letter.")}

    with pytest.raises(RejectedRecordError) as caught:
        read_record({"mapping": nodes, "current_node": "said"})

    assert caught.value.reason is QuarantineReason.MEDIA


def test_what_was_spoken_in_an_export_is_text_and_a_circle_of_nodes_ends() -> None:
    spoken: Json = {
        "content_type": "multimodal_text",
        "parts": [
            {"content_type": "audio_transcription", "text": "Name a river."},
            {"content_type": "audio_asset"},
        ],
    }
    nodes: Json = {"asked": node("said", "user", spoken), "said": node("asked", "assistant", "The Lemmer.")}

    sample = read_record({"mapping": nodes, "current_node": "said"}).sample

    assert [each.content for each in sample.messages] == ["Name a river.", "The Lemmer."]


BEFORE: list[Json] = [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Hello."}]
ASKED_OF_COHERE: dict[str, Json] = {
    "message": "Name a river.",
    "chat_history": BEFORE,
    "preamble": "Be brief.",
}


@pytest.mark.parametrize(
    "record",
    [
        {**ASKED_OF_COHERE, "text": "The Lemmer.", "generation_id": "g"},
        {**ASKED_OF_COHERE, "response": "The Lemmer."},
        {"request": ASKED_OF_COHERE, "response": {"text": "The Lemmer.", "generation_id": "g"}},
        {
            "preamble": "Be brief.",
            "message": "Name a river.",
            "text": "The Lemmer.",
            "chat_history": [
                *BEFORE,
                {"role": "USER", "message": "Name a river."},
                {"role": "CHATBOT", "message": "The Lemmer."},
            ],
        },
        {"question": "Name a river.", "chat_history": [["Hi", "Hello."]], "answer": "The Lemmer."}
        | {"system": "Be brief."},
        {"chat_history": [*BEFORE, {"role": "USER", "message": "Name a river."}], "text": "The Lemmer."}
        | {"preamble": "Be brief."},
        {"conversation_history": BEFORE, "query": "Name a river.", "response": "The Lemmer."}
        | {"system_prompt": "Be brief."},
    ],
)
def test_earlier_turns_are_read_before_the_question_under_any_of_their_names(record: Json) -> None:
    assert [(str(each.role), each.content) for each in read_record(record).sample.messages] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "Name a river."),
        ("assistant", "The Lemmer."),
    ]


def test_a_message_that_nothing_answers_is_no_question() -> None:
    with pytest.raises(RejectedRecordError, match="its fields are message, diff"):
        read_record({"message": "Mend the pump", "diff": "+1"})


def test_questions_alone_are_no_conversation() -> None:
    with pytest.raises(RejectedRecordError, match="its fields are question_id, turns"):
        read_record({"question_id": 81, "turns": ["Write a letter.", "Shorten it."]})


def test_a_question_that_a_source_names_may_be_turns() -> None:
    asked: Json = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a river."}]
    rules = Rules(fields=Fields(question="asked.raw", answer="said"))

    for spelled in (asked, json.dumps(asked)):
        sample = read_record({"asked": {"raw": spelled}, "said": "The Lemmer."}, rules).sample
        assert [each.content for each in sample.messages] == ["Be brief.", "Name a river.", "The Lemmer."]


@pytest.mark.parametrize(
    ("beside", "best"),
    [({"scores": [0.2, 0.9]}, "b"), ({"rewards": [2, 1]}, "a"), ({"ranks": [2, 1]}, "b")],
)
def test_scores_or_ranks_in_a_list_beside_the_answers_say_which_is_the_best(
    beside: dict[str, Json], best: str
) -> None:
    record: Json = {"prompt": "Name a river.", "responses": ["a", "b"], **beside}

    assert read_record(record, Rules(answer="responses")).sample.messages[-1].content == best
    with pytest.raises(UndeclaredAnswerError, match="with `answer: responses` in its source"):
        read_record(record)


@pytest.mark.parametrize(
    ("record", "way"),
    [
        (
            {"prompt": "Name a river.", "responses": ["a", "b"], "ranking": [1, 0]},
            "ranking may list their places or their ranks; `jq -c '.answer = .responses[.ranking[0]]'`",
        ),
        ({"prompt": "Name a river.", "samples": ["a", "b"]}, "`answer: samples.0` in its source"),
        (
            {"prompt": {"raw": "Name a river."}, "response": {"output": "The Lemmer."}, "success": True},
            "as in `fields: {question: prompt.raw, answer: response.output}`",
        ),
    ],
)
def test_answers_that_no_field_tells_apart_are_put_aside_with_a_way_forward(record: Json, way: str) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read_record(record)

    assert way in str(caught.value)


@pytest.mark.parametrize(
    "record",
    [
        {"input_text": "Hi", "output_text": "Hello."},
        {"user_input": "Hi", "response": "Hello."},
        {"Q": "Hi", "A": "Hello."},
        {"\ufeffinstruction": "Hi", "output": "Hello."},
    ],
)
def test_further_pairs_are_read(record: Json) -> None:
    assert read_record(record).sample == conversation((Role.USER, "Hi"), (Role.ASSISTANT, "Hello."))


@pytest.mark.parametrize("answer", [{**SAID, "content": "Hello."}, [{**SAID, "content": "Hello."}]])
def test_turns_that_a_text_spells_are_turns_where_the_source_names_the_field(answer: Json) -> None:
    record: dict[str, Json] = {
        "input": json.dumps([{"role": "user", "content": "Hi"}]),
        "output": json.dumps(answer),
    }
    rules = Rules(fields=Fields(question="input", answer="output"))

    unnamed = read_record(record)

    assert read_record(record, rules).sample == conversation((Role.USER, "Hi"), (Role.ASSISTANT, "Hello."))
    assert unnamed.sample.messages[0].content == record["input"]
    assert unnamed.notes == (("input", Treatment.SPELLED), ("output", Treatment.SPELLED))


@pytest.mark.parametrize("text", ['[{"role": "admin", "content": "x"}]', '{"role": "user"}', "[1]", "[{"])
def test_other_json_spells_no_turns(text: str) -> None:
    reading = read_record({"prompt": text, "completion": text}, Rules(answer="completion"))

    assert reading.sample == conversation((Role.USER, text), (Role.ASSISTANT, text))
    assert reading.notes == ()


@pytest.mark.parametrize("unseen", ["\u200b", " \ufeff\n", "\u202e\u2060"])
def test_what_nobody_can_see_is_no_question_and_no_answer(unseen: str) -> None:
    for record, reason in (
        ({"question": unseen, "answer": "a"}, QuarantineReason.EMPTY_QUESTION),
        ({"question": "q", "answer": unseen}, QuarantineReason.EMPTY_ANSWER),
    ):
        with pytest.raises(RejectedRecordError) as caught:
            read_record(record)
        assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("record", "way"),
    [
        ({"Frage": "Was?", "Antwort": "Das."}, "as in `fields: {question: Frage, answer: Antwort}`"),
        ({"id": "1", "dialogue_text": "Hi", "summary": "b"}, "{question: dialogue_text, answer: summary}"),
        ({"context": "I am sad.", "response": "Rest."}, "perhaps `question: context`"),
        (
            {"input": "Hi", "actual_output": "a", "expected_output": "b"},
            "perhaps `answer: actual_output` or `answer: expected_output`",
        ),
        (
            {"user": "bob", "type": "m", "ts": "1", "Frage": "Was?", "Antwort": "Das."},
            "{question: Frage, answer:",
        ),
        (
            {"goal": "Open it.", "sol1": "Pull.", "sol2": "Push.", "label": 0},
            "choices: [sol1, sol2], answer: label",
        ),
        ({"ctx": "The ice", "endings": ["a", "b"], "label": "1"}, "choices: endings, answer: label}`"),
        (
            {"premise": "a", "hypothesis": "b", "label": 0},
            'question: "{premise}\\n{hypothesis}", answer: label',
        ),
        ({"text": "Nice.", "label": 1, "label_text": "good"}, "{question: text, answer: label_text}"),
        (
            {"translation": {"en": "Hello", "de": "Hallo"}},
            "{question: translation.en, answer: translation.de}",
        ),
        (
            {"question": "Who?", "choices": ["a", "b"], "correct_option": 1},
            "perhaps `answer: correct_option`",
        ),
        ({"prompt": "Tell.", "tale": "Once."}, "perhaps `answer: tale`"),
        ({"type": "user", "sessionId": "s", "message": {"role": "user", "content": "Hi"}}, "map(.message)"),
        (
            {
                "utterances": [{"history": ["Hi"], "candidates": ["No.", "Hello."]}],
                "personality": ["I sing."],
            },
            "`jq -c '.utterances[-1] | {dialog: (.history + .candidates[-1:])}'`",
        ),
        (
            {"question": [[{"role": "user", "content": "Find it."}]], "function": [{"name": "find"}]},
            "its fields are question, function; name the answer under `fields`",
        ),
        (
            {"rasa_nlu_data": {"common_examples": [{"text": "hi", "intent": "greet"}] * 2}},
            "`records: rasa_nlu_data.common_examples` in its source",
        ),
    ],
)
def test_fields_that_are_not_known_are_named_in_the_way_forward(record: Json, way: str) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read_record(record)

    assert way in str(caught.value)


@pytest.mark.parametrize(
    ("record", "answer", "said"),
    [
        (
            {"question": "How many?", "answers_spans": {"types": ["number"], "spans": ["20"]}},
            "answers_spans.spans.0",
            "20",
        ),
        (
            {"question": "Who?", "table": {"header": ["a"]}, "sql": {"human_readable": "SELECT a", "sel": 5}},
            "sql.human_readable",
            "SELECT a",
        ),
        (
            {"question": {"text": "Who?"}, "annotations": {"short_answers": [{"text": ["Bob"]}]}},
            "annotations.short_answers.0.text.0",
            "Bob",
        ),
    ],
    ids=["DROP", "WikiSQL", "Natural Questions"],
)
def test_an_answer_inside_of_other_fields_is_named_by_a_setting_that_reads_it(
    record: Json, answer: str, said: str
) -> None:
    with pytest.raises(RejectedRecordError, match=f"perhaps `answer: {re.escape(answer)}`"):
        read_record(record)

    assert read_record(record, Rules(answer=answer)).sample.messages[-1].content == said
    assert read_record(record, Rules(fields=Fields(answer=answer))).sample.messages[-1].content == said


def test_of_two_questions_one_may_answer() -> None:
    """Spider has its SQL under `query`."""
    record: Json = {"db_id": "x", "query": "SELECT 1", "question": "How many?"}
    with pytest.raises(RejectedRecordError, match=r"perhaps `fields: \{question: question, answer: query\}`"):
        read_record(record)

    read = read_record(record, Rules(fields=Fields(question="question", answer="query"))).sample

    assert read == conversation((Role.USER, "How many?"), (Role.ASSISTANT, "SELECT 1"))


def test_questions_with_the_answers_of_annotators_are_a_conversation() -> None:
    """QuAC; the way forward named the title of its page as the question."""
    record: Json = {
        "wikipedia_page_title": "Bob",
        "questions": ["Who?", "Where?"],
        "answers": {"texts": [["Bob.", "A man."], ["Here."]], "answer_starts": [[0, 3], [9]]},
    }

    assert [each.content for each in read_record(record).sample.messages] == [
        "Who?",
        "Bob.",
        "Where?",
        "Here.",
    ]


@pytest.mark.parametrize("answer", ["Hello.", [{"role": "assistant", "content": "Hello."}]])
def test_a_prompt_of_one_turn_in_parts_is_a_list_of_turns(answer: Json) -> None:
    record: Json = {
        "prompt": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "completion": answer,
    }

    assert read_record(record).sample == conversation((Role.USER, "Hi"), (Role.ASSISTANT, "Hello."))
