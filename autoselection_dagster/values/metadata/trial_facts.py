"""Metadata of the assets of a trial."""

from collections.abc import Mapping

import dagster as dg

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, TrialRecord
from autoselection_core.history.values import FULL
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.report.lineage.differing import subset_diff
from autoselection_core.report.rendering.markdown import fenced
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.plots import histogram_plot, retention_plot
from autoselection_core.report.sections.tables import step_table
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Proposal
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, materialize
from autoselection_dagster.names import Names
from autoselection_dagster.values.metadata.pictures import Facts, picture, shown


def recipe_facts(recipe: Recipe, origin: str, proposal: Proposal | None = None) -> Facts:
    """The recipe, where it came from, and what the surrogate expected of it."""
    reasons = {} if proposal is None else proposal.shown()
    return {
        "recipe": dg.MetadataValue.md(fenced(recipe.to_yaml(), "yaml")),
        "steps": recipe.label,
        "origin": origin,
        "reasons": dg.MetadataValue.json(reasons),
    }


def subset_facts(subset: Subset, signals: SignalTable, names: Names, *, with_pictures: bool = True) -> Facts:
    """Rows after each step, and differences between the subset and the pool."""
    drawn: Facts = {}
    if with_pictures:
        drawn = {
            "retention_per_step": picture(retention_plot(subset, len(signals), "png")),
            "signal_histograms": picture(histogram_plot(subset, signals, kind="png")),
        }
    return {
        "dagster/row_count": len(subset),
        "retention": round(len(subset) / len(signals), 4),
        "steps": shown(step_table(subset)),
        **drawn,
        "subset": subset.fingerprint,
        "pool": dg.MetadataValue.asset(names.key("pool")),
        "pool_version": subset.pool_version,
        "signal_versions": dg.MetadataValue.json(dict(subset.signal_versions)),
    }


def parent_facts(subset: Subset, parent: TrialRecord | None, signals: SignalTable, pool: Pool) -> Facts:
    """Differences between the subset and that of the trial that its recipe was edited from."""
    if parent is None or parent.recipe is None:
        return {}
    names = ("this trial", f"trial {parent.trial}")
    diff = subset_diff(pool, signals, subset, materialize(parent.recipe, signals), names)
    return {
        "diff_to_parent": diff.sentence,
        "diff_to_parent_by_source": shown(diff.sources),
        "diff_to_parent_by_signal": shown(diff.signals),
    }


def model_facts(evaluation: Evaluation, home: Home) -> Facts:
    """Data and cost of the training, and the folder of the adapter."""
    return {
        "folder": dg.MetadataValue.path(home.evaluation(evaluation.key)),
        "replicate": evaluation.replicate,
        "samples_trained": evaluation.trained_count,
        "samples_skipped": len(evaluation.skipped),
        "skipped_because": _counted(evaluation.skip_reasons),
        "changed_for_the_template": _counted(evaluation.changes),
        "training_tokens": evaluation.cost.training_tokens,
        "seconds": evaluation.cost.seconds,
        "peak_mib": round(evaluation.cost.peak_bytes / 2**20),
    }


def _counted(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{count:,} x {reason}" for reason, count in reasons.items()) or "none"


def evaluation_facts(evaluation: Evaluation, ledger: Ledger, reservation: Reservation) -> Facts:
    """The scores, and what the search paid for them."""
    entered = {trial.trial: trial for trial in ledger.trials(reservation.search, reservation.kind)}
    trial = entered[reservation.trial]
    columns = ("benchmark", "score", "± se", "items", "unit", "side", "unread answers")
    rows = tuple(
        (
            score.benchmark,
            score.mean,
            score.standard_error,
            len(score.items),
            score.unit,
            score.side.value,
            score.parse_failure_share if score.metric is Metric.ANSWER_ACCURACY else None,
        )
        for score in evaluation.scores
    )
    return {
        "utility": trial.utility,
        "standard_error": trial.standard_error,
        "scores": shown(Table("Scores", columns, rows)),
        "cost": trial.cost,
        "fidelity": trial.fidelity or FULL,
        "reused": trial.is_reused,
        "arm": trial.arm or "search",
    }
