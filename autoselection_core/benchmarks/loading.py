"""A benchmark from its files, checked before any money is spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoselection_core.benchmarks.adapters import ADAPTERS, OWN, Adapter, Read
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.files import records
from autoselection_core.benchmarks.harness.benchmark import harness_benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.question import Question
from autoselection_core.benchmarks.render import SYSTEM, Form
from autoselection_core.benchmarks.split import split
from autoselection_core.benchmarks.split_sizes import SplitSizes
from autoselection_core.errors.benchmarks import (
    BadItemError,
    NotAQuestionError,
    UnknownBenchmarkSettingError,
    UnreadableBenchmarkError,
)
from autoselection_core.errors.space import SettingError
from autoselection_core.errors.yaml import YamlError
from autoselection_core.store.home import confined
from autoselection_core.strict_yaml import read_yaml, text_of

FILE = "benchmark.yaml"
"""What a benchmark's folder says about it."""

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "format": str,
    "items": str,
    "targets": str,
    "metric": str,
    "shots": int,
    "system": str,
    "chance": (int, float),
    "confidential": bool,
    "dev_share": (int, float),
    "dev_items": int,
    "test_items": int,
    "answer_tokens": int,
    "task": str,
    "measure": str,
    "backend": str,
}
"""The settings of a benchmark, and what they are."""

SETTINGS = tuple(_KINDS)
"""Names of the settings of a benchmark."""

_KIND_NAMES: Mapping[type | tuple[type, ...], str] = {
    str: "text",
    int: "a whole number",
    (int, float): "a number",
    bool: "true or false",
}
HARNESS = "harness"
"""The format of benchmarks that a task of the lm-evaluation-harness scores."""

_SIZES = ("dev_share", "dev_items", "test_items")
_FILE_KINDS = (".jsonl", ".parquet")
_FEWEST_CHOICES = 2


