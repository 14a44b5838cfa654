"""What importing costs: the core is a library that must start at once."""

import pkgutil
import subprocess
import sys
from pathlib import Path

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
