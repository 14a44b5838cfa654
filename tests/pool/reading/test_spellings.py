"""Every known spelling of a conversation is read by itself."""

import json

import pytest

from autoselection_core.errors.pool import RejectedRecordError, UndeclaredAnswerError
from autoselection_core.identity import Json
from autoselection_core.pool import QuarantineReason, Role
from autoselection_core.pool.reading import Rules, read_record
from autoselection_core.pool.reading.rules import Fields
from autoselection_core.pool.reading.spellings import ANSWERS, QUESTIONS, SYSTEMS
from autoselection_core.pool.reading.view import Treatment
from autoselection_core.pool.sources import Source
from tests.pool.raw import conversation

SAID = conversation((Role.USER, "Name a river."), (Role.ASSISTANT, "The Lemmer."))
BRIEF = conversation((Role.SYSTEM, "Be brief."), *((each.role, each.content) for each in SAID.messages))
TURNS: list[Json] = [
    {"role": "user", "content": "Name a river."},
    {"role": "assistant", "content": "The Lemmer."},
]
SAID_ALONE: Json = {"question": "Name a river.", "answer": "The Lemmer."}
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


@pytest.mark.parametrize("field", ["question", "prompt", "query", "problem"])
def test_an_instruction_is_followed_by_the_question_that_it_is_about(field: str) -> None:
    reading = read_record({"instruction": "Answer briefly.", field: "Name a river.", "output": "The Lemmer."})

    assert reading.sample.messages[0].content == "Answer briefly.\nName a river."
    assert reading.notes == ((field, Treatment.RENDERED),)


def test_a_prompt_around_an_instruction_is_not_read_beside_it() -> None:
    prompt = "Below is an instruction.\n\nName a  river.\n\n### Response:"

    assert (
        read_record({"instruction": "Name a river.", "prompt": prompt, "output": "The Lemmer."}).sample
        == SAID
    )


@pytest.mark.parametrize(
    ("field", "other"), [("question", "prompt"), ("prompt", "problem"), ("query", "problem")]
)
def test_two_questions_that_differ_are_put_aside(field: str, other: str) -> None:
    record: dict[str, Json] = {field: "Name a river.", other: "Solve.", "answer": "The Lemmer."}

    with pytest.raises(RejectedRecordError, match="both ask") as caught:
        read_record(record)

    assert caught.value.reason == QuarantineReason.CONTRADICTION
    assert read_record(record, Rules(keep=(other,))).sample == SAID
    assert read_record(record, Rules(Fields(question=field))).sample == SAID


def test_a_field_of_a_question_s_name_may_be_the_answer_where_the_source_says_so() -> None:
    record: dict[str, Json] = {"question": "Name a river.", "query": "The Lemmer."}

    assert read_record(record, Rules(answer="query")).sample == SAID
    assert read_record({**record, "output": "No."}, Rules(answer="query")).sample == SAID
    with pytest.raises(RejectedRecordError, match="name the answer"):
        read_record(record)


@pytest.mark.parametrize("field", ["images", "attachments", "Files"])
def test_a_question_that_comes_with_pictures_or_files_is_put_aside(field: str) -> None:
    turns: list[Json] = [{"role": "user", "content": "Name a river.", field: ["a.png"]}, TURNS[1]]

    with pytest.raises(RejectedRecordError, match=f"comes with {field}") as caught:
        read_record({"messages": turns})

    assert caught.value.reason == QuarantineReason.MEDIA
    assert (
        read_record({"messages": [{"role": "user", "content": "Name a river.", field: []}, TURNS[1]]}).sample
        == SAID
    )


@pytest.mark.parametrize(
    "part", [{"inlineData": {"data": "x"}}, {"image": {"format": "png"}}, {"fileData": {"fileUri": "x"}}]
)
def test_parts_without_a_type_may_be_pictures_or_files(part: Json) -> None:
    with pytest.raises(RejectedRecordError, match="holds a part with") as caught:
        read_record({"messages": [{"role": "user", "content": [part, {"text": "Name a river."}]}, TURNS[1]]})

    assert caught.value.reason == QuarantineReason.MEDIA


@pytest.mark.parametrize("field", ["image_path", "img", "image_url", "audio_file"])
def test_the_place_of_a_picture_is_one(field: str) -> None:
    with pytest.raises(RejectedRecordError, match="comes with the field"):
        read_record({"question": "What is it?", field: "a.png", "answer": "A river."})


