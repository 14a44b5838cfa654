"""Metadata of the assets of a search."""

import re
from collections.abc import Sequence

import dagster as dg
import yaml

from autoselection_core.history.records import Reservation, TrialKind, TrialState
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.ancestry import ancestry_table
from autoselection_core.report.lineage.beginning import beginning_of, origin_of
from autoselection_core.report.lineage.differing import SubsetDiff, anchor_diff
from autoselection_core.report.lineage.examples import rows_table
from autoselection_core.report.rendering.table import fence
from autoselection_core.report.sections.landscape import calibration_plot, map_plot, mix_plot, tree_plot
from autoselection_core.report.sections.lead import compared_sentences, headline, warnings_of
from autoselection_core.report.sections.outlook import noise_sentence, outlook
from autoselection_core.report.sections.plots import (
    credit_plot,
    histogram_plot,
    operator_credits,
    retention_plot,
    tokens_plot,
    trajectory_plot,
)
from autoselection_core.report.sections.tables import (
    arm_table_of,
    budget_table,
    status_table,
    step_table,
    trial_table,
)
from autoselection_core.report.sections.verdict import Finding, findings
from autoselection_core.report.sections.waterfall import expectation_table, means_table, waterfall
from autoselection_core.report.writing import Report
from autoselection_core.search.status import SearchStatus
from autoselection_core.signals.table import SOURCE, TOPIC
from autoselection_dagster.names import Names
from autoselection_dagster.values.metadata.rendering import (
    Facts,
    asset_url,
    entry,
    large_picture,
    launchpad_url,
    link,
    links,
    partition_url,
    report_link,
    rounded,
    sentence_list,
    sparkline,
    steps_picture,
)
from autoselection_dagster.values.metadata.tables import table_value, versions_value
from autoselection_dagster.values.metadata.trial_facts import lineage_links, row_facts

_OF_TRIALS = ("± se", "cost", "came from")
_OF_ARMS = ("tokens trained", "test items", "simulated items")
"""Columns for which the pane of the UI has no room; the written report and pages of trials have them."""


def progress_facts(status: SearchStatus, names: Names) -> Facts:
    """Stage, time left, both budgets, best score so far, and the trials with links; from the ledger alone."""
    best = status.best
    return {
        "progress": status.sentence,
        "why_it_began": f"{origin_of(status.record)}.",
        "stage": status.stage,
        "seconds_left": "unknown" if status.seconds_left is None else round(status.seconds_left),
        "best_so_far": "nothing was measured yet"
        if best is None
        else dg.MetadataValue.md(_trial_link(best.reservation, names)),
        "best_score": "unknown" if best is None or best.utility is None else rounded(best.utility),
        "trials": table_value(status_table(status).without(*_OF_TRIALS)),
        **links("trial_pages", _trial_urls(status, names)),
        "budgets": table_value(budget_table(status.record)),
        "state": _state(status),
        "pool_version": status.record.spec.pool_version,
        "evaluator": status.record.spec.evaluator,
    }


def _trial_urls(status: SearchStatus, names: Names) -> dict[str, str]:
    everyone = (*status.trials, *status.listed_arms)
    begun = [each for each in everyone if each.state is not TrialState.WAITING]  # others have no page yet
    return {each.reservation.number: _trial_url(each.reservation, names) for each in begun}


def _trial_url(reservation: Reservation, names: Names) -> str:
    return partition_url(names.key("evaluation"), reservation.partition)


def _trial_link(reservation: Reservation, names: Names) -> str:
    return link(f"trial {reservation.number}", _trial_url(reservation, names))


def _state(status: SearchStatus) -> str:
    reason = status.record.reason
    return f"{status.state}: {reason}" if reason else status.state


