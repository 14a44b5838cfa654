"""Job files of a training that several processes carry out together."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import FineTuning, fine_tuning
from autoselection_core.identity import Json, canonical_json
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
            file.writelines(canonical_json(_plain(sample)) + "\n" for sample in samples.values())
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


def _plain(sample: Sample) -> dict[str, Json]:
    """A sample as JSON, with calls, reasoning and weights of its turns."""
    turns: list[Json] = [(turn.role, turn.content, turn.details or None) for turn in sample.messages]
    return {"messages": turns, "tools": sample.tools}


def _samples(file: Path) -> Iterator[Sample]:
    with file.open() as lines:
        for line in lines:
            stored = json.loads(line)
            turns = (
                Message.with_details(Role(role), content, details)
                for role, content, details in stored["messages"]
            )
            yield Sample(tuple(turns), stored["tools"])