@pytest.mark.parametrize("nothing", [{"bytes": None, "path": None}, [{"path": ""}], {}, ""])
def test_a_padded_picture_is_none(nothing: Json) -> None:
    assert read_record({"messages": TURNS, "image": nothing}).sample == SAID


@pytest.mark.parametrize(("field", "value"), [("is_correct", False), ("Resolved", False), ("rejected", True)])
def test_truth_values_that_may_mark_a_bad_answer_are_noted(field: str, value: bool) -> None:  # noqa: FBT001
    assert read_record({"messages": TURNS, field: value}).notes == ((field, Treatment.VERDICT),)
    assert read_record({"messages": TURNS, field: not value}).notes == ()


def test_a_second_text_of_a_turn_is_noted_where_it_says_something_else() -> None:
    def noted(text: str) -> list[str]:
        turns: list[Json] = [TURNS[0], {"role": "assistant", "content": "The Lemmer.", "text": text}]
        return [field for field, _ in read_record({"messages": turns}).notes]

    assert noted("The Rhine.") == ["messages[].text"]
    assert noted(" The Lemmer.\n") == []


def test_texts_with_annotations_are_texts() -> None:
    text: Json = [{"type": "text", "text": {"value": "The Lemmer.", "annotations": []}}]

    assert read_record({"messages": [TURNS[0], {"role": "assistant", "content": text}]}).sample == SAID


def test_a_record_without_fields_says_what_it_is() -> None:
    records: list[tuple[Json, str]] = [
        (["a", "b"], "is a list"),
        ("a", "is a text"),
        ([SAID_ALONE, SAID_ALONE], "list of 2 obj"),
    ]
    for record, says in records:
        with pytest.raises(RejectedRecordError, match=says):
            read_record(record)


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

    assert caught.value.reason == QuarantineReason.PREFERENCE
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


def said(record: Json, rules: Rules | None = None) -> list[tuple[str, str]]:
    """Role and content of each message that is read."""
    sample = read_record(record, rules or Rules()).sample
    return [(str(message.role), message.content) for message in sample.messages]


PAIR = [("user", "Name a river."), ("assistant", "The Lemmer.")]
GEMINI: list[Json] = [
    {"role": "user", "parts": [{"text": "Name a river."}]},
    {"role": "model", "parts": [{"text": "The Lemmer."}]},
]


