"""Conversations in the templates of well-known families: what is taught and where it stops."""

import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from jinja2 import Environment, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from autoselection_core.errors.models import ChatTemplateError, ModelLoadError
from autoselection_core.evaluation.environment import peak_bytes
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat import tokenizer_identity
from autoselection_core.models.chat.chat_settings import (
    FOLDED,
    REASONING_CUT,
    REASONING_DROPPED,
    REASONING_READ,
    SYSTEM_DROPPED,
)
from autoselection_core.models.chat.spans import encode
from autoselection_core.models.chat.template_bounds import TooLongRenderingError, Watch
from autoselection_core.models.chat.template_sandbox import renderer_of, within_bounds
from autoselection_core.models.chat.template_turns import apply_template
from autoselection_core.models.chat.turn_end import tokenizer_turn_end
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.testing.tiny_model import tiny_model
from tests.models.families import (
    ASKED,
    FAMILIES,
    PAGE,
    TURNS,
    Family,
    page,
    spoken,
    stops,
    taught,
    tokenizer_of,
)

SYSTEM = Message(Role.SYSTEM, "Be brief.")
BY_NAME = {family.name.split(",")[0].split(" (")[0]: family for family in reversed(FAMILIES)}
UNEVEN = ("Words", "gpt-oss")
"""Families that have no end behind an answer, or not the same behind each."""

ENDED = [family for family in FAMILIES if not family.name.startswith(UNEVEN)]
REFUSING = [BY_NAME["Gemma"], BY_NAME["Mistral"], BY_NAME["Vicuna"]]


def named(family: Family) -> str:
    return family.name


def test_the_page_of_chat_templates_says_what_the_code_does() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.models.families"


@pytest.mark.parametrize("family", ENDED, ids=named)
def test_every_turn_is_taught_with_the_end_that_the_template_writes(family: Family) -> None:
    tokenizer = tokenizer_of(family)
    end = tokenizer_turn_end(tokenizer)

    assert end.strip() in tokenizer.get_vocab()
    assert taught(tokenizer, *TURNS) == [f"Four.{end}", f"Five.{end}"]


def test_an_earlier_answer_is_taught_with_the_end_that_it_has_and_stopped_at_it() -> None:
    """Answers before the last were taught without any end."""
    harmony = tokenizer_of(BY_NAME["gpt-oss"])

    assert taught(harmony, *TURNS) == ["Four.<|end|>", "Five.<|return|>"]
    assert stops(harmony) == ["<|return|>", "<|end|>"]


_BETWEEN = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}"
    "{% if not loop.last %}{{ END }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "end"),
    [
        (BY_NAME["GLM-4"].template, "<|user|>"),
        (BY_NAME["Nemotron"].template, "\n<extra_id_1>"),
        (_BETWEEN.replace("END", "eos_token"), "</s>"),
        (_BETWEEN.replace("END", r"'\n'"), "\n<|user|>"),
    ],
)
@pytest.mark.parametrize("answer", ["Five.", "Five.\n", "A <|user|> is"])
def test_the_last_answer_is_taught_with_the_end_of_those_before_where_its_template_leaves_it_out(
    template: str, end: str, answer: str
) -> None:
    """Such a model was never taught to stop by samples of one turn."""
    tokens = ("<|user|>", "<|assistant|>", "<extra_id_0>", "<extra_id_1>")
    tokenizer = tokenizer_of(Family("open", template, "</s>", tokens))

    assert taught(tokenizer, *ASKED, Message(Role.ASSISTANT, answer)) == [f"Four.{end}", f"{answer}{end}"]
    assert taught(tokenizer, ASKED[0], Message(Role.ASSISTANT, answer)) == [f"{answer}{end}"]
    assert stops(tokenizer)[0] == end.strip()
    assert not tokenizer.decode(spoken(tokenizer, *ASKED).input_ids).endswith(end), (
        "nothing behind a question"
    )


