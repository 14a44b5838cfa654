"""What importing costs: the core is a library that must start at once."""

import pkgutil
import subprocess
import sys

import autoselection_core

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


def test_the_report_sees_what_was_loaded() -> None:
    assert loaded_by("import torch") == ["torch"]


def test_the_code_location_loads_without_torch() -> None:
    assert "torch" not in loaded_by("import autoselection_dagster.definitions")
