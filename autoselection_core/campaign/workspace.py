"""Workspace of a campaign: its pools, signals, evaluators, solvers and ledger in one home folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, Protocol

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.search_request import SearchRequest, with_version_of
from autoselection_core.campaign.declaration.signal_schema import BENCHMARK
from autoselection_core.campaign.declaration.signals import make_signals, name_of
from autoselection_core.campaign.evaluators import (
    LocalEvaluators,
    benchmark_at,
    benchmarks_of,
    require_campaign_askable,
)
from autoselection_core.campaign.pools import CampaignPools, CampaignSignals, PreparedPool
from autoselection_core.campaign.solvers import make_solver, policy_of
from autoselection_core.errors.campaign import CampaignFileError
from autoselection_core.errors.signals import NoTargetsError, SignalError
from autoselection_core.evaluation.fidelity import MultiFidelityEvaluator, PricedEvaluator
from autoselection_core.evaluation.judge.evaluator import JUDGE
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.evaluation.training.settings import with_plan_of
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.search_settings import SearchSettings, merge_settings
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress, RecordProgress
from autoselection_core.score.score import CLOSED_FORM
from autoselection_core.signals.base import Signal
from autoselection_core.signals.contamination.decontaminate import Gate, GateResult
from autoselection_core.signals.definitions.given.scores import GivenScores
from autoselection_core.signals.definitions.given.vectors import GivenVectors
from autoselection_core.signals.store.signal_report import SignalReport
from autoselection_core.signals.store.store import ComputesChunks, ShardsOut, SignalStore
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.programs.limits import require_groups
from autoselection_core.solver.solver import Solver
from autoselection_core.store.home import Home


class RemoteWork(Protocol):
    """Clients of the workers that compute in place of this process."""

    @property
    def compute(self) -> ComputesChunks:
        """Client that computes the chunks of a signal."""
        ...

    @property
    def shards_out(self) -> ShardsOut:
        """Client that gives out the shards of signals of the pool as a whole."""
        ...

    def evaluator(
        self, local: Evaluator, pool_version: str, spec: SearchSpec | None, fidelity: str
    ) -> Evaluator:
        """Client that evaluates in place of a local evaluator, under the same names."""
        ...


@dataclass(frozen=True)
class Workspace:
    """A campaign in a home folder; nothing is loaded before it is asked for.

    `attached_workspace` makes one that works on the installation's cluster.

    Attributes:
        campaign: Campaign that is searched.
        home: Home folder.
        remote: Clients of the workers that score samples and evaluate subsets; None for this process.
    """

    campaign: Campaign
    home: Home
    remote: RemoteWork | None = None

    @property
    def pools(self) -> CampaignPools:
        """Pools of the campaign."""
        return CampaignPools(self.campaign, self.home, lambda: self.benchmarks)

    def ingest(
        self, progress: RecordProgress | None = None, gate_progress: Progress | None = None
    ) -> PreparedPool:
        """Make the latest pool from the raw files; see `CampaignPools.prepare`.

        Raises:
            CampaignFileError: A signal compares with target samples, and a benchmark has none.
        """
        self.require_targets()
        return self.pools.prepare(progress, gate_progress)

    def is_ingested(self) -> bool:
        """Whether the latest pool is of the raw files and the benchmarks' questions as they are now.

        Raises:
            NoSourceFileError: A source leads to no file.
        """
        return self.pools.is_current()

    @property
    def gate(self) -> Gate:
        """The filter that keeps the benchmarks' questions out of the pool."""
        return self.pools.gate

    def gate_result(self, pool_version: str | None = None) -> GateResult | None:
        """Account of the gate for a pool, the latest by default; None where the pool passed none."""
        return self.pools.gate_result(pool_version)

    def has_pool(self) -> bool:
        """Whether anything was ingested yet."""
        return self.pools.has_any()

    def pool(self, version: str | None = None) -> Pool:
        """A pool of the campaign; the latest where no version is named.

        Raises:
            NoPoolError: Nothing was ingested yet.
        """
        return self.pools.open(version)

    @cached_property
    def benchmarks(self) -> tuple[Benchmark, ...]:
        """The benchmarks, under the names that the campaign gives them.

        Raises:
            NoItemsError: One has no items.
        """
        return tuple(benchmark_at(place) for place in self.campaign.benchmarks)

    @cached_property
    def definitions(self) -> Mapping[str, Signal]:
        """The signals by name, those that others need first."""
        return make_signals(self.campaign.signals, self.campaign.base_model, lambda: self.benchmarks)

    @property
    def signal_names(self) -> tuple[str, ...]:
        """Names of the signals."""
        return tuple(self.definitions)

    @cached_property
    def store(self) -> SignalStore:
        """Store of signal values of the installation."""
        if self.remote is None:
            return SignalStore(self.home)
        return SignalStore(self.home, self.remote.compute, self.remote.shards_out)

    @property
    def _signals(self) -> CampaignSignals:
        return CampaignSignals(self.definitions, self.store)

    def score(self, name: str, pool: Pool, progress: Progress | None = None) -> SignalReport:
        """Score the samples of a pool that a signal has no value of yet; see `CampaignSignals.score`.

        Raises:
            CampaignFileError: A signal compares with target samples, and a benchmark has none.
            GivenFileError: Its file is joined by row, and has more rows than the pool's file has records.
        """
        self.require_targets()
        self.require_rows(self.definitions.get(name), pool)
        return self._signals.score(name, pool, progress)

    def require_targets(self) -> None:
        """Refuse signals that compare samples with the targets of a benchmark that has none.

        Raises:
            CampaignFileError: It names the line of the campaign's file.
            NoTargetsError: The campaign is of no file.
        """
        for signal in self.definitions.values():
            benchmark = getattr(signal, BENCHMARK, None)
            if signal.needs_targets and isinstance(benchmark, Benchmark) and not benchmark.targets:
                self._refuse_signal(name_of(type(signal)), NoTargetsError(benchmark.name))

    def _refuse_signal(self, name: str, error: SignalError) -> NoReturn:
        line = self.campaign.signal_lines.get(name)
        if line is None:
            raise error
        field = f"campaigns.{self.campaign.name}.signals"
        problem = f"names {name!r}, but {error}"
        raise CampaignFileError(Path(self.campaign.file), line, field, problem) from error

    def require_rows(self, signal: Signal | None, pool: Pool) -> None:
        """Refuse a file of the user's that is joined by row and has a row too many; see `score`."""
        records = self.pools.records_of(pool) if isinstance(signal, GivenScores | GivenVectors) else None
        if isinstance(signal, GivenScores | GivenVectors) and records is not None:
            signal.require_rows(pool, records)

    @property
    def signal_versions(self) -> dict[str, str]:
        """Version of every signal as the campaign defines it now."""
        return self._signals.versions

    def signals(self, pool_version: str, versions: Mapping[str, str] | None = None) -> SignalTable:
        """Signals of a pool, mapped into memory; of the present versions where none are given.

        Raises:
            UnscoredPoolError: A signal was not scored for this pool.
        """
        return self._signals.table(self.pool(pool_version), versions)

    def benchmarks_of(self, spec: SearchSpec | None = None) -> tuple[Benchmark, ...]:
        """The benchmarks that drive a search, with the metric that it asks for."""
        return benchmarks_of(self.benchmarks, spec)

    def evaluator(self, pool_version: str, spec: SearchSpec | None = None) -> Evaluator:
        """Evaluator of the subsets of a pool, as a search pins it or as the campaign declares it.

        That of a search with cheaper fidelities has an evaluator for each.
        """
        full = self.evaluator_at(pool_version, spec)
        if spec is None or not spec.fidelities:
            return full
        cheaper = {
            name: PricedEvaluator(self.evaluator_at(pool_version, spec, name), cost)
            for name, cost in spec.prices.items()
        }
        return MultiFidelityEvaluator(full, cheaper)

    def evaluator_at(
        self, pool_version: str, spec: SearchSpec | None = None, fidelity: str = ""
    ) -> Evaluator:
        """Evaluator at one fidelity of a search; the empty name is the full one."""
        known = LocalEvaluators(self.campaign, self.home, lambda: self.benchmarks, self.pool, self.signals)
        local = known.at(pool_version, spec, fidelity)
        if self.remote is None:
            return local
        return self.remote.evaluator(local, pool_version, spec, fidelity)

    def require_askable(self, spec: SearchSpec | None = None) -> None:
        """Require that a search can be carried out, before one of its trainings is paid for.

        The items of both sides fit into the models that are trained, and the pool has each group that it
        limits.

        Args:
            spec: The search whose benchmarks are asked; None for all of the campaign.

        Raises:
            ItemsTooLongError: Items are longer than a model reads.
            ScoringFailedError: Its template refuses an item.
            MissingSignalError: The pool has not a group whose share the search limits.
        """
        if spec is not None and spec.pool_version and (policy := policy_of(spec)).shares:
            require_groups(self.signals(spec.pool_version, spec.signal_versions), policy)
        if self.campaign.trains_here:
            require_campaign_askable(self.campaign, benchmarks_of(self.benchmarks, spec))

    def solver(self, spec: SearchSpec) -> Solver:
        """Solver of a search, on the pool and signals that it pins; see `make_solver`."""
        signals = self.signals(spec.pool_version, spec.signal_versions)
        return make_solver(spec, signals, self.campaign, self.ledger, self.home)

    @cached_property
    def ledger(self) -> Ledger:
        """History of the installation."""
        return Ledger.open(self.home.history_url)

    def outline(self, **asked: Any) -> SearchSpec:  # noqa: ANN401 - the fields differ in type
        """A search before there is a pool, so that mistakes show at once.

        Raises:
            SpecError: A count is too small.
            SettingError: A field names what the campaign has not, or what a policy cannot do.
            UnknownSearchError: The search that it starts from does not exist.
        """
        outline = SearchRequest.of(**asked).outline(self.campaign)
        for earlier in filter(None, (outline.warm_from, *outline.warm_also)):
            self.ledger.search(earlier)
        return outline

    def spec(
        self,
        pool_version: str,
        pinned: Mapping[str, str] | None = None,
        **asked: Any,  # noqa: ANN401 - the fields differ in type
    ) -> SearchSpec:
        """A search of the campaign on a pool; what is asked for goes before what the campaign declares.

        Args:
            pool_version: The pool.
            pinned: Versions of the signals; None for the present ones.
            asked: Fields of `SearchSettings` and `SearchRequest`; None means as declared.

        Raises:
            SpecError: A count is too small.
            SettingError: A field names what the campaign has not, or what a policy cannot do.
        """
        versions = self.signal_versions if pinned is None else pinned
        return self._pinned(replace(self.outline(**asked), signal_versions=versions), pool_version)

    def _pinned(self, outline: SearchSpec, pool_version: str) -> SearchSpec:
        """A search with the pool, and what names its evaluators."""
        evaluator = self.evaluator(pool_version, outline)
        cheaper = evaluator.cheaper if isinstance(evaluator, MultiFidelityEvaluator) else {}
        return replace(
            outline,
            metric=self._metric(outline),
            pool_version=pool_version,
            evaluator=evaluator.fingerprint,
            fidelities={
                name: {**kept, "evaluator": cheaper[name].evaluator.fingerprint}
                for name, kept in outline.fidelities.items()
            },
        )

    def _with_plan_of(self, known: Mapping[str, Json], spec: SearchSpec) -> SearchSpec:
        """A search whose training has the version of the plan of known settings."""
        training = with_plan_of(known, spec.training)
        changed = replace(spec, training=training)
        return spec if training == spec.training else self._pinned(changed, spec.pool_version)

    def requested_spec(self, pool_version: str, **asked: Any) -> SearchSpec:  # noqa: ANN401 - the fields differ in type
        """A search that is asked for by its settings alone; one that is registered keeps its versions.

        The same question finds the same search after a release with a later version of the default policy or
        of a training's plan. A version that the campaign or the request states is the one that is meant.

        Args:
            pool_version: The pool.
            asked: As for `spec`.

        Raises:
            SpecError: A count is too small.
            SettingError: A field names what the campaign has not, or what a policy cannot do.
        """
        spec = self.spec(pool_version, **asked)
        stated = merge_settings(self.campaign.policy, asked.get("policy_settings") or {})
        earlier = self._with_plan_of(self.campaign.training, spec)
        first = replace(earlier, policy_settings=stated)
        names = dict.fromkeys(each.usual_name for each in (first, earlier) if each is not spec)
        found = (self.known_spec(name, **asked) for name in names)
        return next((each for each in found if each is not None), spec)

    def known_spec(self, name: str | None, **asked: Any) -> SearchSpec | None:  # noqa: ANN401
        """A registered search of the campaign by its name, as `current_spec` has it; None without one."""
        known = None if name is None else self.ledger.find_search(name)
        if known is None or known.spec.campaign != self.campaign.name:
            return None
        return self.current_spec(known.spec, **asked)

    def current_spec(self, known: SearchSpec, **asked: Any) -> SearchSpec:  # noqa: ANN401 - the fields differ in type
        """A registered search as the campaign asks for it now, on the pool, signals and policy that it pins.

        So a search goes on after files were added, and after a release that defines a signal otherwise, has
        a later version of the default policy or of a training's plan, or pays for more in reports that state
        no budget.

        Args:
            known: The search.
            asked: As for `spec`.

        Raises:
            SpecError: A count is too small.
            SettingError: A field names what the campaign has not, or what a policy cannot do.
        """
        asked_now = self.spec(known.pool_version, known.signal_versions, **asked)
        spec = self._with_plan_of(known.training, asked_now)
        return replace(
            spec,
            policy_settings=with_version_of(known.policy_settings, spec.policy_settings),
            report_evaluations=spec.report_evaluations
            if self._states_report(asked)
            else known.report_evaluations,
        )

    def _states_report(self, asked: Mapping[str, Any]) -> bool:
        """Whether a person states the report's budget, in the request or in the campaign."""
        name, campaign = "report_evaluations", self.campaign
        is_usual = campaign.search.report_evaluations == SearchSettings.report_evaluations
        return asked.get(name) is not None or name in campaign.stated_settings or not is_usual

    def _metric(self, spec: SearchSpec) -> str:
        """Meaning of the scores that drive a search."""
        if self.campaign.closed_form is not None:
            return CLOSED_FORM
        if self.campaign.judge is not None:
            return JUDGE
        return " + ".join(dict.fromkeys(each.metric.value for each in self.benchmarks_of(spec)))
