"""Signal store: values that are computed once for each sample and aligned to any pool."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
import pyarrow as pa

from autoselection_core.arrays import Rows
from autoselection_core.cluster import Account
from autoselection_core.errors.signals import ChangedSourceError, SameNameError, UnscoredPoolError
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, PoolSignal, SharedPass, Signal
from autoselection_core.signals.shards import RunsShards, Scratch
from autoselection_core.signals.store.kinds import (
    ValueKind,
    earlier_values,
    kind_of,
    load_values,
    save_values,
)
from autoselection_core.signals.store.signal_report import SignalReport, finite_shares, unscored
from autoselection_core.signals.store.value_rows import (
    aligned_values,
    missing,
    note_of,
    noted,
    rows_of,
    table_of,
)
from autoselection_core.signals.table import GROUP_NAMES, SOURCE, SignalTable
from autoselection_core.store.atomic import (
    atomic_folder,
    lasting_folder,
    remove_unless_used,
    staging_folder,
)
from autoselection_core.store.home import Home
from autoselection_core.store.lance import LanceTable
from autoselection_core.store.memory import require_memory

_NUMBER_TYPE = ".number_type"
"""File beside the values of a signal of the pool as a whole, which readers pass over for its first dot."""

_FORGOTTEN_AFTER_S = 7 * 24 * 3600.0


class ComputesChunks(Protocol):
    """Computes a signal chunk by chunk, wherever that happens."""

    def __call__(
        self,
        signal: Signal,
        pool: Pool,
        chunks: Sequence[Rows],
        given: Given,
        *,
        progress: Progress | None,
        account: Account,
    ) -> Iterator[pa.Table]:
        """The record of each chunk of rows, in the order of the chunks.

        Args:
            signal: What is computed; it is prepared.
            pool: The samples.
            chunks: The rows of each chunk.
            given: Values of the signals that it needs, aligned to the pool.
            progress: Told how far it is within a chunk, in rows of all chunks.
            account: Told which other process computed what.
        """
        ...


def compute_here(
    signal: Signal,
    pool: Pool,
    chunks: Sequence[Rows],
    given: Given,
    *,
    progress: Progress | None,
    account: Account,
) -> Iterator[pa.Table]:
    """The record of each chunk, computed one after the other in this process; see `ComputesChunks`."""
    del account
    done, rows = 0, sum(map(len, chunks))
    for chunk in chunks:
        within = None if progress is None else _within(progress, done, len(chunk), rows)
        computed = signal.compute(pool.take(chunk), rows_of(given, chunk), within)
        yield table_of(pool.ids[chunk], computed, signal.number_type())
        done += len(chunk)


class ShardsOut(Protocol):
    """Gives the shards of pool signals to other processes."""

    def __call__(self, signal: PoolSignal, version: str, pool: Pool, account: Account) -> RunsShards:
        """How the shards of one signal are run for one pool."""
        ...


@dataclass(frozen=True)
class SignalStore:
    """The signals of an installation.

    Values of samples are recorded in LanceDB under the signal's fingerprint, so a changed pool scores only
    the samples that it has not seen. Columns aligned to a pool are derived from that record, mapped into
    memory, and rebuilt when they are gone.

    Attributes:
        home: The folder of the installation.
        compute: Where the values of samples are computed.
        shards_out: Where shards of signals of the pool as a whole are run; None for this process.
    """

    home: Home
    compute: ComputesChunks = compute_here
    shards_out: ShardsOut | None = None

    def score(
        self,
        signal: Signal,
        pool: Pool,
        progress: Progress | None = None,
        shared: SharedPass | None = None,
    ) -> SignalReport:
        """Compute what is missing of a signal and of the signals that it needs.

        Chunks are recorded as they are finished: a killed process loses at most one, and two processes
        that score the same pool do no harm.

        Args:
            signal: What to score.
            pool: The samples.
            progress: Told how far it is.
            shared: A pass that gives this signal and others: samples that none of them has are computed for
                all at once, where values are computed in this process.

        Raises:
            StorageFullError: The disk has no room; what was recorded stays.
            ChangedSourceError: A model or file that the signal reads was replaced meanwhile.
        """
        with self.home.served():
            return self._score(signal, pool, progress, shared)

    def _score(
        self, signal: Signal, pool: Pool, progress: Progress | None, shared: SharedPass | None
    ) -> SignalReport:
        started, account = time.perf_counter(), Account()
        for need in signal.needs():
            self._score(need, pool, progress, None)
        given = self.needed_values(signal, pool)
        signal.prepare(pool, given, progress)
        version = signal.fingerprint
        if isinstance(signal, PoolSignal):
            computed = self._derive(signal, version, pool, given, progress=progress, account=account)
        else:
            is_here = self.compute is compute_here
            together = self._record_together(shared, signal, pool, progress) if shared and is_here else 0
            computed = together + self._record(
                signal, version, pool, given, progress=progress, account=account
            )
        values = self._aligned(signal.name, version, pool)
        return SignalReport(
            name=signal.name,
            version=version,
            rows=len(pool),
            computed=computed,
            reused=len(pool) - computed,
            finite_share=finite_shares(values),
            unscored=unscored(signal, values),
            seconds=time.perf_counter() - started,
            workers=account.shares,
            number_types=self.number_types(version, pool),
        )

    def table(
        self, pool: Pool, versions: Mapping[str, str], *, read: Iterable[str] | None = None
    ) -> SignalTable:
        """The signals of a pool, mapped into memory.

        Args:
            pool: The pool.
            versions: Fingerprint of each signal, by the name of the signal.
            read: Names of the signals that are wanted; None for all.

        Raises:
            UnscoredPoolError: A signal was not scored for all samples of the pool.
            SameNameError: Two signals give a part of one name.
        """
        wanted = versions if read is None else {name: versions[name] for name in read}
        parts: dict[ValueKind, dict[str, Computed]] = {kind: {} for kind in ValueKind}
        known: dict[str, str] = {}
        for name, version in sorted(wanted.items()):
            for key, value in self._aligned(name, version, pool).items():
                if key in parts[kind_of(value)] and kind_of(value) is not ValueKind.INTERNAL:
                    raise SameNameError(key)
                parts[kind_of(value)][key] = value
                # Vectors and the pairs among them have one name, which then has both versions.
                known[key] = f"{known[key]}+{version}" if key in known else version
        internal = parts[ValueKind.INTERNAL]
        parts[ValueKind.LABEL][SOURCE] = pool.source_codes
        return SignalTable(
            pool.version,
            pool.keys,
            parts[ValueKind.COLUMN],  # type: ignore[arg-type] # the kind is told by the type
            pairs=parts[ValueKind.PAIRS],  # type: ignore[arg-type]
            sparse=parts[ValueKind.SPARSE],  # type: ignore[arg-type]
            labels=parts[ValueKind.LABEL],  # type: ignore[arg-type]
            vectors=parts[ValueKind.VECTORS],  # type: ignore[arg-type]
            label_names={SOURCE: pool.source_names, **_group_names(internal)},
            versions={key: version for key, version in known.items() if key not in internal},
            ids=pool.ids,
        )

    def values(self, name: str, version: str, pool: Pool) -> Mapping[str, Computed]:
        """All values of one signal, those that only other signals read too.

        Raises:
            UnscoredPoolError: It was not scored for all samples of the pool.
        """
        return self._aligned(name, version, pool)

    def number_types(self, version: str, pool: Pool) -> dict[str, int]:
        """Number of a pool's samples that were scored in each number type of a model's weights.

        Samples of which it is not known, as of those that earlier releases scored, are not counted.
        """
        whole = self._folder(version, pool) / _NUMBER_TYPE
        if whole.is_file():
            return {whole.read_text(encoding="utf-8"): len(pool)}
        return noted(self._notes_of(version), pool.ids)

    def is_scored(self, name: str, version: str, pool: Pool) -> bool:
        """Whether every sample of a pool has its values."""
        if self._folder(version, pool).is_dir():
            return True
        return len(missing(self._record_of(name, version), pool.ids)) == 0

    def needed_values(self, signal: Signal, pool: Pool) -> Given:
        """The values of the signals that a signal needs, aligned to a pool.

        Raises:
            UnscoredPoolError: One of them was not scored for all samples of the pool.
        """
        given: dict[str, Computed] = {}
        for need in signal.needs():
            given |= self._aligned(need.name, need.fingerprint, pool)
        return given

    def _record(
        self,
        signal: Signal,
        version: str,
        pool: Pool,
        given: Given,
        *,
        progress: Progress | None,
        account: Account,
    ) -> int:
        record = self._record_of(signal.name, version)
        rows = missing(record, pool.ids)
        done = 0
        chunks = _chunks(rows, signal.chunk_rows)
        for chunk in self.compute(signal, pool, chunks, given, progress=progress, account=account):
            _require_unchanged(signal, version)
            self._append(signal.name, version, chunk)
            done += len(chunk)
            if progress is not None:
                progress(signal.name, done, len(rows))
        return len(rows)

    def _record_together(
        self, shared: SharedPass, asked: Signal, pool: Pool, progress: Progress | None
    ) -> int:
        """Compute the samples that none of the signals has, if the one that was asked for misses any."""
        if self.is_scored(asked.name, asked.fingerprint, pool):
            return 0
        for signal in shared.signals:
            signal.prepare(pool, {}, progress)
        versions = [signal.fingerprint for signal in shared.signals]
        records = list(map(self._record_of, (signal.name for signal in shared.signals), versions))
        rows, done = reduce(np.intersect1d, (missing(record, pool.ids) for record in records)), 0
        for chunk in _chunks(rows, min(signal.chunk_rows for signal in shared.signals)):
            within = None if progress is None else _within(progress, done, len(chunk), len(rows))
            computed = shared.compute(pool.take(chunk), within)
            for signal, version in zip(shared.signals, versions, strict=True):
                _require_unchanged(signal, version)
            for signal, version, values in zip(shared.signals, versions, computed, strict=True):
                rows_made = table_of(pool.ids[chunk], values, signal.number_type())
                self._append(signal.name, version, rows_made)
            done += len(chunk)
            if progress is not None:
                progress(asked.name, done, len(rows))
        return len(rows)

    def _derive(
        self,
        signal: PoolSignal,
        version: str,
        pool: Pool,
        given: Given,
        *,
        progress: Progress | None,
        account: Account,
    ) -> int:
        folder = self._folder(version, pool)
        if folder.is_dir():
            return 0
        earlier = earlier_values(self.home, version, pool)
        values = None if earlier is None else signal.update(pool, given, earlier, progress)
        if values is None:
            require_memory(signal.name, signal.memory_bytes(pool))
        computed = len(pool) if values is None or earlier is None else len(earlier.new_rows(len(pool)))
        with (
            self._scratch(signal, version, pool, account) as scratch,
            atomic_folder(folder) as unfinished,
        ):
            if values is None:
                values = signal.compute_in(scratch, pool, given, progress)
            save_values(unfinished, values)
            if (number_type := signal.number_type()) is not None:
                (unfinished / _NUMBER_TYPE).write_text(number_type, encoding="utf-8")
            _require_unchanged(signal, version)
        return computed

    @contextmanager
    def _scratch(self, signal: PoolSignal, version: str, pool: Pool, account: Account) -> Iterator[Scratch]:
        """A folder that goes with the values; where others work in it, it outlives whoever is killed."""
        if self.shards_out is None:
            with staging_folder(self._folder(version, pool)) as folder:
                yield Scratch(folder)
            return
        kept = self.home.shards_of(pool.version, version)
        for other in self.home.shards.glob("*"):
            # Left by a scoring that was killed and never went on: its pool has changed, or its version.
            is_old = time.time() - other.stat().st_mtime > _FORGOTTEN_AFTER_S
            if other != kept and (is_old or other.name.endswith(f".{version}")):
                remove_unless_used(other)
        with lasting_folder(kept) as folder:
            yield Scratch(folder, self.shards_out(signal, version, pool, account), is_lasting=True)

    def _aligned(self, name: str, version: str, pool: Pool) -> Mapping[str, Computed]:
        folder = self._folder(version, pool)
        if not folder.is_dir():
            record = self._record_of(name, version)
            values = aligned_values(record, pool.ids) if len(pool) else None
            if values is None:
                raise UnscoredPoolError(name, version, pool.version, len(missing(record, pool.ids)))
            with atomic_folder(folder) as unfinished:
                save_values(unfinished, values)
        return MappingProxyType(load_values(folder))

    def _folder(self, version: str, pool: Pool) -> Path:
        return self.home.columns_of(pool.version, version)

    def _record_of(self, name: str, version: str) -> LanceTable:
        return LanceTable(self.home.lance, f"{name.replace('/', '.')}-{version}")

    def _notes_of(self, version: str) -> LanceTable:
        return LanceTable(self.home.lance, f"number_types-{version}")

    def _append(self, name: str, version: str, rows: pa.Table) -> None:
        """Record values, and then in which number type they were made."""
        self._record_of(name, version).append(rows.replace_schema_metadata(None))
        if (note := note_of(rows)) is not None:
            self._notes_of(version).append(note)


def _require_unchanged(signal: Signal, version: str) -> None:
    """Refuse values of what took the place of a model or file while they were computed."""
    if signal.fingerprint != version:
        raise ChangedSourceError(signal.name)


def _group_names(internal: Mapping[str, Computed]) -> dict[str, tuple[str, ...]]:
    """Names of the groups of labels that have some."""
    return {
        name.removesuffix(GROUP_NAMES): tuple(np.asarray(names).tolist())
        for name, names in internal.items()
        if name.endswith(GROUP_NAMES)
    }


def _chunks(rows: Rows, size: int) -> list[Rows]:
    """Rows that are computed and recorded together."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _within(progress: Progress, start: int, size: int, rows: int) -> Progress:
    """Progress in a chunk as progress in all rows."""

    def report(stage: str, done: int, total: int) -> None:
        progress(stage, start + size * done // max(1, total), rows)

    return report
