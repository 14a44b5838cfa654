"""Two contenders in turn, so that whatever else the machine does slows both."""

import gc
from collections.abc import Callable
from dataclasses import dataclass

from autoselection_core.identity import Json
from bench.result import Measured, measure


@dataclass(frozen=True)
class Figure:
    """What a piece of work takes beside what it cannot do without.

    Attributes:
        work: The median run of the work.
        floor: The median run of the floor.
        peak_bytes: The most memory the process held while it worked, the pool's own signals included.
        target_s: What was asked for.
    """

    work: Measured[object]
    floor: Measured[object]
    peak_bytes: int
    target_s: float

    @property
    def ratio(self) -> float:
        """How many times the floor the work takes."""
        return self.work.seconds / self.floor.seconds

    def to_json(self) -> dict[str, Json]:
        """The figure as it stands in a result."""
        return {
            "seconds": round(self.work.seconds, 5),
            "cpu_seconds": round(self.work.cpu_seconds, 5),
            "target_seconds": self.target_s,
            "floor_seconds": round(self.floor.seconds, 5),
            "times_the_floor": round(self.ratio, 2),
            "peak_mb": round(self.peak_bytes / 1e6),
        }


def race(
    work: Callable[[], object], floor: Callable[[], object], *, target_s: float, rounds: int = 7
) -> Figure:
    """Run work and floor in turn, after one run of each that is not counted."""
    gc.collect()
    pairs = [(measure(work), measure(floor)) for _ in range(rounds + 1)][1:]
    works, floors = zip(*pairs, strict=True)
    return Figure(_median(works), _median(floors), max(run.peak_bytes for run in works), target_s)


def _median(runs: tuple[Measured[object], ...]) -> Measured[object]:
    return sorted(runs, key=lambda run: run.seconds)[(len(runs) - 1) // 2]
