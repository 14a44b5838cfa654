"""Laws of reading: any spelling of a conversation reads back to it, and hostile texts take linear time."""

import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool import Origin, Pool, Role, Sample, Source, ingest
from autoselection_core.pool.canonical import canonical_text, says_something, verbatim_text
from autoselection_core.pool.reading import Fields, Rules, read_record
from autoselection_core.pool.reading.spellings import (
    ANSWERS,
    AUTHOR,
    CONTENTS,
    QUESTIONS,
    ROLES,
    SYSTEMS,
    TURN_LISTS,
    is_call,
    role_of,
)
from autoselection_core.pool.reading.spellings import SPEAKERS as SPEAKER_FIELDS
from autoselection_core.pool.reading.view import Treatment
from autoselection_core.signals.definitions.wording.text import Form
from autoselection_core.store.home import Home
from tests.pool.raw import ALPACA, conversation

LENGTH = 400_000
"""Characters of a hostile text: a step of quadratic time would take minutes on it."""

LINEAR = pytest.mark.timeout(120)

HOSTILE = {
    "line ends": "\n" * LENGTH,
    "spaces": " " * LENGTH + "x",
    "quotes": '"' * LENGTH,
    "escapes": '\\"' * (LENGTH // 2),
    "equations": "<<" + "=" * LENGTH,
    "annotations": "<<" * (LENGTH // 2),
    "dollars": "$" * LENGTH,
    "digits": "1 " * (LENGTH // 2),
    "bullets": "- \n" * (LENGTH // 3),
    "braces": "{[" * (LENGTH // 2),
    "brackets": "[" * LENGTH,
    "hashes": "#" * LENGTH,
    "speakers": "\n\nHuman: \nUSER: [Human]: " * (LENGTH // 29),
    "ends": "<eoh>" * (LENGTH // 5),
}


@LINEAR
@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", ["raw.jsonl", "raw.json"])
def test_reading_is_linear(tmp_path: Path, name: str, kind: str) -> None:
    said = [json.dumps({"prompt": "a", "output": f"b{HOSTILE[kind]}b"}), HOSTILE[kind].replace("\n", " ")]
    (tmp_path / name).write_text("\n".join([json.dumps(ALPACA), *said, f'{{"prompt": "{said[1]}']))

    found = ingest([Source(str(tmp_path / name))], Home(tmp_path / "home"))

    assert found.samples == 2


@LINEAR
@pytest.mark.parametrize("text", ["Q: " * (LENGTH // 3), "\n<e>" * (LENGTH // 4), "Q: <e>" * (LENGTH // 6)])
def test_marks_part_a_text_in_linear_time(text: str) -> None:
    rules = Rules(fields=Fields(text="text", split_on=("Q: ", "A: ", "<e>")))

    with pytest.raises(RejectedRecordError):
        read_record({"text": f"{text}A:{text}"}, rules)


ROOMS = ("pool", "signals", "words", "benchmarks.formats", "benchmarks.reading", "benchmarks.normalisation")


def modules() -> Iterator[ModuleType]:
    """Modules that read texts of records, and of items and answers of benchmarks."""
    for name in ROOMS:
        room = importlib.import_module(f"autoselection_core.{name}")
        yield room
        for found in pkgutil.walk_packages(getattr(room, "__path__", []), f"{room.__name__}."):
            yield importlib.import_module(found.name)


def expressions() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes], str]]:
    """Every regular expression that a module names, and each method by which it is used there."""
    for module in modules():
        source = Path(str(module.__file__)).read_text()
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                used = set(
                    re.findall(rf"\b{name}\.(match|fullmatch|search|finditer|findall|split|sub)\(", source)
                )
                yield from ((f"{module.__name__}.{name}", value, method) for method in sorted(used))


@LINEAR
@pytest.mark.parametrize(
    ("expression", "method"),
    [pytest.param(found, method, id=f"{name}.{method}") for name, found, method in expressions()],
)
def test_every_regular_expression_that_reads_texts_takes_linear_time(
    expression: re.Pattern[str] | re.Pattern[bytes], method: str
) -> None:
    for hostile in HOSTILE.values():
        for end in ("", "x", ">>"):
            text = hostile + end
            said = text.encode() if isinstance(expression.pattern, bytes) else text
            found = getattr(expression, method)(*((said[:0], said) if method == "sub" else (said,)))
            assert not isinstance(found, Iterator) or sum(1 for _ in found) <= len(text)


@LINEAR
def test_an_array_that_is_cut_inside_of_escaped_quotes_is_read_in_linear_time(tmp_path: Path) -> None:
    (tmp_path / "raw.json").write_text(f'[{json.dumps(ALPACA)},\n{{"prompt": "{HOSTILE["escapes"]}')

    assert ingest([Source(str(tmp_path / "raw.json"))], Home(tmp_path / "home")).samples == 1


@LINEAR
@pytest.mark.parametrize("kind", HOSTILE)
def test_the_form_of_a_text_is_found_in_linear_time(kind: str) -> None:
    sample = conversation((Role.USER, "q"), (Role.ASSISTANT, f"b{HOSTILE[kind]}b"))

    assert Form().compute(Pool.from_samples([(sample, [Origin("a", "a#1")])]), {})


Turns: TypeAlias = list[tuple[Role, str]]
Record: TypeAlias = dict[str, Json]

ASKED = st.text(st.characters(codec="utf-8"), max_size=12).map(canonical_text).filter(says_something)
EDGES = st.sampled_from(["", " ", "\n", "    ", "\t"])
ANSWERED = st.builds("{}{}{}".format, EDGES, ASKED, EDGES).map(verbatim_text)
"""Answers, mostly with white space around them."""

PAIRS = st.lists(st.tuples(ASKED, ANSWERED), min_size=1, max_size=3)
SPEAKERS = {role: [name for name in ROLES if ROLES[name] is role and not is_call(name)] for role in Role}
CASES: tuple[Callable[[str], str], ...] = (str, str.upper, str.title)


@st.composite
def turns(draw: st.DrawFn) -> Turns:
    """A conversation: perhaps a system message, then questions and answers in turn."""
    system = draw(st.none() | ASKED)
    opening = [] if system is None else [(Role.SYSTEM, system)]
    return [*opening, *(turn for q, a in draw(PAIRS) for turn in ((Role.USER, q), (Role.ASSISTANT, a)))]


@st.composite
def spoken(draw: st.DrawFn, said: Turns) -> list[Json]:
    """The turns of a conversation under any known names, each text as it is or as parts."""
    speaker = draw(st.sampled_from(["role", "from", "speaker", "sender"]))
    content = draw(st.sampled_from(["content", "value", "text"]))
    names = {role: draw(st.sampled_from(CASES))(draw(st.sampled_from(SPEAKERS[role]))) for role in Role}
    part = draw(st.sampled_from([None, "text", "value"]))
    padding: Record = draw(st.sampled_from([{}, {"weight": None, "tool_calls": None}, {"name": None}]))
    spelled: list[Json] = []
    for role, text in said:
        shown: Json = text if part is None else [{"type": "text", part: text}]
        spelled.append({speaker: names[role], content: shown, **padding})
    return spelled


@st.composite
def bare(draw: st.DrawFn, said: Turns) -> tuple[Record, Rules]:
    """A conversation as texts or pairs without speakers, its system message in a field of its own."""
    record: Record = {}
    if said[0][0] is Role.SYSTEM:
        record[draw(st.sampled_from(SYSTEMS))] = said[0][1]
        said = said[1:]
    asks, answers = draw(st.sampled_from(QUESTIONS)), draw(st.sampled_from(ANSWERS))
    pairs = [(said[at][1], said[at + 1][1]) for at in range(0, len(said), 2)]
    hows: tuple[list[Json], ...] = (
        [text for _, text in said],
        [{asks: asked, answers: answered} for asked, answered in pairs],
        [[asked, answered] for asked, answered in pairs if role_of(asked) is None],
        [["Human" if role is Role.USER else "gpt", text] for role, text in said],
    )
    turns = draw(st.sampled_from([how for how in hows if how]))
    is_whole = len(turns) in (len(said), len(pairs))
    if draw(st.booleans()):
        return {**record, "turns": hows[0]}, Rules()
    return {**record, draw(st.sampled_from(TURN_LISTS)): turns if is_whole else hows[0]}, Rules()


def listed(turns: list[Json], how: str) -> Json:
    """A list of turns as its source may hold it."""
    if how == "text":
        return json.dumps(turns)
    if how == "maps":
        return [[[key, value] for key, value in turn.items()] for turn in turns if isinstance(turn, dict)]
    if how == "lists":
        columns = [turn for turn in turns if isinstance(turn, dict)]
        return {key: [turn[key] for turn in columns] for key in columns[0]}
    return [None, *turns, None] if how == "padded" else turns


@st.composite
def chats(draw: st.DrawFn, said: Turns) -> tuple[Record, Rules]:
    """A conversation as a list of turns."""
    field = draw(st.sampled_from([*TURN_LISTS, "traj"]))
    spelled = listed(draw(spoken(said)), draw(st.sampled_from(["list", "text", "maps", "lists", "padded"])))
    rules = Rules(fields=Fields(turns=field)) if field == "traj" else Rules()
    if said[0][0] is Role.SYSTEM and draw(st.booleans()):
        return {field: draw(spoken(said[1:])), draw(st.sampled_from(SYSTEMS)): said[0][1]}, rules
    return {field: spelled}, rules


@st.composite
def prompts(draw: st.DrawFn, said: Turns) -> tuple[Record, Rules]:
    """A conversation as a prompt of turns and the turns that follow it."""
    prompt, answer = draw(spoken(said[:-1])), draw(spoken(said[-1:]))
    if draw(st.booleans()):
        return {
            "prompt": prompt,
            draw(st.sampled_from(ANSWERS)): draw(st.sampled_from([answer, said[-1][1]])),
        }, Rules()
    whole = draw(st.booleans())
    chosen = draw(spoken(said)) if whole else answer
    return {"prompt": prompt, "chosen": chosen, "rejected": answer}, Rules(answer="chosen")


@st.composite
def fields(draw: st.DrawFn, said: Turns) -> tuple[Record, Rules]:
    """A question and an answer in fields of their own, those before in a history."""
    case = draw(st.sampled_from(CASES))
    asks, answers = draw(st.sampled_from(QUESTIONS)), draw(st.sampled_from(ANSWERS))
    record: Record = {case(asks): said[-2][1], case(answers): said[-1][1]}
    before = said[:-2]
    if before and before[0][0] is Role.SYSTEM:
        record[draw(st.sampled_from(SYSTEMS))] = before.pop(0)[1]
    if before:
        record["history"] = [[before[at][1], before[at + 1][1]] for at in range(0, len(before), 2)]
    return record, Rules()


@st.composite
def published(draw: st.DrawFn, said: Turns) -> tuple[Record, Rules]:
    """A conversation in the layout of a published data set, its system message in a field of its own."""
    record: Record = {}
    if said[0][0] is Role.SYSTEM:
        record["system"], said = said[0][1], said[1:]
    other: Json = draw(spoken(said[:1]))
    questions: list[Json] = [text for _, text in said[::2]]
    answers: list[Json] = [text for _, text in said[1::2]]
    layouts: list[tuple[Record, Rules]] = [
        (
            {"conversation_a": draw(spoken(said)), "conversation_b": other, "winner": "a"},
            Rules(answer="winner"),
        ),
        (
            {"conversation_a": other, "conversation_b": draw(spoken(said)), "winner": "model_b"},
            Rules(answer="winner"),
        ),
        ({"questions": questions, "answers": {"input_text": answers}}, Rules()),
    ]
    if all(text == text.strip() and "\n\n" not in text for _, text in said):
        names = {Role.USER: "Human", Role.ASSISTANT: "Assistant"}
        whole = "".join(f"\n\n{names[role]}: {text}" for role, text in said)
        opening = "".join(f"\n\n{names[role]}: {text}" for role, text in said[:-1]) + "\n\nAssistant:"
        ranked: Json = [{"answer": "no", "rank": 2}, {"answer": said[-1][1], "rank": 1}]
        layouts.append(({"chosen": whole, "rejected": opening}, Rules(answer="chosen")))
        layouts.append(({"prompt": opening, "answers": ranked}, Rules(answer="answers")))
        scored: Json = [{"text": said[-1][1], "pm_score": 2.5}, {"text": "no", "pm_score": -1}]
        layouts.append(({"prompt": opening, "answers": scored}, Rules(answer="answers")))
        marks = {Role.USER: "[Human]: {}<eoh> ", Role.ASSISTANT: "[MOSS]: {}<eoa> "}
        layouts.append(({"plain_text": "".join(marks[role].format(text) for role, text in said)}, Rules()))
        calls = {Role.USER: "USER: {}\n\n\n", Role.ASSISTANT: "ASSISTANT: {} <|endoftext|>\n\n\n"}
        layouts.append(({"chat": "".join(calls[role].format(text) for role, text in said)}, Rules()))
        split = Fields(text="text", split_on=("<q>", "<a>", "</s>", "<s>"))
        marked = {Role.USER: "<s><q> {}", Role.ASSISTANT: "<a> {} </s>"}
        whole = "".join(marked[role].format(text) for role, text in said)
        layouts.append(({"text": whole}, Rules(fields=split)))
    layout, rules = draw(st.sampled_from(layouts))
    return {**record, **layout}, rules


@st.composite
def spellings(draw: st.DrawFn) -> tuple[Sample, Record, Rules]:
    """A conversation, and a record that holds it in any supported spelling."""
    said = draw(turns())
    record, rules = draw(st.one_of(chats(said), bare(said), prompts(said), fields(said), published(said)))
    return conversation(*said), record, rules


@given(spellings())
def test_a_conversation_reads_back_from_every_spelling(spelled: tuple[Sample, Record, Rules]) -> None:
    sample, record, rules = spelled

    assert read_record(record, rules).sample == sample


@given(
    spellings(), st.dictionaries(st.sampled_from(["note", "score", "tags", "rationale"]), ASKED, max_size=3)
)
def test_fields_beside_a_conversation_are_kept_as_they_are_and_named(
    spelled: tuple[Sample, Record, Rules], beside: dict[str, str]
) -> None:
    sample, record, rules = spelled
    before = read_record(record, rules)

    reading = read_record({**record, **beside}, rules)

    assert reading.sample == sample
    kept = {**json.loads(before.extras or "{}"), **beside}
    assert json.loads(reading.extras or "{}") == kept
    assert {field for field, what in reading.notes if what is Treatment.KEPT} >= set(beside)


@given(spellings(), st.sampled_from(["context", "passage", "document"]), ASKED)
def test_a_passage_is_read_once_or_named(
    spelled: tuple[Sample, Record, Rules], field: str, passage: str
) -> None:
    sample, record, rules = spelled

    reading = read_record({**record, field: passage}, rules)

    treatments = dict(reading.notes)
    assert treatments[field] in (Treatment.RENDERED, Treatment.KEPT)
    if treatments[field] is Treatment.KEPT:
        assert reading.sample == sample
    else:
        is_list = any(key in record for key in (*TURN_LISTS, "turns", "questions"))
        place = 0 if is_list else -1
        asked = [message.content for message in sample.messages if message.role is Role.USER]
        held = [message.content for message in sample.messages] if is_list else asked[-1:]
        expected = asked[place] if any(passage in text for text in held) else f"{asked[place]}\n{passage}"
        read = [each.content for each in reading.sample.messages if each.role is Role.USER]
        assert read[place] == expected
        assert len(read) == len(asked)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
    lambda name: says_something(name) and role_of(name) is None and not is_call(name)
)


@st.composite
def named(draw: st.DrawFn) -> tuple[Sample, Record, Rules]:
    """A conversation of speakers with names of their own, which its texts may say, too."""
    roles = (Role.SYSTEM, Role.USER, Role.ASSISTANT)
    names = draw(st.lists(NAMES, min_size=3, max_size=3, unique_by=lambda name: name.strip().casefold()))
    speaks = dict(zip(roles, names, strict=True))
    asks = draw(st.none() | st.sampled_from(names).map(canonical_text).filter(says_something))
    said = [(role, asks if asks and role is Role.USER else text) for role, text in draw(turns())]
    speaker, content = draw(st.sampled_from([*SPEAKER_FIELDS, AUTHOR])), draw(st.sampled_from(CONTENTS))
    written: list[Json] = [{speaker: speaks[role], content: text} for role, text in said]
    rules = Rules(speakers=tuple((name, role.value) for role, name in speaks.items()))
    return conversation(*said), {draw(st.sampled_from(TURN_LISTS)): written}, rules


@given(named())
def test_a_conversation_of_speakers_that_its_source_names_reads_back(
    spelled: tuple[Sample, Record, Rules],
) -> None:
    sample, record, rules = spelled

    assert read_record(record, rules).sample == sample
