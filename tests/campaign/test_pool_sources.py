"""Entries of `pool:` say where raw files are and which field is what."""

import json
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.pool.reading import Fields, Rules, read_record
from autoselection_core.pool.reading.named import SHAPES, Shape
from autoselection_core.pool.sources import Source
from autoselection_core.store.home import Home


def source(folder: Path, entry: str) -> Source:
    """The source that an entry declares."""
    lines = "\n".join(
        ("      - " if number == 0 else "        ") + text for number, text in enumerate(entry.splitlines())
    )
    file = folder / "autoselection.yaml"
    file.write_text(
        f"campaigns:\n  mine:\n    pool:\n{lines}\n    signals: [word_entropy]\n"
        "    closed_form: {weights: {word_entropy: 1}}\n"
    )
    (found,) = load_campaigns(file, Home(folder / "home"))["mine"].sources
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.title)
def test_the_shapes_of_the_reference_are_read_as_it_says(tmp_path: Path, shape: Shape) -> None:
    found = source(tmp_path, shape.entry)

    sample = read_record(json.loads(shape.record), found.rules).sample

    assert tuple((str(each.role), each.content) for each in sample.messages) == shape.said


def test_an_entry_may_say_everything(tmp_path: Path) -> None:
    entry = (
        "path: raw\nname: sums\nlicence: MIT\nfields: {text: body, split_on: [a, b], system: s, tools: t}\n"
        "keep: [score]\nmax_characters: 5000"
    )

    assert source(tmp_path, entry) == Source(
        str(tmp_path / "raw"),
        "sums",
        "MIT",
        rules=Rules(Fields(text="body", split_on=("a", "b"), system="s", tools="t"), None, ("score",), 5000),
    )


def test_speakers_are_names_or_numbers_with_their_roles(tmp_path: Path) -> None:
    found = source(tmp_path, "path: raw\nspeakers: {Wizard: assistant, 0: user}")

    assert found.rules.speakers == (("Wizard", "assistant"), ("0", "user"))


def test_choices_are_a_field_or_a_list_of_fields(tmp_path: Path) -> None:
    one = source(tmp_path, "path: raw\nfields: {choices: endings, answer_by: index}")
    several = source(tmp_path, "path: raw\nfields: {choices: [sol1, sol2], options: texts}")

    assert one.rules.fields == Fields(choices="endings", answer_by="index")
    assert several.rules.fields == Fields(choices=("sol1", "sol2"), options="texts")


def test_a_data_set_of_a_hub_is_named_by_its_path(tmp_path: Path) -> None:
    found = source(tmp_path, "path: hf://ours/sums@v1:train")

    assert found.hub is not None
    assert (found.hub.repository, found.hub.revision, found.hub.split) == ("ours/sums", "v1", "train")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("path: hf://sums", r"line 4.*pool\[1\]\.path is refused: 'hf://sums' is no data set of a hub"),
        ("path: x\nfields: {qestion: a}", r"line 5.*qestion is not a key here.*Did you mean 'question'"),
        ("path: x\nfields: {question: '{a'}", r"line 5.*pool\[1\]\.fields is refused: question is '\{a'"),
        ("path: x\nfields: {text: a, split_on: [b]}", r"needs one text under `split_on`, or two"),
        ("path: x\nfields: {choices: a, answer_by: luck}", r"answer_by is 'luck'"),
        ("path: x\nfields: {answer: a}\nanswer: b", r"line 6.*pool\[1\]\.answer is refused.*given once"),
        ("path: x\nfields: {answer: a}\nkeep: [a]", r"line 6.*pool\[1\]\.keep is refused"),
        ("path: x\nmax_characters: 0", r"must be at least 1"),
        ("path: x\nspeakers: {A: teacher}", r"line 5.*speakers is refused.*'teacher'.*one of system, user"),
    ],
)
def test_an_entry_that_means_nothing_is_refused_where_it_stands(
    tmp_path: Path, entry: str, says: str
) -> None:
    with pytest.raises(CampaignFileError, match=says):
        source(tmp_path, entry)
