"""Write the field names that LLaMA-Factory and axolotl accept, read off the wheels of their newest releases.

The tests compare exports with these lists, because neither program installs beside this one.

`--validate [FILE ...]` writes nothing: the settings that the scripts of `docs/how-to/bring-your-judge.md`
write, and those of the files, go through axolotl's own schema or LLaMA-Factory's own parser, unpacked from
the wheels. LLaMA-Factory's is told to use the processor, because it looks for a GPU.
"""

import ast
import datetime as dt
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
FILE = ROOT / "tests" / "export" / "trainer_fields.json"
PAGE = ROOT / "docs" / "how-to" / "bring-your-judge.md"

_PARSERS = {
    "axolotl": "from axolotl.utils.schemas.config import AxolotlInputConfig as parse; parse(**said)",
    "llamafactory": (
        "from llamafactory.hparams import get_train_args as parse; parse({'use_cpu': True, **said})"
    ),
}
_READ = "import json, sys; said = json.load(sys.stdin); "
_NEEDED = ("omegaconf", "antlr4-python3-runtime==4.9.3")
"""What LLaMA-Factory's parser imports beside what is installed here."""


def main() -> None:
    """Fetch both wheels and write the fields of both."""
    written: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for package, read in (("llamafactory", _llama_factory), ("axolotl", _axolotl)):
            wheel = _wheel(package, folder)
            about = {
                "package": package,
                "version": wheel.name.split("-")[1],
                "read_on": dt.datetime.now(dt.UTC).date().isoformat(),
            }
            with zipfile.ZipFile(wheel) as files:
                written[package] = {**about, **read(files)}
    FILE.write_text(json.dumps(dict(sorted(written.items())), indent=1) + "\n")


def validate(files: list[str]) -> None:
    """Hand the settings of the page's scripts and of files to the programs' own parsers.

    Raises:
        subprocess.CalledProcessError: A parser refuses some; it has said why.
    """
    written = re.findall(r"<<SETTINGS\n(.*?)\nSETTINGS", PAGE.read_text(), re.DOTALL)
    texts = {f"{PAGE.name}, script {number}": text for number, text in enumerate(written, 1)}
    texts |= {file: Path(file).read_text() for file in files}
    with tempfile.TemporaryDirectory() as folder:
        for package in _PARSERS:
            zipfile.ZipFile(_wheel(package, folder)).extractall(folder)
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
        subprocess.run([*install, *_NEEDED], check=True)
        for name, text in texts.items():
            said = yaml.safe_load(
                re.sub(r"\$output\b", folder, text).replace("$AUTOSELECTION_JUDGE_REPLICATE", "1")
            )
            package = "axolotl" if "base_model" in said else "llamafactory"
            subprocess.run(
                [sys.executable, "-c", _READ + _PARSERS[package]],
                input=json.dumps(said),
                text=True,
                check=True,
                env={**os.environ, "PYTHONPATH": folder, "DISABLE_VERSION_CHECK": "1", "HF_HUB_OFFLINE": "1"},
            )
            print(f"{name}: taken by {package}")


def _wheel(package: str, folder: str) -> Path:
    """The wheel of a package's newest release, downloaded."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", package, "-d", folder]
    subprocess.run(command, check=True)
    (wheel,) = Path(folder).glob(f"{package}-*.whl")
    return wheel


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
    if "--validate" in sys.argv:
        validate([each for each in sys.argv[1:] if each != "--validate"])
    else:
        main()
