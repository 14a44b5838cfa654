"""Object storage: the objects under a prefix as files of a folder, and a folder under a prefix.

Only S3 and what speaks its protocol. Key, secret, region and endpoint come from the environment that the AWS
tools read (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`), never from a
campaign.
"""

import fnmatch
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autoselection_core import environment_variables
from autoselection_core.errors.store import ObjectsUnreachableError
from autoselection_core.identity import fingerprint
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home, confine

SCHEME = "s3"
_SEPARATOR = "://"
_PIECE = 1 << 20


def is_uri(text: str) -> bool:
    """Whether a text names something by a scheme, and not a path.

    Example:
        >>> is_uri("s3://bucket/raw/*.jsonl"), is_uri("raw/*.jsonl")
        (True, False)
    """
    return _SEPARATOR in text


def is_read(uri: str) -> bool:
    """Whether a URI is of S3, the one kind of object storage that is read."""
    return uri.startswith(f"{SCHEME}{_SEPARATOR}")


def is_below(uri: str, prefix: str) -> bool:
    """Whether something is below a bucket or a prefix in it.

    Example:
        >>> is_below("s3://ours/raw/a.jsonl", "s3://ours/raw"), is_below("s3://ours2/a", "s3://ours")
        (True, False)
    """
    return uri.startswith(f"{prefix.rstrip('/')}/")


@dataclass(frozen=True)
class Mirror:
    """Mirror of objects as files of the home folder, so that they can be mapped, hashed and watched.

    Attributes:
        uri: The objects: a key, or a pattern with * and **.
        home: The home folder.
    """

    uri: str
    home: Home

    @property
    def pattern(self) -> Path:
        """Path of the files, with the pattern of the URI."""
        return self._folder / self._pattern

    def refresh(self) -> None:
        """Fetch what is new or changed, and remove what is gone. A file appears whole or not at all.

        An object has changed when its size or its time has: the time is kept as that of the file.

        Raises:
            ObjectsUnreachableError: The storage does not answer, or refuses.
            OutsideFolderError: A key would lead out of the mirror's folder.
            StorageFullError: The disk has no room.
        """
        with _storage(self.uri) as storage:
            present = {self._file(info.path): info for info in self._listed(storage)}
            for file, info in present.items():
                if not _is_same(file, info):
                    _fetch(storage, info, file)
        for file in self._folder.glob(self._pattern):
            if file.is_file() and file not in present:
                file.unlink()

    @property
    def _parts(self) -> tuple[str, ...]:
        return tuple(self.uri.split(_SEPARATOR, 1)[1].split("/"))

    @property
    def _prefix(self) -> str:
        """Prefix before the first part with a wild card, or before the name."""
        magic = [number for number, part in enumerate(self._parts) if glob.has_magic(part)]
        return "/".join(self._parts[: magic[0] if magic else -1])

    @property
    def _pattern(self) -> str:
        return "/".join(self._parts)[len(self._prefix) + 1 :]

    @property
    def _folder(self) -> Path:
        return self.home.objects / fingerprint(self._prefix)

    def _file(self, path: str) -> Path:
        return confine(Path(path.removeprefix(f"{self._prefix}/")), self._folder)

    def _listed(self, storage: Any) -> Iterator[Any]:  # noqa: ANN401 - pyarrow has no types
        """Objects that match; with ** a few more, which the reading of the folder passes over."""
        from pyarrow import fs

        wanted = "/".join(self._parts)
        if not glob.has_magic(wanted):
            asked: Any = [wanted]
        else:
            asked = fs.FileSelector(self._prefix, recursive=True, allow_not_found=True)
        loose = wanted.replace("**/", "*")
        found = storage.get_file_info(asked)
        return (
            info for info in found if info.type is fs.FileType.File and fnmatch.fnmatchcase(info.path, loose)
        )


def upload(folder: Path, uri: str, last: str) -> None:
    """Put the files of a folder under a prefix; one of them last, as the mark that all are there.

    Raises:
        ObjectsUnreachableError: The storage does not answer, or refuses.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files.sort(key=lambda path: path.name == last)
    with _storage(uri) as storage:
        for file in files:
            key = f"{uri.split(_SEPARATOR, 1)[1].rstrip('/')}/{file.relative_to(folder).as_posix()}"
            with storage.open_output_stream(key) as sink, file.open("rb") as source:
                shutil.copyfileobj(source, sink, _PIECE)


def allowed_objects() -> list[str]:
    """The prefixes that campaigns may read from, as AUTOSELECTION_OBJECTS names them."""
    return os.environ.get(environment_variables.OBJECTS, "").split()


@contextmanager
def _storage(uri: str) -> Iterator[Any]:
    """A client of the storage that the environment names.

    Raises:
        ObjectsUnreachableError: It does not answer, or refuses.
    """
    from pyarrow import fs

    endpoint = urlsplit(os.environ.get(environment_variables.OBJECTS_ENDPOINT) or "")
    override = {"scheme": endpoint.scheme, "endpoint_override": endpoint.netloc} if endpoint.netloc else {}
    try:
        yield fs.S3FileSystem(**override)
    except OSError as error:
        raise ObjectsUnreachableError(uri, str(error)) from error


def _is_same(file: Path, info: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
    if not file.is_file():
        return False
    present = file.stat()
    return (present.st_size, present.st_mtime_ns) == (info.size, info.mtime_ns)


def _fetch(storage: Any, info: Any, file: Path) -> None:  # noqa: ANN401 - pyarrow has no types
    with atomic_file(file) as draft:
        with storage.open_input_stream(info.path) as source, draft.open("wb") as sink:
            shutil.copyfileobj(source, sink, _PIECE)
        os.utime(draft, ns=(info.mtime_ns, info.mtime_ns))
