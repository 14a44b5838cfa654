"""Write the field names that LLaMA-Factory and axolotl accept, read off the wheels of their newest releases.

The tests compare exports with these lists, because neither program installs beside this one.
"""

import ast
import datetime as dt
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

FILE = Path(__file__).parents[1] / "tests" / "export" / "trainer_fields.json"


def main() -> None:
    """Fetch both wheels and write the fields of both."""
    written: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for package, read in (("llamafactory", _llama_factory), ("axolotl", _axolotl)):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", package, "-d", folder]
            subprocess.run(command, check=True)
            (wheel,) = Path(folder).glob(f"{package}-*.whl")
            about = {
                "package": package,
                "version": wheel.name.split("-")[1],
                "read_on": dt.datetime.now(dt.UTC).date().isoformat(),
            }
            with zipfile.ZipFile(wheel) as files:
                written[package] = {**about, **read(files)}
    FILE.write_text(json.dumps(dict(sorted(written.items())), indent=1) + "\n")


def _llama_factory(files: zipfile.ZipFile) -> dict[str, object]:
    """The attributes of a dataset (those that its parser sets from a registry), and the config's own fields.

    What a training shares with transformers (`learning_rate`) is in the installed transformers.
    """
    attributes = _fields(files, "llamafactory/data/parser.py")["DatasetAttr"]
    config = [
        name
        for module in ("data_args", "finetuning_args", "model_args", "training_args")
        for names in _fields(files, f"llamafactory/hparams/{module}.py").values()
        for name in names
    ]
    return {"dataset": sorted(attributes), "config": sorted(set(config))}


def _axolotl(files: zipfile.ZipFile) -> dict[str, object]:
    """The fields of a supervised dataset, and those of the config with everything that it inherits."""
    modules = [name for name in files.namelist() if name.startswith("axolotl/utils/schemas/")]
    classes: dict[str, list[str]] = {}
    bases: dict[str, list[str]] = {}
    for module in modules:
        if module.endswith(".py"):
            classes |= _fields(files, module)
            bases |= _bases(files, module)
    config = {name for each in _ancestors("AxolotlInputConfig", bases) for name in classes.get(each, ())}
    return {"dataset": sorted(classes["SFTDataset"]), "config": sorted(config)}


def _classes(files: zipfile.ZipFile, module: str) -> Iterator[ast.ClassDef]:
    for node in ast.parse(files.read(module)).body:
        if isinstance(node, ast.ClassDef):
            yield node


def _fields(files: zipfile.ZipFile, module: str) -> dict[str, list[str]]:
    """Annotated names of each class."""
    return {
        found.name: [
            each.target.id
            for each in found.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        ]
        for found in _classes(files, module)
    }


def _bases(files: zipfile.ZipFile, module: str) -> dict[str, list[str]]:
    return {
        found.name: [base.id for base in found.bases if isinstance(base, ast.Name)]
        for found in _classes(files, module)
    }


def _ancestors(name: str, bases: dict[str, list[str]]) -> Iterator[str]:
    yield name
    for base in bases.get(name, ()):
        yield from _ancestors(base, bases)


if __name__ == "__main__":
    main()
