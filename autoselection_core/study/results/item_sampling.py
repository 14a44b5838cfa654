"""Further test items for the leading arms, sampled where these arms disagree most."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.score.resampling import Run
from autoselection_core.score.strata import Stratum, by_stratum, stratum_weights
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_core.study.results.states import evaluator_of, folder_of
from autoselection_core.study.study import Study

MIN_LEADING = 2
"""Minimum of leading arms: disagreement takes two."""

_FILE = "further.json"


@dataclass(frozen=True)
class DrawnPart:
    """A part of a benchmark's test side, and the items drawn from it.

    Attributes:
        name: The benchmark, with the task where it is a part of its own.
        benchmark: The benchmark.
        population: Items of the part.
        disagreement: Standard deviation of the items' differences between leading arms, in the metric's unit.
        first: Ids of the items that every arm was scored on.
        drawn: Ids of the further items.
    """

    name: str
    benchmark: str
    population: int
    disagreement: float
    first: tuple[str, ...]
    drawn: tuple[str, ...]


@dataclass(frozen=True)
class SampledItems:
    """Leading arms, and the further items that they are scored on.

    Attributes:
        judge: Hash of the evaluation, as `evaluator_of` gave it for the study.
        leading: Number of leading arms that the study asked for.
        items: Number of further items that the study asked for.
        arms: The leading arms, the likeliest best first.
        parts: Every part of every benchmark's test side.
    """

    judge: str
    leading: int
    items: int
    arms: tuple[str, ...]
    parts: tuple[DrawnPart, ...]

    def matches(self, study: Study) -> bool:
        """Whether it is what a study asks for now."""
        wanted = study.further_items
        asked = None if wanted is None else (evaluator_of(study), wanted.leading, wanted.items)
        return asked == (self.judge, self.leading, self.items)

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """The benchmarks that further items were drawn from."""
        return tuple(dict.fromkeys(part.benchmark for part in self.parts if part.drawn))

    def item_ids(self, benchmark: str) -> tuple[str, ...]:
        """Ids of the further items of a benchmark."""
        return tuple(item for part in self.parts if part.benchmark == benchmark for item in part.drawn)

    def weights(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Weight of each part in the utility, given the benchmarks' shares."""
        return stratum_weights(self._strata, shares)

    def is_scored(self, folder: EvaluationFolder) -> bool:
        """Whether an evaluation was scored on everything that was drawn."""
        return all(folder.has_further(name, self.item_ids(name)) for name in self.benchmarks)

    def combined_run(self, test: Run, folder: EvaluationFolder) -> Run:
        """First and further scores of an evaluation, part by part.

        Raises:
            NotEvaluatedError: The further items were not scored.
        """
        further = {name: folder.read_further(name, self.item_ids(name)).items for name in self.benchmarks}
        joined = tuple(
            replace(score, items=(*score.items, *further.get(score.benchmark, ()))) for score in test
        )
        return by_stratum(joined, self._strata)

    @property
    def _strata(self) -> tuple[Stratum, ...]:
        return tuple(
            Stratum(part.name, part.benchmark, part.population, frozenset((*part.first, *part.drawn)))
            for part in self.parts
        )


def write_sampled_items(sampled_items: SampledItems, study: Study, home: Home) -> None:
    """Write the draw down, before any of its items is scored."""
    file = folder_of(study, home) / _FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(file) as draft:
        draft.write_text(json.dumps(asdict(sampled_items), indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_sampled_items(study: Study, home: Home) -> SampledItems | None:
    """Draw that a study asks for now; None where there is none."""
    file = folder_of(study, home) / _FILE
    if not file.exists():
        return None
    stored: dict[str, Any] = json.loads(file.read_text())
    parts = tuple(
        DrawnPart(**{**part, "first": tuple(part["first"]), "drawn": tuple(part["drawn"])})
        for part in stored.pop("parts")
    )
    sampled_items = SampledItems(arms=tuple(stored.pop("arms")), parts=parts, **stored)
    return sampled_items if sampled_items.matches(study) else None
