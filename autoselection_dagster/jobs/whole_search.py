"""A whole search inside one run, for evaluators that take less time than starting a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, TrialRecord
from autoselection_core.identity import fingerprint
from autoselection_core.search.loop import DONE, Stage, run_search_together
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Proposal
from autoselection_core.state import state_of
from autoselection_core.subset import realise
from autoselection_dagster.jobs.named_search import show_progress
from autoselection_dagster.place import Place
from autoselection_dagster.trials.naming import WHOLE_TAG, partition_of
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
    subset_facts,
)

DATA_VERSION_TAG = "dagster/data_version"
"""Tag under which Dagster reads the data version of an event that no asset's own step reports."""

_LIVE = [
    status
    for status in dg.DagsterRunStatus
    if status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
]


def searches_in_one_run(instance: dg.DagsterInstance) -> set[str]:
    """The searches that a living run works on as a whole."""
    runs = instance.get_runs(dg.RunsFilter(job_name="start_search", statuses=_LIVE))
    return {run.tags[WHOLE_TAG] for run in runs if WHOLE_TAG in run.tags}


def claim(context: dg.OpExecutionContext, search: str) -> None:
    """Tell the sensor to leave a search to this run; done before the search is registered."""
    context.instance.add_run_tags(context.run_id, {WHOLE_TAG: search})


def search_in_one_run(
    context: dg.OpExecutionContext, place: Place, workspace: Workspace, search: str
) -> None:
    """Work on a search to its end; history and lineage are those of a run for each trial.

    A killed run loses nothing: the sensor goes on with a run for each trial.
    """
    spec = workspace.ledger.search(search).spec
    signals = workspace.signals(spec.pool_version, spec.signal_versions)
    lineage = Lineage(context, place, workspace, signals)
    evaluator = workspace.evaluator(spec.pool_version, spec)

    def follow(stage: Stage) -> None:
        if stage.name == DONE:
            lineage.show(stage.reservation)
            show_progress(context.instance, place, workspace.ledger, search)

    workers = 1 if workspace.remote is None else spec.slots
    run_search_together(workspace.ledger, search, workspace.solver(spec), evaluator, follow, workers=workers)


@dataclass(frozen=True)
class Lineage:
    """Lineage of trials that the trial assets did not make, shown as if they had.

    Attributes:
        context: The run that made them.
        place: The campaign's names and partitions.
        workspace: The campaign at work.
        signals: Signals at the versions that the search pins.
    """

    context: dg.OpExecutionContext
    place: Place
    workspace: Workspace
    signals: SignalTable

    @property
    def _ledger(self) -> Ledger:
        return self.workspace.ledger

    def show(self, reservation: Reservation) -> None:
        """Materialise the five assets of a trial; pictures are left out, they take longer than the trial."""
        (trial,) = [
            each
            for each in self._ledger.trials(reservation.search, reservation.kind)
            if each.trial == reservation.trial
        ]
        partition = partition_of(reservation)
        for addition in self.place.partitions.adding([str(partition)]):
            self.context.instance.add_dynamic_partitions(
                addition.partitions_def_name, list(addition.partition_keys)
            )
        for name, (version, facts) in self._values(trial, str(partition)).items():
            self.context.log_event(
                dg.AssetMaterialization(
                    self.place.key(name),
                    partition=partition,
                    metadata=facts,
                    tags={DATA_VERSION_TAG: version},
                )
            )

    def _values(self, trial: TrialRecord, partition: str) -> Mapping[str, tuple[str, Facts]]:
        """Version and metadata of each asset; references are written as the assets write them."""
        assert trial.recipe is not None, "a trial is done only with a recipe"
        assert trial.evaluation is not None, "a trial is done only with an evaluation"
        home, spec = self.workspace.home, self._ledger.search(trial.search).spec
        subset = realise(trial.recipe, self.signals)
        state = dict(state_of(subset.rows, self.signals).to_json())
        made = self.workspace.evaluator(spec.pool_version, spec).finished(trial.evaluation)
        assert made is not None, "it was committed only with a complete folder"
        kept: Mapping[str, tuple[Any, Any]] = {
            "recipe": (RecipeIOManager(home), trial.recipe),
            "subset": (SubsetIOManager(home), subset),
            "subset_state": (StateIOManager(home), state),
            "fine_tuned_model": (EvaluationIOManager(home), made),
            "evaluation": (EvaluationIOManager(home), made),
        }
        for name, (manager, value) in kept.items():
            manager.refer(self.place.key(name), partition, value)
        proposal = Proposal.from_json(trial.proposal)
        return {
            "recipe": (trial.recipe.fingerprint, recipe_facts(trial.recipe, proposal.origin, proposal)),
            "subset": (
                subset.fingerprint,
                subset_facts(subset, self.signals, self.place.names, with_pictures=False),
            ),
            "subset_state": (fingerprint(dict(state)), state),
            "fine_tuned_model": (made.key, model_facts(made, home)),
            "evaluation": (made.key, evaluation_facts(made, self._ledger, trial.reservation)),
        }
