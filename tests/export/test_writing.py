"""Contents of an export, and their verification."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from autoselection_core.errors.store import NotAnExportError
from autoselection_core.export.card import comparison, size_category
from autoselection_core.export.formats import FORMATS
from autoselection_core.export.manifest import NOT_COMPARED, verify_export
from autoselection_core.export.writing import export_subset
from autoselection_core.operators.definitions.weighted_mix import MixTopics
from autoselection_core.pool import Source, ingest
from autoselection_core.recipe import Recipe
from autoselection_core.score.comparison import StatedVerdict
from autoselection_core.store.home import Home
from tests.export.made import LONG, PLAIN, SEARCH, TOOLS, TWICE, WITH_TOOLS, Made


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("spelling", FORMATS)
def test_every_format_has_one_line_a_sample_and_is_verified(tmp_path: Path, spelling: str) -> None:
    made = Made.of(*PLAIN, WITH_TOOLS, LONG)

    exported = made.export(tmp_path / "out", spelling)
    check = verify_export(tmp_path / "out")

    assert [line["id"] for line in lines_of(tmp_path / "out")] == [each.decode() for each in made.pool.ids]
    assert (check.samples, check.problems) == (22, ())
    assert check.content_hash == exported.content_hash
    assert made.export(tmp_path / "out", spelling) == exported


def test_a_row_in_the_data_keeps_text_sources_and_licences(tmp_path: Path) -> None:
    Made.of(LONG, PLAIN[0]).export(tmp_path / "out", "messages")
    found = {line["messages"][-1]["content"]: line for line in lines_of(tmp_path / "out")}

    assert found["Übrigens: 日本."]["licences"] == ["MIT"]
    assert found["7, naturally."]["sources"] == ["sums", "web"]
    assert found["7, naturally."]["licences"] == ["MIT", "none stated"]


def test_an_export_names_every_record_that_a_sample_comes_from(tmp_path: Path) -> None:
    made = Made.of(LONG, PLAIN[0])
    made.export(tmp_path / "out", "messages")

    with (tmp_path / "out" / "sample_records.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    named = {row["id"] for row in rows}
    assert named == {line["id"] for line in lines_of(tmp_path / "out")}
    assert [(row["source"], row["record"], row["record_id"]) for row in rows].count(
        ("sums", "sums.jsonl#1", "17")
    ) == 2
    assert ("web", "web.jsonl#1", "") in {(row["source"], row["record"], row["record_id"]) for row in rows}
    assert ingest([Source(str(tmp_path / "out"))], Home(tmp_path / "home")).quarantined == 0


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("data.jsonl", "naturally", "of course", "data.jsonl was changed"),
        ("README.md", "MIT", "CC0-1.0", "README.md was changed"),
        ("manifest.json", '"trial": 3', '"trial": 4', "manifest.json was changed"),
    ],
)
def test_a_changed_file_is_found_out(tmp_path: Path, name: str, old: str, new: str, problem: str) -> None:
    Made.of(*PLAIN).export(tmp_path / "out", "messages")
    file = tmp_path / "out" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))

    assert [found[: len(problem)] for found in verify_export(tmp_path / "out").problems] == [problem]


def test_a_file_that_is_gone_is_found_out(tmp_path: Path) -> None:
    Made.of(*PLAIN).export(tmp_path / "out", "messages")
    (tmp_path / "out/README.md").unlink()

    assert verify_export(tmp_path / "out").problems == ("README.md is gone",)


def test_a_training_config_is_the_user_s_to_change(tmp_path: Path) -> None:
    Made.of(*PLAIN).export(tmp_path / "out", "axolotl")
    (tmp_path / "out/axolotl.yaml").write_text("base_model: another\n")

    assert verify_export(tmp_path / "out").problems == ()


@pytest.mark.parametrize("text", ["{", "{}"])
def test_what_is_no_manifest_is_no_export(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(NotAnExportError, match=r"manifest\.json"):
        verify_export(tmp_path)


def test_a_folder_without_a_manifest_is_no_export(tmp_path: Path) -> None:
    Made.of(*PLAIN).export(tmp_path / "out", "messages")
    (tmp_path / "out/manifest.json").unlink()

    with pytest.raises(NotAnExportError, match=r"no manifest\.json"):
        verify_export(tmp_path / "out")


def test_an_export_without_any_licence_says_so_once(tmp_path: Path) -> None:
    """Every line had `"licences": ["none stated"]`, which names no licence."""
    Made.of(*PLAIN, licence="").export(tmp_path / "out", "messages")

    lines = [json.loads(line) for line in (tmp_path / "out/data.jsonl").read_text().splitlines()]
    card = (tmp_path / "out/README.md").read_text()

    assert not any("licences" in line for line in lines)
    assert card.count("No source states a licence") == 1
    assert yaml.safe_load(card.split("---\n")[1])["license"] == ["unknown"]


def test_the_card_has_a_header_the_recipe_with_counts_and_every_licence(tmp_path: Path) -> None:
    Made.of(*PLAIN, LONG).export(tmp_path / "out", "messages")
    _, header, body = (tmp_path / "out/README.md").read_text().split("---\n", 2)
    said = yaml.safe_load(header)

    assert said["license"] == ["mit", "unknown"]
    assert said["size_categories"] == ["n<1K"]
    assert said["configs"][0]["data_files"] == [{"split": "train", "path": "data.jsonl"}]
    assert "1. `keep_top[tokens]`: 42 -> 21 rows" in body
    assert "| sums | MIT | 21 |" in body
    assert "| web | none stated | 10 |" in body


def test_a_name_of_a_source_or_licence_commands_no_terminal_and_no_markdown_on_the_card(
    tmp_path: Path,
) -> None:
    hostile = "ev\x1b[31mil\u202e\n| <img src=x> | *a* | 9 |\x9b"
    Made.of(*PLAIN, source=hostile, licence=hostile).export(tmp_path / "out", "messages")
    card = (tmp_path / "out/README.md").read_text()

    assert {char for char in card if ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e"} == {"\n"}
    (line,) = [line for line in card.splitlines() if "img" in line]
    cells = re.split(r"(?<!\\)\|", line)
    assert len(cells) == len(["", "source", "licence", "samples", ""])
    assert r"\<img src=x> \| \*a\*" in cells[1]
    assert verify_export(tmp_path / "out").problems == ()


def test_a_name_inside_of_a_recipe_ends_no_block_of_the_card(tmp_path: Path) -> None:
    """A group's name with three backticks on a line of its own ended the block, and the rest was Markdown."""
    name = "web\n```\n# Licence: none\n<b>"
    made = Made.of(*PLAIN, source=name)
    recipe = Recipe((MixTopics(groups="source", weights=((name, 1.0),)),))
    subset = replace(made.subset, recipe=recipe)
    replace(made, subset=subset).export(tmp_path / "out", "messages")

    card = (tmp_path / "out/README.md").read_text()
    opening, *_, closing = [line for line in card.splitlines() if line.lstrip().startswith("```")]

    assert opening == "````yaml"
    assert closing == "````"


