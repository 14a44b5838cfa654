"""YAML that a person, or an enemy, writes: one sentence, bounded time and memory."""

import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.campaign import CampaignFileError, YamlError
from autoselection_core.errors.recipe import RecipeFormatError
from autoselection_core.recipe.program import Recipe
from autoselection_core.strict_yaml import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_VALUES,
    read_yaml,
    text_of,
    write_yaml,
)

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
HOSTILE = {
    "levels": "[" * 3_000 + "]" * 3_000,
    "levels of mappings": "{a: " * 3_000 + "}" * 3_000,
    "levels of blocks": "".join(f"{' ' * level}- \n" for level in range(400)),
    "a list that holds itself": "&a [*a]",
    "a mapping that holds itself": "&a {process: *a}",
    "an alias bomb": BOMB,
    "a chain of aliases": "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 500)),
    "an unknown alias": "a: *b",
    "a key twice": "a: 1\na: 2",
    "a key twice, the second one a function": "doc_to_text: x\ndoc_to_text: !function os.system",
    "a function as a key": "{!function os.system : 1}",
    "a list as a key": "{[1, 2]: 3}",
    "a bad date": "date: 2026-13-45",
    "a NUL": "a: \0",
    "half a character": "a: \ud800",
    "a Python tag": "a: !!python/object/apply:os.system [ls]",
    "a set": "a: !!set {x, y}",
    "a marked truth that is none": "a: !!bool maybe",
    "a marked date that is none": "a: !!timestamp soon",
    "a marked nothing that is something": "a: !!null something",
    "a binary": "a: !!binary eA==",
    "a number of 5,000 digits": "a: " + "1" * 5_000,
    "a number of 9,000 hexadecimal digits": "a: 0x" + "f" * 9_000,
    "a number of 200 sixtieths": "a: " + ":".join(["59"] * 200),
    "a number above all floats": "a: " + "9" * 310,
    "an escape of no character": 'a: "\\U00110000"',
    "an escaped half of a character": 'a: "\\ud800"',
    "an escaped NUL": 'a: "x\\0y"',
    "an escaped NUL as a key": '"x\\0y": 1',
    "two documents": "--- a\n--- b",
    "a long text": "a: " + "x" * MAX_CHARACTERS,
    "many values": "- 1\n" * (MAX_VALUES + 1),
    "a tab": "\ta: 1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_one_sentence_in_bounded_time_and_memory(name: str) -> None:
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(YamlError) as caught:
        read_yaml(HOSTILE[name])
    taken, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert str(caught.value).startswith("line ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert taken < 20
    assert peak < 100e6


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_campaign_is_a_campaign_file_error(tmp_path: Path, name: str) -> None:
    file = tmp_path / "autoselection.yaml"
    file.write_bytes(HOSTILE[name].encode(errors="surrogatepass"))

    with pytest.raises(CampaignFileError, match=r"autoselection\.yaml, line \d+"):
        load_campaigns(file)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_recipe_is_a_recipe_format_error(name: str) -> None:
    with pytest.raises(RecipeFormatError):
        Recipe.from_yaml(HOSTILE[name])


def union(levels: int) -> str:
    return '{"process": [{"union": ' * levels + '{"process": []}' + "}]}" * levels


@pytest.mark.parametrize(
    "text",
    [
        *(union(17), union(3_000), "[" * 100_000, "{", '["keep_top"' + ', "keep_top"' * 256 + "]"),
        *('{"process": [{"keep_top": {"signal": "\\ud800"}}]}', '{"process": [{"x\\u0000": {}}]}'),
        '{"process": [{"keep_top": {"signal": "x", "fraction": ' + "9" * 400 + "}}]}",
    ],
)
def test_a_recipe_in_json_is_bounded_too(text: str) -> None:
    with pytest.raises(RecipeFormatError):
        Recipe.from_json(text)


def test_a_recipe_that_holds_itself_is_refused() -> None:
    with pytest.raises(RecipeFormatError, match="holds itself"):
        Recipe.from_yaml("&r {process: [{union: *r}]}")


def test_three_thousand_steps_are_refused() -> None:
    with pytest.raises(RecipeFormatError, match="at most 256"):
        Recipe.from_yaml("process:\n" + "- {keep_random: {fraction: 0.5}}\n" * 3_000)


@pytest.mark.parametrize("spelled", ["1e-4", "1E-4", "1.0e-4", "+1e-4", "0.1e-3", ".1e-3", "1_0e-5"])
def test_numbers_with_an_exponent_are_numbers(spelled: str) -> None:
    assert read_yaml(f"learning_rate: {spelled}") == {"learning_rate": pytest.approx(1e-4)}


@pytest.mark.parametrize("text", ["e4", "1e", "1e-", "1e4x", "abc1e5", "1e-4 per step", "0x1e4f", "1e12345"])
def test_texts_that_look_like_exponents_are_texts_or_whole_numbers(text: str) -> None:
    assert not isinstance(read_yaml(text), float)


@pytest.mark.parametrize(
    ("spelled", "base"), [("1:30", 60), ("-2:10:30", 60), ("1:30.5", 60), ("010", 8), ("-07", 8)]
)
def test_a_number_that_yaml_reads_otherwise_than_people_is_refused(spelled: str, base: int) -> None:
    with pytest.raises(YamlError, match=f"{spelled} would be read in base {base}"):
        read_yaml(f"budget: {spelled}")
    assert read_yaml(f"budget: '{spelled}'") == {"budget": spelled}


def test_zero_and_numbers_below_one_are_numbers() -> None:
    assert read_yaml("[0, -0, 0.5, 00.5, 0x1f]") == [0, 0, 0.5, 0.5, 31]


TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12) | st.sampled_from(
    ["1e5", "-1.5E3", "no"]
)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(DATA)
def test_what_is_written_is_read_back(value: object) -> None:
    assert read_yaml(write_yaml(value)) == value


@given(DATA)
def test_plain_data_are_what_pyyaml_reads(value: object) -> None:
    text = yaml.safe_dump(value, default_style='"')

    assert read_yaml(text) == yaml.safe_load(text)


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!#|>'\" \n\t0123456789.?,%@`\\e"), max_size=60))
def test_any_text_is_data_or_a_yaml_error(text: str) -> None:
    with suppress(YamlError):
        read_yaml(text)


def test_depth_is_counted_through_aliases() -> None:
    levels = MAX_DEPTH - 1
    assert read_yaml("[" * levels + "x" + "]" * levels)


def test_a_file_that_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "long.yaml"
    with file.open("wb") as opened:
        opened.truncate(5 * MAX_CHARACTERS)

    with pytest.raises(YamlError, match="too long"):
        text_of(file)


def test_a_file_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9\n")

    with pytest.raises(AutoSelectionError, match="line 2: the text is not UTF-8"):
        text_of(tmp_path / "latin.yaml")
