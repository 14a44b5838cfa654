"""A user's own task of the lm-evaluation-harness: a YAML file, which is data and runs nothing."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from autoselection_core.benchmarks.harness.patterns import pattern_problem
from autoselection_core.benchmarks.harness.template import TaskTemplates
from autoselection_core.errors.base import did_you_mean
from autoselection_core.errors.benchmarks import HarnessTaskError
from autoselection_core.errors.campaign import YamlError
from autoselection_core.store.home import confine
from autoselection_core.strict_yaml import read_yaml, text_of

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