def test_an_end_that_a_template_leaves_out_is_part_of_a_model_s_name(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model")
    template = _BETWEEN.replace("END", "eos_token")
    (folder / "chat_template.jinja").write_text(template)

    found = tokenizer_identity.conversations(folder, {"eos_token": "<|im_end|>"}, {}, {})

    assert (found["turn_end"], found["unwritten_end"]) == (None, "<|im_end|>")


@pytest.mark.parametrize("name", ["DeepSeek R1 distilled", "Qwen3 thinking only"])
def test_a_template_that_opens_reasoning_where_it_asks_teaches_answers_without_any(name: str) -> None:
    """Every sample of such a model was refused."""
    tokenizer = tokenizer_of(BY_NAME[name])
    end = tokenizer_turn_end(tokenizer)

    assert taught(tokenizer, *TURNS) == [f"Four.{end}", f"Five.{end}"]


@pytest.mark.parametrize("place", ["text", "field"])
def test_reasoning_behind_what_asks_for_it_is_taught_from_there_on(place: str) -> None:
    """Reasoning in the text was not taught, because its `<think>` stands before the answer."""
    tokenizer = tokenizer_of(BY_NAME["Qwen3 thinking only"])

    last = reasoned(place)[2:]

    assert taught(tokenizer, *last) == ["I count Five.\n</think>\n\nFive.<|im_end|>"]
    assert spoken(tokenizer, *last).changes == ()


def test_how_a_template_asks_and_ends_is_part_of_a_model_s_name_where_it_is_out_of_the_ordinary(
    tmp_path: Path,
) -> None:
    folder = tiny_model(tmp_path / "model")
    plain = (folder / "chat_template.jinja").read_text()
    ordinary = tokenizer_identity.conversations(folder, {"eos_token": "<|im_end|>"}, {}, {})
    (folder / "chat_template.jinja").write_text(plain.replace("assistant\n", "assistant\n<think>\n"))
    opening = tokenizer_identity.conversations(folder, {"eos_token": "<|im_end|>"}, {}, {})

    assert ordinary == {"turn_end": None, "earlier_end": "", "unwritten_end": "", "opens_more": False}
    assert opening == {**ordinary, "opens_more": True}


_NEEDS_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}{{ raise_exception('say who you are') }}{% endif %}"
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|over|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
_NEEDS_TOOLS = "{% if not tools %}{{ raise_exception('no tools') }}{% endif %}" + _NEEDS_SYSTEM


def test_the_end_is_found_where_a_template_refuses_the_first_conversations() -> None:
    tokenizer = tokenizer_of(Family("strict", _NEEDS_SYSTEM, "</s>", ("<|over|>",)))

    assert tokenizer_turn_end(tokenizer) == "<|over|>"
    assert taught(tokenizer, SYSTEM, *TURNS) == ["Four.<|over|>", "Five.<|over|>"]


def test_an_end_that_no_conversation_shows_is_named_and_not_left_out() -> None:
    """Answers were taught without any end, and in silence."""
    tokenizer = tokenizer_of(Family("with tools only", _NEEDS_TOOLS, "</s>", ("<|over|>",)))
    sample = Sample((SYSTEM, *TURNS), tools='[{"name": "look"}]')

    with pytest.raises(ChatTemplateError, match=r"the end of its turns is not known.*no tools") as refused:
        encode(sample, tokenizer, 512)

    assert refused.value.sample_id == sample.id


