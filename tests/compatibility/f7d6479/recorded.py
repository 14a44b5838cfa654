"""What that commit says of its home, as JSON: the facts that every later version has to repeat."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from searches import workspace_of

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.export.checking import verify_export
from autoselection_core.export.searched import export_trial
from autoselection_core.history.records import Kind, SearchState, TrialRecord
from autoselection_core.identity import fingerprint_bytes, fingerprint_file
from autoselection_core.report.differing import subset_diff
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.pairing import pairing_table
from autoselection_core.report.tables import trial_table
from autoselection_core.report.verdict import findings
from autoselection_core.search.decisions import decided_again
from autoselection_core.signals.pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.solver.forecast import forecast
from autoselection_core.solver.replay import replay
from autoselection_core.study.comparing import comparisons
from autoselection_core.study.facts import StudyFacts
from autoselection_core.study.loading import load_study
from autoselection_core.subset import explain, materialize

CAMPAIGNS = ("formula", "published", "advised", "cheap", "trained", "every_signal", "growing")
STUDIED = "compared"
POLICIES = ("default", "random", "autoselection")
EXPLAINED = 5
"""Samples that are explained, spread evenly over the rows."""


def facts_of_home() -> dict[str, Any]:
    """Everything that is recorded of the home of the environment."""
    workspaces = {name: workspace_of(name) for name in CAMPAIGNS}
    ledger = workspaces["formula"].ledger
    records = [record for record in ledger.searches() if record.spec.campaign in CAMPAIGNS]
    return {
        "pools": {name: _pool(workspace) for name, workspace in workspaces.items()},
        "signals": {name: _signals(workspace) for name, workspace in workspaces.items()},
        "searches": {each.search: _search(workspaces[each.spec.campaign], each.search) for each in records},
        "study": _study(workspaces["formula"]),
    }


def _pool(workspace: Workspace) -> dict[str, Any]:
    pool, gated = workspace.pool(), workspace.gated()
    return {
        "version": pool.version,
        "samples": len(pool),
        "ids": fingerprint_bytes([pool.ids.tobytes()]),
        "cut": 0 if gated is None else gated.samples_cut,
    }


def _signals(workspace: Workspace) -> dict[str, Any]:
    """Version, rows and hash of all values of each signal on the campaign's latest pool."""
    pool = workspace.pool()
    found = {}
    for name, version in workspace.signal_versions(pool.version).items():
        values = workspace.store.values(name, version, pool)
        found[name] = {
            "version": version,
            "values": {key: _hash(value) for key, value in sorted(values.items())},
        }
    return found


def _hash(value: Any) -> list[Any]:
    """How many entries a value has, and the hash of their bytes."""
    if isinstance(value, PairList):
        arrays = (value.low, value.high, value.similarity)
    elif isinstance(value, SparseFeatures):
        arrays = (value.indptr, value.indices, value.data)
    else:
        arrays = (np.asarray(value),)
    return [len(arrays[-1]), fingerprint_bytes([np.ascontiguousarray(array).tobytes() for array in arrays])]


def _search(workspace: Workspace, search: str) -> dict[str, Any]:
    facts = SearchFacts.of(workspace, search)
    record, spec = facts.record, facts.record.spec
    said = {
        "campaign": spec.campaign,
        "policy": spec.policy,
        "identity": spec.identity,
        "usual_name": spec.usual_name,
        "pool": spec.pool_version,
        "evaluator": spec.evaluator,
        "warm_from": spec.warm_from,
        "state": record.state.value,
        "budget": record.budget,
        "spent": record.spent,
        "held": record.held,
        "report_evaluations": record.report_evaluations,
        "report_spent": record.report_spent,
        "payments": [
            [one.kind.value, one.trial, one.attempt, one.outcome, one.evaluation, one.cost]
            for one in workspace.ledger.money(search)
        ],
        "trials": [_trial(facts, trial) for trial in facts.trials],
        "report": [_trial(facts, trial) for trial in workspace.ledger.trials(search, Kind.REPORT)],
        "table": [[row[0], *row[2:5]] for row in trial_table(facts).texts],
        "recommended": asdict(replace(facts.require_best(), recipe=facts.require_best().recipe.fingerprint)),
        "explained": _explained(facts),
        "decisions": [
            [one.trial, one.recorded.fingerprint, one.again.fingerprint if one.again else None]
            for one in decided_again(workspace.ledger, search, facts.solver)
        ],
        "forecast": asdict(forecast(facts.solver, facts.history, 3)),
        "compared": _compared(facts, 1, 2),
        "export": _export(workspace, search),
        "replays": {policy: _replay(workspace, search, policy) for policy in POLICIES},
    }
    if record.state is not SearchState.ACTIVE and facts.arms:
        said["findings"] = [
            [
                one.opponent,
                one.difference.verdict.value,
                one.difference.value,
                one.difference.low,
                one.difference.high,
            ]
            for one in findings(facts)
        ]
    return said


