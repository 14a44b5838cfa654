"""Subsets to export: with and without tools, system messages and several answers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoselection_core.export.manifest import SubsetOrigin
from autoselection_core.export.trainers import Length, Training
from autoselection_core.export.writing import SOME_MODEL, Exported, export_subset
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.pool.sample import Origin as Place
from autoselection_core.recipe import Recipe
from autoselection_core.subset import Subset
from autoselection_core.subset.value import StepCount, fingerprint_of_ids

SEARCH = SubsetOrigin("first", 3, "Dev utility 0.5 ± 0.1 (closed_form); see the report for test scores.")
TOOLS = '[{"function":{"name":"clock","parameters":{}},"type":"function"}]'


def turns(*contents: str, system: str | None = None) -> tuple[Message, ...]:
    """User and assistant in turn."""
    roles = (Role.USER, Role.ASSISTANT)
    spoken = tuple(Message(roles[place % 2], content) for place, content in enumerate(contents))
    return spoken if system is None else (Message(Role.SYSTEM, system), *spoken)


PLAIN = [Sample(turns(f"Add {number} and 7.", f"{number + 7}, naturally.")) for number in range(20)]
WITH_TOOLS = Sample(turns("What time is it?", "I look.", system="Be brief."), TOOLS)
LONG = Sample(turns("Hello.", "Good day.", "And now?", "Übrigens: 日本."))
TWICE = Sample((*turns("Say two things.", "One."), Message(Role.ASSISTANT, "Two.")))


@dataclass(frozen=True)
class Made:
    """A pool of samples, all of them selected."""

    pool: Pool
    subset: Subset

    @classmethod
    def of(cls, *samples: Sample, source: str = "sums", licence: str = "MIT") -> "Made":
        places = [Place(source, "sums.jsonl#1", licence, '{"Question_ID":17}'), Place("web", "web.jsonl#1")]
        pool = Pool.from_samples((sample, places[: 1 + number % 2]) for number, sample in enumerate(samples))
        rows = np.arange(len(pool), dtype=np.int64)
        steps = (StepCount("keep_top[tokens]", 2 * len(pool), len(pool), changed=True),)
        subset = Subset(Recipe(), pool.version, rows, fingerprint_of_ids(pool.ids), steps)
        return cls(pool, subset)

    def export(
        self,
        folder: Path,
        spelling: str,
        training: Training = SOME_MODEL,
        length: Length = Length.EPOCHS,
    ) -> Exported:
        return export_subset(
            self.pool, self.subset, SEARCH, folder, spelling, training=training, length=length
        )
