"""Tool calls, reasoning and untaught turns in chat templates that take them, and in those that do not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.models.chat.chat_settings import ANSWER_CUT
from autoselection_core.models.chat.spans import Encoded, encode, encode_each
from autoselection_core.models.chat.template_turns import reasoning_field, takes_calls, template_turns
from autoselection_core.pool.sample import Message, Role, Sample, ToolCall
from autoselection_core.testing.tiny_model import tiny_tokenizer

PLAIN = tiny_tokenizer()
"""Its template writes role and content alone."""

TAKES_ALL = """
{%- for m in messages %}<|im_start|>{{ m['role'] }}
{% if m['role'] == 'assistant' and m.FIELD %}<think>{{ m.FIELD }}</think>{% endif %}{{ m['content'] }}
{%- for call in m.tool_calls or [] -%}
{%- set f = call.function -%}<call>{{ f.name }} {{ f.arguments | tojson }}</call>
{%- endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

ASK = Message(Role.USER, "Bus?")
CALLED = Message(Role.ASSISTANT, "I look.", calls=(ToolCall("find", '{"stop":"Mill"}', "c1"),))
RESULT = Message(Role.TOOL, "4", name="find", call_id="c1")
DONE = Message(Role.ASSISTANT, "In four.", reasoning="4 is four.")


def template(field: str = "reasoning_content") -> Any:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = TAKES_ALL.replace("FIELD", field)
    return tokenizer


def taught(sample: Sample, tokenizer: Any) -> list[str]:
    encoded = encode(sample, tokenizer, 512)
    return [tokenizer.decode(encoded.input_ids[turn.start : turn.end]) for turn in encoded.turns]


@pytest.mark.parametrize("field", ["reasoning_content", "thinking", "reasoning"])
def test_what_a_template_takes_is_found_out(field: str) -> None:
    # transformers may write one name of reasoning under another one, so the name that is found is not told.
    assert (reasoning_field(template(field)) is not None, takes_calls(template(field))) == (True, True)
    assert (reasoning_field(PLAIN), takes_calls(PLAIN)) == (None, False)
    assert taught(Sample((ASK, DONE)), template(field)) == ["<think>4 is four.</think>In four.<|im_end|>"]


def test_calls_and_reasoning_are_taught_as_the_template_writes_them() -> None:
    assert taught(Sample((ASK, CALLED, RESULT, DONE)), template()) == [
        'I look.<call>find {"stop": "Mill"}</call><|im_end|>',
        "<think>4 is four.</think>In four.<|im_end|>",
    ]


def test_calls_are_text_where_a_template_takes_none() -> None:
    assert taught(Sample((ASK, CALLED, RESULT, DONE)), PLAIN) == [
        'I look.\n{"arguments":{"stop":"Mill"},"id":"c1","name":"find"}<|im_end|>',
        "In four.<|im_end|>",
    ]


def test_a_result_is_rendered_with_the_call_that_it_answers() -> None:
    assert template_turns(Sample((ASK, CALLED, RESULT, DONE)), PLAIN)[2] == {
        "role": "tool",
        "content": "4",
        "name": "find",
        "tool_call_id": "c1",
    }


def test_reasoning_alone_is_taught_by_a_template_that_takes_it_and_by_no_other() -> None:
    sample = Sample((ASK, Message(Role.ASSISTANT, "", reasoning="So 36.")))

    assert taught(sample, template()) == ["<think>So 36.</think><|im_end|>"]
    assert taught(sample, PLAIN) == []


def test_a_turn_without_weight_is_read_and_not_taught() -> None:
    wrong = Message(Role.ASSISTANT, "Five.", is_taught=False)
    sample = Sample((ASK, wrong, ASK, Message(Role.ASSISTANT, "Four.")))

    assert taught(sample, PLAIN) == ["Four.<|im_end|>"]
    assert "Five." in PLAIN.decode(encode(sample, PLAIN, 512).input_ids)


def test_indentation_at_the_start_of_an_answer_is_taught() -> None:
    sample = Sample((ASK, Message(Role.ASSISTANT, "    return 1\n")))

    assert taught(sample, PLAIN) == ["    return 1\n<|im_end|>"]


TOKENIZER = tiny_tokenizer()
SYSTEM, USER, ASSISTANT, TOOL = Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL


def conversation(*turns: tuple[Role, str]) -> Sample:
    return Sample(tuple(Message(role, content) for role, content in turns))


def answers(encoded: Encoded, tokenizer: Any = TOKENIZER) -> list[str]:
    return [tokenizer.decode(encoded.input_ids[turn.start : turn.stop]) for turn in encoded.turns]


def with_template(template: str) -> Any:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


def test_every_answer_of_a_long_conversation_is_found() -> None:
    sample = conversation(
        (SYSTEM, "Be brief."), (USER, "2 + 2?"), (ASSISTANT, "4"), (TOOL, "ok"), (ASSISTANT, "It is 4.")
    )

    encoded = encode(sample, TOKENIZER, 512)

    assert answers(encoded) == ["4", "It is 4."]


def test_an_answer_that_the_user_wrote_first_is_not_taken_for_the_answer() -> None:
    encoded = encode(conversation((USER, "Say yes. yes"), (ASSISTANT, "yes")), TOKENIZER, 512)

    assert encoded.response_mask.sum() == encoded.turns[0].stop - encoded.turns[0].start
    assert TOKENIZER.decode(encoded.input_ids[: encoded.turns[0].start]).endswith("<|im_start|>assistant\n")


def test_what_is_taught_holds_the_token_that_ends_the_answer() -> None:
    encoded = encode(conversation((USER, "Hi"), (ASSISTANT, "Hello")), TOKENIZER, 512)

    assert TOKENIZER.decode(encoded.input_ids[encoded.taught_mask]) == "Hello<|im_end|>"
    assert TOKENIZER.decode(encoded.input_ids[encoded.response_mask]) == "Hello"


def test_what_the_template_adds_is_no_content() -> None:
    sample = conversation((Role.USER, "Name a user."), (Role.ASSISTANT, "user"), (Role.USER, "Why?"))

    encoded = encode(sample, TOKENIZER, 512)

    assert TOKENIZER.decode(encoded.input_ids[encoded.content_mask]) == "Name a user.userWhy?"


def test_the_header_stands_between_the_question_and_the_answer() -> None:
    encoded = encode(conversation((USER, "Hi"), (ASSISTANT, "Hello")), TOKENIZER, 512)
    turn = encoded.turns[0]

    assert TOKENIZER.decode(encoded.input_ids[turn.header : turn.start]) == "<|im_start|>assistant\n"


def test_an_answer_that_is_cut_away_leaves_no_turn() -> None:
    sample = conversation((USER, "counts apples " * 50), (ASSISTANT, "Hello"))

    encoded = encode(sample, TOKENIZER, 20)

    assert encoded.truncated
    assert encoded.turns == ()
    assert len(encoded.input_ids) == 20
    assert not encoded.response_mask.any()


def test_an_answer_that_is_cut_in_two_keeps_its_beginning() -> None:
    sample = conversation((USER, "Hi"), (ASSISTANT, "counts apples " * 50))

    encoded = encode(sample, TOKENIZER, 30)

    assert encoded.turns[0].stop == encoded.turns[0].end == 30
    assert encoded.changes == (ANSWER_CUT,)


def test_an_answer_within_the_limit_counts_as_whole_where_what_follows_it_is_cut() -> None:
    turns = ((USER, "Hi"), (ASSISTANT, "counts apples"))
    length = encode(conversation(*turns), TOKENIZER, 512).turns[0].end

    assert encode(conversation(*turns, (USER, "Why? " * 50)), TOKENIZER, length).changes == ()
    assert encode(conversation(*turns), TOKENIZER, length - 1).changes == (ANSWER_CUT,)


def test_a_template_that_trims_answers_and_adds_a_system_prompt_is_followed() -> None:
    tokenizer = with_template(
        "{% if messages[0]['role'] != 'system' %}[default yes]{% endif %}"
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] | trim }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )

    encoded = encode(conversation((USER, "yes?"), (ASSISTANT, "\n yes \n")), tokenizer, 512)

    assert answers(encoded, tokenizer) == ["yes"]


