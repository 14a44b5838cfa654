"""Estimated cost of a search before its first training, and what its verdict can decide."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from autoselection_core.campaign.duration import Pace, pace_of
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.specification import SearchSpec
from autoselection_core.progress import duration_text, money_text
from autoselection_core.report.sections.verdict import verdict_sentence
from autoselection_core.search.arms import plain_filter_runs

_SENSOR = "search_sensor"
_DAEMONS = ("SENSOR", "QUEUED_RUN_COORDINATOR")


def cost_facts(workspace: Workspace, spec: SearchSpec, instance: dg.DagsterInstance) -> Mapping[str, Any]:
    """Cost, reach of the verdict, and what keeps the search from starting, as metadata of the run."""
    warnings = why_nothing_starts(instance)
    return {
        "cost": cost_sentence(spec, pace_of(workspace, spec.evaluator, spec.training)),
        "verdict_will_say": verdict_sentence(spec.report_evaluations, plain_filter_runs(spec)),
        **({"warning": warnings} if warnings else {}),
    }


def cost_sentence(spec: SearchSpec, pace: Pace) -> str:
    """Trainings that both budgets pay for at most, and their duration.

    Args:
        spec: The search.
        pace: Duration of a training: of earlier ones, or by a probe of the base model.
    """
    trainings = spec.budget + spec.report_evaluations
    unit = "evaluations by the formula" if spec.is_formula else "trainings"
    arms = f"{spec.report_evaluations:,} report evaluations"
    counted = f"at most {trainings:,} {unit}: {spec.budget:,} trials and {arms}"
    if pace.seconds is None:
        return f"{counted}; {pace.source}"
    in_turn_s = pace.total_s(trainings, spec.report_evaluations)
    total = duration_text(in_turn_s / max(1, spec.slots))
    each = f"{duration_text(pace.seconds)} each with {spec.slots} at a time"
    price = "" if pace.price_per_hour is None else f"; {money_text(in_turn_s, pace.price_per_hour)}"
    return f"{counted}, about {total} at {each} (by {pace.source}){price}"


def why_nothing_starts(instance: dg.DagsterInstance) -> str:
    """A warning where the sensor is switched off or the daemon does not run; empty where all is well."""
    # An instance in memory, as programs use one, has neither sensors nor daemons.
    if instance.is_ephemeral:
        return ""
    found = [state for state in instance.all_instigator_state() if state.instigator_name == _SENSOR]
    if any(not state.is_running for state in found):
        return f"the sensor {_SENSOR} is switched off: nothing starts before it is on again (Automation)"
    heard = instance.get_daemon_statuses()
    silent = [name for name in _DAEMONS if name in heard and not heard[name].healthy]
    if silent or not heard:
        return "the daemon does not run: nothing starts before it does (Deployment > Daemons)"
    return ""
