"""Every known spelling of a conversation is read by itself."""

import json

import pytest

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool import Reason, Role
from autoselection_core.pool.reading import Rules, read_record
from autoselection_core.pool.reading.notes import Treatment
from autoselection_core.pool.reading.spellings import ANSWERS, QUESTIONS, SYSTEMS
from tests.pool.raw import conversation

SAID = conversation((Role.USER, "Name a river."), (Role.ASSISTANT, "The Lemmer."))
BRIEF = conversation((Role.SYSTEM, "Be brief."), *((each.role, each.content) for each in SAID.messages))
TURNS: list[Json] = [
    {"role": "user", "content": "Name a river."},
    {"role": "assistant", "content": "The Lemmer."},
]
PARTS: list[Json] = [{"type": "text", "value": "Name a river."}]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_goes_with_every_answer(question: str, answer: str) -> None:
    assert read_record({question: "Name a river.", answer: "The Lemmer."}).sample == SAID


@pytest.mark.parametrize("field", SYSTEMS)
def test_a_system_prompt_is_the_system_message(field: str) -> None:
    pair: dict[str, Json] = {field: "Be brief.", "question": "Name a river.", "response": "The Lemmer."}

    assert read_record(pair).sample == BRIEF
    assert read_record({field: "Be brief.", "messages": TURNS}).sample == BRIEF


def test_a_system_message_that_the_turns_begin_with_is_not_read_twice() -> None:
    turns: Json = [{"role": "system", "content": "Be brief."}, *TURNS]

    assert read_record({"system": "Be brief.", "messages": turns}).sample == BRIEF


@pytest.mark.parametrize(
    ("user", "assistant"),
    [
        ("Human", "Assistant"),
        ("USER", "ASSISTANT"),
        ("prompter", "assistant"),
        ("user", "model"),
        ("user", "bot"),
        ("human", "chatgpt"),
        ("human", "gpt"),
        ("用户", "助手"),
    ],
)
def test_roles_are_known_in_any_case(user: str, assistant: str) -> None:
    turns: Json = [{"from": user, "value": "Name a river."}, {"from": assistant, "value": "The Lemmer."}]

    assert read_record({"conversations": turns}).sample == SAID


@pytest.mark.parametrize("name", ["tool", "function", "observation", "ipython", "Tool-Response"])
def test_results_of_tools_have_many_names(name: str) -> None:
    turns: Json = [*TURNS, {"role": name, "content": " rain\n"}, {"role": "gpt", "content": "Rain."}]

    assert read_record({"messages": turns}).sample.messages[2].role is Role.TOOL
    assert read_record({"messages": turns}).sample.messages[2].content == "rain"


def test_a_developer_speaks_as_the_system() -> None:
    turns: Json = [{"role": "developer", "content": "Be brief."}, *TURNS]

    assert read_record({"messages": turns}).sample == BRIEF


@pytest.mark.parametrize(
    "turns",
    [
        json.dumps(TURNS),
        {"role": ["user", "assistant"], "content": ["Name a river.", "The Lemmer."]},
        [None, *TURNS, None],
        [[["role", "user"], ["content", "Name a river."]], [["role", "gpt"], ["content", "The Lemmer."]]],
        [{"speaker": "User", "text": "Name a river."}, {"speaker": "Bot", "text": "The Lemmer."}],
        [
            {"role": None, "from": "human", "content": None, "value": "Name a river."},
            {"role": "assistant", "from": None, "content": "The Lemmer.", "value": None},
        ],
        [{"human": "Name a river.", "assistant": "The Lemmer."}],
        [{"role": "user", "content": PARTS}, TURNS[1]],
    ],
    ids=["text", "lists", "padded", "maps", "speakers", "padded turns", "pairs", "parts"],
)
@pytest.mark.parametrize("field", ["messages", "conversations", "conversation", "dialog"])
def test_a_list_of_turns_is_read_however_it_is_written(field: str, turns: Json) -> None:
    assert read_record({field: turns}).sample == SAID


def test_a_record_may_be_its_list_of_turns() -> None:
    assert read_record(TURNS).sample == SAID


def test_an_empty_list_of_turns_hides_no_question() -> None:
    assert (
        read_record({"messages": [], "prompt": "Name a river.", "completion": "The Lemmer."}).sample == SAID
    )


def test_known_fields_are_known_in_any_case() -> None:
    reading = read_record({"Question": "Name a river.", "Response": "The Lemmer.", "Prompt_ID": "7"})

    assert reading.sample == SAID
    assert reading.extras == '{"Prompt_ID":"7"}'


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": TURNS[:1], "completion": TURNS[1:]},
        {"prompt": TURNS[:1], "completion": "The Lemmer."},
        {"prompt": "Name a river.", "completion": TURNS[1:]},
        {"prompt": TURNS[:1], "input": "Human: Name a river.", "completion": "The Lemmer."},
        {"prompt": "Name a river.", "input": "Name a river.", "completion": "The Lemmer."},
        {"prompt": "Name a river.", "input": "river", "completion": "The Lemmer."},
        {"instruction": "Name a river.", "input": "Name a river.", "output": "The Lemmer."},
    ],
)
def test_nothing_of_prompt_input_and_completion_is_read_twice(record: dict[str, Json]) -> None:
    assert read_record(record).sample == SAID


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "Name a river.", "chosen": "The Lemmer.", "rejected": "No."},
        {"prompt": TURNS[:1], "chosen": TURNS[1:], "rejected": TURNS[1:]},
        {"prompt": "Name a river.", "chosen": TURNS, "rejected": TURNS},
        {"chosen": TURNS, "rejected": TURNS},
        {"conversations": TURNS[:1], "chosen": TURNS[1], "rejected": TURNS[1]},
        {"instruction": "Name a", "input": "river.", "chosen": "The Lemmer.", "rejected": "No."},
    ],
)
def test_a_preference_is_read_by_the_chosen_answer_when_the_source_says_so(record: Json) -> None:
    with pytest.raises(RejectedRecordError, match="answer: chosen") as caught:
        read_record(record)

    assert caught.value.reason == Reason.PREFERENCE
    reading = read_record(record, Rules(answer="chosen"))
    assert [each.content for each in reading.sample.messages] in (
        ["Name a river.", "The Lemmer."],
        ["Name a\nriver.", "The Lemmer."],
    )
    assert ("rejected", Treatment.REJECTED) in reading.notes


def test_turns_that_end_with_an_answer_are_read_beside_a_preference() -> None:
    assert read_record({"messages": TURNS, "chosen": TURNS, "rejected": TURNS[:1]}).sample == SAID


def test_what_is_missing_is_named_with_the_fields_that_are_there() -> None:
    with pytest.raises(
        RejectedRecordError, match="problem, generated_solution; name the answer under `fields`"
    ):
        read_record({"problem": "2 + 2?", "generated_solution": "4"})
