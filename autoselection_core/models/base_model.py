"""The base model of a campaign: weights, tokenizer and chat template under one name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.models import ChatTemplateError, ModelLoadError
from autoselection_core.models.batching import is_out_of_memory
from autoselection_core.models.chat.tokenizer_identity import ANSWER_SETTINGS
from autoselection_core.models.chat.turn_end import stop_at_turn_end
from autoselection_core.models.dtype import AUTO, fastest_dtype
from autoselection_core.models.folder import model_fingerprint, model_folder
from autoselection_core.models.forward import check_head


@dataclass(frozen=True, eq=False)
class BaseModel:
    """A causal language model, ready for forward passes.

    Attributes:
        path: The folder that it was loaded from.
        model: The transformers model, in evaluation mode on `device`.
        tokenizer: A fast tokenizer with a chat template.
        fingerprint: Names configuration, weights, tokenizer and template; the number type is not part of it.
        device: "cuda" where torch finds one, else "cpu".
        dtype: The number type of the weights, such as "bfloat16".
    """

    path: Path
    model: Any
    tokenizer: Any
    fingerprint: str
    device: str
    dtype: str

    @classmethod
    def load(cls, path: str | Path, *, dtype: str = "auto") -> "BaseModel":
        """Load a local folder or a hub name.

        Args:
            path: A folder, or a name that the hub knows.
            dtype: "float32", "bfloat16", or "auto": bfloat16 on an accelerator, else what this machine has
                settled; the first time a probe of at most two seconds finds what is faster, see `dtype`.

        Raises:
            ModelLoadError: It is no model, has no chat template, or no fast tokenizer.
            UnfaithfulHeadError: Its logits are scaled in a way that is not known here.
        """
        folder = model_folder(path)
        device, chosen = _device(), settle_dtype(folder, dtype)
        model, tokenizer = _model(folder, chosen).to(device).eval(), load_tokenizer(folder)
        check_head(model)
        model.generation_config = _named_settings(model.generation_config)
        try:
            stop_at_turn_end(model, tokenizer)
        except ChatTemplateError as error:
            raise ModelLoadError(str(path), error.reason) from error
        return cls(
            path=folder,
            model=model,
            tokenizer=tokenizer,
            fingerprint=model_fingerprint(folder),
            device=device,
            dtype=chosen,
        )

    @property
    def number_type(self) -> str:
        """Number type and device, such as "bfloat16 on cpu": values made with another one round otherwise."""
        return f"{self.dtype} on {self.device}"

    @property
    def version(self) -> str:
        """Name of the base model as it is loaded; adapters that are added to it change nothing about it."""
        return f"{self.fingerprint}.{self.dtype}"

    @property
    def hidden_size(self) -> int:
        """Length of a hidden state."""
        size: int = self.model.config.get_text_config().hidden_size
        return size


def resident_model(path: str, dtype: str) -> BaseModel:
    """Cached model that stays in memory for the next caller; it must not be changed. See `BaseModel.load`.

    It is known by its content: another model under the same path is loaded.
    """
    return _resident(path, model_fingerprint(model_folder(path)), dtype)


@lru_cache(maxsize=1)
def _resident(path: str, _fingerprint: str, dtype: str) -> BaseModel:
    return BaseModel.load(path, dtype=dtype)


def settle_dtype(folder: Path, dtype: str) -> str:
    """The number type that a model is loaded in here: "auto" is what this machine has settled."""
    return fastest_dtype(folder, _device()) if dtype == AUTO else dtype


def load_tokenizer(folder: Path) -> Any:  # noqa: ANN401 transformers has no types
    """The tokenizer of a model folder.

    Raises:
        ModelLoadError: It cannot be read, is not a fast one, or has no chat template.
    """
    from transformers import AutoTokenizer

    with _readable(folder, "its tokenizer cannot be read ({})"):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise ModelLoadError(str(folder), "its tokenizer is not a fast one, so token positions are unknown")
    if tokenizer.chat_template is None:
        hint = "set `chat_template: chatml`, or a file with a template, under `base_model`"
        raise ModelLoadError(str(folder), f"its tokenizer has no chat template; {hint}")
    return tokenizer


def load_config(folder: Path) -> Any:  # noqa: ANN401 transformers has no types
    """The configuration of a model folder.

    Raises:
        ModelLoadError: It cannot be read.
    """
    from transformers import AutoConfig

    with _readable(folder):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def context_tokens(config: Any) -> int:  # noqa: ANN401 transformers has no types
    """Tokens that a model reads at most; a million where its configuration does not say."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", 0) or 1 << 20)


def _model(folder: Path, dtype: str) -> Any:  # noqa: ANN401 transformers has no types
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # a bar for a second's reading breaks the lines of whoever reports progress
    with _readable(folder):
        model, found = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, trust_remote_code=False, output_loading_info=True
        )
    if missing := sorted(found["missing_keys"]):
        named = f"its weights lack {len(missing):,} that its configuration names, such as {missing[0]}"
        raise ModelLoadError(str(folder), f"{named}, which would be random numbers")
    return model


@contextmanager
def _readable(folder: Path, said: str = "{}") -> Iterator[None]:
    """Name the folder whose files a library cannot read; memory that runs out is another matter.

    Raises:
        ModelLoadError: The block raises.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError | AutoSelectionError) or is_out_of_memory(error):
            raise
        # Damaged files raise errors of a dozen kinds, `Exception` itself among them.
        raise ModelLoadError(str(folder), said.format(_first_line(error))) from error


def _named_settings(configured: Any) -> Any:  # noqa: ANN401 transformers has no types
    """Generation settings that the fingerprint names, and end tokens; others would change answers unnamed."""
    from transformers import GenerationConfig

    kept = {name: getattr(configured, name, neutral) for name, neutral in ANSWER_SETTINGS.items()}
    return GenerationConfig(eos_token_id=configured.eos_token_id, **kept)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
