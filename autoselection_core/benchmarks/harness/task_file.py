"""A user's own task of the lm-evaluation-harness: a YAML file, which is data and runs nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from autoselection_core.benchmarks.harness.template import TaskTemplates
from autoselection_core.errors.base import did_you_mean
from autoselection_core.errors.benchmarks import HarnessTaskError
from autoselection_core.errors.campaign import YamlError
from autoselection_core.store.home import confine
from autoselection_core.strict_yaml import read_yaml, text_of

_MAX_PATTERN = 1_000
_MANY = 64
"""Repeats beyond which a repeat counts as endless."""

_MAX_ENDLESS = 2
"""Endless repeats behind each other."""

_MAX_WAYS = 10_000
"""Ways in which the rounds of a repeat may share a text."""

_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")
_ASCII = 128
_ALPHABET = frozenset(map(chr, range(_ASCII))) | frozenset("é٣\u00a0…")
"""Characters that stand for all: those of ASCII and a letter, a digit, a blank and a sign beyond."""
_CATEGORIES = {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}


def pattern_problem(pattern: str) -> str | None:
    """The reason for which a pattern is refused; None for none.

    A repeat inside another one, or around alternatives, may try the same text in exponentially many ways, and
    n repeats without end behind each other in as many as the n-th power of its length: two are taken, as the
    harness's own tasks have, and take seconds for an answer of some thousand characters. A repeat inside one
    with an end is taken where it has characters of its own and is parted from its next round, as in
    `(?:a{0,64}b)+`, or where all is at most 10,000 ways.

    Example:
        >>> pattern_problem(r"(-?[$0-9.,]{2,})|(-?[0-9]+)") is None
        True
        >>> pattern_problem(r"(a+)+$")
        'it has an unlimited repeat inside an unlimited repeat, as in (a+)+'
        >>> pattern_problem(r"(a{1,60}){1,60}b")
        'it has a repeat inside a repeat that may share one text in too many ways, as in (a{1,9}){1,9}'
    """
    if len(pattern) > _MAX_PATTERN:
        return f"it has more than {_MAX_PATTERN:,} characters"
    try:
        tree = re._parser.parse(pattern)  # type: ignore[attr-defined] # noqa: SLF001 Python's own parser has no other name
    except (re.error, RecursionError, OverflowError) as error:
        return f"it is no regular expression ({error})"
    problem = _problem(tree, is_repeated=False)
    if problem is None and (endless := _endless(tree)) > _MAX_ENDLESS:
        return f"it repeats without end {endless} times in a row, at most {_MAX_ENDLESS} are taken"
    return problem


def _endless(tree: Iterable[tuple[Any, Any]]) -> int:
    """Endless repeats behind each other; of alternatives, those with the most."""
    count = 0
    for operation, argument in tree:
        name = str(operation)
        if name in _REPEATS:
            _, most, inner = argument
            count += (int(most) > _MANY) + _endless(inner)
        elif name == "BRANCH":
            count += max(map(_endless, _inside(argument)), default=0)
        else:
            count += sum(map(_endless, _inside(argument)))
    return count


def _problem(tree: Iterable[tuple[Any, Any]], *, is_repeated: bool) -> str | None:
    for operation, argument in tree:
        name = str(operation)
        if name in _REPEATS:
            _, most, inner = argument
            is_endless = int(most) > _MANY
            if is_endless and is_repeated:
                return "it has an unlimited repeat inside an unlimited repeat, as in (a+)+"
            is_nested = is_repeated or is_endless
            found = _problem(inner, is_repeated=is_nested) or _sharing_problem(int(most), inner)
        elif name == "BRANCH" and is_repeated:
            return "it has alternatives inside an unlimited repeat, as in (a|b)+"
        else:
            found = next(
                filter(None, (_problem(each, is_repeated=is_repeated) for each in _inside(argument))), None
            )
        if found is not None:
            return found
    return None


def _sharing_problem(most: int, inner: Iterable[tuple[Any, Any]]) -> str | None:
    """The problem of a repeat whose rounds may share one text in many ways."""
    if most <= 1 or not _is_shared(inner):
        return None
    if most <= _MANY and _ways(inner) ** most <= _MAX_WAYS:
        return None
    if any(str(operation) == "BRANCH" for operation, _ in _flat(inner)):
        return "it has alternatives inside a repeat that may share one text in too many ways, as in (a|b)+"
    return "it has a repeat inside a repeat that may share one text in too many ways, as in (a{1,9}){1,9}"


def _is_shared(inner: Iterable[tuple[Any, Any]]) -> bool:
    """Whether one round of a repeat may take what the next one, or another part of it, takes as well."""
    parts = list(_flat(inner))
    fixed = [argument[0] > 0 if str(operation) in _REPEATS else True for operation, argument in parts]
    characters = [_characters([part]) for part in parts]
    for number, (operation, argument) in enumerate(parts):
        if str(operation) == "BRANCH":
            return True
        if str(operation) in _REPEATS:
            least, most, repeated = argument
            if most > 1 and _is_shared(repeated):
                return True
            others = [each for each in range(len(parts)) if each != number and characters[each]]
            is_parted = any(fixed[each] for each in others)
            if least != most and not (
                is_parted and all(characters[number].isdisjoint(characters[each]) for each in others)
            ):
                return True
    return False


def _flat(tree: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Operations in a row, with those of groups in the place of the groups."""
    for operation, argument in tree:
        if str(operation) in {"SUBPATTERN", "ATOMIC_GROUP"}:
            for each in _inside(argument):
                yield from _flat(each)
        else:
            yield operation, argument


