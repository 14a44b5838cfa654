"""Assets of signals, one for each: its values for every sample of the pool."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import dagster as dg

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.signal_schema import BENCHMARK, SignalSchema
from autoselection_core.campaign.declaration.signals import make_signals, own_scores
from autoselection_core.cluster import WorkerShare
from autoselection_core.pool.pool import Pool
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.plots import pool_histograms
from autoselection_core.signals.base import Signal
from autoselection_core.signals.definitions.base_model.sae import SaeFeatures
from autoselection_core.signals.store.signal_report import SignalReport, distributions, mixed_sentence
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_dagster.assets.asset_checks import Check
from autoselection_dagster.assets.progress import Logged
from autoselection_dagster.names import Group
from autoselection_dagster.place import GPU_POOL, Place
from autoselection_dagster.resources import HomeResource, with_prefixed_resources
from autoselection_dagster.values.managers import NOTHING
from autoselection_dagster.values.metadata.rendering import Facts, large_picture, rounded
from autoselection_dagster.values.metadata.tables import table_value

AUTOENCODER = "autoencoder"
SAE = "sae"
"""The signal whose features it gives."""


def autoencoder_assets(place: Place) -> list[dg.AssetsDefinition]:
    """The autoencoder, where the campaign has signals that read one."""
    return [_autoencoder(place)] if SAE in place.campaign.signals else []


def _autoencoder(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        io_manager_key=NOTHING,
        key=place.key(AUTOENCODER),
        group_name=place.group(Group.SIGNALS),
        ins={"pool": dg.AssetIn(place.key("pool"))},
        deps=[place.key("base_model")],
        kinds={"safetensors"},
        pool=GPU_POOL,
    )
    @with_prefixed_resources
    def autoencoder(
        context: dg.AssetExecutionContext, home: HomeResource, pool: Pool
    ) -> dg.MaterializeResult[None]:
        """Autoencoder of the pool's hidden states: trained once, and kept when the pool changes."""
        features = place.workspace(home).definitions[SAE]
        assert isinstance(features, SaeFeatures), "no other signal has this name"
        report = features.quality(pool, Logged(context.log, AUTOENCODER))
        facts: Facts = {
            "variance_unexplained": report.unexplained,
            "variance_unexplained_by_pca": report.unexplained_by_pca,
            "dead_share": report.dead_share,
            "trained_on_tokens": report.tokens,
            "folder": dg.MetadataValue.path(features.sae),
        }
        return dg.MaterializeResult(metadata=facts, data_version=dg.DataVersion(features.reads()["sae"]))

    return autoencoder


@dataclass(frozen=True)
class DeclaredSignal:
    """A signal, as much of it as an asset is defined by.

    Attributes:
        name: Its own name, for instance `relevance/arithmetic`.
        code_version: Names definition, parameters and implementation.
        description: What it is.
        needs: Names of the signals that it reads.
        reads_model: Whether it reads the base model.
        benchmark: The benchmark whose target samples it reads.
    """

    name: str
    code_version: str
    description: str
    needs: tuple[str, ...] = ()
    reads_model: bool = False
    benchmark: str | None = None


def declared_signals(campaign: Campaign) -> tuple[DeclaredSignal, ...]:
    """The signals of a campaign; one signal a benchmark where the definition reads benchmarks."""
    made = make_signals(
        campaign.signals, campaign.base_model, lambda: tuple(map(_unopened, campaign.weights))
    )
    return tuple(_declared(signal) for signal in made.values())


def _unopened(name: str) -> Benchmark:
    """A benchmark of which only the name is known: what a signal reads of it is no part of its definition."""
    return Benchmark(name, (Item(name, (), ""),))


def _declared(signal: Signal) -> DeclaredSignal:
    nameable = SignalSchema(type(signal))
    return DeclaredSignal(
        name=signal.name,
        code_version=signal.code_version,
        description=(signal.__doc__ or "").partition("Attributes:")[0].strip(),
        needs=tuple(need.name for need in signal.needs()),
        reads_model=nameable.reads_model,
        benchmark=getattr(signal, BENCHMARK).name if nameable.reads_benchmark else None,
    )


IS_ALIGNED = Check(
    "is_aligned_to_the_pool",
    "A value in the row of another sample would mislead every recipe that reads it.",
)
IS_MOSTLY_KNOWN = Check(
    "is_mostly_known",
    "Operators rank unknown values last, so a signal without values would select at random.",
)
_ONE_PASS = (SAE, "model_scores")
"""Signals of one pass, of which the first gives both: where there is an autoencoder, both wait for it."""

MIN_KNOWN_SHARE = 0.5
"""Minimum share of known values: below it a signal says more about itself than about the samples."""


