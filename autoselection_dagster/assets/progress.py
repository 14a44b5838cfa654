"""Progress of a long step in the run's log, with the time left, and of a search on the page of its report."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import dagster as dg

from autoselection_core.history.records import TrialRecord, TrialState
from autoselection_core.identity import fingerprint
from autoselection_core.progress import Advance
from autoselection_core.report.rendering.table import printable
from autoselection_core.search.status import SearchStatus
from autoselection_dagster.beta import DATA_VERSION_TAG
from autoselection_dagster.place import Place
from autoselection_dagster.values.metadata.rendering import shown
from autoselection_dagster.values.metadata.search_facts import progress_facts

_EVERY_S = 5.0


@dataclass
class Logged:
    """A progress callback that writes a line every few seconds, and one at the end of each stage.

    Attributes:
        log: Takes the lines; the UI shows them, and so do those who follow the run from a terminal.
        stage: What is done, where the caller does not say it.
        counted: What is counted in this stage, in the plural; lines then say how many of them a second.
            Other stages count what they like, so theirs say none.
        clock: Seconds, from any beginning.
        time_left: Time left of all that follows, in words; None says what is left of a stage alone.
    """

    log: logging.Logger
    stage: str
    counted: str | None = None
    clock: Callable[[], float] = time.monotonic
    time_left: Callable[[], str] | None = None
    _steps: dict[str, Advance] = field(default_factory=dict)
    _said: float | None = None

    def __call__(self, *event: str | int | None) -> None:
        """Take `(done, total)` or `(stage, done, total)`."""
        *named, done, total = event
        stage = str(named[0]) if named else self.stage
        now, counted, known = self.clock(), int(done or 0), self._steps.get(stage)
        of = None if total is None else int(total)
        steps = Advance.begun(now, counted, of) if known is None else known.reported(now, counted, of)
        self._steps[stage] = steps
        if done != total and self._said is not None and now - self._said < _EVERY_S:
            return
        self._said = now
        left = steps.left_text(now) if self.time_left is None else self.time_left()
        unit = self.counted if stage == self.stage else None
        line = ", ".join(filter(None, (_count(stage, steps), _speed(steps, unit), left)))
        self.log.info("%s", printable(line))


def _count(stage: str, steps: Advance) -> str:
    return (
        f"{stage}: {steps.done:,}" if steps.total is None else f"{stage}: {steps.done:,} of {steps.total:,}"
    )


def _speed(steps: Advance, unit: str | None) -> str:
    return "" if unit is None or steps.step_s is None else f"{1 / steps.step_s:,.1f} {unit}/s"


@dataclass
class Announced:
    """A progress callback that announces the first event, and hands every event on.

    Attributes:
        progress: Takes the events.
        announce: Called once, before the first of them.
    """

    progress: Callable[..., None]
    announce: Callable[[], None]
    _is_begun: bool = False

    def __call__(self, *event: str | int | None) -> None:
        """Take an event of any form."""
        if not self._is_begun:
            self._is_begun = True
            self.announce()
        self.progress(*event)


def show_progress(instance: dg.DagsterInstance, place: Place, status: SearchStatus) -> None:
    """Refresh `search_report` of a search with its present status; no run is started for it.

    A search that is done is left alone: its page shows the verdict, or is about to.
    """
    search = status.record.search
    if status.is_done:
        return
    for addition in place.partitions.partition_requests([search]):
        instance.add_dynamic_partitions(addition.partitions_def_name, list(addition.partition_keys))
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            place.key("search_report"),
            metadata=dict(shown(progress_facts(status, place.names))),
            partition=search,
            tags={DATA_VERSION_TAG: measured_version(status.trials)},
        )
    )


def measured_version(trials: Sequence[TrialRecord]) -> str:
    """Data version of a search's report: it follows from the trials that were measured.

    The best subset is chosen by them alone, so that report evaluations do not make it out of date.
    """
    return fingerprint([str(each.evaluation) for each in trials if each.state is TrialState.DONE])
