"""Reference to a task of the lm-evaluation-harness, and to its items."""

from dataclasses import dataclass
from pathlib import Path

from autoselection_core.benchmarks.item import Item
from autoselection_core.identity import Json

BACKENDS = ("hf", "vllm")
"""Backends that run the model: transformers, or vLLM where it is installed."""


@dataclass(frozen=True)
class HarnessTask:
    """Task of the harness, and how it is prompted and measured.

    Attributes:
        task: Its name.
        measure: The one of its metrics that is an item's value.
        folder: Folder of a YAML file of one's own.
        file: That file; None for the tasks that come with the harness.
        shots: Worked examples in front of each question; None for the task's own number.
        backend: Backend that runs the model.
        definition: Hash of the task's config.
    """

    task: str
    measure: str
    folder: Path
    file: str | None = None
    shots: int | None = None
    backend: str = BACKENDS[0]
    definition: str = ""

    @property
    def identity(self) -> Json:
        """Everything that a score follows from; what runs the model does not change it beyond rounding."""
        return {
            "task": self.task,
            "measure": self.measure,
            "shots": self.shots,
            "definition": self.definition,
        }


@dataclass(frozen=True)
class HarnessItem(Item):
    """An item that the harness scores.

    Attributes:
        document: Its number among the task's documents.
    """

    document: int = 0