def _ways(tree: Iterable[tuple[Any, Any]]) -> float:
    """Ways in which a pattern may take a text, at most."""
    ways = 1.0
    for operation, argument in _flat(tree):
        if str(operation) in _REPEATS:
            least, most, inner = argument
            is_endless = int(most) > _MANY
            ways *= inf if is_endless else (most - least + 1) * min(_ways(inner), _MAX_WAYS) ** most
        elif str(operation) == "BRANCH":
            ways *= sum(map(_ways, _inside(argument)))
    return min(ways, _MAX_WAYS + 1.0)


def _characters(tree: Iterable[tuple[Any, Any]]) -> frozenset[str]:
    """Characters of the alphabet that a pattern may take, or more."""
    return frozenset[str]().union(*(_taken(str(operation), argument) for operation, argument in _flat(tree)))


def _taken(name: str, argument: Any) -> frozenset[str]:  # noqa: ANN401 as Python's parser gives it
    taken = _ALPHABET
    match name:
        case "AT" | "ASSERT" | "ASSERT_NOT":
            taken = frozenset()
        case "LITERAL":
            taken = frozenset({chr(argument).lower(), chr(argument).upper()})
        case "CATEGORY" if str(argument) in _CATEGORIES:
            taken = frozenset(filter(re.compile(_CATEGORIES[str(argument)]).match, _ALPHABET))
        case "RANGE" if argument[1] < _ASCII:
            taken = frozenset[str]().union(
                *(_taken("LITERAL", each) for each in range(argument[0], argument[1] + 1))
            )
        case "IN" if str(argument[0][0]) != "NEGATE":
            taken = _characters(argument)
        case "MAX_REPEAT" | "MIN_REPEAT":
            taken = _characters(argument[2])
    return taken


def _inside(argument: object) -> list[Any]:
    """The patterns inside an operation."""
    if hasattr(argument, "data"):
        return [argument]
    if isinstance(argument, tuple | list) and not isinstance(argument, Mapping):
        return [each for part in argument for each in _inside(part)]
    return []


TEMPLATES = ("doc_to_text", "doc_to_target", "doc_to_choice", "description", "gen_prefix")
"""Settings whose texts are Jinja templates or names of fields."""

_SETTINGS = (
    *("task", "task_alias", "tag", "include", "metadata", "output_type", "metric_list", "filter_list"),
    *("dataset_path", "dataset_name", "dataset_kwargs", "training_split", "validation_split", "test_split"),
    *("fewshot_split", "num_fewshot", "fewshot_config", "fewshot_delimiter", "target_delimiter"),
    *("generation_kwargs", "repeats", *TEMPLATES),
)
_READERS = ("json", "csv", "parquet", "text", "arrow")
"""Data sets of one's own files: the formats that hold data alone."""