@pytest.mark.parametrize(
    "record",
    [
        {"conversations": ["Name a river.", "The Lemmer."], "source": "forum"},
        {"id": "0", "data": ["Name a river.", "The Lemmer."]},
        {"conversation": [["Name a river.", "The Lemmer."]]},
        {"conversation": [["human", "Name a river."], ["gpt", "The Lemmer."]]},
        {"conversation": [{"input": "Name a river.", "output": "The Lemmer."}]},
        {"messages": [json.dumps(turn) for turn in TURNS]},
        {"trajectory": TURNS, "exit_status": "submitted"},
        {"items": TURNS, "id": "x"},
        {"contents": GEMINI},
        {"messages": GEMINI},
        {"messages": [{"role": "user", "content": "Name a river."}, {"content": "", **GEMINI[1]}]},  # type: ignore[dict-item]
        {
            "messages": [
                {"type": "human", "content": "Name a river."},
                {"type": "ai", "content": "The Lemmer."},
            ]
        },
        {
            "messages": [
                {"type": "human", "data": {"content": "Name a river."}},
                {"type": "ai", "data": {"content": "The Lemmer."}},
            ]
        },
        {
            "messages": [
                {"author": {"role": "user"}, "content": "Name a river."},
                {"author": {"role": "assistant"}, "content": "The Lemmer."},
            ]
        },
        {
            "chat_messages": [
                {"sender": "human", "text": "Name a river."},
                {"sender": "assistant", "text": "The Lemmer."},
            ]
        },
        {"traj": TURNS, "reward": 1.0},
        {"question": "Name a river.", "best_answer": "The Lemmer.", "incorrect_answers": ["Rome"]},
        {"instruction": "Name a river.", "input": "<noinput>", "output": "The Lemmer."},
        {
            "instruction": "Name a river.",
            "instances": [{"input": "", "output": "The Lemmer."}],
            "id": "seed_1",
        },
        {"instruction": "Human: Name a river.\nAssistant:", "input": "", "output": "The Lemmer."},
        {"conversation": {"user": "Name a river.", "assistant": "The Lemmer."}},
        {"conversation": {"user": ["Name a river."], "assistant": ["The Lemmer."]}},
        {"user": "Name a river.", "assistant": "The Lemmer."},
        {"Human": "Name a river.", "Assistant": "The Lemmer."},
        {"human": "Name a river.", "bot": "The Lemmer."},
        {"question_stem": "Name a river.", "answerKey": "The Lemmer."},
        {"question": "Name a river.", "correct_answer": "The Lemmer.", "distractor1": "Rome"},
        {"question": "Name a river.", "answers": {"text": ["The Lemmer.", "Lemmer"], "answer_start": [3, 7]}},
        {"query": "Name a river.", "answers": ["The Lemmer.", "Lemmer"]},
        {"question": {"text": "Name a river."}, "answers": [{"text": "The Lemmer."}, {"text": "Lemmer"}]},
        {"messages": TURNS[:1], "answer": "The Lemmer."},
        {"question": "Name a river.", "solutions": json.dumps(["The Lemmer.", "Lemmer"]), "url": "x"},
        {"topic": "rivers", "message_1": "Name a river.", "message_2": "The Lemmer."},
        {"inputs": [5, 6], "inputs_pretokenized": "Name a river.", "targets": [7]}
        | {"targets_pretokenized": "The Lemmer."},
        {"plain_text": "[Human]: Name a river.<eoh> [MOSS]: The Lemmer.<eoa>", "num_turns": 1},
        {"chat": "USER: Name a river.\n\n\nASSISTANT: The Lemmer. <|endoftext|>\n\n\n"},
    ],
)
def test_spellings_that_are_rare_or_mean_other_things_elsewhere_are_read(record: Json) -> None:
    assert said(record) == PAIR


@pytest.mark.parametrize(
    "record",
    [
        {"user": "anneke", "question": "Name a river.", "answer": "The Lemmer."},
        {"data": ["a", "b"], "question": "Name a river.", "answer": "The Lemmer."},
        {"items": TURNS, "prompt": "Name a river.", "response": "The Lemmer."},
        {"question": "Name a river.", "answer": "The Lemmer.", "answers": ["Lemmer"], "assistant": "v2"},
        {"messages": TURNS, "trajectory": [{"role": "user", "content": "Go."}], "answers": "x"},
    ],
)
def test_known_names_come_before_rare_ones(record: dict[str, Json]) -> None:
    assert said(record) == PAIR


@pytest.mark.parametrize(
    "record", [{"user": "anneke", "text": "a"}, {"data": ["a"]}, {"turns": 2, "text": "a"}]
)
def test_a_rare_name_with_another_meaning_is_not_read(record: Json) -> None:
    with pytest.raises(RejectedRecordError):
        read_record(record)


def test_a_pair_with_a_system_message_is_one_of_three_turns() -> None:
    turns: Json = [{"system": "Be brief.", "input": "Name a river.", "output": "The Lemmer."}]

    assert read_record({"conversation": turns}).sample == BRIEF


def test_an_instruction_of_gemini_is_the_system_message() -> None:
    record: Json = {"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": GEMINI}

    assert read_record(record).sample == BRIEF


def test_a_tree_of_replies_is_read_along_the_best() -> None:
    bad: Json = {"text": "No.", "role": "assistant", "rank": 1, "replies": []}
    good: Json = {"text": "The Lemmer.", "role": "assistant", "rank": 0, "replies": []}
    tree: Json = {"text": "Name a river.", "role": "prompter", "replies": [bad, good]}

    assert said({"message_tree_id": "7", "prompt": tree}) == PAIR


def test_reasoning_beside_an_answer_beside_turns_is_kept() -> None:
    reading = read_record(
        {"messages": TURNS[:1], "reasoning": "It is in the north.", "answer": "The Lemmer."}
    )

    assert reading.sample.messages[-1].reasoning == "It is in the north."
    assert ("reasoning", Treatment.REASONING) in reading.notes


def test_calls_as_the_answer_are_calls() -> None:
    calls = json.dumps([{"name": "find", "arguments": {"what": "river"}}])

    answer = read_record({"query": "Name a river.", "answers": calls, "tools": "[]"}).sample.messages[-1]

    assert [(call.name, call.arguments) for call in answer.calls] == [("find", '{"what":"river"}')]


