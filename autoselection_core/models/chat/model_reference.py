"""Reference to a base model as one text: a folder or hub name, with chat settings behind a question mark.

Signals, trainings, studies and workers on other machines pass a base model on as a text. The settings travel
in it, so that all of them read the same template: `models/base?system=fold&chat_template=chatml`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from typing_extensions import override

from autoselection_core.models.chat.chat_settings import ChatSettings
from autoselection_core.models.chat.templated_model import CHATML

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
