"""The page on bringing data: its records are read by its entries, and `audit` says what it prints."""

import json
import re
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.pool.file_kinds import kind_of
from autoselection_core.pool.reading import read_record
from autoselection_core.pool.reading.spellings import ANSWERS, QUESTIONS, SYSTEMS, TURN_LISTS, role_of
from autoselection_core.store.home import Home
from tests.cli.conftest import Cli

PAGE = (Path(__file__).parents[2] / "docs/how-to/bring-your-data.md").read_text()
PAIRS = re.findall(r"```json\n([^`]*)```\n\n```yaml\n(pool:[^`]*)```", PAGE)


@pytest.mark.parametrize(("record", "entry"), PAIRS)
def test_a_record_of_the_page_is_read_by_its_entry(tmp_path: Path, record: str, entry: str) -> None:
    indented = "".join(f"    {line}\n" for line in entry.splitlines())
    file = tmp_path / "autoselection.yaml"
    file.write_text(
        f"campaigns:\n  mine:\n{indented}    signals: [word_entropy]\n"
        "    closed_form: {weights: {word_entropy: 1}}\n"
    )
    (source,) = load_campaigns(file, Home(tmp_path / "home"))["mine"].sources

    reading = read_record(json.loads(record), source.rules)

    assert kind_of(Path(source.path)) is not None
    assert reading.sample.messages[-1].content
    assert "crawl" not in reading.sample.text()


def test_the_page_has_an_entry_for_each_way_of_naming() -> None:
    assert len(PAIRS) == 4


def test_audit_says_what_the_page_prints(cli: Cli, tmp_path: Path) -> None:
    records = re.findall(r"```json\n([^`]*)```", PAGE)[0]
    (printed,) = re.findall(r"```text\n([^`]*)```", PAGE)
    (tmp_path / "asked.jsonl").write_text(records)

    code, output, _ = cli("audit", str(tmp_path / "asked.jsonl"))

    shown = re.sub(r" +", " ", output)
    assert code == 1
    for line in printed.splitlines():
        assert re.sub(r" +", " ", line) in shown


def test_the_page_names_every_known_spelling() -> None:
    for name in (*TURN_LISTS[:4], *QUESTIONS, *ANSWERS, *SYSTEMS):
        assert f"`{name}`" in PAGE
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| speakers"))
    assert all(role_of(name.title()) for name in re.findall(r"`(\w+)`", row))