@given(st.integers(0, 8).flatmap(lambda digits: st.integers(0, 10**digits)))
@example(999)
@example(1_000)
@example(9_999_999)
def test_a_number_of_samples_is_within_the_hub_s_name_for_it(samples: int) -> None:
    spelled = size_category(samples).replace("K", "000").replace("M", "000000").split("<")
    low, high = (0 if spelled[0] == "n" else int(spelled[0])), int(spelled[-1])

    assert low <= samples < high or samples == high == 10**8


@pytest.mark.parametrize("spelling", FORMATS)
def test_the_card_declares_every_column_with_the_type_that_the_data_has(
    tmp_path: Path, spelling: str
) -> None:
    Made.of(WITH_TOOLS, *PLAIN).export(tmp_path / "out", spelling)
    header = yaml.safe_load((tmp_path / "out/README.md").read_text().split("---\n", 2)[1])
    features = {each.pop("name"): each for each in header["dataset_info"]["features"]}

    for line in lines_of(tmp_path / "out"):
        assert list(line) == list(features)
        for name, value in line.items():
            (kind,) = features[name]
            assert isinstance(value, list) == (kind == "list")
            fields = features[name][kind]
            for each in value if kind == "list" else ():
                is_turn = isinstance(each, dict)
                assert (list(each) if is_turn else "string") == (
                    [field["name"] for field in fields] if is_turn else fields
                )