def test_calls_and_results_among_typed_parts_are_calls_and_results() -> None:
    asked: Json = {"role": "user", "content": "Rain?"}
    use: Json = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}}
    called: Json = {"role": "assistant", "content": [{"type": "text", "text": "Let me look."}, use]}
    result: Json = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "sun"}]}
    returned: Json = {"role": "user", "content": [result, {"type": "text", "text": "Well?"}]}

    sample = read_record(
        {"messages": [asked, called, returned, {"role": "assistant", "content": "No."}]}
    ).sample

    roles = [(str(message.role), message.content) for message in sample.messages]
    assert roles == [
        ("user", "Rain?"),
        ("assistant", "Let me look."),
        ("tool", "sun"),
        ("user", "Well?"),
        ("assistant", "No."),
    ]
    assert sample.messages[1].calls[0].name == "weather"
    assert sample.messages[2].call_id == "t1"


HEADERS = ("<|start_header_id|>", "<|end_header_id|>\n")
OF_LLAMA = [f"{HEADERS[0]}{role}{HEADERS[1]}" for role in ("user", "assistant")]
LLAMA = f"<|begin_of_text|>{OF_LLAMA[0]}\nHi<|eot_id|>{OF_LLAMA[1]}\nHello.<|eot_id|>"


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("### Human: Hi### Assistant: Hello.", '["### Human:", "### Assistant:"]'),
        (
            "Below is a task.\n\n### Instruction:\nAdd.\n\n### Response:\n2",
            '["### Instruction:", "### Response:"]',
        ),
        ("USER: Hi ASSISTANT: Hello.", '["USER:", "ASSISTANT:"]'),
        ("<s>[INST] Hi [/INST] Hello. </s>", '["[INST]", "[/INST]", "</s>", "<s>"]'),
        (
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n",
            '["<|im_start|>user", "<|im_start|>assistant", "<|im_end|>", "<|im_start|>system"]',
        ),
        (
            LLAMA,
            json.dumps([*OF_LLAMA, "<|eot_id|>", "<|begin_of_text|>", f"{HEADERS[0]}system{HEADERS[1]}"]),
        ),
        (
            "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n",
            '["<start_of_turn>user", "<start_of_turn>model", "<end_of_turn>", "<bos>"]',
        ),
    ],
)
def test_a_text_with_usual_marks_is_put_aside_with_the_setting_that_reads_it(text: str, marks: str) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read_record({"text": text})

    assert f"split_on: {marks}" in str(caught.value)
    rules = Rules(fields=Fields(text="text", split_on=tuple(json.loads(marks))))
    assert read_record({"text": text}, rules).sample.messages[-1].content in {"Hello.", "2"}


HUMAN = "\n\nHuman: Name a river."
TRANSCRIPT = f"{HUMAN}\n\nAssistant: The Lemmer."
RANKED: Json = [{"answer": "No.", "rank": 2.0, "model": "x"}, {"answer": "The Lemmer.", "rank": 1.0}]
SCORED: Json = [
    {"response": "No.", "overall_score": 2.5, "critique": "Brief."},
    {"response": "The Lemmer.", "overall_score": 9.0, "critique": "Right."},
]
ARENA: dict[str, Json] = {
    "winner": "model_b",
    "conversation_a": [TURNS[0], {"role": "assistant", "content": "No."}],
    "conversation_b": TURNS,
}
OPTIONS: dict[str, Json] = {"opa": "Rome", "opb": "The Lemmer", "opc": "No", "opd": "Yes"}


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"chosen": TRANSCRIPT, "rejected": f"{HUMAN}\n\nAssistant: No."}, "chosen"),
        ({"prompt": f"{HUMAN}\n\nAssistant: ", "answers": RANKED, "turns": 1}, "answers"),
        ({"question_id": "7", **ARENA}, "winner"),
        (
            {"prompt": "Name a river.", "response_a": "The Lemmer.", "response_b": "No.", "winner": "A"},
            "winner",
        ),
        (
            {"prompt": "Name a river.", "response_0": "No.", "response_1": "The Lemmer."}
            | {"better_response_id": 1},
            "better_response_id",
        ),
        (
            {"history": "Name a river.", "human_ref_A": "No.", "human_ref_B": "The Lemmer.", "labels": 0},
            "labels",
        ),
        (
            {"context": TURNS[:1], "response1": "The Lemmer.", "response2": "No.", "overall_preference": -2},
            "overall_preference",
        ),
        ({"instruction": "Name a river.", "models": ["x", "y"], "completions": SCORED}, "completions"),
        (
            {"question": "Name a river.", "answers": {"text": ["No.", "The Lemmer."], "score": [1, 7]}},
            "answers",
        ),
    ],
    ids=[
        *("transcripts", "ranks", "conversations", "responses", "numbers"),
        *("comments", "signs", "scores", "lists"),
    ],
)
def test_answers_without_a_chosen_one_are_read_by_the_better_when_the_source_says_so(
    record: Json, field: str
) -> None:
    with pytest.raises(UndeclaredAnswerError) as caught:
        read_record(record)

    assert (caught.value.reason, caught.value.setting) == (QuarantineReason.PREFERENCE, f"answer: {field}")
    assert said(record, Rules(answer=field)) == PAIR
    assert ("rejected", Treatment.REJECTED) in read_record(record, Rules(answer=field)).notes