def _trial(facts: SearchFacts, trial: TrialRecord) -> dict[str, Any]:
    said = {
        name: getattr(trial, name)
        for name in ("trial", "arm", "attempt", "subset", "replicate", "tokens", "evaluation", "utility")
    }
    said |= {"state": trial.state.value, "standard_error": trial.standard_error, "cost": trial.cost}
    said |= {"fidelity": trial.fidelity, "scores": dict(trial.scores), "origin": trial.proposal.get("origin")}
    if trial.recipe is not None:
        subset = materialize(trial.recipe, facts.signals)
        said |= {
            "recipe": trial.recipe.fingerprint,
            "steps": [[one.rows_in, one.rows_out] for one in subset.steps],
        }
        said |= {"text": trial.recipe.to_json(), "rows": len(subset)}
    return said


def _explained(facts: SearchFacts) -> list[Any]:
    """Whether some samples are in the best subset, and the step that drops each one that is not."""
    said = []
    for row in np.linspace(0, len(facts.pool) - 1, EXPLAINED).astype(int):
        found = explain(facts.require_best().recipe, facts.signals, int(row))
        dropped = found.dropped_by
        said.append(
            [facts.pool.sample(int(row)).id, found.is_in, None if dropped is None else dropped.number]
        )
    return said


def _compared(facts: SearchFacts, first: int, second: int) -> dict[str, Any]:
    recipes = [trial.recipe for trial in facts.trials if trial.trial in (first, second)]
    subsets = [facts.realised(recipe) for recipe in recipes if recipe is not None]
    diff = subset_diff(facts.pool, facts.signals, subsets[0], subsets[1], ("first", "second"))
    # That commit cannot pair two formula scores where the campaign has benchmarks: their weights do not fit.
    is_paired = not (facts.record.spec.weights and facts.record.spec.metric == "closed_form")
    pairing = pairing_table(facts, first, second) if is_paired else None
    only = [len(side.rows) for side in diff.only]
    return {
        "common": diff.common,
        "only": only,
        "paired": [list(row) for row in pairing.rows] if pairing else None,
    }


def _export(workspace: Workspace, search: str) -> dict[str, Any]:
    """Export the recommended subset beside the home, and verify the export."""
    folder = workspace.home.root.parent / "exports" / search
    made = export_trial(workspace, search, folder)
    check = verify_export(folder)
    assert not check.problems, check.problems
    return {
        "subset": made.subset,
        "samples": check.samples,
        "content": made.content_hash,
        "data": fingerprint_file(folder / "data.jsonl"),
    }


def _replay(workspace: Workspace, search: str, policy: str) -> list[Any]:
    spec = replace(workspace.ledger.search(search).spec, policy=policy)
    return [
        list(asdict(step).values())
        for step in replay(workspace.solver(spec), workspace.ledger.history(search))
    ]


def _study(workspace: Workspace) -> dict[str, Any]:
    study = load_study(Path("study.yaml"), workspace.home)
    facts = StudyFacts(study, workspace.home)
    ledger = workspace.ledger
    entries = [record.search for record in ledger.searches() if record.spec.campaign == STUDIED]
    return {
        "entries": {
            entry: len(ledger.trials(entry)) + len(ledger.trials(entry, Kind.REPORT)) for entry in entries
        },
        "comparisons": [
            [
                one.first,
                one.second,
                one.difference.verdict.value,
                one.difference.value,
                one.difference.low,
                one.difference.high,
            ]
            for one in comparisons(facts)
        ],
    }