_OF_READERS = ("data_files", "field", "delimiter", "sep", "column_names")
_OF_HUB = ("data_files", "data_dir", "revision")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")
_HUB_PATH = re.compile(r"(?!/)(?!.*(?:\.\.|://|::|\\)).{1,500}")
_SAMPLERS = ("default", "first_n")
_MAX_REPEATS = 64
_MAX_INCLUDES = 16
_NO_CODE = "a configuration runs no code; tasks with functions come installed with the harness and are named"


def own_task(file: Path, folder: Path) -> dict[str, Any]:
    """Settings of a task file and of the files that it includes; every path in them is absolute.

    Args:
        file: The task file.
        folder: Folder of the file, of what it includes and of its data; no path leaves it.

    Raises:
        HarnessTaskError: A file is missing, is no mapping, holds more than data, or none names a task.
        OutsideFolderError: A path leads out of the folder.
    """
    said = _declaration(confine(file, folder), folder, ())
    said.pop("tag", None)
    if not isinstance(said.get("task"), str):
        raise HarnessTaskError(file.name, "it has no `task`, the name of what it declares")
    _check(said, file)
    return {**said, **_data(said, file, folder)}


def _declaration(file: Path, folder: Path, including: tuple[Path, ...]) -> dict[str, Any]:
    if file in including or len(including) > _MAX_INCLUDES:
        raise HarnessTaskError(file.name, f"it includes itself, or more than {_MAX_INCLUDES} files in a row")
    said = _read(file)
    included = said.pop("include", None) or []
    merged: dict[str, Any] = {}
    for part in included if isinstance(included, list) else [included]:
        merged |= _declaration(confine(file.parent / str(part), folder), folder, (*including, file))
    return merged | said


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise HarnessTaskError(file.name, f"there is no file {file}")
    try:
        said = read_yaml(text_of(file))
    except YamlError as error:
        tagged = f"; {_NO_CODE}, not copied" if error.subject.startswith("the tag") else ""
        raise HarnessTaskError(file.name, f"{error}{tagged}") from error
    if not isinstance(said, dict):
        raise HarnessTaskError(file.name, "it is no mapping of settings")
    unknown = [str(key) for key in said if key not in _SETTINGS]
    if unknown:
        known = f"{', '.join(_SETTINGS)}.{did_you_mean(unknown[0], _SETTINGS)}"
        raise HarnessTaskError(file.name, f"its setting {unknown[0]!r} is none of {known}")
    return said


def _check(said: Mapping[str, Any], file: Path) -> None:
    """Refuse the plain data that the harness would look code up by, and templates that say too much."""
    for problem in (*_metric_problems(said), *_filter_problems(said), *_other_problems(said)):
        raise HarnessTaskError(file.name, problem)
    templates = TaskTemplates()
    for name in TEMPLATES:
        if isinstance(said.get(name), str):
            try:
                templates.check(said[name])
            except TemplateError as error:
                raise HarnessTaskError(file.name, f"the template `{name}` is refused: {error}") from error


def _metric_problems(said: Mapping[str, Any]) -> Iterator[str]:
    """A metric that is not the harness's own would be downloaded from a hub, with its code."""
    from lm_eval.api import metrics, registry

    assert metrics is not None, "importing them registers them"
    for entry in _mappings(said.get("metric_list")):
        name, aggregation = entry.get("metric"), entry.get("aggregation", "mean")
        if "hf_evaluate" in entry or name not in registry.metric_registry:
            yield f"its metric {name!r} is none of the harness's own"
        if not isinstance(aggregation, str) or aggregation not in registry.aggregation_registry:
            yield f"its aggregation {aggregation!r} is none of the harness's own"
        yield from _pattern_problems(entry)