def test_a_model_whose_turns_have_no_known_end_is_refused(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model")
    (folder / "chat_template.jinja").write_text(_NEEDS_TOOLS)

    with pytest.raises(ModelLoadError, match="the end of its turns is not known"):
        BaseModel.load(folder, dtype="float32")


def test_an_end_that_only_looks_like_one_in_the_answer_ends_nothing() -> None:
    tokenizer = tokenizer_of(BY_NAME["Words only"])

    assert taught(tokenizer, ASKED[0], Message(Role.ASSISTANT, "Say </s> now")) == ["Say </s> now"]


@pytest.mark.parametrize("family", REFUSING, ids=named)
def test_a_system_line_that_a_template_does_not_take_is_refused_with_the_way_forward(family: Family) -> None:
    with pytest.raises(ChatTemplateError, match="system: fold"):
        spoken(tokenizer_of(family), SYSTEM, *TURNS)


@pytest.mark.parametrize("family", FAMILIES, ids=named)
def test_a_folded_system_line_stands_in_the_user_turn_and_is_counted(family: Family) -> None:
    tokenizer = tokenizer_of(family, system="fold")

    encoded = spoken(tokenizer, SYSTEM, *TURNS)

    assert encoded.changes == (FOLDED,)
    assert "Be brief.\n\nWhat is 2 and 2?" in tokenizer.decode(encoded.input_ids)
    assert len(encoded.turns) == 2


@pytest.mark.parametrize("family", FAMILIES, ids=named)
def test_a_dropped_system_line_is_gone_and_counted(family: Family) -> None:
    tokenizer = tokenizer_of(family, system="drop")

    encoded = spoken(tokenizer, SYSTEM, *TURNS)

    assert encoded.changes == (SYSTEM_DROPPED,)
    assert "Be brief." not in tokenizer.decode(encoded.input_ids)


def reasoned(place: str) -> tuple[Message, ...]:
    """A conversation whose answers say first how they came about."""
    said = [
        Message(Role.ASSISTANT, f"<think>\nI count {answer}\n</think>\n\n{answer}")
        if place == "text"
        else Message(Role.ASSISTANT, answer, reasoning=f"I count {answer}")
        for answer in ("Four.", "Five.")
    ]
    return (ASKED[0], said[0], ASKED[2], said[1])


@pytest.mark.parametrize("place", ["text", "field"])
def test_a_template_that_cuts_earlier_reasoning_teaches_the_last_and_the_cut_is_counted(
    place: str,
) -> None:
    tokenizer = tokenizer_of(BY_NAME["Qwen3"])
    messages = reasoned(place)

    assert taught(tokenizer, *messages) == [
        "Four.<|im_end|>",
        "<think>\nI count Five.\n</think>\n\nFive.<|im_end|>",
    ]
    assert spoken(tokenizer, *messages).changes == (REASONING_CUT,)


@pytest.mark.parametrize("place", ["text", "field"])
def test_samples_whose_reasoning_is_cut_can_be_refused(place: str) -> None:
    tokenizer = tokenizer_of(BY_NAME["Qwen3"], reasoning="refuse")

    with pytest.raises(ChatTemplateError, match="left out by the template"):
        spoken(tokenizer, *reasoned(place))
    assert spoken(tokenizer, *reasoned(place)[2:]).changes == ()


@pytest.mark.parametrize("place", ["text", "field"])
@pytest.mark.parametrize("family", FAMILIES, ids=named)
def test_dropped_reasoning_is_gone_everywhere_and_counted(family: Family, place: str) -> None:
    tokenizer = tokenizer_of(family, reasoning="drop")

    encoded = spoken(tokenizer, *reasoned(place))

    assert encoded.changes == (REASONING_DROPPED,)
    assert "I count" not in tokenizer.decode(encoded.input_ids)
    assert [answer.split(".")[0] for answer in taught(tokenizer, *reasoned(place))] == [
        "Four",
        "Five",
    ]


def test_reasoning_that_a_template_does_not_take_is_counted() -> None:
    assert spoken(tokenizer_of(FAMILIES[0]), *reasoned("field")).changes == (REASONING_CUT,)


@pytest.mark.parametrize("place", ["text", "field"])
def test_reasoning_that_an_answer_repeats_is_counted_where_a_template_cuts_it(place: str) -> None:
    """The words were there, in the answer, so that nothing seemed to be cut."""
    said = [
        Message(Role.ASSISTANT, f"<think>\n4\n</think>\n\nIt is {answer}.")
        if place == "text"
        else Message(Role.ASSISTANT, f"It is {answer}.", reasoning="4")
        for answer in (4, 5)
    ]
    tokenizer = tokenizer_of(BY_NAME["Qwen3"])

    assert spoken(tokenizer, ASKED[0], said[0], ASKED[2], said[1]).changes == (REASONING_CUT,)
    assert spoken(tokenizer, ASKED[0], said[0]).changes == ()


@pytest.mark.parametrize(
    "said", [">", "<", "/", "t", "i", "th", "think", "<think>", "\n>", "user", "im", "|"]
)
@pytest.mark.parametrize("family", ENDED, ids=named)
def test_an_answer_that_occurs_in_what_the_template_writes_is_taught_where_it_was_given(
    family: Family, said: str
) -> None:
    """Qwen3 writes an empty block of reasoning before the last answer, and its characters were taught."""
    tokenizer = tokenizer_of(family)
    end = tokenizer_turn_end(tokenizer)
    last = Message(Role.ASSISTANT, said)

    encoded = spoken(tokenizer, ASKED[0], last, ASKED[2], last)
    text = tokenizer.decode(encoded.input_ids)

    assert [each.strip() for each in taught(tokenizer, ASKED[0], last, ASKED[2], last)] == [
        f"{said}{end}".strip() if f"{said}{end}" in text else f"{said.strip()}{end}"
    ] * 2


@pytest.mark.parametrize("start", ["<think>", ""], ids=["opened", "not opened"])
@pytest.mark.parametrize("answer", [" tag, then more", "\n\n4", "4"])
def test_reasoning_that_the_template_spells_in_another_way_is_counted(start: str, answer: str) -> None:
    """Text before the mark was read as reasoning, and nothing said that it is not taught."""
    tokenizer = tokenizer_of(BY_NAME["Qwen3"])
    said = Message(Role.ASSISTANT, f"{start}It is 4 by</think>{answer}")

    assert taught(tokenizer, ASKED[0], said) == [answer.lstrip("\n") + "<|im_end|>"]
    assert spoken(tokenizer, ASKED[0], said).changes == (REASONING_READ,)
    assert spoken(tokenizer, ASKED[0], said, *ASKED[2:], TURNS[3]).changes == (REASONING_CUT,)


@pytest.mark.parametrize(
    "template",
    [
        "{% for each in range(1000000000) %}{% endfor %}",
        "{{ 1 / (messages | length - 2) }}",
        "{{ messages[0]['content'].encode('nope') }}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{% include '/etc/passwd' %}",
        "{% if %}",
        "{{ 'a' * 1000000000000000000 }}",
        "{{ 'a' | center(1000000000000000000) }}",
        "{{ 'a' * 1000000000000000000000000000000 }}",
    ],
    ids=[
        *("range", "division", "lookup", "recursion", "class", "mutation", "include", "syntax"),
        *("memory", "width", "overflow"),
    ],
)
def test_a_template_that_fails_on_a_sample_refuses_it_and_runs_no_code(template: str) -> None:
    """A division by zero in a template ended the whole training."""
    tokenizer = tokenizer_of(FAMILIES[0])
    tokenizer.chat_template = template
    messages = (Message(Role.USER, "Four?"), Message(Role.ASSISTANT, "Four."))

    with pytest.raises(ChatTemplateError):
        spoken(tokenizer, *messages)
    with pytest.raises(ChatTemplateError):
        renderer_of(template, {})(
            [{"role": "user", "content": "Four?"}, {"role": "assistant", "content": "4"}]
        )


ENDLESS = (
    "{% for a in range(99999) %}{% for b in range(99999) %}{% set c = 1 %}{% endfor %}{% endfor %}",
    "{% macro m(n) %}{% for a in range(9999) %}{{ m(n - 1) if n }}{% endfor %}{% endmacro %}{{ m(3) }}",
)


@pytest.mark.parametrize("template", ENDLESS)
def test_a_template_without_an_end_is_ended_with_a_sentence(template: str) -> None:
    """It held up the process for ever."""
    made = Environment(autoescape=False).from_string(template)  # noqa: S701 no markup
    begun = time.monotonic()

    with pytest.raises(TooLongRenderingError, match="it takes more than 10 seconds"):
        within_bounds(template, [], made.render, Watch(0.3))

    assert time.monotonic() - begun < 5
    assert within_bounds("{{ 1 }}", [], lambda: "1", Watch(0.3)) == "1"


def test_what_ends_in_time_is_sent_nothing_afterwards() -> None:
    watch = Watch(0.05)
    said = []

    def count() -> str:
        begun, rounds = time.monotonic(), 0
        while time.monotonic() - begun < 0.145:  # about when the watch looks
            rounds += 1
        return str(rounds)

    for _ in range(20):
        try:
            said.append(within_bounds("", [], count, watch))
        except TooLongRenderingError:
            said.append("ended")
    time.sleep(0.3)

    assert len(said) == 20


def test_each_thread_has_its_own_time_and_the_watch_goes_when_nothing_is_at_work() -> None:
    watch = Watch(0.3)
    made = Environment(autoescape=False).from_string(ENDLESS[0])  # noqa: S701 no markup

    def outcome(render: Callable[[], str]) -> str:
        try:
            return within_bounds("", [], render, watch)
        except TooLongRenderingError:
            return "ended"

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(outcome, [made.render, lambda: "done"])) == ["ended", "done"]
    time.sleep(3)
    assert not any(thread.name == "chat templates" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (
            "{% for a in range(2000) %}{{ messages[0]['content'] * 900 }}{% endfor %}",
            "characters, more than the",
        ),
        ("{{ 10 ** 10 ** 8 }}", "raises a number to a power"),
        (
            "{% set n = namespace(x=3) %}{% for a in range(40) %}{% set n.x = n.x * n.x %}{% endfor %}",
            "multiplies",
        ),
    ],
)
def test_a_template_that_writes_too_much_or_computes_without_bounds_is_refused(
    template: str, says: str
) -> None:
    tokenizer = tokenizer_of(FAMILIES[0])
    tokenizer.chat_template = template
    turns = [{"role": "user", "content": "Four?"}, {"role": "assistant", "content": "4"}]

    for render in (partial(apply_template, tokenizer), renderer_of(template, {})):
        with pytest.raises(ChatTemplateError, match=says):
            render(turns)