def report_facts(facts: SearchFacts, report: Report, names: Names) -> Facts:
    """Verdicts, trials, arms, budgets and pictures of a search, and the path of its report."""
    record, unit = facts.record, facts.record.spec.metric
    home = facts.workspace.home
    page = report_link(record.search, report.html, home)
    status = SearchStatus.of(facts.workspace.ledger, record.search, home)
    return {
        **_verdict_facts(facts, report.findings),
        "report": page["report"],
        **(_further_runs(facts) if status.is_searched else {}),  # what is planned comes first
        **_beginning(facts),
        "progress": status.sentence,
        "state": _state(status),
        "scores": sparkline([entry.utility for entry in facts.history.observations]),
        "arms": table_value(arm_table_of(facts).without(*_OF_ARMS, *_whole_tokens(facts))),
        "trials": table_value(trial_table(facts).without(*_OF_TRIALS, *_whole_tokens(facts))),
        "report_evaluations": table_value(
            status_table(status, TrialKind.REPORT).without(*_OF_TRIALS, "tokens")
        ),
        **links("trial_pages", _trial_urls(status, names)),
        "budgets": table_value(budget_table(record)),
        "score_trajectory": large_picture(trajectory_plot(facts.history, unit, "png"), home),
        "score_against_tokens": large_picture(
            tokens_plot(facts.history, unit, "png", record.spec.size_unit), home
        ),
        **_landscape(facts),
        "pool_version": record.spec.pool_version,
        "latest_pool_version": facts.workspace.pool().version,
        "evaluator": record.spec.evaluator,
        **page,  # its file goes last; the link keeps its place below the verdict
    }


def _whole_tokens(facts: SearchFacts) -> tuple[str, ...]:
    """Column that readable tokens stand in for, where a training reads some."""
    return () if facts.max_tokens is None else ("tokens",)


def _landscape(facts: SearchFacts) -> Facts:
    """Pictures of the search itself, each where it says more than the table of trials."""
    unit, home = facts.record.spec.metric, facts.workspace.home
    measured = facts.history.observations
    subsets = facts.measured_subsets
    drawn: dict[str, bytes | None] = {
        "operator_credit": credit_plot(operator_credits(measured, subsets), unit, "png"),
        "candidate_map": map_plot(measured, subsets, unit, "png"),
        "search_tree": tree_plot(facts.history, unit, "png"),
        "surrogate_calibration": calibration_plot(facts.history, unit, "png"),
    }
    return {name: large_picture(image, home) for name, image in drawn.items() if image is not None}


def _verdict_facts(facts: SearchFacts, found: Sequence[Finding]) -> Facts:
    """The headline, the warning of a small winner, and every comparison, each where the UI shows it whole."""
    is_told, warned = found or facts.is_whole_pool, warnings_of(facts)
    return {
        "verdict": headline(facts, found) if is_told else "nothing was compared yet",
        **({"warning": " ".join(warned)} if warned else {}),
        **(sentence_list("comparisons", compared_sentences(facts, found)) if is_told else {}),
    }


def _further_runs(facts: SearchFacts) -> Facts:
    """Gain, price and command of further runs, with a link to the Launchpad that buys them."""
    expected = outlook(facts)
    if expected.offer is None:
        return {"further_runs": _beside_the_file(expected.sentence)}
    asked = {"search": facts.record.search, "report_evaluations": expected.offer.report_evaluations}
    config = yaml.safe_dump({"ops": {"budget": {"config": asked}}}, sort_keys=False)
    here = link("raise_budget", launchpad_url("raise_budget", config))
    return {
        "further_runs": dg.MetadataValue.md(
            f"{_beside_the_file(expected.sentence)}. Or here, by the job {here}."
        )
    }


def _beside_the_file(sentence: str) -> str:
    """A sentence with a command that is run beside the campaigns' file: a path would widen the whole page."""
    return re.sub(r"(?<=--file )(?:'[^']*/|[^\s'`]*/)([^/\s'`]+)'?", r"\1", sentence)


def _beginning(facts: SearchFacts) -> Facts:
    """Reason why the search began, and the old winner beside the new one."""
    began = beginning_of(facts)
    told = {"why_it_began": began.sentence, **({"old_and_new": began.pairing} if began.pairing else {})}
    return {**told, **{entry(table.title): table_value(table.without("± se")) for table in began.tables}}


