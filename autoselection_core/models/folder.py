"""Folder of a base model on this machine, and fingerprints of its contents."""

from pathlib import Path

from autoselection_core.errors.models import ModelLoadError
from autoselection_core.identity import Json, fingerprint
from autoselection_core.models.chat.templated_model import ModelReference, templated_model
from autoselection_core.models.chat.tokenizer_identity import (
    generation_identity,
    known_fingerprint,
    settings_of,
    tokenizer_fingerprint,
)
from autoselection_core.store.home import Home

_CONFIG = "config.json"
_ADAPTER = "adapter_config.json"
_WEIGHTS = (".safetensors", ".bin", ".gguf")
_NOT_WHAT_IT_IS = (
    "transformers_version",
    "_name_or_path",
    "dtype",
    "torch_dtype",
    "use_cache",
    "architectures",
)
"""Fields of config.json that a library writes about itself; they change no prediction."""


def model_folder(path: str | Path) -> Path:
    """The local folder of a model that is named by a path, a hub name or a `ModelReference`.

    A name that is no folder is looked up in the hub's local cache and downloaded when it is not there.

    Raises:
        ModelLoadError: Neither a folder with a config.json nor a hub name, or an adapter; or its template
            cannot be read.
    """
    reference = ModelReference.parse(str(path))
    folder = _plain_folder(reference.path)
    if reference.settings.is_default:
        return folder
    place = Home.current().templated
    return templated_model(folder, model_fingerprint(folder), reference.settings, place)


def is_at_hand(path: str) -> bool:
    """Whether a model's folder, or the hub's copy of it, is on this machine; nothing is fetched."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    named = ModelReference.parse(path).path
    if Path(named).expanduser().is_dir():
        return (Path(named).expanduser() / _CONFIG).is_file()
    try:
        return isinstance(try_to_load_from_cache(named, _CONFIG), str)
    except HFValidationError:
        return False  # the path of a folder that is not there


def _plain_folder(path: str) -> Path:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return _from_hub(path)
    if not (folder / _CONFIG).is_file():
        raise ModelLoadError(path, f"the folder has no {_CONFIG}")
    if (folder / _ADAPTER).is_file():
        # transformers would load the base model that the file names, wherever it is.
        reason = f"the folder has an {_ADAPTER}: merge the adapter into its base model (merge_and_unload)"
        raise ModelLoadError(path, reason)
    return folder


def require_model(path: str) -> None:
    """Refuse a folder that is no model, and a hub name that leads to none; no weights are fetched.

    Raises:
        ModelLoadError: A folder lacks configuration or weights, or neither cache nor hub has such a model.
    """
    folder = Path(path).expanduser()
    if folder.is_file():
        raise ModelLoadError(path, "it is a file; name the folder that holds it")
    if folder.is_dir():
        _require_weights(_plain_folder(path))
    elif path.startswith((".", "/", "~")):
        raise ModelLoadError(path, "there is no such folder")
    elif not (_from_hub(path, [_CONFIG]) / _CONFIG).is_file():
        raise ModelLoadError(path, f"what the hub has of this name has no {_CONFIG}")


def _require_weights(folder: Path) -> list[Path]:
    weights = sorted(file for file in folder.iterdir() if file.suffix in _WEIGHTS)
    if not weights:
        raise ModelLoadError(str(folder), "the folder has no weights (.safetensors, .bin or .gguf)")
    return weights


def model_fingerprint(folder: Path) -> str:
    """Fingerprint of a model: its configuration, weights, tokenizer and chat template.

    Loads neither torch nor transformers and reads every byte of the weights: about a second per gigabyte.

    Raises:
        ModelLoadError: The folder holds no weights, or its other files are not what they should be.
    """
    weights = _require_weights(folder)
    try:
        return fingerprint(
            {
                "config": config_settings(folder),
                "tokenizer": tokenizer_fingerprint(folder),
                "weights": {file.name: known_fingerprint(file) for file in weights},
                **generation_identity(folder),
            }
        )
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        reason = f"its configuration or tokenizer is damaged ({type(error).__name__}: {error})"
        raise ModelLoadError(str(folder), reason) from error


def config_settings(folder: Path) -> dict[str, Json]:
    """What the configuration of a model says of it, without what a library writes about itself."""
    known = settings_of(folder / _CONFIG)
    return {name: value for name, value in known.items() if name not in _NOT_WHAT_IT_IS}


def _from_hub(name: str, files: list[str] | None = None) -> Path:
    """Folder of a model of the hub in the local cache, with all or some of its files."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=files))
    except HFValidationError as error:
        raise ModelLoadError(name, "there is no such folder") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        hub = f"the hub did not give it ({type(error).__name__})"
        if constants.HF_HUB_OFFLINE:
            hub = "the local cache has no such model, and HF_HUB_OFFLINE keeps the hub off"
        raise ModelLoadError(name, f"there is no such folder, and {hub}") from error