def signal_assets(place: Place) -> list[dg.AssetsDefinition]:
    """The signals of a campaign."""
    return [_signal(place, declared) for declared in declared_signals(place.campaign)]


def _signal(place: Place, declared: DeclaredSignal) -> dg.AssetsDefinition:
    key = place.names.signal(declared.name)

    @dg.asset(
        io_manager_key=NOTHING,
        key=key,
        group_name=place.group(Group.SIGNALS),
        ins={"pool": dg.AssetIn(place.key("pool"))},
        deps=_read_by(place, declared),
        code_version=declared.code_version,
        description=declared.description,
        kinds={"lancedb"},
        pool=GPU_POOL if declared.reads_model else None,
        check_specs=[IS_ALIGNED.spec(key), knowledge_check(declared, place.campaign).spec(key)],
    )
    @with_prefixed_resources
    def signal(
        context: dg.AssetExecutionContext, home: HomeResource, pool: Pool
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        workspace = place.workspace(home)
        report = workspace.score(declared.name, pool, Logged(context.log, declared.name, "samples"))
        context.log.info(cost_line(report))
        if mixed := mixed_sentence(report.name, report.number_types):
            context.log.warning(mixed)
        table = workspace.signals(pool.version, {report.name: report.version})
        yield dg.MaterializeResult(
            metadata=_facts(report, table, home), data_version=dg.DataVersion(report.version)
        )
        yield is_aligned(table, pool)
        yield is_mostly_known(report, knowledge_check(declared, place.campaign))

    return signal


def knowledge_check(declared: DeclaredSignal, campaign: Campaign) -> Check:
    """Check of a signal's known values; one that warns where the user brings the scores of some samples."""
    is_own = declared.name in own_scores(campaign.signals)
    return replace(IS_MOSTLY_KNOWN, is_blocking=False) if is_own else IS_MOSTLY_KNOWN


def _read_by(place: Place, declared: DeclaredSignal) -> Sequence[dg.AssetKey]:
    return [
        *(place.names.signal(need) for need in declared.needs),
        *([place.key("base_model")] if declared.reads_model else []),
        *([place.key("benchmark", declared.benchmark)] if declared.benchmark else []),
        *([place.key(AUTOENCODER)] if declared.name in _ONE_PASS and SAE in place.campaign.signals else []),
    ]


def cost_line(report: SignalReport) -> str:
    """Cost of scoring, in a line for the run's log."""
    known = f"{report.reused:,} were known before"
    if not report.computed:
        return f"{report.name}: nothing to score, {known}"
    pace = f"{report.samples_per_s:,.1f} samples/s"
    count = len({share.worker for share in report.workers})
    by = f" by {count} worker{'s' if count > 1 else ''} of the cluster" if count else ""
    return (
        f"{report.name}: {report.computed:,} samples scored in {report.seconds:,.1f} s{by}, {pace}; {known}"
    )


def workers_table(shares: Sequence[WorkerShare]) -> Table:
    """What each worker of the cluster did of each piece of work."""
    columns = ("worker", "work", "shards", "rows", "seconds", "of the processor")
    rows = (
        (
            each.worker,
            each.work,
            each.tasks,
            each.size,
            round(each.seconds, 1),
            round(each.cpu_seconds, 1),
        )
        for each in shares
    )
    return Table("Workers", columns, tuple(rows))


def is_aligned(table: SignalTable, pool: Pool) -> dg.AssetCheckResult:
    """The table of the signal has the pool's ids in the pool's order."""
    passed = len(table) == len(pool) and bool((table.ids == pool.ids).all())
    return IS_ALIGNED.result(passed=passed, rows=len(table), pool_rows=len(pool))


def is_mostly_known(report: SignalReport, check: Check = IS_MOSTLY_KNOWN) -> dg.AssetCheckResult:
    """Enough rows have a value, in every column."""
    least = min(report.finite_share.values(), default=1.0)
    return check.result(passed=least >= MIN_KNOWN_SHARE, min_known_share=least)


def _facts(report: SignalReport, table: SignalTable, home: Home) -> Facts:
    """Cost and coverage of scoring; the throughput is of the samples that were scored now."""
    shown = distributions(table)
    plots = {"histograms": large_picture(pool_histograms(shown, "png"), home)} if shown else {}
    workers = {"workers": table_value(workers_table(report.workers))} if report.workers else {}
    made = {"number_types": dg.MetadataValue.json(dict(report.number_types))} if report.number_types else {}
    return {
        **plots,
        **workers,
        **made,
        "samples_per_s": report.samples_per_s,
        "dagster/row_count": report.rows,
        "computed": report.computed,
        "reused": report.reused,
        "known_share": dg.MetadataValue.json(dict(report.finite_share)),
        "unscored": dg.MetadataValue.json(dict(report.unscored)),
        "seconds": rounded(report.seconds),
        "version": report.version,
    }
