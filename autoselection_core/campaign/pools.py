"""Pools of a campaign and their signals at work."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.errors.campaign import NoPoolError, UnknownSignalError
from autoselection_core.errors.signals import NothingLeftError
from autoselection_core.pool.ingest import Ingestion, ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sources import sources_version
from autoselection_core.progress import Progress, RecordProgress
from autoselection_core.signals.base import Signal
from autoselection_core.signals.contamination.decontaminate import Gate, GateResult
from autoselection_core.signals.definitions.base_model.model_pass import ModelPass
from autoselection_core.signals.store.signal_report import SignalReport
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home


@dataclass(frozen=True)
class CampaignSignals:
    """Signals that a campaign declares, with the store of their values.

    Attributes:
        definitions: The signals by name, those that others need first.
        store: Store of the values, which also computes them.
    """

    definitions: Mapping[str, Signal]
    store: SignalStore

    @property
    def versions(self) -> dict[str, str]:
        """Version of every signal as the campaign defines it now."""
        return {name: signal.fingerprint for name, signal in self.definitions.items()}

    def score(self, name: str, pool: Pool, progress: Progress | None = None) -> SignalReport:
        """Score the samples of a pool that a signal has no value of yet.

        Where the campaign has scores and sparse features of one model, the one asked for first gives both.

        Raises:
            UnknownSignalError: The campaign has no such signal.
        """
        if name not in self.definitions:
            raise UnknownSignalError(name, tuple(self.definitions))
        signal, shared = self.definitions[name], ModelPass.among(self.definitions.values())
        is_shared = shared is not None and signal in shared.signals
        return self.store.score(signal, pool, progress, shared if is_shared else None)

    def table(self, pool: Pool, versions: Mapping[str, str] | None = None) -> SignalTable:
        """Signals of a pool, mapped into memory; of the present versions where none are given.

        Raises:
            UnscoredPoolError: A signal was not scored for this pool.
        """
        return self.store.table(pool, self.versions if versions is None else versions)


@dataclass(frozen=True)
class PreparedPool:
    """Pool that a search draws from, with an account of every record.

    Attributes:
        ingestion: Account of the records that became samples.
        gated: Account of the samples that hold a benchmark's question and were cut.
        before: The pool that was the latest until now; None for the first, or where it is no longer stored.
    """

    ingestion: Ingestion
    gated: GateResult
    before: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The pool behind the gate."""
        return self.gated.pool


@dataclass(frozen=True)
class CampaignPools:
    """Pools of one campaign in a home folder; the last that was made is its latest.

    Attributes:
        campaign: Whose raw files are read.
        home: Home folder of the pools.
        benchmarks: Reads those whose questions the gate looks for.
    """

    campaign: Campaign
    home: Home
    benchmarks: Callable[[], Sequence[Benchmark]]

    @property
    def gate(self) -> Gate:
        """The filter that keeps the benchmarks' questions out of the pool."""
        return Gate(self.benchmarks(), self.campaign.contamination_limit)

    def prepare(
        self, progress: RecordProgress | None = None, gate_progress: Progress | None = None
    ) -> PreparedPool:
        """Read the raw files into a pool, cut it at the gate, and make what is left the latest.

        Args:
            progress: Receives how many records are read.
            gate_progress: Receives how far the gate is.

        Raises:
            EmptyPoolError: No record is a sample.
            NothingLeftError: Every sample holds a question of a benchmark.
        """
        versions, before = self._versions(), self._stored_latest()
        found = ingest(self.campaign.sources, self.home, progress)
        gated = self.gate.cut(found.pool, SignalStore(self.home), gate_progress)
        keep_gated(gated, self.gate, self.home)
        counted = {"records": str(found.records)} if found.files == 1 else {}
        with atomic_file(self._latest) as draft:
            draft.write_text(json.dumps({"pool": gated.pool.version, **versions, **counted}))
        return PreparedPool(found, gated, before)

    def is_current(self) -> bool:
        """Whether the latest pool is of the raw files and the benchmarks' questions as they are now.

        Raises:
            NoSourceFileError: A source leads to no file.
        """
        latest = self._read_latest()
        return latest is not None and self._versions().items() <= latest.items()

    def has_any(self) -> bool:
        """Whether anything was ingested yet."""
        return self._read_latest() is not None

    def open(self, version: str | None = None) -> Pool:
        """A pool of the campaign; the latest where no version is named.

        Raises:
            NoPoolError: Nothing was ingested yet.
        """
        latest = self._read_latest()
        if version is None and latest is None:
            raise NoPoolError(self.campaign.name)
        return Pool.open(self.home.pool(version or str(latest and latest["pool"])))

    def records_of(self, pool: Pool) -> int | None:
        """Records of the only file of the latest pool; None for a pool of several files, or another pool."""
        latest = self._read_latest() or {}
        return int(latest["records"]) if "records" in latest and latest["pool"] == pool.version else None

    def gate_result(self, version: str | None = None) -> GateResult | None:
        """Account of the gate for a pool, the latest by default; None where the pool passed none."""
        return read_gated(self.open(version), self.gate, self.home)

    def _stored_latest(self) -> Pool | None:
        latest = self._read_latest()
        is_stored = latest is not None and self.home.pool(latest["pool"]).exists()
        return self.open() if is_stored else None

    @property
    def _latest(self) -> Path:
        return self.home.resolve(Path("campaigns") / f"{self.campaign.name}.json")

    def _versions(self) -> dict[str, str]:
        """Versions of everything that a pool follows from."""
        return {"sources": sources_version(self.campaign.sources), "gate": self.gate.fingerprint}

    def _read_latest(self) -> dict[str, str] | None:
        if not self._latest.exists():
            return None
        latest: dict[str, str] = json.loads(self._latest.read_text())
        return latest


def keep_gated(gated: GateResult, gate: Gate, home: Home) -> None:
    """Keep the pool behind the gate in its folder, with a note of what was cut.

    The note is named by pool and gate: campaigns over the same files may look for different questions.

    Raises:
        NothingLeftError: Every sample was cut.
        StorageFullError: The disk has no room.
    """
    note = home.gate_file(gated.pool.version, gate.fingerprint)
    with atomic_file(note) as draft:
        draft.write_text(json.dumps(gated.to_json()))
    if len(gated.pool) == 0:
        raise NothingLeftError(gated.samples_cut, note)
    if gated.samples_cut:
        gated.pool.write(home.pool(gated.pool.version))


def read_gated(pool: Pool, gate: Gate, home: Home) -> GateResult | None:
    """Account of the gate for a pool; None for a pool that passed none.

    Where this very gate left no note, because the campaign's limit or questions changed since, the note of
    another gate counts that looked for every benchmark of this one.
    """
    own = home.gate_file(pool.version, gate.fingerprint)
    if own.exists():
        return _read_note(own, pool)
    names = {each.name for each in gate.benchmarks}
    notes = [_read_note(path, pool) for path in _notes_of(pool, home)]
    return min(
        (note for note in notes if names <= set(note.benchmarks)),
        key=lambda note: len(note.benchmarks),
        default=None,
    )


def _notes_of(pool: Pool, home: Home) -> Iterator[Path]:
    """Notes of every gate on a pool; a release before named the one note by the pool alone."""
    yield from sorted(home.quarantine.glob(f"{pool.version}.*gate.json"))


def _read_note(path: Path, pool: Pool) -> GateResult:
    return GateResult.from_json(json.loads(path.read_text()), pool)
