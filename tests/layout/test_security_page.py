"""Every sentence of the page on security has a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "security.md"
ROWS = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")][2:]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:60])
def test_every_sentence_names_a_test_that_exists(row: list[str]) -> None:
    named = _TEST.findall(row[2])

    assert named
    for file, test in named:
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / file).read_text()))
            if isinstance(node, ast.FunctionDef)
        }
        assert test in functions, f"{file} has no {test}"
