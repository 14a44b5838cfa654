"""A campaign at work in a home folder: its pool, signals, evaluator, solver and ledger."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.loading import benchmark_from, load_benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.campaign.declaration.campaign import BenchmarkPlace, Campaign, Fidelity
from autoselection_core.campaign.declaration.fidelities import (
    cheaper_benchmark,
    cheaper_formula,
    cheaper_training,
    fidelity_in,
)
from autoselection_core.campaign.declaration.search_request import SearchRequest
from autoselection_core.campaign.declaration.signals import make_signals
from autoselection_core.campaign.pools import Intake, keep_gated, read_gated
from autoselection_core.campaign.remote.clients import EvaluatesElsewhere, ScoresElsewhere
from autoselection_core.cluster.protocol import Cluster
from autoselection_core.errors.campaign import NoPoolError, UnknownSignalError
from autoselection_core.evaluation.closed_form import ClosedFormEvaluator
from autoselection_core.evaluation.fidelity import MultiFidelityEvaluator, PricedEvaluator
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.evaluation.training.sft import fine_tuning
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.spec import SearchSpec
from autoselection_core.history.values import Earlier
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.installed import installed_operators
from autoselection_core.pool.ingest import ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sources import sources_version
from autoselection_core.progress import Progress, RecordProgress
from autoselection_core.search.warm import earlier_of
from autoselection_core.signals.base import Signal
from autoselection_core.signals.contamination.decontaminate import Gate, Gated
from autoselection_core.signals.definitions.base_model.model_pass import ModelPass
from autoselection_core.signals.store.signal_report import SignalReport
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.advice.consultation import Adviser
from autoselection_core.solver.advice.endpoint import Endpoint
from autoselection_core.solver.advice.exchange import Silent
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.solver import Solver
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home


def benchmark_at(place: BenchmarkPlace) -> Benchmark:
    """The benchmark of a place, under the name that the campaign gives it.

    Raises:
        NoItemsError: It has no items.
    """
    if place.settings:
        return benchmark_from({**place.settings, "name": place.name}, place.path)
    return replace(load_benchmark(place.path), name=place.name)


@dataclass(frozen=True)
class Workspace:
    """A campaign in a home folder. Nothing is loaded before it is asked for.

    Attributes:
        campaign: What is searched.
        home: Where everything is kept.
        cluster: Who scores samples and judges subsets; None for this process.
    """

    campaign: Campaign
    home: Home
    cluster: Cluster | None = None

    def ingest(self, progress: RecordProgress | None = None, told: Progress | None = None) -> Intake:
        """Read the raw files into a pool, cut it at the gate, and make what is left the campaign's latest.

        Args:
            progress: Told how many records are read.
            told: Told how far the gate is.

        Raises:
            EmptyPoolError: No record is a sample.
            NothingLeftError: Every sample holds a question of a benchmark.
        """
        versions = self._intake_versions()
        found = ingest(self.campaign.sources, self.home, progress)
        gated = self.gate.cut(found.pool, SignalStore(self.home), told)
        keep_gated(gated, self.home)
        with atomic_file(self._latest) as draft:
            draft.write_text(json.dumps({"pool": gated.pool.version, **versions}))
        return Intake(found, gated)

    def is_ingested(self) -> bool:
        """Whether the latest pool is of the raw files and the benchmarks' questions as they are now.

        Raises:
            NoSourceFileError: A source leads to no file.
        """
        latest = self._read_latest()
        return latest is not None and self._intake_versions().items() <= latest.items()

    @property
    def gate(self) -> Gate:
        """What keeps the benchmarks' questions out of the pool."""
        return Gate(self.benchmarks, self.campaign.contamination_limit)

    def gated(self, pool_version: str | None = None) -> Gated | None:
        """What the gate cut before a pool was left, the latest by default; None where none was."""
        return read_gated(self.pool(pool_version), self.home)

    def has_pool(self) -> bool:
        """Whether anything was ingested yet."""
        return self._read_latest() is not None

    def pool(self, version: str | None = None) -> Pool:
        """A pool of the campaign; the latest where no version is named.

        Raises:
            NoPoolError: Nothing was ingested yet.
        """
        latest = self._read_latest()
        if version is None and latest is None:
            raise NoPoolError(self.campaign.name)
        return Pool.open(self.home.pool(version or str(latest and latest["pool"])))

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

    def score(self, name: str, pool: Pool, progress: Progress | None = None) -> SignalReport:
        """Score what a signal does not know of a pool yet.

        Where the campaign has scores and sparse features of one model, the one asked for first gives both.

        Raises:
            UnknownSignalError: The campaign has no such signal.
        """
        if name not in self.definitions:
            raise UnknownSignalError(name, self.signal_names)
        signal, shared = self.definitions[name], ModelPass.among(self.definitions.values())
        is_shared = shared is not None and signal in shared.signals
        return self.store.score(signal, pool, progress, shared if is_shared else None)

    def signal_versions(self, pool_version: str) -> dict[str, str]:  # noqa: ARG002 - what a caller pins together
        """The version of every signal as the campaign defines it now."""
        return {name: signal.fingerprint for name, signal in self.definitions.items()}

    def signals(self, pool_version: str, versions: Mapping[str, str] | None = None) -> SignalTable:
        """The signals of a pool, mapped into memory.

        Raises:
            UnscoredPoolError: A signal was not scored for this pool.
        """
        wanted = self.signal_versions(pool_version) if versions is None else versions
        return self.store.table(self.pool(pool_version), wanted)

    def outline(self, **asked: Any) -> SearchSpec:  # noqa: ANN401 - the fields differ in type
        """What a search would be asked to do, before there is a pool: so that mistakes show at once.

        Raises:
            SpecError: A count is too small.
            SettingError: A field names what the campaign has not, or what a policy cannot do.
            UnknownSearchError: The search that it starts from does not exist.
        """
        outline = SearchRequest.of(**asked).outline(self.campaign)
        if outline.warm_from is not None:
            self.ledger.search(outline.warm_from)
        return outline

    def spec(self, pool_version: str, **asked: Any) -> SearchSpec:  # noqa: ANN401 - the fields differ in type
        """A search of the campaign on a pool; what is asked for goes before the campaign's defaults.

        Args:
            pool_version: The pool.
            asked: Fields of `SearchSettings` and `SearchRequest`; None means as declared.

        Raises:
            SpecError: A count is too small.
            SettingError: A field names what the campaign has not, or what a policy cannot do.
        """
        outline = self.outline(**asked)
        judge = self.evaluator(pool_version, outline)
        cheaper = judge.cheaper if isinstance(judge, MultiFidelityEvaluator) else {}
        return replace(
            outline,
            metric=self._metric(outline),
            pool_version=pool_version,
            signal_versions=self.signal_versions(pool_version),
            evaluator=judge.fingerprint,
            fidelities={
                name: {**kept, "evaluator": cheaper[name].evaluator.fingerprint}
                for name, kept in outline.fidelities.items()
            },
        )

    def judged_by(self, spec: SearchSpec | None = None) -> tuple[Benchmark, ...]:
        """The benchmarks that drive a search, with the metric that it asks for."""
        if spec is None or not spec.benchmarks:
            return self.benchmarks
        found = [benchmark for benchmark in self.benchmarks if benchmark.name in spec.benchmarks]
        if spec.metric not in tuple(Metric):
            return tuple(found)
        return tuple(replace(benchmark, metric=Metric(spec.metric)) for benchmark in found)

    def _metric(self, spec: SearchSpec) -> str:
        """What the scores mean that drive a search."""
        if self.campaign.closed_form is not None:
            return "closed_form"
        return " + ".join(dict.fromkeys(benchmark.metric.value for benchmark in self.judged_by(spec)))

    def evaluator(self, pool_version: str, spec: SearchSpec | None = None) -> Evaluator:
        """What judges the subsets of a pool, as a search pins it or as the campaign declares it.

        That of a search with cheaper fidelities has an evaluator for each.
        """
        full = self.evaluator_at(pool_version, spec)
        if spec is None or not spec.fidelities:
            return full
        prices = spec.prices.items()
        cheaper = {
            name: PricedEvaluator(self.evaluator_at(pool_version, spec, name), cost) for name, cost in prices
        }
        return MultiFidelityEvaluator(full, cheaper)

    def evaluator_at(
        self, pool_version: str, spec: SearchSpec | None = None, fidelity: str = ""
    ) -> Evaluator:
        """What judges at one fidelity of a search; the empty name is the full one."""
        here = self._judge(pool_version, spec, fidelity_in(spec, fidelity))
        if self.cluster is None:
            return here
        return EvaluatesElsewhere(self, self.cluster, here, pool_version, spec, fidelity)

    def _judge(self, pool_version: str, spec: SearchSpec | None, fidelity: Fidelity | None) -> Evaluator:
        if (formula := self.campaign.closed_form) is not None:
            cheaper = cheaper_formula(formula, fidelity)
            return ClosedFormEvaluator(self.home, self.signals(pool_version), **vars(cheaper))
        from autoselection_core.evaluation.evaluator import FineTuningEvaluator

        assert self.campaign.base_model is not None, "loading refuses a campaign without judge"
        training = fine_tuning(spec.training if spec and spec.training else self.campaign.training)
        model = self.campaign.base_model if fidelity is None else fidelity.base_model
        return FineTuningEvaluator(
            self.home,
            self.pool(pool_version),
            model or self.campaign.base_model,
            tuple(cheaper_benchmark(each, fidelity) for each in self.judged_by(spec)),
            cheaper_training(training, fidelity),
            spec.weights if spec and spec.weights else self.campaign.weights,
        )

    def solver(self, spec: SearchSpec) -> Solver:
        """What chooses the candidates of a search, on the pool and signals that it pins.

        Raises:
            UnknownSearchError: The search that it starts from does not exist.
        """
        signals = self.signals(spec.pool_version, spec.signal_versions)
        chosen = [each for each in installed_operators() if not spec.operators or each.name in spec.operators]
        policy = Policy(spec.policy, max_steps=spec.max_steps).with_settings(**spec.policy_settings)
        earlier: tuple[Earlier, ...] = ()
        if spec.warm_from is not None:
            earlier = earlier_of(self.ledger, spec.warm_from, signals, self.home)
        templates = catalogue(signals, chosen)
        return Solver(signals, templates, policy, earlier, self._adviser(spec), spec.prices)

    def _adviser(self, spec: SearchSpec) -> Adviser | None:
        """The language model of a search, reached as the campaign says now."""
        if not spec.adviser:
            return None
        settings, declared = AdviserSettings.of_search(spec.adviser), self.campaign.adviser
        if declared is None:
            return Adviser(settings, Silent("the campaign declares no `adviser` any more"), self._unit(spec))
        return Adviser(settings, Endpoint(declared.url, declared.timeout_s), self._unit(spec))

    def _unit(self, spec: SearchSpec) -> str:
        """What a utility of the search is, for people and models."""
        metrics = [Metric(name) for name in spec.metric.split(" + ") if name in tuple(Metric)]
        return ", ".join(f"{metric.value} in {metric.unit}" for metric in metrics) or spec.metric

    @cached_property
    def ledger(self) -> Ledger:
        """The history of the installation."""
        return Ledger.open(self.home.history_url)

    @cached_property
    def store(self) -> SignalStore:
        """The signals of the installation."""
        if self.cluster is None:
            return SignalStore(self.home)
        return SignalStore(self.home, ScoresElsewhere(self, self.cluster))

    @property
    def _latest(self) -> Path:
        return self.home.confined(Path("campaigns") / f"{self.campaign.name}.json")

    def _intake_versions(self) -> dict[str, str]:
        """What a pool follows from."""
        return {"sources": sources_version(self.campaign.sources), "gate": self.gate.fingerprint}

    def _read_latest(self) -> dict[str, str] | None:
        if not self._latest.exists():
            return None
        latest: dict[str, str] = json.loads(self._latest.read_text())
        return latest
