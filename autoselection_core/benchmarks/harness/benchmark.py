"""Tasks of the lm-evaluation-harness as benchmarks: their questions, read through its Python API."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.harness.task_file import own_task
from autoselection_core.benchmarks.item import BACKENDS, HarnessItem, HarnessTask, Item
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.settings import BenchmarkSettings
from autoselection_core.benchmarks.split import split
from autoselection_core.errors.benchmarks import (
    HarnessTaskError,
    NoHarnessError,
    UnknownBenchmarkSettingError,
)
from autoselection_core.identity import Json, fingerprint
from autoselection_core.pool.sample import Message, Role

_PLACES = ("data_files", "data_dir", "config_source")
_GUESSED = ("acc", "acc_norm", "acc_bytes", "acc_mutual_info")
"""Metrics that are 1 for the right choice and 0 for any other one."""


def harness_benchmark(settings: BenchmarkSettings, folder: Path) -> Benchmark:
    """The benchmark of a harness task.

    Args:
        settings: `task` (a name, or a YAML file below the folder), and where wanted `measure`, `shots`,
            `backend`, `confidential`, `chance` and the sizes of the split.
        folder: Folder of a task's YAML file.

    Raises:
        NoHarnessError: The harness is not installed.
        HarnessTaskError: There is no such task, or its metric is not one value an item.
        NoItemsError: A side of the split has no items.
    """
    named = str(settings.task)
    task = load_task(named, folder)
    name = str(task.config.task)
    listed = {entry["metric"]: entry for entry in task.config.metric_list or ()}
    measure = settings.measure or next(iter(listed), "")
    if measure not in listed:
        raise HarnessTaskError(name, f"it has no metric {measure!r} (it has: {', '.join(listed)})")
    if listed[measure].get("higher_is_better") is False:
        raise HarnessTaskError(name, f"less of its metric {measure!r} is better; choose another one")
    how = HarnessTask(
        task=name,
        measure=measure,
        file=named if is_own(named) else None,
        folder=folder,
        shots=settings.shots,
        backend=_backend(settings),
        definition=fingerprint(_plain(task.dump_config())),
    )
    documents = [_item(task, number, document) for number, document in enumerate(task.eval_docs)]
    for document in task.eval_docs if is_own(named) else ():
        task.require_all(document)
    kept: dict[str, HarnessItem] = {}
    for item in documents:
        # A document that occurs twice would count twice and be paired with itself; the first one stays.
        kept.setdefault(item.id, item)
    items = tuple(kept.values())
    benchmark = Benchmark(
        name=settings.name,
        items=items,
        metric=Metric.TASK_SCORE,
        chance=_chance(items, measure) if settings.chance is None else settings.chance,
        confidential=bool(settings.confidential),
        sizes=settings.sizes,
        left_out=len(documents) - len(items),
        harness=how,
    )
    split(benchmark)
    return benchmark


def _chance(items: Sequence[Item], measure: str) -> float | None:
    """Score of blind guessing where choices are right or wrong; None where only the user can know."""
    sizes = [len(item.choices or ()) for item in items]
    if measure not in _GUESSED or not sizes or 0 in sizes:
        return None
    return sum(1 / size for size in sizes) / len(sizes)


def _backend(settings: BenchmarkSettings) -> str:
    if settings.backend not in BACKENDS:
        raise UnknownBenchmarkSettingError("backend", settings.backend, BACKENDS)
    return settings.backend


def _plain(value: Any) -> Json:  # noqa: ANN401 a task's config holds functions, too
    """Config of a task as plain data; folders are left out, so that it is the same task everywhere."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items() if key not in _PLACES}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, str | int | float | bool | None) else type(value).__name__


def load_task(named: str, folder: Path) -> Any:  # noqa: ANN401 the harness has no types
    """A task by name, or by its YAML file.

    Raises:
        NoHarnessError: The harness is not installed.
        HarnessTaskError: There is no such task.
    """
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise NoHarnessError from error
    if is_own(named):
        return _own(folder / named, folder)
    manager = TaskManager()
    if named not in manager.all_tasks:
        raise HarnessTaskError(named, "the harness knows no task of this name")
    found = manager.load([named])["tasks"]
    if named not in found:
        raise HarnessTaskError(named, "it is a group of tasks, or no task; name one of its tasks")
    return found[named]


def is_own(named: str) -> bool:
    """Whether a task is named by a file of the user's own."""
    return named.endswith((".yaml", ".yml"))


def _own(file: Path, folder: Path) -> Any:  # noqa: ANN401 the harness has no types
    """The task of a checked file; the harness itself never reads the file."""
    from datasets.exceptions import DatasetsError

    from autoselection_core.benchmarks.harness.own_task import OwnTask

    said = own_task(file, folder)
    metadata = said.get("metadata", {})
    known = metadata if isinstance(metadata, dict) else {"_metadata": metadata}
    try:
        return OwnTask(config={**said, "metadata": {**known, "config_source": str(file)}})
    except (OSError, ValueError, LookupError, TypeError, DatasetsError) as error:
        raise HarnessTaskError(file.name, " ".join(str(error).split())) from error


def _item(task: Any, number: int, document: Mapping[str, Any]) -> HarnessItem:  # noqa: ANN401 no types
    text, target = str(task.doc_to_text(document)), task.doc_to_target(document)
    choices: tuple[str, ...] | None = None
    if task.OUTPUT_TYPE == "multiple_choice":
        choices = tuple(str(choice) for choice in task.doc_to_choice(document))
        target = choices[target] if isinstance(target, int) else target
    answer = target if isinstance(target, str) else str(target)
    return HarnessItem(
        question=text,
        prompt=(Message(Role.USER, text),),
        reference=answer,
        choices=choices,
        target=answer,
        source=fingerprint({"question": text, "choices": choices, "answer": answer}),
        document=number,
    )
