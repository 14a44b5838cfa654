"""The map of ARCHITECTURE.md draws the layers that import-linter enforces, and names files that exist."""

import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "ARCHITECTURE.md").read_text()


def drawn() -> dict[str, list[str]]:
    """The shelves of each room as the page draws them, top first."""
    (block,) = re.findall(r"## The shelves\n.*?```\n(.*?)```", PAGE, re.DOTALL)
    drawings: dict[str, str] = {}
    room = ""
    for line in block.splitlines():
        name, _, rest = line.partition(" ")
        room = name or room
        drawings[room] = f"{drawings.get(room, '')} {rest.strip()}"
    return {room: [shelf.strip() for shelf in drawing.split(">")] for room, drawing in drawings.items()}


def enforced() -> dict[str, list[str]]:
    """The shelves of each room as import-linter holds them, top first."""
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    inside = [contract for contract in contracts if "containers" in contract]
    return {
        contract["containers"][0].removeprefix("autoselection_core."): contract["layers"]
        for contract in inside
    }


def test_the_map_draws_the_shelves_that_the_imports_keep_to() -> None:
    assert drawn() == enforced()


def test_the_files_that_the_map_leads_to_are_there() -> None:
    (table,) = re.findall(r"Where to look first:\n\n(.*?)\n\n", PAGE, re.DOTALL)
    named = re.findall(r"`([^`]+/[^`]*)`", table)

    assert len(named) >= 10
    for name in named:
        assert any((root / name).exists() for root in (REPOSITORY, REPOSITORY / "autoselection_core")), name