def best_facts(facts: SearchFacts, names: Names, run_id: str | None) -> Facts:
    """The recommended recipe, what is known of it, and what it leaves of the pool.

    Args:
        facts: The search.
        names: Names of the campaign's assets.
        run_id: The run that evaluated the recommended trial; None where Dagster has no record of it.
    """
    best, subset = facts.best, facts.best_subset
    assert best is not None, "a search that measured nothing has no report, and this comes after it"
    assert subset is not None, "a recommendation has a recipe"
    prefixes, home, shown = waterfall(facts), facts.workspace.home, facts.shown_subset
    runs = "1 run" if best.evaluations == 1 else f"{best.evaluations} runs"
    expected = (
        f"Trial {best.trial}: expected dev score {best.mean:.4g} ± {best.deviation:.2g}, from "
        f"{runs}. {noise_sentence(facts)}"
    )
    return {
        "known": _beside_the_file(outlook(facts).sentence),
        "expected": expected,
        **_verdict_facts(facts, findings(facts)),
        "recipe": dg.MetadataValue.md(fence(facts.best_recipe.to_yaml(), "yaml")),
        **({"idle_steps": facts.idle_steps} if facts.idle_steps else {}),
        "steps": table_value(step_table(shown)),
        "rows_per_step": steps_picture([len(facts.signals), *(step.rows_out for step in shown.steps)]),
        "credit_waterfall": table_value(expectation_table(prefixes)),
        "waterfall_means": table_value(means_table(prefixes)),
        **{
            f"{grouping}_mix": large_picture(mix_plot(facts.signals, grouping, subset, "png"), home)
            for grouping in (SOURCE, TOPIC)
            if grouping in facts.signals.groupings
        },
        "dagster/row_count": len(subset),
        "retention": round(len(subset) / len(facts.signals), 4),
        "trial": best.trial,
        "expected_utility": rounded(best.mean),
        "deviation": rounded(best.deviation),
        "retention_per_step": large_picture(retention_plot(shown, len(facts.signals), "png"), home),
        "signal_histograms": large_picture(histogram_plot(subset, facts.signals, kind="png"), home),
        "subset": subset.fingerprint,
        "pool_version": subset.pool_version,
        "signal_versions": versions_value(dict(subset.signal_versions)),
        **_lineage(facts, best.trial, names),
        **_read(facts.best_recipe, facts, names),
        **(
            {}
            if run_id is None
            else {"run": dg.MetadataValue.md(link(f"run {run_id[:8]}", f"/runs/{run_id}"))}
        ),
        **row_facts(rows_table(facts.best_recipe, facts.pool, facts.signals), facts.record.search),
    }


def _read(recipe: Recipe, facts: SearchFacts, names: Names) -> Facts:
    """Signals that the recipe reads, with links to the campaign's assets that give them."""
    pages = [link(name, asset_url(names.signal(name))) for name in facts.workspace.signal_names]
    return {"reads": ", ".join(recipe.reads) or "nothing", "signals": dg.MetadataValue.md(" · ".join(pages))}


def _by_group(diff: SubsetDiff) -> Facts:
    """Difference of the winner's subset to its anchor's, by source and by topic."""
    tables = {f"diff_by_{table.columns[0]}": table_value(table) for table in diff.groups}
    return {"diff_to_anchor": diff.sentence, **tables}


def _lineage(facts: SearchFacts, number: int, names: Names) -> Facts:
    """Lineage of the winner: its ancestors, model and items, and the partitions that show them."""
    trial = next(each for each in facts.trials if each.trial == number)
    partition = trial.reservation.partition
    campaign = facts.workspace.campaign
    ancestry, diff = ancestry_table(trial, facts.trials), anchor_diff(facts)
    urls = {each.reservation.partition: _trial_url(each.reservation, names) for each in facts.trials}
    return {
        "how_it_came_about": table_value(ancestry),
        **links("ancestors", {first: urls[first] for first, *_ in ancestry.texts if first in urls}),
        **({} if diff is None else _by_group(diff)),
        "partition": partition,
        **lineage_links(names, trial.reservation),
        "evaluation": str(trial.evaluation),
        # A path would widen the whole page.
        "items": "in the folder of that name in evaluations",
        **({"base_model": dg.MetadataValue.asset(names.key("base_model"))} if campaign.base_model else {}),
        "pool": dg.MetadataValue.asset(names.key("pool")),
        **{
            f"benchmark {name}": dg.MetadataValue.asset(names.key("benchmark", name))
            for name in facts.record.spec.benchmarks
        },
    }
