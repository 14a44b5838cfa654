"""Evaluators of a campaign: a fine-tuning with its benchmarks, or a closed form, at any fidelity."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.loading import benchmark_from, load_benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import split
from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm, DeclaredBenchmark, Fidelity
from autoselection_core.evaluation.closed_form import ClosedFormEvaluator
from autoselection_core.evaluation.judge.evaluator import JudgeEvaluator
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.evaluation.training.settings import (
    FineTuning,
    fine_tuning,
    with_latest_plan,
    with_plan_of,
)
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home


@dataclass(frozen=True)
class LocalEvaluators:
    """Evaluators that work in this process.

    Attributes:
        campaign: Campaign whose subsets are evaluated.
        home: Home folder of the evaluations.
        benchmarks: Reads those of the campaign.
        pool: Opens a pool version.
        signals: Opens the signals of a pool version, in the versions given or else in the present ones.
    """

    campaign: Campaign
    home: Home
    benchmarks: Callable[[], Sequence[Benchmark]]
    pool: Callable[[str], Pool]
    signals: Callable[[str, Mapping[str, str] | None], SignalTable]

    def at(self, pool_version: str, spec: SearchSpec | None = None, fidelity: str = "") -> Evaluator:
        """Evaluator at one fidelity of a search, as the search pins it or else as the campaign declares it.

        Args:
            pool_version: The pool whose subsets are evaluated.
            spec: The search; None for what the campaign declares.
            fidelity: Name of a cheaper fidelity; empty for the full one.
        """
        if self.campaign.closed_form is not None:
            return self._closed_form(pool_version, spec, fidelity)
        if self.campaign.judge is not None:
            weights = (spec.weights if spec else None) or self.campaign.weights or None
            return JudgeEvaluator(self.home, self.pool(pool_version), self.campaign.judge, weights)
        return self._fine_tuning(pool_version, spec, fidelity)

    def _closed_form(self, pool_version: str, spec: SearchSpec | None, fidelity: str) -> Evaluator:
        assert self.campaign.closed_form is not None, "asked for by a campaign with a closed form only"
        formula = _cheaper_formula(self.campaign.closed_form, _fidelity_in(spec, fidelity))
        # A search that was registered before a signal was redefined is evaluated by the values that it pins.
        pinned = spec.signal_versions if spec is not None and spec.signal_versions else None
        return ClosedFormEvaluator(self.home, self.signals(pool_version, pinned), **vars(formula))

    def _fine_tuning(self, pool_version: str, spec: SearchSpec | None, name: str) -> Evaluator:
        from autoselection_core.evaluation.evaluator import FineTuningEvaluator

        assert self.campaign.base_model is not None, "loading refuses a campaign without an evaluator"
        fidelity = _fidelity_in(spec, name)
        training = fine_tuning(_settings_of(self.campaign, spec))
        model = self.campaign.base_model if fidelity is None else fidelity.base_model
        return FineTuningEvaluator(
            self.home,
            self.pool(pool_version),
            model or self.campaign.base_model,
            tuple(_cheaper_benchmark(each, fidelity) for each in benchmarks_of(self.benchmarks(), spec)),
            _cheaper_training(training, fidelity),
            spec.weights if spec and spec.weights else self.campaign.weights,
        )


def benchmarks_of(benchmarks: Sequence[Benchmark], spec: SearchSpec | None) -> tuple[Benchmark, ...]:
    """The benchmarks that drive a search, with the metric that it asks for; all where there is no search."""
    if spec is None or not spec.benchmarks:
        return tuple(benchmarks)
    found = [benchmark for benchmark in benchmarks if benchmark.name in spec.benchmarks]
    if spec.metric not in tuple(Metric):
        return tuple(found)
    return tuple(replace(benchmark, metric=Metric(spec.metric)) for benchmark in found)


def require_campaign_askable(campaign: Campaign, benchmarks: Sequence[Benchmark]) -> None:
    """Require that the items of both sides fit into the base model and into those of cheaper evaluations.

    Raises:
        ItemsTooLongError: Items are longer than a model reads.
        ScoringFailedError: Its template refuses an item.
    """
    from autoselection_core.evaluation.scoring.scoring import Reader, require_askable
    from autoselection_core.models.folder import model_folder

    cheaper = (each.base_model for each in campaign.fidelities.values())
    for model in dict.fromkeys(filter(None, (campaign.base_model, *cheaper))):
        reader = Reader.at(model_folder(model))
        for benchmark in benchmarks:
            require_askable(reader, benchmark)


def benchmark_at(place: DeclaredBenchmark) -> Benchmark:
    """The benchmark of a place, under the name that the campaign gives it.

    Raises:
        NoItemsError: It has no items.
    """
    if place.settings:
        return benchmark_from({**place.settings, "name": place.name}, place.path)
    return replace(load_benchmark(place.path), name=place.name)


def _settings_of(campaign: Campaign, spec: SearchSpec | None) -> Mapping[str, Json]:
    """Settings of the training that a search pins, or of a new one; the plan is never another than pinned."""
    if spec is None:
        return with_latest_plan(campaign.training)
    return spec.training or with_plan_of(spec.training, campaign.training)


def _cheaper_training(training: FineTuning, fidelity: Fidelity | None) -> FineTuning:
    """The training, shortened."""
    return training if fidelity is None else replace(training, amount=training.amount * fidelity.amount)


def _cheaper_benchmark(benchmark: Benchmark, fidelity: Fidelity | None) -> Benchmark:
    """The benchmark with a share of its dev items, which are among those of the full one."""
    if fidelity is None or fidelity.items == 1:
        return benchmark
    items = max(1, round(fidelity.items * len(split(benchmark).dev)))
    return replace(benchmark, sizes=replace(benchmark.sizes, dev_items=items))


def _cheaper_formula(formula: ClosedForm, fidelity: Fidelity | None) -> ClosedForm:
    """The formula with the noise of a mean over a smaller share."""
    if fidelity is None:
        return formula
    return replace(formula, noise=formula.noise / (fidelity.amount * fidelity.items) ** 0.5)


def _fidelity_in(spec: SearchSpec | None, name: str) -> Fidelity | None:
    """A cheaper evaluation as a search pinned it; None for the full one.

    Raises:
        KeyError: The search has no such fidelity.
    """
    if spec is None or not name:
        return None
    kept = {key: value for key, value in spec.fidelities[name].items() if key != "evaluator"}
    return Fidelity(**kept)  # type: ignore[arg-type] # as a search pins it
