"""Data-parallel training on several devices of this machine, one process a device."""

import json
import shutil
from collections.abc import Mapping
from typing import Any

from autoselection_core.errors import evaluation as failures
from autoselection_core.evaluation.training.fine_tune import halved
from autoselection_core.evaluation.training.job import Job
from autoselection_core.evaluation.training.rank_process import PROGRESS, outcome_file
from autoselection_core.evaluation.training.rank_processes import started
from autoselection_core.evaluation.training.weights import SavedTraining
from autoselection_core.pool.sample import Sample
from autoselection_core.progress import Progress

_LOG = "devices.log"
_WORKER = "autoselection_core.evaluation.training.rank_process"


def train_on_devices(job: Job, samples: Mapping[str, Sample], progress: Progress | None) -> SavedTraining:
    """Fine-tune with one process a device. Each optimiser step is the one that a single device would make.

    When memory runs out on any device, all start anew with forward passes of half the size. When this process
    is killed, its processes end too, and a later call goes on from the last checkpoint.

    Args:
        job: What is trained, and on how many devices.
        samples: The selected samples by id.
        progress: Called with how many steps are done.

    Returns:
        The record of rank 0; the weights are in the evaluation's folder.

    Raises:
        WorkerDiedError: A process ended without saying why.
        TrainingFailedError: See `train`.
    """
    job.write(samples)
    pack_tokens = job.training.pack_tokens
    while "longest" in (found := _together(job, pack_tokens, progress)):
        pack_tokens = halved(pack_tokens, found["longest"], job.trainee)
    shutil.rmtree(job.folder)
    return SavedTraining(**found)


def _together(job: Job, pack_tokens: int, progress: Progress | None) -> dict[str, Any]:
    """Outcome of one attempt: that memory ran out on some device, else the record of rank 0."""
    count = job.training.devices
    for number in range(count):
        outcome_file(job.folder, number).unlink(missing_ok=True)
    arguments = ["-m", _WORKER, str(job.folder), str(pack_tokens)]
    with started(arguments, count, job.trainee.folder / _LOG) as workers:
        for line in workers.lines():
            _pass_on(line, progress)
        codes = workers.codes()
    said = [_outcome(job, number) for number in range(count)]
    for outcome in said:
        if outcome is not None and "failed" in outcome:
            raise getattr(failures, outcome["failed"])(*outcome["about"])
    starved = next((outcome for outcome in said if outcome is not None and "longest" in outcome), None)
    if starved is not None:
        return starved
    # A process that was killed takes the others with it: it is the one to name.
    for number in sorted(range(count), key=lambda number: codes[number]):
        if said[number] is None:
            raise failures.WorkerDiedError(job.trainee.key, number, codes[number])
    first = said[0]
    assert first is not None, "every process has said what became of it"
    return first


def _outcome(job: Job, number: int) -> dict[str, Any] | None:
    file = outcome_file(job.folder, number)
    if not file.exists():
        return None
    said: dict[str, Any] = json.loads(file.read_text())
    return said


def _pass_on(line: str, progress: Progress | None) -> None:
    word, _, rest = line.partition(" ")
    if word == PROGRESS and progress is not None:
        stage, done, total = rest.rsplit(" ", 2)
        progress(stage, int(done), int(total))
