"""A user's own task of the lm-evaluation-harness: a YAML file, which is data and runs nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from autoselection_core.errors.benchmarks import HarnessTaskError


class _Tagged:
    """What stands behind a tag such as `!function`."""


class _Loader(yaml.SafeLoader):
    """Reads plain YAML, and marks what a tag would make."""


_Loader.add_multi_constructor("!", lambda *_: _Tagged())


def task_in(file: Path) -> str:
    """The name of the task that a file declares, by itself or by what it includes.

    Raises:
        HarnessTaskError: The file, or one that it includes, is missing, is no mapping, or names a function;
            or none of them names a task.
    """
    named = _declared(file, ())
    if named is None:
        raise HarnessTaskError(file.name, "it has no `task`, the name of what it declares")
    return named


def _declared(file: Path, including: tuple[Path, ...]) -> str | None:
    said = _read(file)
    if _has_tag(said):
        reason = "it names a function, and a configuration runs no code; tasks with functions come installed"
        raise HarnessTaskError(file.name, f"{reason} with the harness and are named, not copied")
    if file in including:
        raise HarnessTaskError(file.name, "it includes itself")
    included = said.get("include", ())
    parts = included if isinstance(included, list) else [included] if included else []
    inherited = [_declared(file.parent / str(part), (*including, file)) for part in parts]
    own = said.get("task")
    return own if isinstance(own, str) else next((name for name in inherited if name is not None), None)


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise HarnessTaskError(file.name, f"there is no file {file}")
    try:
        said = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise HarnessTaskError(file.name, "it is no YAML") from error
    if not isinstance(said, dict):
        raise HarnessTaskError(file.name, "it is no mapping of settings")
    return said


def _has_tag(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_tag(entry) for entry in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(_has_tag(entry) for entry in value)
    return isinstance(value, _Tagged)
