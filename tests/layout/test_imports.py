"""Cost of importing: the core is a library that must start at once."""

import ast
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

import autoselection_core

NAMES = [name for name in autoselection_core.__all__ if not name.startswith("_")]


def test_the_public_names_are_few_sorted_and_each_once() -> None:
    assert sorted(set(autoselection_core.__all__)) == autoselection_core.__all__
    assert 20 <= len(NAMES) <= 30


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_that_of_its_room(name: str) -> None:
    room = import_module(f"autoselection_core.{autoselection_core._MODULES[name]}")

    assert getattr(autoselection_core, name) is getattr(room, name)


def test_the_first_name_of_a_public_name_is_still_read() -> None:
    subsets = import_module("autoselection_core.subset")

    assert autoselection_core.materialize is autoselection_core.realise
    assert (subsets.materialize, subsets.materialize_many) == (subsets.realise, subsets.realise_many)


def test_type_checkers_see_the_names_that_are_loaded() -> None:
    tree = ast.parse(Path(autoselection_core.__file__).read_text())
    (seen,) = [
        each for each in tree.body if isinstance(each, ast.If) and "TYPE_CHECKING" in ast.dump(each.test)
    ]

    imported = {
        name.name: str(each.module).removeprefix("autoselection_core.")
        for each in seen.body
        if isinstance(each, ast.ImportFrom)
        for name in each.names
    }

    assert imported == autoselection_core._MODULES


def test_an_unknown_name_is_refused_as_python_refuses_it() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Serach'"):
        autoselection_core.Serach  # noqa: B018


def test_names_are_offered_for_completion_before_they_are_loaded() -> None:
    assert set(autoselection_core.__all__) <= set(dir(autoselection_core))


@pytest.mark.parametrize("package", ["autoselection_core", "autoselection_dagster"])
def test_type_checkers_of_other_projects_read_the_annotations(package: str) -> None:
    assert (Path(autoselection_core.__file__).parents[1] / package / "py.typed").is_file()


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


def test_nothing_private_of_dagster_is_imported() -> None:
    """A private module may move with any release of Dagster."""
    sources = [
        file for room in ("autoselection_dagster", "demo") for file in (REPOSITORY / room).rglob("*.py")
    ]
    private = re.compile(r"^\s*(?:from|import)\s+dagster\w*(?:\.\w+)*\._", re.MULTILINE)

    assert len(sources) > 50
    assert not [file.name for file in sources if private.search(file.read_text())]


def test_the_map_draws_the_shelves_that_the_imports_keep_to() -> None:
    assert drawn() == enforced()


def test_the_files_that_the_map_leads_to_are_there() -> None:
    (table,) = re.findall(r"Where to look first:\n\n(.*?)\n\n", PAGE, re.DOTALL)
    named = re.findall(r"`([^`]+/[^`]*)`", table)

    assert len(named) >= 10
    for name in named:
        assert any((root / name).exists() for root in (REPOSITORY, REPOSITORY / "autoselection_core")), name


_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def spins(environment: Mapping[str, str]) -> str:
    """GOMP_SPINCOUNT in a fresh process that imported the core; empty where it is not set."""
    kept = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    program = "import os, autoselection_core; print(os.environ.get('GOMP_SPINCOUNT', ''))"
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, env={**kept, **environment}, text=True).strip()


def test_idle_threads_leave_the_processor_to_others_soon() -> None:
    assert spins({}) == "1000"


def test_what_the_user_says_of_idle_threads_stays() -> None:
    assert not spins({"OMP_WAIT_POLICY": "ACTIVE"})
    assert spins({"GOMP_SPINCOUNT": "7"}) == "7"


HEAVY = ("torch", "transformers", "botorch", "lancedb", "matplotlib", "dagster", "trl", "peft", "ray")

_REPORT = "import sys; print(*[name for name in sys.argv[1:] if name in sys.modules])"


def loaded_by(statement: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}; {_REPORT}", *HEAVY],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_importing_the_core_loads_neither_torch_nor_dagster() -> None:
    assert loaded_by("import autoselection_core") == []


def test_no_room_of_the_core_loads_anything_heavy_before_it_is_used() -> None:
    modules = [
        module.name
        for module in pkgutil.walk_packages(autoselection_core.__path__, "autoselection_core.")
        if not module.name.endswith("__main__")
    ]

    assert len(modules) > 50
    assert loaded_by(f"import {', '.join(modules)}") == []


SCORE_A_FILE = """
import json
from pathlib import Path
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool import Source, ingest
from autoselection_core.signals.definitions.base_model.model_scores import score_answers
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
folder = Path(FOLDER)
file = folder / "raw.jsonl"
file.write_text(json.dumps({"instruction": "Why does Anna buy apples?", "output": "For the market."}))
pool = ingest([Source(str(file))], Home(folder / "home")).pool
base = BaseModel.load(tiny_model(folder / "model"), dtype="float32")
assert WordEntropy().compute(pool, {})["word_entropy"][0] > 0
assert score_answers(base, pool, 512)["ifd"][0] > 0"""


def test_a_plain_file_is_scored_without_lancedb_and_dagster(tmp_path: Path) -> None:
    code = SCORE_A_FILE.replace("FOLDER", repr(str(tmp_path)))

    loaded = loaded_by(code)

    assert {"torch", "transformers"} <= set(loaded)
    assert not {"lancedb", "dagster", "ray"} & set(loaded)


def test_the_report_sees_what_was_loaded() -> None:
    assert loaded_by("import torch") == ["torch"]


def test_the_code_location_loads_without_torch() -> None:
    assert "torch" not in loaded_by("import autoselection_dagster.definitions")