def load_benchmark(path: Path) -> Benchmark:
    """The benchmark of a folder with a `benchmark.yaml`, or of such a file.

    Raises:
        UnreadableBenchmarkError: A file is missing or cannot be read.
        UnknownBenchmarkSettingError: A key or a format is unknown.
        SettingError: A value is out of range.
        BadItemError: A record is not a question with a right answer.
        NoItemsError: Nothing is left to score on a side of the split.
        OutsideFolderError: A file lies outside the benchmark's folder.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise UnreadableBenchmarkError(str(path), f"there is no {FILE}")
    try:
        settings = read_yaml(text_of(file))
    except YamlError as error:
        raise UnreadableBenchmarkError(str(file), str(error)) from error
    if not isinstance(settings, dict):
        raise UnreadableBenchmarkError(str(file), "it is no mapping of settings")
    return benchmark_from({"name": file.parent.name, **settings}, file.parent)


def benchmark_from(settings: Mapping[str, Any], folder: Path) -> Benchmark:
    """The benchmark that settings describe; its files lie below a folder.

    Args:
        settings: `name`, `items` and, where wanted, the other keys of a `benchmark.yaml`.
        folder: Where relative paths start and which no path leaves.

    Raises:
        As `load_benchmark`.
    """
    _check(settings)
    if settings.get("format") == HARNESS:
        return harness_benchmark(settings, folder)
    adapter = ADAPTERS[settings.get("format", OWN)]
    metric = Metric(settings.get("metric", adapter.metric))
    questions = _questions(confined(Path(settings.get("items", _items_name(folder))), folder), adapter.item)
    examples = [found.question for found in _targets(settings, folder, adapter)]
    form = Form(metric, _shots(settings, adapter, metric, examples), _system(settings, metric))
    # A question that stands twice would count twice and be paired with itself.
    items = tuple({item.id: item for item in (_item(form, found, examples) for found in questions)}.values())
    benchmark = Benchmark(
        name=settings["name"],
        items=items,
        targets=tuple(form.target(example) for example in examples),
        metric=metric,
        chance=settings.get("chance", _chance(items, metric)),
        confidential=settings.get("confidential", adapter.confidential),
        answer_tokens=_answer_tokens(settings),
        sizes=SplitSizes(**{key: settings[key] for key in _SIZES if key in settings}),
        target_questions=tuple(example.text for example in examples),
        target_groups=tuple(example.group or "" for example in examples),
        left_out=len(questions) - len(items),
    )
    split(benchmark)
    return benchmark


@dataclass(frozen=True)
class _Found:
    """A question and the place where it was found."""

    file: Path
    line: int
    question: Question


def _check(settings: Mapping[str, Any]) -> None:
    for key, value in settings.items():
        if key not in _KINDS:
            raise UnknownBenchmarkSettingError("setting", str(key), tuple(_KINDS))
        if not isinstance(value, _KINDS[key]):
            raise SettingError(key, value, _KIND_NAMES[_KINDS[key]])
    if settings.get("format", OWN) not in (*ADAPTERS, HARNESS):
        raise UnknownBenchmarkSettingError("format", settings["format"], (*ADAPTERS, HARNESS))
    if (settings.get("format") == HARNESS) != ("task" in settings):
        raise SettingError("task", settings.get("task"), f"there for the format {HARNESS!r}, and only for it")
    if settings.get("metric", Metric.LOG_LIKELIHOOD) not in tuple(Metric):
        raise UnknownBenchmarkSettingError("metric", settings["metric"], tuple(Metric))


def _items_name(folder: Path) -> str:
    return _first_there(folder, "items") or "items.jsonl"


def _first_there(folder: Path, stem: str) -> str | None:
    return next((stem + kind for kind in _FILE_KINDS if (folder / (stem + kind)).is_file()), None)


def _targets(settings: Mapping[str, Any], folder: Path, adapter: Adapter) -> list[_Found]:
    name = settings.get("targets", _first_there(folder, "targets"))
    return _questions(confined(Path(name), folder), adapter.target) if name is not None else []


def _questions(file: Path, read: Read) -> list[_Found]:
    found: list[_Found] = []
    for line, record in records(file):
        try:
            question = read(record)
        except KeyError as error:
            raise BadItemError(str(file), line, f"{error} is missing") from error
        except (TypeError, NotAQuestionError) as error:
            raise BadItemError(str(file), line, str(error)) from error
        if question is not None:
            found.append(_Found(file, line, question))
    return found


def _item(form: Form, found: _Found, examples: Sequence[Question]) -> Item:
    """The item of a question whose choices, if any, hold the right answer once.

    The reasons quote no text: a benchmark may be confidential.
    """
    choices = found.question.choices
    if choices is None and form.metric.chooses:
        raise BadItemError(str(found.file), found.line, f"metric {form.metric} needs choices")
    if choices is not None and len(set(choices)) < _FEWEST_CHOICES:
        raise BadItemError(str(found.file), found.line, "choices must be two or more different texts")
    if choices is not None and choices.count(found.question.answer) != 1:
        raise BadItemError(str(found.file), found.line, "the choices do not hold the right answer once")
    return form.item(found.question, examples)


def _shots(
    settings: Mapping[str, Any], adapter: Adapter, metric: Metric, examples: Sequence[Question]
) -> int:
    shots = int(settings.get("shots", adapter.shots if metric is Metric.ANSWER_ACCURACY else 0))
    if shots < 0 or (shots > 0 and not examples):
        raise SettingError("shots", shots, "0 or more, and 0 where there are no targets to take them from")
    return shots


def _system(settings: Mapping[str, Any], metric: Metric) -> str | None:
    """What the user says, nothing included; else one line where answers are written."""
    default = SYSTEM if metric is Metric.ANSWER_ACCURACY else None
    said = settings.get("system", default)
    return str(said) if said else None


def _answer_tokens(settings: Mapping[str, Any]) -> int:
    tokens = int(settings.get("answer_tokens", Benchmark.answer_tokens))
    if tokens < 1:
        raise SettingError("answer_tokens", tokens, "at least 1")
    return tokens


def _chance(items: Sequence[Item], metric: Metric) -> float | None:
    """What blind guessing scores; None for likelihoods."""
    if not (metric.chooses or metric is Metric.ANSWER_ACCURACY) or not items:
        return None
    return sum(1 / len(item.choices) if item.choices else 0.0 for item in items) / len(items)