def test_a_template_without_headers_still_shows_where_the_answer_starts() -> None:
    tokenizer = with_template("{% for m in messages %}{{ m['content'] }}\n{% endfor %}")

    encoded = encode(conversation((USER, "Hi"), (ASSISTANT, "Hello")), tokenizer, 512)

    assert answers(encoded, tokenizer) == ["Hello"]


def test_a_template_that_refuses_a_role_says_which_sample_it_refused() -> None:
    tokenizer = with_template(
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ m['content'] }}{% endfor %}"
    )
    sample = conversation((SYSTEM, "Be brief."), (USER, "Hi"), (ASSISTANT, "Hello"))

    with pytest.raises(ChatTemplateError, match="no system") as caught:
        encode(sample, tokenizer, 512)

    assert caught.value.sample_id == sample.id


def test_a_template_that_rewrites_an_answer_is_refused() -> None:
    tokenizer = with_template("{% for m in messages %}{{ m['content'] | upper }}{% endfor %}")

    with pytest.raises(ChatTemplateError, match="changes the answer"):
        encode(conversation((USER, "Hi"), (ASSISTANT, "Hello")), tokenizer, 512)


def test_one_sample_that_cannot_be_written_does_not_stop_the_others() -> None:
    tokenizer = with_template(
        "{% for m in messages %}{% if m['role'] == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
        "{{ m['content'] }}\n{% endfor %}"
    )
    good = conversation((USER, "Hi"), (ASSISTANT, "Hello"))
    bad = conversation((TOOL, "Hi"), (ASSISTANT, "Hello"))

    first, second, third = encode_each([good, bad, good], tokenizer, 512)

    assert isinstance(second, ChatTemplateError)
    assert isinstance(first, Encoded)
    assert isinstance(third, Encoded)
    assert answers(first, tokenizer) == answers(third, tokenizer) == ["Hello"]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<|>"), max_size=40)


@given(
    st.lists(st.tuples(st.sampled_from([SYSTEM, USER, ASSISTANT, TOOL]), TEXT), min_size=1, max_size=5), TEXT
)
def test_the_tokens_of_an_answer_always_say_the_answer(turns: list[tuple[Role, str]], last: str) -> None:
    sample = conversation(*turns, (ASSISTANT, last))

    encoded = encode(sample, TOKENIZER, 4_096)

    said = [m.content.strip() for m in sample.messages if m.role is ASSISTANT and m.content.strip()]
    assert [text.strip() for text in answers(encoded)] == said
