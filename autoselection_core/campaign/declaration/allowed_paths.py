"""Paths that a campaign may name: below its file, below the home folder, or where the operator allows."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from autoselection_core import environment_variables
from autoselection_core.campaign.declaration.yaml_document import Value
from autoselection_core.errors.campaign import OutsidePathError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.models.chat.chat_settings import ChatSettings
from autoselection_core.models.chat.templated_model import CHATML, ModelReference
from autoselection_core.store.home import Home
from autoselection_core.store.objects import SCHEME, Mirror, allowed_objects, is_below, is_read, is_uri

_HOME = "{home}/"
_WILD = frozenset("*?[")
_CHAT = tuple(each.name for each in fields(ChatSettings))


@dataclass(frozen=True)
class AllowedPaths:
    """The folders that a campaign's paths may lead to.

    Attributes:
        file: The campaign file; relative paths start in its folder.
        home: Home folder that replaces `{home}/` at the start of a path.

    A path that leads out is refused where it is read; within `together` at the end, all of them in one error.
    """

    file: Path
    home: Home
    _noted: list[list[tuple[Value, Path]]] = field(
        default_factory=list, init=False, compare=False, repr=False
    )

    @contextmanager
    def together(self) -> Iterator[None]:
        """Refuse all paths that lead out of every allowed folder in one error, at the outermost end.

        Raises:
            CampaignFileError: Some lead out; names the line and field of the first.
        """
        if self._noted:
            yield
            return
        self._noted.append([])
        try:
            yield
        finally:
            outside = self._noted.pop()
        self._refuse(outside)

    def path(self, value: Value) -> Path:
        """The absolute path that a value names; patterns stay patterns.

        Raises:
            CampaignFileError: It leads out of every allowed folder; see `together`.
        """
        text = value.text()
        _refuse_objects(value)
        if text.startswith(_HOME):
            return self._inside(value, self.home.root.absolute() / text.removeprefix(_HOME))
        return self._inside(value, self.file.absolute().parent / Path(text).expanduser())

    def source(self, value: Value) -> tuple[Path, Mirror | None]:
        """Path of raw files, and the object storage that they are fetched from, if they are.

        Raises:
            CampaignFileError: They are outside of every allowed folder or prefix; see `together`.
        """
        uri = value.text()
        if not is_uri(uri):
            return self.path(value), None
        if not is_read(uri):
            value.refuse(f"is {uri}, but of object storage only {SCHEME}:// is read")
        allowed = allowed_objects()
        if ".." in uri.split("/") or not any(is_below(uri, prefix) for prefix in allowed):
            value.refuse(
                f"leads to {uri}, outside of {', '.join(allowed) or 'what campaigns may read'}; "
                f"let {environment_variables.OBJECTS} name its bucket or prefix"
            )
        mirror = Mirror(uri, self.home)
        return mirror.pattern, mirror

    def model(self, value: Value) -> str:
        """Folder of a base model, or its hub name unchanged; a mapping adds chat settings.

        Raises:
            CampaignFileError: A setting is refused, or a folder outside of every allowed one; see `together`.
        """
        if not isinstance(value.node, yaml.MappingNode):
            return self._plain_model(value)
        found = value.entries("path", *_CHAT)
        if "path" not in found:
            value.refuse("needs `path`: the folder or hub name of the base model")
        settings = {name: found[name].text() for name in _CHAT if name in found}
        if settings.get("chat_template", CHATML) != CHATML:
            settings["chat_template"] = str(self.path(found["chat_template"]))
        try:
            return str(ModelReference(self._plain_model(found["path"]), ChatSettings(**settings)))
        except SettingError as error:
            value.refuse(f"is refused: {error}", error)

    def _plain_model(self, value: Value) -> str:
        text = value.text()
        _refuse_objects(value)
        is_path = text.startswith((_HOME, ".", "/", "~")) or (self.file.absolute().parent / text).exists()
        return str(self.path(value)) if is_path else text

    def _inside(self, value: Value, path: Path) -> Path:
        try:
            return self.require(value.text(), path)
        except OutsidePathError as error:
            if not self._noted:
                value.refuse(error.problem, error)
            self._noted[0].append((value, error.path))
            return error.path

    def _refuse(self, outside: Sequence[tuple[Value, Path]]) -> None:
        """Refuse values with paths that lead out, all of them in one error at the first."""
        if not outside:
            return
        try:
            self.require_all({f"{value.field}: {value.text()}": path for value, path in outside})
        except OutsidePathError as error:
            outside[0][0].refuse(error.problem, error)

    def require(self, named: str, path: Path) -> Path:
        """A path with its links followed, which is below an allowed folder.

        Args:
            named: The path as it was given.
            path: The same as an absolute path; may be a pattern.

        Raises:
            OutsidePathError: It leads out of every allowed folder; names the line that would allow it.
        """
        self.require_all({named: path})
        return path.resolve()

    def require_all(self, named: Mapping[str, Path]) -> None:
        """Refuse the paths that lead out of every allowed folder, all of them in one error.

        Args:
            named: Absolute paths by what they were given as; may be patterns.

        Raises:
            OutsidePathError: Some lead out; names the one line that would allow them all.
        """
        allowed = (self.file.absolute().parent, self.home.root.absolute(), *_allowed_by_operator())
        folders = [folder.resolve() for folder in allowed]
        # Links are followed first, so that none leads out.
        places = {name: path.resolve() for name, path in named.items()}
        outside = {
            name: path
            for name, path in places.items()
            if not any(path.is_relative_to(folder) for folder in folders)
        }
        if outside:
            first, *further = outside
            line = _export_allowing(tuple(outside.values()))
            raise OutsidePathError(first, outside[first], allowed, line, tuple(further))


def _refuse_objects(value: Value) -> None:
    if is_uri(value.text()):
        value.refuse(f"is {value.text()}, but has to be a path: only files of `pool` may be elsewhere")


def _export_allowing(paths: Sequence[Path]) -> str:
    """Line for a shell that allows the folders of paths beside those that are allowed already."""
    needed = sorted({_folder_of(path) for path in paths})
    folders = [each for each in needed if not any(other in each.parents for other in needed)]
    named = os.pathsep.join(map(str, (*_allowed_by_operator(), *folders)))
    return f"export {environment_variables.DATA}={shlex.quote(named)}"


def _folder_of(path: Path) -> Path:
    """The folder that a path is or lies in; of a pattern the deepest one without wild characters."""
    plain = next(each for each in (path, *path.parents) if not _WILD & set(str(each)))
    return plain if plain.is_dir() else plain.parent


def _allowed_by_operator() -> list[Path]:
    named = os.environ.get(environment_variables.DATA, "")
    return [Path(folder) for folder in named.split(os.pathsep) if folder]
