import ast
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