def test_a_transcript_of_several_turns_is_read_to_its_end() -> None:
    further = "\n\nHuman: Sure?\n\nAssistant:   Yes.\n"
    record: Json = {"chosen": TRANSCRIPT + further, "rejected": TRANSCRIPT}

    assert said(record, Rules(answer="chosen")) == [*PAIR, ("user", "Sure?"), ("assistant", "  Yes.\n")]


@pytest.mark.parametrize("winner", ["tie", "tie (bothbad)", None])
def test_a_tie_has_no_answer_to_learn(winner: Json) -> None:
    with pytest.raises(RejectedRecordError, match="neither answer is better") as caught:
        read_record({**ARENA, "winner": winner}, Rules(answer="winner"))

    assert caught.value.reason == QuarantineReason.PREFERENCE


@pytest.mark.parametrize(
    "record",
    [
        {"history": "q", "human_ref_A": "a", "human_ref_B": "b", "labels": 2},
        {"context": TURNS[:1], "response1": "a", "response2": "b", "overall_preference": 0},
    ],
)
def test_what_says_of_no_side_that_it_is_better_is_a_tie(record: dict[str, Json]) -> None:
    better = "labels" if "labels" in record else "overall_preference"

    with pytest.raises(RejectedRecordError, match="neither answer is better"):
        read_record(record, Rules(answer=better))


@pytest.mark.parametrize("score", [None, float("nan"), "N/A", True])
def test_answers_of_which_one_has_no_score_are_put_aside_with_the_reason(score: Json) -> None:
    """The advice was to name a field, which was named, and NaN was compared with the others."""
    completions: Json = [
        *(SCORED if isinstance(SCORED, list) else []),
        {"response": "Ems.", "overall_score": score},
    ]

    with pytest.raises(RejectedRecordError, match="no number as its rank or score"):
        read_record({"instruction": "Name a river.", "completions": completions}, Rules(answer="completions"))


def test_what_is_said_of_answers_with_scores_is_kept_beside() -> None:
    reading = read_record(
        {"instruction": "Name a river.", "completions": SCORED}, Rules(answer="completions")
    )

    assert json.loads(reading.extras or "") == {
        "rejected": ["No."],
        "completions": [
            {"overall_score": 2.5, "critique": "Brief."},
            {"overall_score": 9.0, "critique": "Right."},
        ],
    }


def test_calls_in_a_transcript_are_calls() -> None:
    arguments = """{\"city\": \"Lemmer's\"}"""
    chat = (
        "USER: Rain?\n\n\nASSISTANT: I look. <functioncall> "
        f"""{{"name": "weather", "arguments": '{arguments}'}} <|endoftext|>"""
        '\n\n\nFUNCTION RESPONSE: {"mm": 3}\n\n\nASSISTANT: 3 mm. <|endoftext|>\n\n\n'
    )

    system, *turns = read_record({"system": "SYSTEM: Be brief.", "chat": chat}).sample.messages

    assert system == BRIEF.messages[0]
    assert [(str(turn.role), turn.content) for turn in turns] == [
        ("user", "Rain?"),
        ("assistant", "I look."),
        ("tool", '{"mm": 3}'),
        ("assistant", "3 mm."),
    ]
    assert [(call.name, call.arguments) for call in turns[1].calls] == [("weather", '{"city":"Lemmer\'s"}')]


