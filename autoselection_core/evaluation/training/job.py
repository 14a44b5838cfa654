"""Job files of a training that several processes carry out together."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.sft import FineTuning, fine_tuning
from autoselection_core.identity import canonical_json
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.store.atomic import atomic_file

_JOB = "job.json"
_SAMPLES = "samples.jsonl"


@dataclass(frozen=True, eq=False)
class Job:
    """Settings that every process of a training reads.

    Attributes:
        base_model: Folder of the base model.
        training: How to fine-tune; its `dtype` is settled, because probes in two processes may disagree.
        trainee: Whose training it is.
    """

    base_model: Path
    training: FineTuning
    trainee: Trainee

    @property
    def folder(self) -> Path:
        """Folder of the processes' files while they train."""
        return self.trainee.folder / "devices"

    def write(self, samples: Mapping[str, Sample]) -> None:
        """Write the job and its samples."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.folder / _SAMPLES) as draft, draft.open("w") as file:
            file.writelines(canonical_json(asdict(sample)) + "\n" for sample in samples.values())
        trainee = {"key": self.trainee.key, "replicate": self.trainee.replicate}
        stored = {
            "base_model": str(self.base_model),
            "training": self.training.to_json(),
            "trainee": {**trainee, "checkpoint_s": self.trainee.checkpoint_s},
        }
        with atomic_file(self.folder / _JOB) as draft:
            draft.write_text(json.dumps(stored, allow_nan=False))


def read_job(folder: Path) -> tuple[Job, dict[str, Sample]]:
    """The job in a folder, with its samples by id."""
    stored: dict[str, Any] = json.loads((folder / _JOB).read_text())
    trainee = Trainee(folder=folder.parent, **stored["trainee"])
    job = Job(Path(stored["base_model"]), fine_tuning(stored["training"]), trainee)
    return job, {sample.id: sample for sample in _samples(folder / _SAMPLES)}


def _samples(file: Path) -> Iterator[Sample]:
    with file.open() as lines:
        for line in lines:
            stored = json.loads(line)
            turns = tuple(Message(Role(turn["role"]), turn["content"]) for turn in stored["messages"])
            yield Sample(turns, stored["tools"])
