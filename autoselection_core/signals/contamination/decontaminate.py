"""Contamination gate: the pool without the samples that hold a benchmark's question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.identity import Json, fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.contamination.contamination import (
    DEFAULT_LIMIT,
    MATCH,
    MATCHES,
    Contamination,
    Match,
)
from autoselection_core.signals.store.store import SignalStore


@dataclass(frozen=True)
class Cut:
    """Sample that the gate cut from a pool.

    Attributes:
        sample: Id of the sample.
        benchmark: Benchmark whose question it holds.
        match: Exactness of the match.
        share: Share of the question that was found.
    """

    sample: str
    benchmark: str
    match: Match
    share: float


@dataclass(frozen=True)
class GateResult:
    """Pool behind the gate, with an account of what was cut.

    Attributes:
        pool: Samples that are left; the pool that was given where nothing was cut.
        came_from: Version of the pool that was given.
        limit: Share of a question from which on, itself included, a sample was cut.
        benchmarks: Benchmarks whose questions were looked for.
        cuts: Samples that were cut, once for each benchmark that they hold a question of.
    """

    pool: Pool
    came_from: str
    limit: float
    benchmarks: tuple[str, ...]
    cuts: tuple[Cut, ...]

    @property
    def samples_cut(self) -> int:
        """Number of samples that were cut."""
        return len({cut.sample for cut in self.cuts})

    @property
    def counts(self) -> dict[str, dict[Match, int]]:
        """Numbers of samples cut, by benchmark and match; 0 where nothing was found."""
        counts = {name: dict.fromkeys(Match, 0) for name in self.benchmarks}
        for cut in self.cuts:
            counts[cut.benchmark][cut.match] += 1
        return counts

    def to_json(self) -> Json:
        """Account of the cuts as JSON, without the pool and without any text of a sample or an item."""
        return {
            "came_from": self.came_from,
            "limit": self.limit,
            "benchmarks": list(self.benchmarks),
            "cuts": [[cut.sample, cut.benchmark, cut.match.value, cut.share] for cut in self.cuts],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, object], pool: Pool) -> "GateResult":
        """Gated pool from what `to_json` wrote, and its pool."""
        cuts: list[tuple[str, str, str, float]] = stored["cuts"]  # type: ignore[assignment] # written by to_json
        return cls(
            pool=pool,
            came_from=str(stored["came_from"]),
            limit=float(stored["limit"]),  # type: ignore[arg-type] # written by to_json
            benchmarks=tuple(stored["benchmarks"]),  # type: ignore[arg-type] # written by to_json
            cuts=tuple(Cut(sample, name, Match(match), share) for sample, name, match, share in cuts),
        )


@dataclass(frozen=True)
class Gate:
    """Filter that cuts a pool once, before every arm of a search, baselines included.

    Only questions count. A benchmark's target samples may be in the pool: they are there to be trained on.

    Attributes:
        benchmarks: Benchmarks whose questions, of both sides of the split, are looked for.
        limit: Share of a question from which on, itself included, a sample is cut.
    """

    benchmarks: Sequence[Benchmark]
    limit: float = DEFAULT_LIMIT

    @property
    def fingerprint(self) -> str:
        """Hash that names what is cut of any pool."""
        looked_for = {each.name: Contamination(each).fingerprint for each in self.benchmarks}
        return fingerprint({"limit": self.limit, "looked_for": looked_for})

    def cut(self, pool: Pool, store: SignalStore, progress: Progress | None = None) -> GateResult:
        """Pool without the samples that hold a question.

        The shares are those of the signal `contamination/<benchmark>`: they are kept by sample, so a changed
        pool looks only at samples that were not seen with these questions.

        Raises:
            StorageFullError: The disk has no room.
        """
        cuts = [cut for each in self.benchmarks for cut in self._cuts_of(each, pool, store, progress)]
        clean = ~np.isin(pool.ids, np.array([cut.sample for cut in cuts], pool.ids.dtype))
        left = pool if clean.all() else pool.take(np.flatnonzero(clean))
        names = tuple(each.name for each in self.benchmarks)
        return GateResult(left, pool.version, self.limit, names, tuple(cuts))

    def _cuts_of(
        self, benchmark: Benchmark, pool: Pool, store: SignalStore, progress: Progress | None
    ) -> list[Cut]:
        signal = Contamination(benchmark)
        values = store.values(signal.name, store.score(signal, pool, progress).version, pool)
        shares, codes = (np.asarray(values[key]) for key in (signal.name, f"{MATCH}{benchmark.name}"))
        return [
            Cut(pool.ids[row].decode(), benchmark.name, MATCHES[codes[row] - 1], float(shares[row]))
            for row in np.flatnonzero(shares >= np.float32(self.limit))
        ]
