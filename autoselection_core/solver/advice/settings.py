"""Settings of the language model that advises a search."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from autoselection_core.errors.base import did_you_mean, without_user
from autoselection_core.errors.recipe import SettingError
from autoselection_core.identity import Json
from autoselection_core.space import Count, Interval, check_settings


class AdviserRole(StrEnum):
    """Role of a language model."""

    SUMMARISER = "summariser"
    PROPOSER = "proposer"
    RANKER = "ranker"
    RESEEDER = "reseeder"


FIRST_ADVISER_SETTINGS: Mapping[str, str] = {"max_tokens": "most_tokens"}
"""First name of each setting of an adviser that has another one now; what is stored or hashed keeps it."""

_SETTINGS_NOW = {first: name for name, first in FIRST_ADVISER_SETTINGS.items()}

_ELSEWHERE = ("url", "timeout_s")
"""Address and timeout of a model, which may change while a search goes on."""


@dataclass(frozen=True)
class AdviserSettings:
    """A language model that advises searches, behind an OpenAI-compatible endpoint.

    Its key, if it asks for one, is the environment variable `AUTOSELECTION_ADVISER_KEY`.

    Attributes:
        url: Address without `/chat/completions`, for instance `http://127.0.0.1:8000/v1`.
        model: Name of the model, as the endpoint knows it.
        roles: What it is asked for: `summariser`, `proposer`, `ranker`, `reseeder`. The policy `default` asks
            the first two, `published` all four, `random` none.
        timeout_s: An answer that takes longer is no answer, and the numbers decide.
        temperature: Of the model's answers.
        max_tokens: Maximum length of an answer, in tokens, with what the model thinks before it.
        rankings: How often the candidates are ranked at most, each time in another order.
        agreeing: Rankings are enough once so many in a row leave the mean order as it is.
    """

    url: str
    model: str
    roles: tuple[str, ...] = tuple(AdviserRole)
    timeout_s: Annotated[float, Interval(0.1, 3600.0)] = 60.0
    temperature: Annotated[float, Interval(0.0, 2.0)] = 0.0
    max_tokens: Annotated[int, Count(16, 1_000_000)] = 4096
    rankings: Annotated[int, Count(1, 20)] = 6
    agreeing: Annotated[int, Count(1, 20)] = 2

    def __post_init__(self) -> None:
        """Refuse settings outside their ranges.

        Raises:
            SettingError: A setting is unknown or out of range.
        """
        object.__setattr__(self, "roles", tuple(self.roles))
        check_settings(self)
        if not is_web_address(self.url):
            raise SettingError(
                "url",
                without_user(self.url) if isinstance(self.url, str) else self.url,
                "an address that starts with http:// or https://, without user and password",
            )
        if not isinstance(self.model, str) or not self.model:
            raise SettingError("model", self.model, "the name of a model")
        for role in self.roles:
            if role not in tuple(AdviserRole):
                known = tuple(each.value for each in AdviserRole)
                hint = did_you_mean(str(role), known)
                raise SettingError("roles", role, f"among {', '.join(known)}.{hint}".rstrip(".?"))

    @property
    def identity(self) -> dict[str, Json]:
        """Settings that belong to a search, by first names: all but the model's address and the timeout."""
        values = {**asdict(self), "roles": list(self.roles)}
        return {
            FIRST_ADVISER_SETTINGS.get(name, name): value
            for name, value in values.items()
            if name not in _ELSEWHERE
        }

    @classmethod
    def of_search(cls, pinned: Mapping[str, Any]) -> Self:
        """Settings that a search pinned; they lack the model's address."""
        return cls.from_json({"url": "http://localhost", **pinned})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Settings from their present or first names.

        Example:
            >>> stored = {"url": "http://localhost", "model": "tiny", "most_tokens": 100}
            >>> AdviserSettings.from_json(stored).max_tokens
            100
        """
        return cls(**{_SETTINGS_NOW.get(name, name): value for name, value in stored.items()})


def is_web_address(text: object) -> bool:
    """True for an http address without user and password, which would land in records."""
    if not isinstance(text, str):
        return False
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
