"""One process of a training on several devices: `python -m` this module, with a folder and a size of packs.

Its rank comes from the environment, as with torch's own launcher. Its outcome is written to a file named by
its rank; rank 0 saves the trained weights.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from threading import Thread

from autoselection_core.errors.evaluation import TrainingFailedError
from autoselection_core.evaluation.collectives import rank
from autoselection_core.evaluation.training.fine_tune import (
    plan_of,
    require_planned_samples,
    train_with_packs,
)
from autoselection_core.evaluation.training.job import Job, read_job
from autoselection_core.evaluation.training.weights import save_trained
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.sample import Sample
from autoselection_core.store.atomic import atomic_file

PROGRESS = "progress"
"""First word of a line of progress."""


def outcome_file(folder: Path, number: int) -> Path:
    """File of a process's outcome."""
    return folder / f"outcome-{number}.json"


def work(folder: Path, pack_tokens: int) -> None:
    """Train as one of several; write the outcome."""
    job, samples = read_job(folder)
    try:
        outcome = _train(job, samples, pack_tokens)
    except TrainingFailedError as error:
        outcome = {"failed": type(error).__name__, "about": list(error.args)}
    with atomic_file(outcome_file(folder, rank())) as draft:
        draft.write_text(json.dumps(outcome, allow_nan=False))


def _train(job: Job, samples: dict[str, Sample], pack_tokens: int) -> dict[str, object]:
    base = _load(job)
    plan = plan_of(base, samples, job.training, job.trainee)
    trained = train_with_packs(base, plan, job.training, job.trainee, pack_tokens=pack_tokens, progress=_say)
    if trained is None:
        return {"longest": plan.longest}
    require_planned_samples(trained, samples, plan, job.training, job.trainee.key)
    return asdict(save_trained(trained, job.trainee.folder)) if rank() == 0 else {}


def _load(job: Job) -> BaseModel:
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    return BaseModel.load(job.base_model, dtype=job.training.loaded_dtype)


def _end_with_the_parent() -> None:
    """The parent holds the other end of the standard input: it closes when the parent is gone."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def _say(stage: str, done: int, total: int) -> None:
    if rank() == 0:
        print(PROGRESS, stage, done, total, flush=True)  # noqa: T201 the parent reads it


if __name__ == "__main__":
    _end_with_the_parent()
    work(Path(sys.argv[1]), int(sys.argv[2]))