GROWING = (
    "{% set n = namespace(x='ab') %}{% for a in range(60) %}{% set n.x = EXPRESSION %}{% endfor %}{{ n.x }}"
)
HUNGRY = {
    "concatenation": GROWING.replace("EXPRESSION", "n.x ~ n.x"),
    "addition": GROWING.replace("EXPRESSION", "n.x + n.x"),
    "join": GROWING.replace("EXPRESSION", "[n.x, n.x] | join"),
    "replacement": GROWING.replace("EXPRESSION", "n.x | replace('a', n.x)"),
    "lists": GROWING.replace("EXPRESSION", "(n.x | list) + (n.x | list)"),
    "format": "{{ '%020000000000d' | format(1) }}",
    "product": "{{ 'a' * 20000000000 }}",
    "width": "{{ 'a' | center(20000000000) }}",
    "indentation": "{{ 'a' | indent(20000000000, true) }}",
}


@pytest.mark.parametrize("template", HUNGRY.values(), ids=HUNGRY)
def test_a_template_that_takes_more_memory_than_it_may_is_refused_before_it_has_it(template: str) -> None:
    """It ended the process: texts that were doubled in a loop took all the memory of the machine."""
    sandbox = ImmutableSandboxedEnvironment()
    limits, peak = resource.getrlimit(resource.RLIMIT_DATA), peak_bytes("cpu")

    with pytest.raises(TemplateError, match="it takes more memory than the 134 MB that it may"):
        within_bounds(template, [], lambda: sandbox.from_string(template).render(), Watch(max_bytes=1 << 27))

    assert peak_bytes("cpu") - peak < 1 << 28
    assert resource.getrlimit(resource.RLIMIT_DATA) == limits


