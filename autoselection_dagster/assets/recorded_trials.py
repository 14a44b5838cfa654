"""Trials that the history holds and no run of Dagster made, entered as the assets of a trial.

`autoselection search` and scripts measure into the same history. Without this their recipes, subsets and
scores would have no page, and the links of a report would lead to empty partitions.
"""

from collections.abc import Iterator

import dagster as dg
import numpy as np

from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.history.records import TrialKind, TrialRecord, TrialState
from autoselection_core.identity import fingerprint
from autoselection_core.report.facts import SearchFacts
from autoselection_core.solver.proposal import Proposal
from autoselection_core.state import state_of
from autoselection_core.subset import realise
from autoselection_dagster.place import Place
from autoselection_dagster.values.managers import (
    EvaluationIOManager,
    RecipeIOManager,
    StateIOManager,
    SubsetIOManager,
)
from autoselection_dagster.values.metadata.rendering import Facts
from autoselection_dagster.values.metadata.trial_facts import (
    evaluation_facts,
    model_facts,
    recipe_facts,
    state_facts,
    subset_facts,
)

_DATA_VERSION = "dagster/data_version"
_MADE_BY = {"made_by": "no run of Dagster: read from the history"}


def enter_recorded_trials(instance: dg.DagsterInstance, place: Place, facts: SearchFacts) -> int:
    """Enter the measured trials and baselines of a search that have no materialization; returns how many.

    What Dagster made itself stays as it is. Values are referred to, and none is computed again but the rows
    of the recipes.
    """
    shown = instance.get_materialized_partitions(place.key("evaluation"))
    ledger, search = facts.workspace.ledger, facts.record.search
    everyone = (*ledger.trials(search), *ledger.trials(search, TrialKind.REPORT))
    missing = [
        trial
        for trial in everyone
        if trial.state is TrialState.DONE and trial.reservation.partition not in shown
    ]
    for addition in place.partitions.adding([str(trial.reservation.partition) for trial in missing]):
        instance.add_dynamic_partitions(addition.partitions_def_name, list(addition.partition_keys))
    for trial in missing:
        for event in _materializations(place, facts, trial):
            instance.report_runless_asset_event(event)
    return len(missing)


def _materializations(
    place: Place, facts: SearchFacts, trial: TrialRecord
) -> Iterator[dg.AssetMaterialization]:
    """The five assets of a trial, each after the reference to its value is written."""
    recipe, home, ledger = trial.recipe, facts.workspace.home, facts.workspace.ledger
    assert recipe is not None, "a trial is done only with a recipe"
    partition = trial.reservation.partition

    def made(name: str, told: Facts, version: str) -> dg.AssetMaterialization:
        tags = {_DATA_VERSION: version}
        metadata = {**told, **_MADE_BY}
        return dg.AssetMaterialization(place.key(name), metadata=metadata, partition=partition, tags=tags)

    proposal = Proposal.from_json(trial.proposal) if trial.kind is TrialKind.SEARCH else None
    origin = "planned by the report" if proposal is None else proposal.origin
    RecipeIOManager(home).refer(place.key("recipe"), partition, recipe)
    yield made("recipe", recipe_facts(recipe, origin, proposal), recipe.fingerprint)
    subset = realise(recipe, facts.signals)
    SubsetIOManager(home).refer(place.key("subset"), partition, subset)
    yield made("subset", subset_facts(subset, facts.signals, place.names), subset.fingerprint)
    numbers = dict(state_of(subset.rows, facts.signals).to_json())
    pool = dict(state_of(np.arange(len(facts.signals)), facts.signals).to_json())
    StateIOManager(home).refer(place.key("subset_state"), partition, numbers)
    yield made("subset_state", state_facts(numbers, pool), fingerprint(dict(numbers)))
    result = EvaluationFolder(home.evaluation(str(trial.evaluation))).read_result()
    for name, told in (
        ("fine_tuned_model", model_facts(result, home)),
        ("evaluation", evaluation_facts(result, ledger, trial.reservation)),
    ):
        EvaluationIOManager(home).refer(place.key(name), partition, result)
        yield made(name, told, result.key)
