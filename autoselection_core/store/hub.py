"""Data sets of a hub as files of its local cache. Nothing is fetched but what a campaign names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from autoselection_core.errors.store import HubUnreachableError, InvalidHubNameError

SCHEME = "hf://"

_NAME = re.compile(
    r"hf://(?:datasets/)?(?P<repository>[\w.-]{1,96}/[\w.-]{1,96})(?P<folder>(?:/[\w.-]{1,96}){0,8})"
    r"(?:@(?P<revision>[\w./-]{1,128}))?(?::(?P<split>[\w.-]{1,64}))?",
    re.ASCII,
)
_CARD = "README.md"
_WORD = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True)
class HubDataset:
    """Data set of a hub, as `hf://owner/name/folder@revision:split`; all but owner and name are optional.

    Attributes:
        repository: Owner and name.
        folder: The folder below which its files are looked for; empty for all of them.
        revision: Commit, tag or branch; None takes the main branch as the cache or the hub has it.
        split: The split that is read; None takes all files.
    """

    repository: str
    folder: str = ""
    revision: str | None = None
    split: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The data set of a name.

        Raises:
            InvalidHubNameError: It is no name of a data set.

        Example:
            >>> HubDataset.parse("hf://openai/gsm8k@main:train").split
            'train'
        """
        found = _NAME.fullmatch(text)
        if found is None or ".." in text:
            raise InvalidHubNameError(text)
        parts = found.groupdict()
        return cls(parts["repository"], parts["folder"].strip("/"), parts["revision"], parts["split"])

    @property
    def uri(self) -> str:
        """The name, as it is written."""
        folder = f"/{self.folder}" if self.folder else ""
        revision = f"@{self.revision}" if self.revision else ""
        return f"{SCHEME}{self.repository}{folder}{revision}" + (f":{self.split}" if self.split else "")

    def fetch(self, endings: Iterable[str]) -> Path:
        """The folder of the data set in the local cache; what is not there yet is downloaded.

        Args:
            endings: Of the files that are wanted; the data card is fetched besides.

        Raises:
            HubUnreachableError: The hub does not answer, or has no such data set.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        below = f"{self.folder}/" if self.folder else ""
        wanted = [_CARD, *(f"{below}*{ending}" for ending in endings)]
        try:
            return Path(
                snapshot_download(
                    self.repository, repo_type="dataset", revision=self.revision, allow_patterns=wanted
                )
            )
        except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
            raise HubUnreachableError(self.uri, _reason(error)) from error

    def split_files(self, root: Path) -> list[Path]:
        """The files of the split below the folder that `fetch` has returned.

        They are those that the data card declares; without one, those whose path names the split.
        """
        below = root / self.folder
        files = [path for path in sorted(below.rglob("*")) if path.is_file()]
        if self.split is None:
            return files
        patterns = [pattern for split, pattern in _declared(root / _CARD) if split == self.split]
        if patterns:
            named = {path for pattern in patterns for path in root.glob(pattern)}
            return [path for path in files if path in named]
        return [path for path in files if self.split in _WORD.findall(str(path.relative_to(root)))]


def _declared(card: Path) -> list[tuple[str, str]]:
    """Split and pattern of the files that a data card declares."""
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    if not text.startswith("---\n"):
        return []
    try:
        header: Any = yaml.safe_load(text[len("---\n") :].partition("\n---")[0])
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    configs = header.get("configs") if isinstance(header, dict) else None
    return [
        (str(part["split"]), str(path))
        for config in configs or []
        if isinstance(config, dict) and isinstance(config.get("data_files"), list)
        for part in config["data_files"]
        if isinstance(part, dict) and {"split", "path"} <= set(part)
        for path in (part["path"] if isinstance(part["path"], list) else [part["path"]])
        if not str(path).startswith("/") and ".." not in str(path)
    ]


def _reason(error: Exception) -> str:
    """Why a hub gives nothing, in a few words; those of its library advise about other things."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, HfHubHTTPError):
        error = error.__cause__  # the cache was looked at because of it
    if isinstance(error, LocalEntryNotFoundError):
        return "HF_HUB_OFFLINE forbids it" if constants.HF_HUB_OFFLINE else "the hub does not answer"
    if isinstance(error, GatedRepoError):
        return "it asks for a token with access"
    if isinstance(error, RepositoryNotFoundError | RevisionNotFoundError):
        return "the hub has no such data set or revision, or hides it"
    if isinstance(error, HfHubHTTPError):
        return f"the hub answers {error.response.status_code}"
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
