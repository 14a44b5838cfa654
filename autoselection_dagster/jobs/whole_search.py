"""A whole search inside one run, for evaluators that take less time than starting a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
import numpy as np

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.history.records import Reservation
from autoselection_core.report.facts import SearchFacts
from autoselection_core.search.loop import DONE, Stage, run_search_together
from autoselection_core.search.status import SearchStatus
from autoselection_core.state import state_of
from autoselection_dagster.assets.progress import show_progress
from autoselection_dagster.assets.recorded_trials import TrialValues, page_facts
from autoselection_dagster.errors import terminated_in_a_sentence
from autoselection_dagster.place import Place
from autoselection_dagster.trials.naming import WHOLE_TAG, partition_of
from autoselection_dagster.trials.workers import UNFINISHED


def searches_in_one_run(instance: dg.DagsterInstance) -> set[str]:
    """The searches that a living run works on as a whole."""
    runs = instance.get_runs(dg.RunsFilter(job_name="start_search", statuses=list(UNFINISHED)))
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
    facts = SearchFacts.of(workspace, search)
    lineage, spec = Lineage(context, place, facts), facts.record.spec
    evaluator = workspace.evaluator(spec.pool_version, spec)

    def follow(stage: Stage) -> None:
        if stage.name == DONE:
            lineage.show(stage.reservation)
            show_progress(context.instance, place, SearchStatus.of(workspace.ledger, search, workspace.home))

    workers = 1 if workspace.remote is None else spec.slots
    solver = workspace.solver(spec)
    with terminated_in_a_sentence():
        run_search_together(workspace.ledger, search, solver, evaluator, follow, workers=workers)


@dataclass(frozen=True, eq=False)
class Lineage:
    """Lineage of trials that the trial assets did not make, shown as if they had.

    Attributes:
        context: The run that made them.
        place: The campaign's names and partitions.
        facts: The search, with its pool and signals.
    """

    context: dg.OpExecutionContext
    place: Place
    facts: SearchFacts

    def show(self, reservation: Reservation) -> None:
        """Materialise the five assets of a trial; pictures are left out, they take longer than the trial."""
        workspace = self.facts.workspace
        trial = workspace.ledger.trial(reservation)
        partition = partition_of(reservation)
        for addition in self.place.partitions.partition_requests([str(partition)]):
            self.context.instance.add_dynamic_partitions(
                addition.partitions_def_name, list(addition.partition_keys)
            )
        assert trial.evaluation is not None, "a trial is done only with an evaluation"
        made = EvaluationFolder(workspace.home.evaluation(trial.evaluation)).read_result()
        values = TrialValues.keep(self.place, workspace.home, self.facts.signals, trial, made)
        told = page_facts(self.place, self.facts, values, self._pool_state, home=None)
        for event in values.events(self.place, told):
            self.context.log_event(event)

    @cached_property
    def _pool_state(self) -> Mapping[str, float]:
        signals = self.facts.signals
        return dict(state_of(np.arange(len(signals)), signals).to_json())
