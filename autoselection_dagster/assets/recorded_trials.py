"""Trials that the history holds and no run of Dagster made, entered as the assets of a trial.

`autoselection search` and scripts measure into the same history. Without this their recipes, subsets and
scores would have no page, and the links of a report would lead to empty partitions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np

from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.history.records import TrialKind, TrialRecord, TrialState
from autoselection_core.identity import fingerprint
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.examples import rows_table
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Proposal
from autoselection_core.state import state_of
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, realise
from autoselection_dagster.beta import DATA_VERSION_TAG
from autoselection_dagster.place import Place
from autoselection_dagster.values.managers import (
    EvaluationIOManager,
    RecipeIOManager,
    StateIOManager,
    SubsetIOManager,
)
from autoselection_dagster.values.metadata.rendering import Facts, shown
from autoselection_dagster.values.metadata.trial_facts import (
    anchor_facts,
    evaluation_facts,
    lineage_links,
    model_facts,
    recipe_facts,
    row_facts,
    state_facts,
    subset_facts,
    won_and_lost,
)

_MADE_BY = {"made_by": "no run of Dagster: read from the history"}


def enter_recorded_trials(instance: dg.DagsterInstance, place: Place, facts: SearchFacts) -> int:
    """Enter measured trials and report evaluations that have no materialization; returns how many.

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
    for addition in place.partitions.partition_requests(
        [str(trial.reservation.partition) for trial in missing]
    ):
        instance.add_dynamic_partitions(addition.partitions_def_name, list(addition.partition_keys))
    if not missing:
        return 0
    home = facts.workspace.home
    pool = dict(state_of(np.arange(len(facts.signals)), facts.signals).to_json())
    for trial in missing:
        made = EvaluationFolder(home.evaluation(str(trial.evaluation))).read_result()
        values = TrialValues.keep(place, home, facts.signals, trial, made)
        told = page_facts(place, facts, values, pool, home)
        for event in values.events(place, {name: {**each, **_MADE_BY} for name, each in told.items()}):
            instance.report_runless_asset_event(event)
    return len(missing)


@dataclass(frozen=True, eq=False)
class TrialValues:
    """Values of the assets of a finished trial; references are written as the assets write them.

    Attributes:
        trial: The trial.
        recipe: Its recipe.
        subset: The rows that the recipe leaves.
        state: Statistics of the subset.
        evaluation: Its evaluation.
    """

    trial: TrialRecord
    recipe: Recipe
    subset: Subset
    state: dict[str, float]
    evaluation: Evaluation

    @classmethod
    def keep(
        cls, place: Place, home: Home, signals: SignalTable, trial: TrialRecord, made: Evaluation
    ) -> "TrialValues":
        """Realise the recipe, and refer to each value in the partition of the trial."""
        assert trial.recipe is not None, "a trial is done only with a recipe"
        subset = realise(trial.recipe, signals)
        state = dict(state_of(subset.rows, signals).to_json())
        kept: Mapping[str, tuple[Any, Any]] = {
            "recipe": (RecipeIOManager(home), trial.recipe),
            "subset": (SubsetIOManager(home), subset),
            "subset_state": (StateIOManager(home), state),
            "fine_tuned_model": (EvaluationIOManager(home), made),
            "evaluation": (EvaluationIOManager(home), made),
        }
        for name, (manager, value) in kept.items():
            manager.refer(place.key(name), trial.reservation.partition, value)
        return cls(trial, trial.recipe, subset, state, made)

    def events(self, place: Place, told: Mapping[str, Facts]) -> Iterator[dg.AssetMaterialization]:
        """A materialization of each asset with the metadata that is told of it, and its data version."""
        versions = {
            "recipe": self.recipe.fingerprint,
            "subset": self.subset.fingerprint,
            "subset_state": fingerprint(dict(self.state)),
            "fine_tuned_model": self.evaluation.key,
            "evaluation": self.evaluation.key,
        }
        for name, version in versions.items():
            yield dg.AssetMaterialization(
                place.key(name),
                partition=self.trial.reservation.partition,
                metadata=shown(told[name]),
                tags={DATA_VERSION_TAG: version},
            )


def page_facts(
    place: Place, facts: SearchFacts, values: TrialValues, pool: Mapping[str, float], home: Home | None
) -> dict[str, Facts]:
    """Metadata of the assets of a trial that they did not make themselves, with its lineage as they show it.

    Args:
        place: The campaign's names.
        facts: The search, with the trials that the lineage leads to.
        values: Of the trial.
        pool: State of the whole pool.
        home: Keeps the larger pictures; None leaves them out.
    """
    trial, ledger = values.trial, facts.workspace.ledger
    chosen = trial if trial.kind is TrialKind.SEARCH else None
    proposal = None if chosen is None else Proposal.from_json(chosen.proposal)
    origin = "planned by the report" if proposal is None else proposal.origin
    trials, seed = ledger.trials(trial.search), facts.record.spec.seed
    told: dict[str, Facts] = {
        "recipe": recipe_facts(values.recipe, origin, proposal),
        "subset": {
            **subset_facts(values.subset, facts.signals, place.names, home),
            **anchor_facts(values.subset, chosen, trials, facts.signals, facts.pool),
            **row_facts(rows_table(values.recipe, facts.pool, facts.signals), trial.search),
        },
        "subset_state": state_facts(values.state, pool),
        "fine_tuned_model": model_facts(values.evaluation, facts.workspace.home),
        "evaluation": {
            **evaluation_facts(values.evaluation, ledger, trial.reservation),
            **won_and_lost(values.evaluation, trial.reservation, trials, seed, facts.workspace.home),
        },
    }
    pages = lineage_links(place.names, trial.reservation)
    return {name: {**each, **pages} for name, each in told.items()}
