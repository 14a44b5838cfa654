"""`autoselection ingest`: raw files to a pool, and its signals."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from autoselection_core.campaign.declaration.signals import left_out_sentence
from autoselection_core.campaign.duration import costly_signals, signal_seconds
from autoselection_core.campaign.pools import PreparedPool
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.output import show_table, tell
from autoselection_core.cli.progress import Bars, Lines
from autoselection_core.errors.signals import UnscoredPoolError
from autoselection_core.pool.ingest import Ingestion
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Advance, duration_text
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.tables import (
    fields_table,
    formats_table,
    gate_sentence,
    gate_table,
    named_twice_sentence,
    other_splits_sentence,
    passed_over_sentence,
    quarantine_table,
    records_sentence,
    sources_table,
)
from autoselection_core.signals.definitions.given.scores import GivenScores
from autoselection_core.signals.definitions.given.vectors import GivenVectors
from autoselection_core.signals.store.signal_report import mixed_sentence


def ingest_pool(workspace: Workspace, progress: Bars | Lines) -> PreparedPool:
    """Read the raw files and cut what holds a benchmark's question."""
    return workspace.ingest(lambda done, total: progress("reading records", done, total), progress)


def score_pool(workspace: Workspace, pool: Pool, progress: Bars | Lines) -> Table:
    """Score every signal of the campaign; what is known already is not computed again.

    Scores and vectors that the user brings come first, so that a mistake in them shows before others are
    paid for. Progress counts those that are not known yet.
    """
    rows, done = [], 0
    names = sorted(workspace.signal_names, key=lambda name: not _is_brought(workspace, name))
    new = [name for name in names if not is_scored(workspace, name, pool)]
    ahead = _Ahead(progress, _expected_seconds(workspace, new, pool))
    for name in names:
        ahead.begin(name)
        if name in new:
            progress(f"signal {name}", 0, len(pool))
        report = workspace.score(name, pool, ahead)
        if name in new:
            done += 1
            progress(f"signal {name}", len(pool), len(pool))
            progress("signals", done, len(new), "")  # one signal may take minutes, another no time
        known = min(report.finite_share.values(), default=None)
        without = ", ".join(f"{reason}: {count:,}" for reason, count in report.unscored.items())
        rows.append((name, report.computed, report.reused, known, without, report.seconds))
    columns = ("signal", "computed", "reused", "share with a value", "without one", "seconds")
    return Table("Signals", columns, tuple(rows))


def _expected_seconds(workspace: Workspace, names: Sequence[str], pool: Pool) -> Mapping[str, float]:
    """Expected seconds of the signals that read the base model, where several of them are to be scored."""
    costly, model = costly_signals(names), workspace.campaign.base_model
    return signal_seconds(costly, pool, model) if model is not None and len(costly) > 1 else {}


@dataclass
class _Ahead:
    """Progress of one signal after the other, with what is left of this one and of those that take long.

    Attributes:
        progress: Shows it.
        expected: Expected seconds of each signal that reads the base model; those before correct them.
    """

    progress: Bars | Lines
    expected: Mapping[str, float]
    _name: str = ""
    _steps: Advance | None = None
    _present_s: float | None = None
    _pace: float = 1.0
    _later: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self._later = dict(self.expected)

    def begin(self, name: str) -> None:
        """Go on to a signal."""
        self._name, self._steps = name, None
        self._present_s = self._later.pop(name, None)

    def __call__(self, _stage: str, done: int, total: int) -> None:
        """Show how far the present signal is."""
        now, known = time.monotonic(), self._steps
        self._steps = Advance.begun(now, done, total) if known is None else known.reported(now, done, total)
        self.progress(f"signal {self._name}", done, total, self._left(self._steps, now))

    def _left(self, steps: Advance, now: float) -> str:
        own = steps.left_text(now)
        if own and self._present_s:
            self._pace = (steps.step_s or 0.0) * (steps.total or 0) / self._present_s
        later = [f"{name} about {duration_text(self._pace * s)}" for name, s in self._later.items()]
        return ", then ".join([own, *later]) if own else ""


def is_scored(workspace: Workspace, name: str, pool: Pool) -> bool:
    """Whether a signal has been scored for every sample of a pool, in its present version."""
    definition = workspace.definitions.get(name)
    if definition is None:
        return False  # one for each benchmark, under other names
    try:
        workspace.store.table(pool, {name: definition.fingerprint})
    except UnscoredPoolError:
        return False
    return True


def tell_of_signals(workspace: Workspace, signals: Table) -> None:
    """Say how many signals were reused, and with new ones which scores the campaign goes without."""
    computed = signals.columns.index("computed")
    reused = sum(not row[computed] for row in signals.rows)
    if reused:
        tell(f"{reused} signal{' is' if reused == 1 else 's are'} up to date", signals_up_to_date=reused)
    if reused == len(signals.rows):
        return
    if sentence := left_out_sentence(workspace.campaign.signals, workspace.campaign.base_model):
        tell(sentence)


def _is_brought(workspace: Workspace, name: str) -> bool:
    return isinstance(workspace.definitions[name], GivenScores | GivenVectors)


def score_sentences(workspace: Workspace, pool: Pool) -> Iterator[str]:
    """Values of one signal in several number types; truth values and gaps of scores that the user brings."""
    table = workspace.signals(pool.version)
    for name, signal in workspace.definitions.items():
        mixed = mixed_sentence(name, workspace.store.number_types(signal.fingerprint, pool))
        if mixed is not None:
            yield mixed
        if not isinstance(signal, GivenScores):
            continue
        if (np.isnan(table[name]) | np.isin(table[name], (0, 1))).all() and (
            sum(truths := signal.count_truths(pool)) > 0
        ):
            yield f"{name}: {truths[0]:,} values are true, read as 1, and {truths[1]:,} false, read as 0"
        missing = int(np.isnan(table[name]).sum())
        if missing:
            yield (
                f"{name}: {missing:,} of {len(pool):,} samples have no score; rankings such as `keep_top` "
                "place them last, whatever the order, and `keep_band` drops them"
            )


def show_prepared_pool(prepared: PreparedPool) -> None:
    """Say what became of every record."""
    found = prepared.ingestion
    show_records(found)
    if found.left_out:
        tell(f"each with its line and reason: {found.quarantine_path}")
    tell(gate_sentence(prepared.gated))
    if prepared.gated.samples_cut:
        show_table(gate_table(prepared.gated))
    tell(f"pool {prepared.pool.version}", pool=prepared.pool.version)


def show_records(found: Ingestion) -> None:
    """Say what became of records, of their fields, and of files beside them."""
    counts = {"records": found.records, "samples": found.samples, "merged": found.merged}
    tell(records_sentence(found), **counts, quarantined=found.quarantined, trimmed=found.trimmed)
    for pinned in found.pinned:
        tell(f"read from the hub: {pinned}; that path pins the commit")
    if len(found.by_source) > 1:
        show_table(sources_table(found))
    for table in (formats_table(found), fields_table(found), quarantine_table(found)):
        if table.rows:
            show_table(table)
    for sentence in (
        passed_over_sentence(found),
        named_twice_sentence(found),
        other_splits_sentence(found),
    ):
        if sentence:
            tell(sentence)


def show_gate(workspace: Workspace) -> None:
    """Say that something was cut from the latest pool, and where it is counted."""
    gated = workspace.gate_result() if workspace.has_pool() else None
    if gated is not None and gated.samples_cut:
        tell(
            f"{gated.samples_cut:,} samples that contain a benchmark's question are not in the pool; reports "
            "count them",
            samples_cut=gated.samples_cut,
        )