def _filter_problems(said: Mapping[str, Any]) -> Iterator[str]:
    from lm_eval.api import registry

    functions = [
        each for entry in _mappings(said.get("filter_list")) for each in _mappings(entry.get("filter"))
    ]
    for function in functions:
        name = function.get("function")
        if not isinstance(name, str) or name == "custom" or name not in registry.filter_registry:
            yield f"its filter {name!r} is none of the harness's own"
        yield from _pattern_problems(function)


def _pattern_problems(settings: Mapping[str, Any]) -> Iterator[str]:
    """Problems of the regular expressions of a filter or a metric."""
    for key, value in settings.items():
        for text in _texts(value) if "pattern" in str(key) or "regex" in str(key) else ():
            problem = pattern_problem(text)
            if problem is not None:
                yield f"its `{key}` is refused: {problem}"


def _other_problems(said: Mapping[str, Any]) -> Iterator[str]:
    sampling = said.get("fewshot_config") or {}
    if not isinstance(sampling, dict) or sampling.keys() - {"sampler", "split"}:
        yield "`fewshot_config` may name a `sampler` and a `split`"
    elif sampling.get("sampler", "default") not in _SAMPLERS:
        yield f"its sampler is none of {', '.join(_SAMPLERS)}"
    repeats = said.get("repeats", 1)
    if not isinstance(repeats, int) or not 1 <= repeats <= _MAX_REPEATS:
        yield f"`repeats` must be 1 to {_MAX_REPEATS}"


def _mappings(listed: object) -> Iterator[Mapping[str, Any]]:
    for entry in listed if isinstance(listed, list) else []:
        yield entry if isinstance(entry, dict) else {}


def _data(said: Mapping[str, Any], file: Path, folder: Path) -> dict[str, Any]:
    """Source of the documents: files below the folder, or a data set of the hub by its name."""
    path = said.get("dataset_path")
    settings = said.get("dataset_kwargs") or {}
    if not isinstance(settings, dict):
        raise HarnessTaskError(file.name, "`dataset_kwargs` must be a mapping")
    known = _OF_READERS if path in _READERS else _OF_HUB
    for name in settings:
        if name not in known:
            raise HarnessTaskError(file.name, f"`dataset_kwargs` may say {', '.join(known)}, not {name!r}")
    if path in _READERS:
        if "data_files" not in settings:
            raise HarnessTaskError(file.name, f"`dataset_kwargs` needs `data_files`, the files of {path!r}")
        return {"dataset_kwargs": {**settings, "data_files": _files(settings["data_files"], file, folder)}}
    if not isinstance(path, str) or not _is_on_hub(path):
        raise HarnessTaskError(
            file.name, f"`dataset_path` is one of {', '.join(_READERS)}, or a name on the hub"
        )
    for value in _texts(settings):
        if not _HUB_PATH.fullmatch(value):
            raise HarnessTaskError(file.name, f"{value!r} is no path inside the data set {path!r}")
    return {}


def _is_on_hub(path: str) -> bool:
    """Whether a name is one of the hub's, and neither a folder here nor another reader of files."""
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

    is_reader = path in _PACKAGED_DATASETS_MODULES
    return bool(_HUB_NAME.fullmatch(path)) and not is_reader and not Path(path).exists()


def _files(named: object, file: Path, folder: Path) -> Any:  # noqa: ANN401 as the data says
    """Named files as absolute paths; a pattern gives the files that it matches below the folder."""
    if isinstance(named, dict):
        return {str(split): _files(files, file, folder) for split, files in named.items()}
    if isinstance(named, list):
        return [each for files in named for each in _files(files, file, folder)]
    if not isinstance(named, str):
        raise HarnessTaskError(file.name, f"`data_files` must name files, not {named!r}")
    base = folder.resolve()
    start = confine(file.parent, folder)
    wanted = confine(start / named, folder).relative_to(base)
    found = sorted(base.glob(str(wanted))) if "*" in named else [base / wanted]
    for each in found:
        if not confine(each, folder).is_file():
            raise HarnessTaskError(file.name, f"there is no file {each}")
    if not found:
        raise HarnessTaskError(file.name, f"no file matches {named!r}")
    return [str(confine(each, folder)) for each in found]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _texts(entry)