@pytest.mark.parametrize("idle", [0, 1, 2])
def test_the_card_counts_the_steps_that_are_left_out_and_warns_of_nothing_that_is_not_there(
    tmp_path: Path, idle: int
) -> None:
    made = Made.of(*PLAIN)
    export_subset(made.pool, made.subset, replace(SEARCH, idle_steps=idle), tmp_path / "out", "messages")
    card = (tmp_path / "out/README.md").read_text()

    assert re.findall(r"(\d+) of the tried recipe's steps", card) == [str(idle)] * (idle > 0)
    assert not re.search(r"samples (have|do not)", card)


def test_another_verdict_changes_the_card_and_no_hash_and_a_forged_one_is_found_out(tmp_path: Path) -> None:
    made, folder = Made.of(*PLAIN), tmp_path / "out"
    compared = replace(SEARCH, comparison="**Verdict:** undecided.\n")
    first = made.export(folder, "messages")
    said = json.loads((folder / "manifest.json").read_text())

    assert export_subset(made.pool, made.subset, compared, folder, "messages") == first
    assert export_subset(made.pool, made.subset, compared, tmp_path / "new", "messages").content_hash == (
        first.content_hash
    )
    card = folder / "README.md"
    assert card.read_bytes() == (tmp_path / "new/README.md").read_bytes()
    assert json.loads((folder / "manifest.json").read_text()) == {**said, "comparison": compared.comparison}
    assert verify_export(folder).problems == ()

    card.write_text(card.read_text().replace("undecided.", "better than everything."))
    assert verify_export(folder).problems == ("README.md was changed: its verdict is not the manifest's",)
    card.write_text(card.read_text().replace("# A subset", "# The best subset"))
    assert len(verify_export(folder).problems) == 2
    export_subset(made.pool, made.subset, SEARCH, folder, "messages")
    assert "# The best subset" in card.read_text(), "a card that somebody changed is theirs"


def test_samples_that_llama_factory_would_skip_are_counted(tmp_path: Path) -> None:
    Made.of(*PLAIN, WITH_TOOLS, LONG, TWICE).export(tmp_path / "out", "llama-factory")

    assert "- 1 samples do not alternate" in (tmp_path / "out/README.md").read_text()


@pytest.mark.parametrize(("spelling", "none"), [("messages", None), ("sharegpt", ""), ("axolotl", "[]")])
def test_the_column_of_tools_has_one_type_wherever_they_begin(
    tmp_path: Path, spelling: str, none: str | None
) -> None:
    Made.of(*PLAIN, WITH_TOOLS).export(tmp_path / "with", spelling)
    Made.of(*PLAIN).export(tmp_path / "without", spelling)

    assert {line["tools"] for line in lines_of(tmp_path / "with")} == {none, TOOLS}
    assert not any("tools" in line for line in lines_of(tmp_path / "without"))


def test_a_card_states_the_verdict_on_its_own_subset_and_names_the_report_for_any_other(
    tmp_path: Path,
) -> None:
    assert comparison("first", tmp_path, "s") == NOT_COMPARED
    (tmp_path / "report.html").touch()
    assert "An earlier release wrote that" in comparison("first", tmp_path, "s")

    for name, content in StatedVerdict("s", "better", ("Better.", "By 1 <2>.")).files().items():
        (tmp_path / name).write_bytes(content)

    assert comparison("first", tmp_path, "s").startswith("**Verdict:** Better.\n\n- By 1 &lt;2>.\n")
    assert "is about subset `s`" in comparison("first", tmp_path, "another")