@pytest.mark.parametrize("template", [HUNGRY["concatenation"], HUNGRY["width"]])
def test_both_renderings_of_a_template_have_the_bound_of_memory(template: str) -> None:
    tokenizer = tokenizer_of(FAMILIES[0])
    tokenizer.chat_template = template
    turns = [{"role": "user", "content": "Four?"}, {"role": "assistant", "content": "4"}]

    for render in (partial(apply_template, tokenizer), renderer_of(template, {})):
        with pytest.raises(ChatTemplateError, match="it takes more memory than the 1,074 MB that it may"):
            render(turns)


def test_memory_is_limited_while_any_thread_renders_and_no_longer() -> None:
    watch, before = Watch(), resource.getrlimit(resource.RLIMIT_DATA)
    first, second = threading.Barrier(2), threading.Barrier(2)
    seen: list[tuple[int, int]] = []

    def render() -> str:
        first.wait()
        seen.append(resource.getrlimit(resource.RLIMIT_DATA))
        second.wait()
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda _: within_bounds("", [], render, watch), range(2))) == ["done"] * 2

    assert before not in seen
    assert len(set(seen)) == 1
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert within_bounds("", [], lambda: within_bounds("", [], lambda: "inner", watch), watch) == "inner"
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_long_conversations_are_rendered_whole() -> None:
    tokenizer = tokenizer_of(FAMILIES[0])
    said = "word " * 400_000

    assert said in apply_template(tokenizer, [{"role": "user", "content": said}])
