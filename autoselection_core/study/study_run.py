"""A study at work in a home folder: one decontaminated pool, its signals, one evaluator, one ledger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.campaign.evaluators import benchmark_at
from autoselection_core.campaign.pools import keep_gated
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.solvers import max_tokens_of
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.evaluation.training.settings import plan_of
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.contamination.decontaminate import Gate, GateResult
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.study.loading import arms_entry
from autoselection_core.study.study import Study

Tell: TypeAlias = Callable[[str, int, int | None], None]
"""Progress callback: stage, steps done, and steps of the stage, None where they are unknown."""


@dataclass(frozen=True, eq=False)
class StudyRun:
    """A study at work in a home folder. Nothing is loaded before it is asked for.

    Attributes:
        study: Declaration of the study.
        home: Home folder.
        tell: Progress callback.
    """

    study: Study
    home: Home
    tell: Tell

    @cached_property
    def workspace(self) -> Workspace:
        """The study's campaign at work; a study that has begun keeps the version of its trainings' plan."""
        campaign = self.study.campaign
        training = {**campaign.training, **self._pinned_plan}
        return installed_workspace(replace(campaign, training=training), self.home)

    @cached_property
    def ledger(self) -> Ledger:
        """The history of the home folder."""
        return installed_workspace(self.study.campaign, self.home).ledger

    @cached_property
    def held_out_benchmarks(self) -> tuple[Benchmark, ...]:
        """The benchmarks that select nothing.

        Raises:
            NoItemsError: One has no items.
        """
        return tuple(benchmark_at(place) for place in self.study.held_out_benchmarks)

    @cached_property
    def gate_result(self) -> GateResult:
        """The pool behind the gate, which looks for the items of every benchmark, held-out ones too."""
        workspace = self.workspace
        if not workspace.is_ingested():
            workspace.ingest(self._reading, self._progress_of("gate"))
        # A benchmark that is scored in two ways has its items looked for once.
        asked = {frozenset(item.id for item in each.items): each for each in self._benchmarks[::-1]}
        gate = Gate(tuple(asked.values()), self.study.campaign.contamination_limit)
        found = gate.cut(workspace.pool(), SignalStore(self.home), self._progress_of("gate"))
        if found.samples_cut:
            keep_gated(found, gate, self.home)
        return found

    @property
    def samples_cut(self) -> int:
        """Samples that the gate left out before any arm."""
        before = self.workspace.gate_result()
        return self.gate_result.samples_cut + (before.samples_cut if before is not None else 0)

    @cached_property
    def pool(self) -> Pool:
        """The pool that every arm selects from, with its signals scored."""
        pool = self.gate_result.pool
        for name in self.workspace.signal_names:
            self.workspace.score(name, pool, self._progress_of(f"signal {name}"))
        return pool

    @cached_property
    def signals(self) -> SignalTable:
        """The signals of the pool, of the versions that the study began with."""
        return self.workspace.signals(self.pool.version, self._pinned)

    @cached_property
    def evaluator(self) -> Evaluator:
        """Evaluator of every arm."""
        return self.workspace.evaluator(self.pool.version)

    @cached_property
    def other_evaluator(self) -> Evaluator | None:
        """Evaluator on the other base model; None where the study has none."""
        transfer = self.study.transfer
        if transfer is None or self.study.campaign.closed_form is not None:
            return None
        training = {**(transfer.training or self.study.campaign.training), **self._pinned_plan}
        campaign = replace(self.study.campaign, base_model=transfer.base_model, training=training)
        return installed_workspace(campaign, self.home).evaluator(self.pool.version)

    @property
    def max_tokens(self) -> int | None:
        """Length limit of the study's trainings, in tokens; None where nothing is trained."""
        return max_tokens_of(self.study.campaign)

    @property
    def _begun(self) -> SearchSpec | None:
        """What the study pinned when it began; None where it has not."""
        known = self.ledger.find_search(arms_entry(self.study))
        return None if known is None else known.spec

    @property
    def _pinned(self) -> Mapping[str, str] | None:
        return None if self._begun is None else self._begun.signal_versions

    @cached_property
    def _pinned_plan(self) -> Mapping[str, Json]:
        """Version of the plan of its trainings, if it has begun."""
        return {} if self._begun is None else plan_of(self._begun.training)

    @property
    def _benchmarks(self) -> tuple[Benchmark, ...]:
        return (*self.workspace.benchmarks, *self.held_out_benchmarks)

    def _reading(self, done: int, total: int | None) -> None:
        self.tell("reading records", done, total)

    def _progress_of(self, stage: str) -> Callable[[str, int, int], None]:
        return lambda _, done, total: self.tell(stage, done, total)