def test_a_call_that_is_none_stays_text_of_its_turn() -> None:
    chat = "USER: Rain?\n\n\nASSISTANT: <functioncall> {broken <|endoftext|>"

    assert said({"chat": chat})[-1] == ("assistant", "<functioncall> {broken")


def test_reasoning_beside_content_belongs_to_the_answer() -> None:
    record: Json = {"input": "Name a river.", "reasoning_content": "In the north.", "content": "The Lemmer."}

    answer = read_record(record).sample.messages[-1]

    assert (answer.reasoning, answer.content) == ("In the north.", "The Lemmer.")


def test_outputs_of_a_defined_task_mean_the_same() -> None:
    record: Json = {
        "definition": ["Be brief."],
        "input": "Name a river.",
        "output": ["The Lemmer.", "Lemmer"],
    }

    assert said(record) == [("user", "Be brief.\nName a river."), PAIR[1]]
    assert read_record(record).extras == '{"other_outputs":["Lemmer"]}'


def test_texts_of_turns_that_are_not_kept_are_named_whatever_holds_them() -> None:
    turns: Json = [
        {"role": "user", "content": "Name a river.", "info": {"note": "asked twice"}},
        {"role": "assistant", "content": "The Lemmer.", "pages": ["3"], "n": [1]},
    ]

    notes = read_record({"messages": turns}).notes

    assert notes == (("messages[].info", Treatment.LEFT), ("messages[].pages", Treatment.LEFT))


@pytest.mark.parametrize(
    ("record", "way"),
    [
        ({"messages": str(TURNS)}, "it looks like a list of Python, write it by json.dumps"),
        (
            {"talk": {"messages": TURNS}, "topic": "rivers"},
            "`fields: {turns: talk.messages}` in its source reads it",
        ),
        ({"query": {"messages": TURNS[:1]}, "output": "x"}, "as in `turns: query.messages`"),
        ({"problem": "Name a river.", "extra": {"answer": "The Lemmer."}}, "as in `answer: extra.answer`"),
        (
            {"question": "Name a river.", "answers": {"text": []}},
            "the field answers is there and holds no text",
        ),
        ({"question": "Name a river.", "response_j": "a", "response_k": "b"}, "with `answer: response_j` in"),
        (
            {"messages": TURNS[:1], "preferred_output": TURNS[1:], "non_preferred_output": TURNS[1:]},
            "with `answer: preferred_output` in its source",
        ),
        ({"prompt": "Name a river.", "preferred": "a", "non_preferred": "b"}, "with `answer: preferred` in"),
        (
            {"question": {"id": "1", "full_text": "Name a river."}, "answer": "The Lemmer."},
            "its fields are id, full_text: name one under `fields`, as in `question.full_text`",
        ),
    ],
)
def test_what_cannot_be_read_says_the_way_forward(record: Json, way: str) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read_record(record)

    assert way in str(caught.value)


def test_known_answers_come_before_ranks_and_sides() -> None:
    assert said({"question": "Name a river.", "answer": "The Lemmer.", "answers": RANKED}) == PAIR
    assert said({"messages": TURNS, "winner": "a", "response_a": "x", "response_b": "y"}) == PAIR


def test_a_number_of_an_option_that_may_count_from_0_or_1_is_read_when_the_source_says_so() -> None:
    record: dict[str, Json] = {"question": "Which river?", **OPTIONS, "cop": 1, "exp": "A small one."}

    for unsaid in (Rules(), Rules(answer="cop")):
        with pytest.raises(RejectedRecordError, match=r"from 1 in the original files.*`answer: cop_from_1`"):
            read_record(record, unsaid)

    question = ("user", "Which river?\nA. Rome\nB. The Lemmer\nC. No\nD. Yes")
    assert said(record, Rules(answer="cop_from_0")) == [question, ("assistant", "B. The Lemmer")]
    assert said(record, Rules(answer="cop_from_1")) == [question, ("assistant", "A. Rome")]
    for setting, outside in (("cop_from_0", 4), ("cop_from_1", 0), ("cop_from_0", True)):
        with pytest.raises(RejectedRecordError, match="counts none of four options"):
            read_record({**record, "cop": outside}, Rules(answer=setting))


