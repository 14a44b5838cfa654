"""Content hashes of files that others write, read again only when size or modification time changed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.identity import fingerprint, fingerprint_file
from autoselection_core.store.atomic import atomic_file


@dataclass(frozen=True)
class ContentHashes:
    """Hashes of files and folders, remembered in a file.

    Attributes:
        memory: Where hashes are kept; deleting it costs time only.
    """

    memory: Path

    def version(self, paths: Iterable[Path]) -> str:
        """One hash over the names and contents of files; a folder counts with all files below it."""
        return version_of(self.hashes(paths))

    def hashes(self, paths: Iterable[Path]) -> dict[str, str]:
        """Hash of each file by name; a folder stands for all files below it."""
        known = self._known()
        seen = {str(file): _entry(file, known.get(str(file))) for path in paths for file in _files(path)}
        if any(known.get(name) != entry for name, entry in seen.items()):
            self._remember({**known, **seen})
        return {name: entry["hash"] for name, entry in seen.items()}

    def _known(self) -> dict[str, dict[str, str]]:
        return dict(json.loads(self.memory.read_text())) if self.memory.exists() else {}

    def _remember(self, entries: dict[str, dict[str, str]]) -> None:
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.memory) as draft:
            draft.write_text(json.dumps(entries))


def version_of(hashes: Mapping[str, str]) -> str:
    """One hash over the names and contents of files."""
    return fingerprint(dict(hashes))


def stamp(paths: Iterable[Path]) -> str:
    """A hash over names, sizes and modification times: no file is opened."""
    return fingerprint({str(file): _stamp(file) for path in paths for file in _files(path)})


def size_of(file: Path) -> int:
    """Size in bytes; 0 for a file that is not there."""
    return file.stat().st_size if file.exists() else 0


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _stamp(file: Path) -> str:
    if not file.exists():
        return "missing"
    status = file.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"


def _entry(file: Path, known: dict[str, str] | None) -> dict[str, str]:
    present = _stamp(file)
    if known is not None and known["stamp"] == present:
        return known
    return {"stamp": present, "hash": fingerprint_file(file) if present != "missing" else present}
