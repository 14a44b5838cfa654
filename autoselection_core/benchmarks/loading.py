"""A benchmark from its files, checked before any money is spent."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.formats.adapters import ADAPTERS, Adapter, Read
from autoselection_core.benchmarks.formats.files import FILE_KINDS, files_of, fitting, records
from autoselection_core.benchmarks.formats.own_format import OwnFields, OwnFormat
from autoselection_core.benchmarks.harness.benchmark import harness_benchmark
from autoselection_core.benchmarks.item import Item, Question
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.normalisation import normalise
from autoselection_core.benchmarks.reading.extraction import is_expected
from autoselection_core.benchmarks.render import SYSTEM, PromptForm
from autoselection_core.benchmarks.settings import HARNESS, OWN, AnswerType, BenchmarkSettings
from autoselection_core.benchmarks.split import split
from autoselection_core.errors.benchmarks import (
    BadItemError,
    FieldInNoRecordError,
    MissingFieldError,
    NoSuchBenchmarkError,
    NotAQuestionError,
    UnreadableBenchmarkError,
)
from autoselection_core.errors.campaign import YamlError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.identity import fingerprint
from autoselection_core.pool.reading.rules import Rules
from autoselection_core.strict_yaml import read_yaml, text_of

_KINDS = (".parquet", ".jsonl")


def named_benchmark(name: str, folder: Path) -> Benchmark:
    """The benchmark of a path or a name.

    A path leads to a folder with a `benchmark.yaml`, or to such a file. A name is looked up in the folder:
    `NAME/benchmark.yaml`, `NAME.yaml`, or, for the formats that are known by name, the bare files
    `benchmarks/NAME.parquet` and `targets/NAME.parquet` (or `.jsonl`).

    Raises:
        NoSuchBenchmarkError: Nothing was found under that name.
        As `load_benchmark`.
    """
    places = (Path(name), folder / name, folder / f"{name}.yaml")
    for place in places:
        if (place / FILE).is_file() or (place.suffix in {".yaml", ".yml"} and place.is_file()):
            return load_benchmark(place)
    items = _file(folder / "benchmarks", name)
    if name in ADAPTERS and items is not None:
        targets = _file(folder / "targets", name)
        settings = {"name": name, "format": name, "items": str(items.relative_to(folder))}
        found = {} if targets is None else {"targets": str(targets.relative_to(folder))}
        return benchmark_from({**settings, **found}, folder)
    raise NoSuchBenchmarkError(name, folder, tuple(known for known in ADAPTERS if known != OWN))


def _file(folder: Path, stem: str) -> Path | None:
    return next((folder / f"{stem}{kind}" for kind in _KINDS if (folder / f"{stem}{kind}").is_file()), None)


FILE = "benchmark.yaml"
"""File in a benchmark's folder with its settings."""

_MIN_CHOICES = 2
_MAX_CHOICES = 1_000
"""Each is ordered by a hash of all, and each is read by the model."""
_ANSWER_KINDS: Mapping[AnswerType, str] = {
    AnswerType.NUMBER: "single number",
    AnswerType.YES_NO: "yes or no",
    AnswerType.LETTER: "letter",
    AnswerType.TEXT: "text",
}


