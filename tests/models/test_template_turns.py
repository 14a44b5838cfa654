"""Tool calls, reasoning and untaught turns in chat templates that take them, and in those that do not."""

from typing import Any

import pytest

from autoselection_core.models.chat.spans import encode
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