def test_questions_and_answers_in_lists_are_turns_about_their_story() -> None:
    record: Json = {
        "story": "It flows.",
        "questions": ["Name a river.", "Does it flow?"],
        "answers": {"input_text": ["The Lemmer.", "Yes."], "answer_start": [0, 3]},
    }

    assert said(record) == [
        ("user", "Name a river.\nIt flows."),
        PAIR[1],
        ("user", "Does it flow?"),
        ("assistant", "Yes."),
    ]


def numbered_turn(commands: str, thoughts: str = "None") -> dict[str, Json]:
    return {
        "Human": "<|Human|>: Name a river.<eoh>\n",
        "Inner Thoughts": f"<|Inner Thoughts|>: {thoughts}<eot>\n",
        "Commands": f"<|Commands|>: {commands}<eoc>\n",
        "MOSS": "<|MOSS|>: The Lemmer.<eom>\n",
    }


def test_turns_that_are_numbered_fields_are_read_without_their_marks() -> None:
    chat: dict[str, Json] = {"turn_1": numbered_turn("None"), "turn_2": numbered_turn("None", "A river.")}

    sample = read_record({"meta_instruction": "Be brief.", "chat": chat}).sample

    assert [(str(m.role), m.content) for m in sample.messages] == [("system", "Be brief."), *PAIR, *PAIR]
    assert [m.reasoning for m in sample.messages] == [None, None, None, None, "A river."]


def test_calls_in_a_language_of_their_own_are_put_aside() -> None:
    with pytest.raises(RejectedRecordError, match="calls tools as text") as caught:
        read_record({"chat": {"turn_1": numbered_turn('Search("rivers")')}})

    assert caught.value.reason == QuarantineReason.UNREAD


@pytest.mark.parametrize("said", ["<image>\nName this river.", "Name this river.\n<image>"])
def test_a_question_about_a_picture_that_is_not_there_is_put_aside(said: str) -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read_record({"question": said, "answer": "The Lemmer."})

    assert caught.value.reason is QuarantineReason.MEDIA


def test_a_system_message_under_its_own_name_beside_an_empty_text_is_read() -> None:
    system: Json = {"role": "system", "system_prompt": "Be brief.", "text": ""}

    assert read_record({"trajectory": [system, *TURNS]}).sample == BRIEF


def test_an_arena_with_a_column_for_each_outcome_is_read_by_the_winner() -> None:
    record: dict[str, Json] = {
        "prompt": json.dumps(["Name a river.", "Another."]),
        "response_a": json.dumps(["Rome.", "No."]),
        "response_b": json.dumps(["The Lemmer.", "The Linge."]),
        "winner_model_a": 0,
        "winner_model_b": 1,
    }
    rules = Rules(answer="winner_model_a")

    assert said(record, rules) == [*PAIR, ("user", "Another."), ("assistant", "The Linge.")]
    assert said({**record, "winner_model_a": 1, "winner_model_b": 0}, rules)[1] == ("assistant", "Rome.")
    with pytest.raises(RejectedRecordError, match="neither answer is better"):
        read_record({**record, "winner_model_b": 0, "winner_tie": 1}, rules)
    with pytest.raises(RejectedRecordError, match="with `answer: winner_model_a` in its source"):
        read_record(record)


def test_a_conversation_of_belle_is_its_turns() -> None:
    """Earlier turns are in the instruction, with marks at the beginning of lines."""
    told = "Human: 你好\nAssistant: 你好。\n请说。\nHuman:再见\nAssistant:\n"

    assert said({"instruction": told, "input": "", "output": "再见。"}) == [
        ("user", "你好"),
        ("assistant", "你好。\n请说。"),
        ("user", "再见"),
        ("assistant", "再见。"),
    ]


@pytest.mark.parametrize(
    "instruction",
    [
        "Human: what is it?",
        "Human: a\nHuman: b\nAssistant:",
        "Human: a\nAssistant: b",
        "Say who: Human:\nAssistant:",
    ],
)
def test_a_question_that_only_resembles_a_conversation_of_belle_stays_as_it_is(instruction: str) -> None:
    assert said({"instruction": instruction, "output": "x"}) == [("user", instruction), ("assistant", "x")]
    told = {"instruction": "Human: a\nAssistant:", "input": "more", "output": "x"}
    assert said(told)[0] == ("user", "Human: a\nAssistant:\nmore")