def load_benchmark(path: Path) -> Benchmark:
    """The benchmark of a folder with a `benchmark.yaml`, or of such a file.

    Raises:
        UnreadableBenchmarkError: A file is missing or cannot be read.
        UnknownBenchmarkSettingError: A key or a format is unknown.
        SettingError: A value is out of range.
        BadItemError: Too many records are no question with a right answer.
        NoItemsError: Nothing is left to score on a side of the split.
        OutsideFolderError: A file is outside the benchmark's folder.
        HubUnreachableError: A data set of a hub is neither in the cache nor to be had.
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
    """The benchmark that settings describe, with its files below a folder.

    Args:
        settings: `name`, `items` and, where wanted, the other keys of a `benchmark.yaml`.
        folder: Folder where relative paths start and which no path leaves.

    Raises:
        As `load_benchmark`.
    """
    said = BenchmarkSettings.from_mapping(settings)
    return harness_benchmark(said, folder) if said.format == HARNESS else _benchmark(said, folder)


def _benchmark(said: BenchmarkSettings, folder: Path) -> Benchmark:
    adapter = _adapter(said)
    metric = said.metric or adapter.metric
    rules = _rules(said)
    asked = said.items or _first_there(folder, "items") or "items.jsonl"
    found = _questions(asked, folder, adapter.item, said, metric, lambda _: rules)
    named = said.targets or _first_there(folder, "targets")
    # A target is never scored, so it needs no choices.
    targets = _Found((), ())
    if said.target_items is not None:
        targets = _Found(_drawn(found.questions, said.target_items, named), ())
    elif named:
        # They may be of another kind than the items, which such rules say nothing about.
        fit = partial(fitting, rules)
        targets = _questions(named, folder, adapter.target, said, Metric.LOG_LIKELIHOOD, fit)
    form = PromptForm(metric, _shots(said, adapter, metric, targets.questions), _system(said, metric))
    # A question that occurs twice would count twice and be paired with itself.
    every = [form.item(question, targets.questions) for question in found.questions]
    own = tuple({item.id: item for item in every}.values())
    limit = said.max_characters
    items = own if limit is None else tuple(item for item in own if item.characters <= limit)
    benchmark = Benchmark(
        name=said.name,
        items=items,
        targets=tuple(form.target(example) for example in targets.questions),
        metric=metric,
        chance=_chance(items, metric) if said.chance is None else said.chance,
        confidential=adapter.confidential if said.confidential is None else said.confidential,
        answer_tokens=said.answer_tokens,
        sizes=said.sizes,
        target_questions=tuple(example.text for example in targets.questions),
        target_groups=tuple(example.group or "" for example in targets.questions),
        left_out=len(every) - len(own),
        too_long=len(own) - len(items),
        bad_items=(*found.bad, *targets.bad),
        unread=tuple(sorted(Counter(name for each in found.questions for name in each.unread).items())),
    )
    split(benchmark)
    return benchmark


def _drawn(questions: Sequence[Question], count: int, file: str | None) -> tuple[Question, ...]:
    """Questions that become targets, by the hash of their words: each number of them begins a larger one.

    The hash is another one than that of the split, so that the sides keep their shares.
    """
    if file is not None:
        raise SettingError("target_items", count, f"left out where the folder has {file}")
    first: dict[str, Question] = {}
    for question in questions:
        first.setdefault(normalise(question.text), question)
    if count >= len(first):
        raise SettingError("target_items", count, f"less than the number of its questions, {len(first):,}")
    drawn = sorted(first, key=lambda words: fingerprint(["targets", words]))
    return tuple(first[words] for words in drawn[:count])


@dataclass(frozen=True)
class _Found:
    """The questions of a benchmark's files, and the records that are none.

    Attributes:
        questions: In the order of the files.
        bad: File, line and fault of each record that is no question with a right answer.
    """

    questions: tuple[Question, ...]
    bad: tuple[str, ...]


def _adapter(said: BenchmarkSettings) -> Adapter:
    """Adapter that reads the records: of a known format, or of the fields that the settings name."""
    if said.format != OWN:
        if said.fields:
            raise SettingError("fields", dict(said.fields), f"there for the format {OWN!r}, and only for it")
        return ADAPTERS[said.format]
    chooses = said.metric is not None and said.metric.chooses
    own = OwnFormat(OwnFields.from_mapping(said.fields), said.answer_by, said.options, said.reads, chooses)
    return replace(ADAPTERS[OWN], item=own.question, target=own.question)


def _first_there(folder: Path, stem: str) -> str | None:
    return next((stem + kind for kind in FILE_KINDS if (folder / (stem + kind)).is_file()), None)


def _rules(said: BenchmarkSettings) -> Rules:
    """Rules of the files of a benchmark, as of a source of a pool; the fields that it names are no text."""
    own = OwnFields.from_mapping(said.fields)
    kept = tuple(dict.fromkeys(name.partition(".")[0] for name in own.names))
    return Rules(columns=said.columns, records=said.records, keep=kept if said.fields else None)


def _questions(  # noqa: PLR0917 - all of them say what is read
    named: str,
    folder: Path,
    read: Read,
    said: BenchmarkSettings,
    metric: Metric,
    rules_of: Callable[[Path], Rules],
) -> _Found:
    questions: list[Question] = []
    bad: list[tuple[str, int, str]] = []
    missing: Counter[str] = Counter()
    count = 0
    for file in files_of(named, folder):
        for line, record in records(file, rules_of(file)):
            count += 1
            try:
                question = _check(_question(record, read), metric)
            except NotAQuestionError as error:
                bad.append((str(file), line, str(error)))
                missing.update([error.name] if isinstance(error, MissingFieldError) else [])
                continue
            questions += [] if question is None else [question]
    if len(bad) > said.max_bad_share * count:
        refusal = FieldInNoRecordError if count in missing.values() else BadItemError
        raise refusal(*bad[0], bad=len(bad), records=count, max_share=said.max_bad_share)
    return _Found(tuple(questions), tuple(f"{file}, record {line}: {fault}" for file, line, fault in bad))


def _question(record: dict[str, Any] | str, read: Read) -> Question | None:
    if isinstance(record, str):
        raise NotAQuestionError(record)
    try:
        return read(record)
    except KeyError as error:
        reason = f"{error} is missing"
        raise NotAQuestionError(reason) from error
    except TypeError as error:
        raise NotAQuestionError(str(error)) from error


def _check(question: Question | None, metric: Metric) -> Question | None:
    """A question whose choices, if any, hold the right answer once.

    The reasons quote no text: a benchmark may be confidential.
    """
    fault = None if question is None else _fault(question, metric)
    if fault is not None:
        raise NotAQuestionError(fault)
    return question


def _fault(question: Question, metric: Metric) -> str | None:
    texts = (question.text, question.full_answer, question.answer, *(question.choices or ()))
    if any("\ud800" <= character <= "\udfff" for text in texts if not text.isascii() for character in text):
        return "a text has half of a character, an escape without its other half"
    if question.choices is None:
        return f"metric {metric} needs choices" if metric.chooses else _unreadable(question, metric)
    if len(set(question.choices)) < _MIN_CHOICES:
        return "choices must be two or more different texts"
    if len(question.choices) > _MAX_CHOICES:
        return f"there are {len(question.choices)} choices, more than {_MAX_CHOICES}"
    if question.choices.count(question.answer) != 1:
        return "the choices do not hold the right answer once"
    return None


def _unreadable(question: Question, metric: Metric) -> str | None:
    """Fault of an open question whose right answer no written answer could be read as."""
    if metric is not Metric.ANSWER_ACCURACY or is_expected(question.answer, question.reads):
        return None
    if question.reads == AnswerType.TEXT:
        return (
            "the answer has several lines, of which one would be read: name the final answer, or a `format`"
        )
    kind = _ANSWER_KINDS[AnswerType(question.reads)]
    return (
        f"`reads: {question.reads}`, but the answer is no {kind}; `reads: text` compares it as it is spelled"
    )


def _shots(said: BenchmarkSettings, adapter: Adapter, metric: Metric, examples: Sequence[Question]) -> int:
    usual = adapter.shots if metric is Metric.ANSWER_ACCURACY else 0
    shots = usual if said.shots is None else said.shots
    if shots < 0 or (shots > 0 and not examples):
        raise SettingError("shots", shots, "0 or more, and 0 where there are no targets to take them from")
    return shots


def _system(said: BenchmarkSettings, metric: Metric) -> str | None:
    """System line: the user's, even an empty one; else the usual one where answers are written."""
    usual = SYSTEM if metric is Metric.ANSWER_ACCURACY else None
    return (usual if said.system is None else said.system) or None


def _chance(items: Sequence[Item], metric: Metric) -> float | None:
    """Score of blind guessing; None for likelihoods."""
    if not (metric.chooses or metric is Metric.ANSWER_ACCURACY) or not items:
        return None
    return sum(1 / len(item.choices) if item.choices else 0.0 for item in items) / len(items)
