"""A whole search inside one run, for evaluators that take less time than starting a run."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation
from autoselection_core.search.loop import DONE, Stage, run_search_together
from autoselection_core.search.status import SearchStatus
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Proposal
from autoselection_dagster.assets.progress import show_progress
from autoselection_dagster.assets.recorded_trials import TrialValues
from autoselection_dagster.errors import terminated_in_a_sentence
from autoselection_dagster.place import Place
from autoselection_dagster.trials.naming import WHOLE_TAG, partition_of
from autoselection_dagster.values.metadata.rendering import Facts
from autoselection_dagster.values.metadata.trial_facts import (
    evaluation_facts,
    model_facts,
    recipe_facts,
    subset_facts,
)

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
            show_progress(context.instance, place, SearchStatus.of(workspace.ledger, search, workspace.home))

    workers = 1 if workspace.remote is None else spec.slots
    solver = workspace.solver(spec)
    with terminated_in_a_sentence():
        run_search_together(workspace.ledger, search, solver, evaluator, follow, workers=workers)


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
        trial = self._ledger.trial(reservation)
        partition = partition_of(reservation)
        for addition in self.place.partitions.partition_requests([str(partition)]):
            self.context.instance.add_dynamic_partitions(
                addition.partitions_def_name, list(addition.partition_keys)
            )
        assert trial.evaluation is not None, "a trial is done only with an evaluation"
        home, spec = self.workspace.home, self._ledger.search(trial.search).spec
        made = self.workspace.evaluator(spec.pool_version, spec).load_finished(trial.evaluation)
        assert made is not None, "it was committed only with a complete folder"
        values = TrialValues.keep(self.place, home, self.signals, trial, made)
        proposal = Proposal.from_json(trial.proposal)
        told: Mapping[str, Facts] = {
            "recipe": recipe_facts(values.recipe, proposal.origin, proposal),
            "subset": subset_facts(values.subset, self.signals, self.place.names, home=None),
            "subset_state": values.state,
            "fine_tuned_model": model_facts(made, home),
            "evaluation": evaluation_facts(made, self._ledger, trial.reservation),
        }
        for event in values.events(self.place, told):
            self.context.log_event(event)
