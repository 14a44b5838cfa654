"""Tasks of a cluster's workers: JSON in, JSON or Arrow out, files in the shared home.

Every question names the campaign in full and the version of what is wanted, so that a worker with other code,
another model or other benchmark files refuses instead of answering something else.
"""

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from autoselection_core.campaign.declaration.codec import campaign_from_json
from autoselection_core.campaign.remote.shards import given_from_json, write_shard
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cluster import Stopwatch, Task
from autoselection_core.errors.models import DifferentWorkerError, UnsharedHomeError
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import canonical_json
from autoselection_core.recipe import Recipe
from autoselection_core.signals.base import Signal
from autoselection_core.signals.shards import work_named
from autoselection_core.signals.store.value_rows import rows_of, table_of
from autoselection_core.store.home import Home, confine
from autoselection_core.subset import realise


def _in_its_home(work: Callable[[dict[str, Any]], bytes]) -> Task:
    """A task that answers a question for the home folder that it names, whatever this process's own is."""

    @wraps(work)
    def task(asked: bytes) -> bytes:
        question = json.loads(asked)
        with Home(Path(question["home"])).served():
            return work(question)

    return task


@_in_its_home
def score_rows(question: dict[str, Any]) -> bytes:
    """The values of some rows of a pool, as rows of the signal's record in an Arrow stream.

    Raises:
        DifferentWorkerError: The signal is another one here.
    """
    watch = Stopwatch()
    workspace, signal = _signal_of(question)
    pool = workspace.pool(question["pool"])
    rows = np.array(question["rows"], np.int64)
    given = rows_of(workspace.store.needed_values(signal, pool), rows)
    computed = signal.compute(pool.take(rows), given)
    values = table_of(pool.ids[rows], computed, signal.number_type())
    told = {**(values.schema.metadata or {}), _WORKER: json.dumps(watch.told())}
    return _stream(values.replace_schema_metadata(told))


_WORKER = b"worker"


def without_worker(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """Rows that `score_rows` gave, and who made them in how many seconds."""
    told = dict(table.schema.metadata)
    worker: dict[str, str] = json.loads(told.pop(_WORKER))
    return table.replace_schema_metadata(told or None), worker


@_in_its_home
def run_shard(question: dict[str, Any]) -> bytes:
    """Leave the arrays of a shard in the folder of a signal's shards; the answer is who made them.

    Raises:
        DifferentWorkerError: The signal is another one here, or this process knows no such work.
        UnsharedHomeError: The folder is not here.
        StorageFullError: The disk has no room.
    """
    watch = Stopwatch()
    workspace, _ = _signal_of(question)
    folder = workspace.home.shards_of(question["pool"], question["version"])
    if not folder.is_dir():
        raise UnsharedHomeError(question["signal"], str(workspace.home.root))
    work = work_named(question["work"])
    if work is None:
        raise DifferentWorkerError(socket.gethostname(), "the work", "none", question["work"])
    given = given_from_json(question["given"], workspace.home, workspace.pool)
    write_shard(confine(Path(question["shard"]), folder), work, given)
    return json.dumps(watch.told()).encode()


@_in_its_home
def evaluate_subset(question: dict[str, Any]) -> bytes:
    """Train on a subset and score its dev items; the answer is the key of the evaluation's folder.

    Raises:
        DifferentWorkerError: Evaluator or subset are others here.
        EvaluationError: There is no score.
    """
    workspace, evaluator, spec = _evaluator_of(question)
    signals = workspace.signals(question["pool"], None if spec is None else spec.signal_versions)
    subset = realise(Recipe.from_json(question["recipe"]), signals)
    _require_same("the subset", subset.fingerprint, question["subset"])
    return evaluator.evaluate(subset, question["replicate"]).key.encode()


@_in_its_home
def open_test_items(question: dict[str, Any]) -> bytes:
    """Score the test items of a finished evaluation; the answer is its key.

    Raises:
        DifferentWorkerError: The evaluator is another one here.
        EvaluationError: There is no score.
    """
    _, evaluator, _ = _evaluator_of(question)
    evaluator.open_test(question["key"], question["reason"])
    return str(question["key"]).encode()


def _signal_of(question: dict[str, Any]) -> tuple[Workspace, Signal]:
    """The campaign at work, and the signal that is asked for."""
    read = (question["home"], canonical_json(question["campaign"]))
    if question["version"] not in _signals(_workspace(*read), question["signal"]):
        _forget()
    workspace = _workspace(*read)
    return workspace, _signal(workspace, question["signal"], question["version"])


def _signal(workspace: Workspace, name: str, version: str) -> Signal:
    """A signal of the campaign, or one that only other signals read."""
    called = _signals(workspace, name)
    if version not in called:
        raise DifferentWorkerError(
            socket.gethostname(), f"the signal {name!r}", ", ".join(called) or "none", version
        )
    return called[version]


def _signals(workspace: Workspace, name: str) -> dict[str, Signal]:
    """Signals of a name by their version."""
    return {
        signal.fingerprint: signal
        for signal in _with_needs(workspace.definitions.values())
        if signal.name == name
    }


def _with_needs(signals: Iterable[Signal]) -> Iterator[Signal]:
    for signal in signals:
        yield signal
        yield from _with_needs(signal.needs())


def _evaluator_of(question: dict[str, Any]) -> tuple[Workspace, Evaluator, SearchSpec | None]:
    campaign, spec = canonical_json(question["campaign"]), question["spec"]
    read = (question["home"], campaign, question["pool"], spec, question["fidelity"])
    if _evaluator(*read).fingerprint != question["evaluator"]:
        _forget()
    evaluator = _evaluator(*read)
    _require_same("the evaluator", evaluator.fingerprint, question["evaluator"])
    pinned = None if spec is None else SearchSpec.from_json(json.loads(spec))
    return _workspace(question["home"], campaign), evaluator, pinned


@lru_cache(maxsize=1)
def _workspace(home: str, campaign: str) -> Workspace:
    """Campaign at work in this process, kept from one task to the next."""
    return Workspace(campaign_from_json(json.loads(campaign)), Home(Path(home)))


@lru_cache(maxsize=1)
def _evaluator(home: str, campaign: str, pool: str, spec: str | None, fidelity: str) -> Evaluator:
    pinned = None if spec is None else SearchSpec.from_json(json.loads(spec))
    return _workspace(home, campaign).evaluator_at(pool, pinned, fidelity)


def _forget() -> None:
    """Read anew what a campaign names: another model or benchmark may be under its path by now."""
    _workspace.cache_clear()
    _evaluator.cache_clear()


def _require_same(what: str, version: str, asked: str) -> None:
    if version != asked:
        raise DifferentWorkerError(socket.gethostname(), what, version, asked)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())
