"""Every format is read back to the same samples and the same ids."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.export.formats import FORMATS
from autoselection_core.identity import Json
from autoselection_core.pool import Message, Role, Sample, Source, ToolCall, ingest
from autoselection_core.pool.reading import read_record
from autoselection_core.store.home import Home
from tests.export.made import LONG, PLAIN, TWICE, WITH_TOOLS, Made

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, -1e30]) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)
CALLS = st.fixed_dictionaries(
    {"name": TEXTS.filter(bool), "arguments": st.dictionaries(TEXTS, VALUES, max_size=3) | TEXTS},
    optional={"id": TEXTS},
)
SYSTEM = st.fixed_dictionaries({"role": st.just("system"), "content": TEXTS})
ASKED = st.fixed_dictionaries({"role": st.just("user"), "content": TEXTS.filter(str.strip)})
RESULT = st.fixed_dictionaries(
    {"role": st.just("tool"), "content": TEXTS}, optional={"name": TEXTS, "tool_call_id": TEXTS}
)
ANSWER = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": TEXTS},
    optional={
        "tool_calls": st.lists(CALLS, max_size=2),
        "reasoning_content": TEXTS,
        "weight": st.sampled_from([0, 1]),
    },
)
RECORDS = st.fixed_dictionaries(
    {"messages": st.lists(ASKED | ANSWER | RESULT | SYSTEM, min_size=1, max_size=6)},
    optional={"tools": st.lists(st.dictionaries(TEXTS, VALUES, max_size=2), max_size=2)},
)


def sample_of(record: Any) -> Sample | None:
    try:
        return read_record(record).sample
    except RejectedRecordError:
        return None


SAMPLES = RECORDS.map(sample_of).filter(lambda sample: sample is not None)
"""Samples as readers make them, of everything that turns may say."""


def read_back(*samples: Sample, spelling: str) -> dict[str, Sample]:
    """The samples of an export of some samples, by id."""
    with TemporaryDirectory() as folder:
        Made.of(*samples).export(Path(folder) / "out", spelling)

        found = ingest([Source(str(Path(folder) / "out"))], Home(Path(folder) / "home"))

        assert (found.quarantined, found.merged, found.trimmed) == (0, 0, 0)
        return {sample.id: sample for sample in found.pool.samples()}


@pytest.mark.parametrize("spelling", FORMATS)
@settings(max_examples=40, deadline=None)
@given(samples=st.lists(SAMPLES, min_size=1, max_size=4))
def test_every_format_is_read_back_to_the_same_samples(spelling: str, samples: list[Sample]) -> None:
    assert read_back(*samples, spelling=spelling) == {sample.id: sample for sample in samples}


CALLING = Sample(
    (
        Message(Role.USER, "Bus?"),
        Message(Role.ASSISTANT, "I look.", "Where?", (ToolCall("find", '{"stop":"Mill"}', "c1"),)),
        Message(Role.TOOL, "4", name="find", call_id="c1"),
        Message(Role.ASSISTANT, "    Four.\n"),
    ),
    '[{"name":"find","parameters":{"via":null}}]',
)
UNTAUGHT = Sample(
    (
        *(Message(Role.USER, "a"), Message(Role.ASSISTANT, "b", is_taught=False)),
        *(Message(Role.USER, "c"), Message(Role.ASSISTANT, "d")),
    )
)


@pytest.mark.parametrize("spelling", FORMATS)
def test_samples_of_every_kind_are_read_back(spelling: str) -> None:
    samples = [*PLAIN, WITH_TOOLS, LONG, TWICE, CALLING, UNTAUGHT]

    assert read_back(*samples, spelling=spelling) == {sample.id: sample for sample in samples}


def lines(folder: Path) -> list[dict[str, list[dict[str, Json]]]]:
    return [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]


def test_a_call_is_a_turn_under_the_tag_that_llama_factory_is_told(tmp_path: Path) -> None:
    Made.of(CALLING).export(tmp_path / "out", "llama-factory")

    (line,) = lines(tmp_path / "out")

    assert [turn["from"] for turn in line["conversations"]] == [
        *("human", "gpt", "function_call", "observation", "gpt"),
    ]
    call = json.loads(str(line["conversations"][2]["value"]))
    assert (call["name"], call["arguments"]) == ("find", {"stop": "Mill"})
    registry = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert registry["autoselection"]["tags"]["function_tag"] == "function_call"


@pytest.mark.parametrize("spelling", FORMATS)
def test_characters_are_written_as_themselves(tmp_path: Path, spelling: str) -> None:
    said = ToolCall("suche", '{"Halt":"Mühle 水车"}', "c1")
    turns = (Message(Role.USER, "Grüße!"), Message(Role.ASSISTANT, "日本", calls=(said,)))
    Made.of(Sample(turns, '[{"name":"suche","description":"für Züge"}]')).export(tmp_path / "out", spelling)

    data = (tmp_path / "out/data.jsonl").read_text(encoding="utf-8")

    assert all(text in data for text in ("Grüße!", "日本", "Mühle 水车", "für Züge"))
    assert "\\u" not in data


def test_calls_are_fields_of_their_turn_with_arguments_as_each_program_takes_them(tmp_path: Path) -> None:
    for spelling, arguments in (("messages", {"stop": "Mill"}), ("axolotl", '{"stop":"Mill"}')):
        Made.of(CALLING).export(tmp_path / spelling, spelling)

        turn = lines(tmp_path / spelling)[0]["messages"][1]

        assert turn["tool_calls"] == [
            {"id": "c1", "type": "function", "function": {"name": "find", "arguments": arguments}}
        ]


@pytest.mark.parametrize("spelling", FORMATS)
def test_every_turn_of_an_export_has_the_same_fields(tmp_path: Path, spelling: str) -> None:
    Made.of(*PLAIN, CALLING, UNTAUGHT).export(tmp_path / "with", spelling)
    Made.of(*PLAIN).export(tmp_path / "without", spelling)

    for folder, more in (("with", True), ("without", False)):
        turns = [
            turn
            for line in lines(tmp_path / folder)
            for name in ("messages", "prompt", "completion", "conversations")
            for turn in line.get(name, [])
        ]
        assert len({tuple(turn) for turn in turns}) == 1
        assert (len(turns[0]) > len(("role", "content"))) == more


def test_what_a_program_does_not_honour_is_on_the_card(tmp_path: Path) -> None:
    Made.of(*PLAIN, CALLING, UNTAUGHT).export(tmp_path / "out", "trl")

    card = (tmp_path / "out" / "README.md").read_text()

    assert "- 1 samples have turns that are not to be taught; TRL and LLaMA-Factory teach them" in card
    assert "- 1 samples have reasoning" in card