def test_several_instances_of_an_instruction_are_put_aside_with_the_rules_that_read_the_first() -> None:
    record: Json = {
        "instruction": "Say it.",
        "instances": [{"input": f"{n}", "output": f"<{n}>"} for n in (1, 2)],
    }

    with pytest.raises(RejectedRecordError, match="`instances` are 2 examples: write a record for each"):
        read_record(record)
    fields = Fields(question="{instruction}\n{instances.0.input}", answer="instances.0.output")
    assert said(record, Rules(fields)) == [("user", "Say it.\n1"), ("assistant", "<1>")]


def test_an_input_that_may_say_there_is_none_is_text_unless_the_source_says_so() -> None:
    """What is read by itself keeps the ids of stored pools; `init` writes the setting."""
    record: dict[str, Json] = {"instruction": "Name a river.", "input": "N/A", "output": "The Lemmer."}
    rules = Rules(no_input=("<no input>", "n/a"))

    assert said(record)[0] == ("user", "Name a river.\nN/A")
    assert read_record(record).notes == (("input: N/A", Treatment.PLACEHOLDER),)
    assert said(record, rules) == PAIR
    assert read_record(record, rules).notes == ()
    assert said({**record, "input": "<No Input>"}, rules) == PAIR
    assert said({**record, "input": "none of these"}, rules)[0] == ("user", "Name a river.\nnone of these")
    stored = Source("a", rules=Rules(max_characters=9)).rules_json
    assert isinstance(stored, dict)
    assert set(stored) == {"fields", "answer", "keep", "max_characters"}


@pytest.mark.parametrize(
    "turns",
    [
        [
            {"role": "<|user|>", "content": "Name a river."},
            {"role": "<|assistant|>", "content": "The Lemmer."},
        ],
        [TURNS[0], {"role": "assistant", "content": "", "value": "The Lemmer."}],
        [TURNS[0], {"role": "assistant", "content": None, "refusal": "The Lemmer."}],
    ],
    ids=["marks around roles", "an empty content", "a refusal"],
)
def test_a_turn_is_read_where_its_text_is(turns: Json) -> None:
    assert read_record({"messages": turns}).sample == SAID


def test_an_input_within_the_question_is_noted() -> None:
    record: dict[str, Json] = {
        "question": "What is the sentiment of this text?",
        "input": "text",
        "output": "a",
    }

    assert ("input", Treatment.FULLER) in read_record(record).notes


def test_a_list_of_records_within_a_record_is_named_as_such() -> None:
    with pytest.raises(RejectedRecordError, match="results lists records: write each on a line"):
        read_record({"results": [{"question": "q", "answer": "a"}] * 3})


NUMBERED = {str(place): turn for place, turn in enumerate(TURNS)}


@pytest.mark.parametrize(
    "turns",
    [
        NUMBERED,
        {"1": TURNS[1], "0": TURNS[0]},
        {"10": TURNS[1], "9": TURNS[0]},
        {**NUMBERED, "2": None},
        json.dumps(NUMBERED),
        {key: {str(place): turn[key] for place, turn in enumerate(TURNS)} for key in ("role", "content")},  # type: ignore[index, call-overload]
        {"role": ["user", "assistant", None], "content": ["Name a river.", "The Lemmer.", None]},
        {"0": "Name a river.", "1": "The Lemmer."},
        [TURNS],
        json.dumps(json.dumps(TURNS)),
        [{f" {key.title()} ": value for key, value in turn.items()} for turn in TURNS],  # type: ignore[union-attr]
    ],
)
def test_turns_are_read_in_any_wrapping_and_numbers_as_keys_are_their_order(turns: Json) -> None:
    assert read_record({"messages": turns}).sample == SAID
    assert read_record({"said": turns}, Rules(Fields(turns="said"))).sample == SAID


@pytest.mark.parametrize("field", ["input", "context", "history", "system", "choices"])
@pytest.mark.parametrize("value", [{}, [], "", None])
def test_an_empty_field_beside_a_question_is_none(field: str, value: Json) -> None:
    record: dict[str, Json] = {"instruction": "Name a river.", field: value, "output": "The Lemmer."}

    assert read_record(record).sample == SAID
