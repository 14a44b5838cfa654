"""What the assets of a search show about themselves."""

from collections.abc import Mapping, Sequence

import dagster as dg
import numpy as np

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Kind, TrialRecord
from autoselection_core.history.values import History
from autoselection_core.report.credit import operator_credits
from autoselection_core.report.plots import (
    credit_plot,
    histogram_plot,
    retention_plot,
    tokens_plot,
    trajectory_plot,
)
from autoselection_core.search.arms import ArmRun
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Recommendation
from autoselection_core.subset import Subset
from autoselection_dagster.names import Names
from autoselection_dagster.pictures import Cell, Facts, picture, table


def report_facts(ledger: Ledger, search: str, arms: Sequence[ArmRun]) -> Facts:
    """Trials, arms, money and pictures of a search."""
    record, history = ledger.search(search), ledger.history(search)
    unit = record.spec.metric
    return {
        "state": f"{record.state}: {record.reason}" if record.reason else str(record.state),
        "budget": f"{record.spent:g} of {record.budget} evaluations paid",
        "report_budget": f"{record.report_spent:g} of {record.report_evaluations} evaluations paid",
        "trials": table([_trial_row(trial) for trial in ledger.trials(search)]),
        "arms": table([_arm_row(arm) for arm in arms]),
        "planned_arms": table([_trial_row(trial) for trial in ledger.trials(search, Kind.REPORT)]),
        "score_trajectory": picture(trajectory_plot(history, unit, "png")),
        "score_against_tokens": picture(tokens_plot(history, unit, "png")),
        "operator_credit": picture(credit_plot(operator_credits(history), unit, "png")),
        "pool_version": record.spec.pool_version,
        "evaluator": record.spec.evaluator,
    }


def best_facts(
    best: Recommendation, subset: Subset, signals: SignalTable, history: History, names: Names
) -> Facts:
    """The recommended recipe, what is known of it, and what it leaves of the pool."""
    known = (
        f"trial {best.trial}: expected utility {best.mean:.4g} ± {best.deviation:.2g}, from "
        f"{best.evaluations} of {len(history.observations)} evaluations; one run varies by {best.noise:.2g}"
    )
    return {
        "known": known,
        "recipe": dg.MetadataValue.md(f"```yaml\n{best.recipe.to_yaml()}```"),
        "trial": best.trial,
        "dagster/row_count": len(subset),
        "retention": len(subset) / len(signals),
        "expected_utility": best.mean,
        "deviation": best.deviation,
        "retention_per_step": picture(retention_plot(subset, len(signals), "png")),
        "signal_histograms": picture(histogram_plot(subset, signals, kind="png")),
        "subset": subset.fingerprint,
        "pool_version": subset.pool_version,
        "report": dg.MetadataValue.asset(names.key("search_report")),
        "evaluations": dg.MetadataValue.asset(names.key("evaluation")),
    }


def _trial_row(trial: TrialRecord) -> Mapping[str, Cell]:
    return {
        "trial": trial.trial,
        "arm": trial.arm or "search",
        "recipe": trial.recipe.label if trial.recipe else None,
        "tokens": trial.tokens,
        "replicate": trial.replicate,
        "dev utility": trial.utility,
        "standard error": trial.standard_error,
        "state": str(trial.state),
        "cost": trial.cost,
        "reason": trial.reason,
    }


def _arm_row(arm: ArmRun) -> Mapping[str, Cell]:
    means = [score.mean for score in arm.test]
    return {
        "arm": arm.arm,
        "tokens": arm.trial.tokens,
        "replicate": arm.trial.replicate,
        "dev utility": arm.trial.utility,
        "test score": float(np.mean(means)),
        "test items": sum(len(score.items) for score in arm.test),
    }
