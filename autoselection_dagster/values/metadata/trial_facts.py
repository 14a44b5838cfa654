"""Metadata of the assets of a trial."""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from textwrap import shorten
from typing import Any

import dagster as dg

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, TrialRecord
from autoselection_core.history.values import FULL
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.report.lineage.ancestry import anchor_of
from autoselection_core.report.lineage.differing import subset_diff
from autoselection_core.report.lineage.pairing import comparable, items_table
from autoselection_core.report.rendering.table import Table, escape, fence
from autoselection_core.report.sections.plots import histogram_plot, retention_plot
from autoselection_core.report.sections.tables import reasons_table, state_table, step_table
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Proposal
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, realise
from autoselection_dagster.names import Names
from autoselection_dagster.values.metadata.rendering import (
    Facts,
    large_picture,
    launchpad_url,
    link,
    links,
    partition_url,
    rounded,
    steps_picture,
)
from autoselection_dagster.values.metadata.tables import narrow, table_value, versions_value

TRIAL_ASSETS = ("recipe", "subset", "subset_state", "fine_tuned_model", "evaluation")
"""Assets of a trial, in their order."""


def recipe_facts(recipe: Recipe, origin: str, proposal: Proposal | None = None) -> Facts:
    """The recipe, where it came from, and what the surrogate expected of it."""
    return {
        "recipe": dg.MetadataValue.md(fence(recipe.to_yaml(), "yaml")),
        "steps": narrow("recipe", recipe.full_label),
        "origin": origin,
        **({} if proposal is None else {"reasons": table_value(reasons_table(proposal))}),
    }


def state_facts(state: Mapping[str, float], pool: Mapping[str, float]) -> Facts:
    """Statistics of the subset: a table beside the pool's, and each by itself for Dagster's plots."""
    numbers = {name: rounded(value) for name, value in state.items()}
    return {
        "units": _STATE_UNITS,
        "state": table_value(state_table(state, pool), beside=numbers),
        **numbers,
    }


_STATE_UNITS = (
    "mean and q10, q50, q90 are shifts from the pool's mean in its standard deviations; std is a ratio to "
    "the pool's; all others are shares"
)
"""Units of the statistics of a state, whose names say of what they are."""


def subset_facts(subset: Subset, signals: SignalTable, names: Names, home: Home | None) -> Facts:
    """Rows after each step, and differences between the subset and the pool.

    Args:
        subset: The rows.
        signals: The columns.
        names: Names of the campaign's assets.
        home: Keeps the larger pictures; None leaves them out.
    """
    drawn: Facts = {}
    if home is not None:
        drawn = {
            "retention_per_step": large_picture(retention_plot(subset, len(signals), "png"), home),
            "signal_histograms": large_picture(histogram_plot(subset, signals, kind="png"), home),
        }
    return {
        "dagster/row_count": len(subset),
        "retention": round(len(subset) / len(signals), 4),
        "steps": table_value(step_table(subset)),
        "rows_per_step": steps_picture([len(signals), *(step.rows_out for step in subset.steps)]),
        **drawn,
        "subset": subset.fingerprint,
        "pool": dg.MetadataValue.asset(names.key("pool")),
        "pool_version": subset.pool_version,
        "signal_versions": versions_value(dict(subset.signal_versions)),
    }


def row_facts(rows: Table, search: str) -> Facts:
    """Rows by their fate, and links that open `explain` filled with one of them, and with the search.

    The first rows of each fate have theirs in the row of the page, all of them in a dialog of one click more.
    """
    by_fate: dict[str, dict[str, str]] = {}
    for fate, sample, _, text in rows.texts:
        url = launchpad_url("explain", _EXPLAIN.format(sample, search))
        by_fate.setdefault(fate, {})[f"{_start(text)} ({sample[:8]})"] = url
    first = {
        f"{fate}: {name}": url
        for fate, urls in by_fate.items()
        for name, url in islice(urls.items(), _IN_THE_ROW)
    }
    every = "\n".join(
        f"- {escape(fate)}: {' · '.join(link(name, url) for name, url in urls.items())}"
        for fate, urls in by_fate.items()
    )
    return {
        "rows": table_value(rows),
        **links("explain_rows", first),
        "explain_every_row": dg.MetadataValue.md(every),
    }


def _start(text: str) -> str:
    """The first words of a sample, as a link shows them."""
    return shorten(text, _WORDS_OF_A_LINK, placeholder="...") or "no words"


_WORDS_OF_A_LINK = 32
"""Characters of a sample that a link shows at most."""

