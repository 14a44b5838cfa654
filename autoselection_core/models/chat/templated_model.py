"""Base model with the chat settings of a campaign: a folder of links to it, with its own template.

Signals, trainings and exports read a folder, and its fingerprint is part of their names, so nothing else has
to know that a template was borrowed. A reference to a base model is one text: a folder or hub name, with chat
settings behind a question mark (`models/base?system=fold&chat_template=chatml`), so that signals, trainings,
studies and workers on other machines read the same template.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from typing_extensions import override

from autoselection_core.errors.models import ModelLoadError
from autoselection_core.identity import fingerprint
from autoselection_core.models.chat.chat_settings import CHAT_SETTINGS, ChatSettings
from autoselection_core.models.chat.tokenizer_identity import (
    TEMPLATE,
    TOKENIZER_CONFIG,
    added_token_numbers,
    settings_of,
    special_token_texts,
)
from autoselection_core.store.atomic import atomic_folder

_MARK = "?"


@dataclass(frozen=True)
class ModelReference:
    """A base model and how conversations are written for it.

    Attributes:
        path: Folder or hub name.
        settings: Chat settings.

    Example:
        >>> str(ModelReference("models/base", ChatSettings(system="fold")))
        'models/base?system=fold'
        >>> ModelReference.parse("models/base?system=fold").settings.system
        'fold'
    """

    path: str
    settings: ChatSettings

    @classmethod
    def parse(cls, text: str) -> "ModelReference":
        """Read the text of a reference.

        Raises:
            SettingError: A setting has an unknown value.
        """
        path, mark, settings = text.partition(_MARK)
        if Path(text).exists() or not mark:
            return cls(text, ChatSettings())
        return cls(path, ChatSettings(**dict(parse_qsl(settings))))

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the model: its folder, and the file of its template where it has one of its own."""
        template = self.settings.chat_template
        return (Path(self.path), *([Path(template)] if template not in ("", CHATML) else []))

    @override
    def __str__(self) -> str:
        default = asdict(ChatSettings())
        changed = {name: value for name, value in asdict(self.settings).items() if value != default[name]}
        return f"{self.path}{_MARK}{urlencode(changed)}" if changed else self.path


CHATML = "chatml"
"""The template that is known by name."""

_START, _END = "<|im_start|>", "<|im_end|>"
_REPLACED = (TOKENIZER_CONFIG, TEMPLATE, "chat_template.json", "additional_chat_templates")
_TURNS = (
    "{{% for message in messages %}}"
    "{{{{ '{start}' + message['role'] + '\\n' + message['content'] + {end} + '\\n' }}}}"
    "{{% endfor %}}"
    "{{% if add_generation_prompt %}}{{{{ '{start}assistant\\n' }}}}{{% endif %}}"
)


def templated_model(folder: Path, fingerprint_of_model: str, settings: ChatSettings, place: Path) -> Path:
    """The folder of a base model with chat settings; the model's own folder where nothing is changed.

    Args:
        folder: The base model.
        fingerprint_of_model: Its fingerprint.
        settings: What is changed about it.
        place: Where such folders are kept.

    Raises:
        ModelLoadError: The template cannot be read.
    """
    if settings.is_default:
        return folder
    template = _template(folder, settings.chat_template) if settings.chat_template else None
    kept = {"system": settings.system, "reasoning": settings.reasoning}
    named = {"model": fingerprint_of_model, "at": str(folder.resolve()), "template": template, **kept}
    made = place / fingerprint(named)
    if not made.is_dir():
        with atomic_folder(made) as draft:
            _link(folder, draft, skipped=_REPLACED if template is not None else (TOKENIZER_CONFIG,))
            _write_config(folder, draft, template, kept)
    return made


def chatml(folder: Path) -> str:
    """ChatML for a model: answers end in `<|im_end|>` where that is one token, else in `eos_token`."""
    has_token = _END in added_token_numbers(folder)
    return _TURNS.format(start=_START, end=f"'{_END}'" if has_token else "eos_token")


def _template(folder: Path, named: str) -> str:
    if named == CHATML:
        if _END not in added_token_numbers(folder) and "eos_token" not in special_token_texts(folder):
            raise ModelLoadError(
                str(folder), "it has no token that could end a turn of the template `chatml`"
            )
        return chatml(folder)
    try:
        return Path(named).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelLoadError(
            str(folder), f"its `chat_template` {named!r} cannot be read ({error})"
        ) from error


def _link(folder: Path, draft: Path, skipped: tuple[str, ...]) -> None:
    for file in sorted(folder.iterdir()):
        if file.name not in skipped and not file.name.startswith("."):
            (draft / file.name).symlink_to(file.resolve())


def _write_config(folder: Path, draft: Path, template: str | None, kept: dict[str, str]) -> None:
    said = settings_of(folder / TOKENIZER_CONFIG)
    if template is not None:
        said.pop("chat_template", None)
        (draft / TEMPLATE).write_text(template, encoding="utf-8")
    changed = {name: value for name, value in kept.items() if value != getattr(ChatSettings(), name)}
    said |= {CHAT_SETTINGS: changed} if changed else {}
    (draft / TOKENIZER_CONFIG).write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")