_EXPLAIN = 'ops:\n  tell:\n    config:\n      name: "{}"\n      search: "{}"\n'
_IN_THE_ROW = 3
"""Rows of each fate that have a link which no dialog hides."""


def anchor_facts(
    subset: Subset,
    trial: TrialRecord | None,
    trials: Sequence[TrialRecord],
    signals: SignalTable,
    pool: Pool,
) -> Facts:
    """Difference of the subset to that of its parent, or of the nearest measured trial of its search."""
    anchor = None if trial is None else anchor_of(trial, trials)
    if trial is None or anchor is None or anchor.recipe is None:
        return {}
    kind = "nearest" if Proposal.from_json(trial.proposal).parent is None else "parent"
    names = ("this trial", f"trial {anchor.trial}")
    diff = subset_diff(pool, signals, subset, realise(anchor.recipe, signals), names)
    return {
        f"diff_to_{kind}": diff.sentence,
        **{f"diff_to_{kind}_by_{table.columns[0]}": table_value(table) for table in diff.groups},
        f"diff_to_{kind}_by_signal": table_value(diff.signals),
    }


def model_facts(evaluation: Evaluation, home: Home) -> Facts:
    """Data and cost of the training, and the folder of the adapter."""
    taught = EvaluationFolder(home.evaluation(evaluation.key)).taught_tokens
    return {
        # A path would widen the whole page.
        "evaluation": evaluation.key,
        "folder": f"of that name in {os.path.relpath(home.evaluations.resolve(), home.root.resolve())}",
        "replicate": evaluation.replicate,
        "samples_trained": evaluation.trained_count,
        "samples_skipped": len(evaluation.skipped),
        "skipped_because": _count(evaluation.skip_reasons),
        "changed_for_training": _count(evaluation.changes),
        "training_tokens": evaluation.cost.training_tokens,
        **({} if taught is None else {"taught_tokens": taught}),
        "seconds": rounded(evaluation.cost.seconds),
        "peak_mib": round(evaluation.cost.peak_bytes / 2**20),
    }


def lineage_links(names: Names, reservation: Reservation) -> Facts:
    """Links to what a trial is made of, from its recipe on, and to the report of its search."""
    pages = {name: partition_url(names.key(name), reservation.partition) for name in TRIAL_ASSETS}
    report = partition_url(names.key("search_report"), reservation.search)
    steps = " → ".join(link(name, url) for name, url in pages.items())
    return {"made_of": dg.MetadataValue.md(f"{steps} · {link('search_report', report)}")}


def _count(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{count:,} x {reason}" for reason, count in reasons.items()) or "none"


def won_and_lost(
    evaluation: Evaluation, reservation: Reservation, trials: Sequence[TrialRecord], seed: int, home: Home
) -> Facts:
    """Items that the model won and lost against the full pool's and its anchor's, where measured.

    Args:
        evaluation: Of the trial.
        reservation: The trial.
        trials: Those of its search.
        seed: The search's.
        home: Folder of the evaluations.
    """
    trial = next((each for each in trials if each.reservation.partition == reservation.partition), None)
    if trial is None or (trial.fidelity or FULL) != FULL:
        return {}
    full = next((each for each in trials if each.recipe == Recipe((), seed)), None)
    anchor = anchor_of(trial, trials)
    others = {"full pool": full, **({} if anchor == full else {"anchor": anchor})}
    found: dict[str, Any] = {}
    for name, other in others.items():
        if other is None or other.evaluation is None or other.trial == trial.trial:
            continue
        made = EvaluationFolder(home.evaluation(other.evaluation)).load_finished()
        if made is None or not comparable(evaluation, made):
            continue
        table = items_table(evaluation, made, f"trial {other.trial}")
        found[f"won and lost against {name}"] = table.title
        found[f"items against {name}"] = table_value(table.without("difference"))
    return found


def evaluation_facts(evaluation: Evaluation, ledger: Ledger, reservation: Reservation) -> Facts:
    """The scores, and what the search paid for them."""
    trial = ledger.trial(reservation)
    columns = ("benchmark", "score", "± se", "items", "unit", "side", "unread")
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
        "utility": None if trial.utility is None else rounded(trial.utility),
        "standard_error": None if trial.standard_error is None else rounded(trial.standard_error),
        "scores": table_value(Table("Scores", columns, rows)),
        "cost": trial.cost,
        "fidelity": trial.fidelity or FULL,
        "reused": trial.is_reused,
        "arm": trial.arm or "search",
    }
