"""`python -m bench.platform.overhead [--home FOLDER]`: what a trial cost beside its training.

Reads the run records of an installation that worked on a search, and prints the median seconds of each part
over the trials that had to train and followed on another; it starts nothing.
"""

import argparse
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import AttemptOutcome, TrialState
from autoselection_core.identity import Json
from autoselection_core.store.home import Home
from autoselection_dagster.installation import Installation
from bench.result import write_result

_STEPS = ("recipe", "subset", "subset_state", "fine_tuned_model", "evaluation")


def main() -> None:
    """Measure, and leave the result file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, default=Path(".autoselection"))
    home = parser.parse_args().home.resolve()
    trained = _training_seconds(Ledger.open(Home(home).history_url))
    with dg.DagsterInstance.from_config(str(Installation(home, home).instance)) as instance:
        found = [_parts(*each) for each in _trials(instance, trained)]
    figures: dict[str, Json] = {"trials": len(found)}
    figures |= {f"{name}_seconds": round(median(part[name] for part in found), 2) for name in found[0]}
    print(figures)
    note = (
        "Medians over trials of a search that ran before; commit and load are of the reading of its records."
    )
    print(write_result("overhead", figures, note))


def _training_seconds(ledger: Ledger) -> Mapping[str, float]:
    """Seconds of training and scoring, by partition of the trial."""
    taken = {
        payment.evaluation: payment.seconds
        for payment in ledger.payments()
        if payment.outcome is AttemptOutcome.PAID
    }
    return {
        trial.reservation.partition: taken[trial.evaluation]
        for search in ledger.searches()
        for trial in ledger.trials(search.search)
        if trial.state is TrialState.DONE and not trial.is_reused and trial.evaluation in taken
    }


def _trials(
    instance: dg.DagsterInstance, trained: Mapping[str, float]
) -> Iterator[tuple[float, dict[str, float], float]]:
    """End of the trial before each trial, times of its own events, and seconds of its training."""
    runs = [
        run for run in reversed(instance.get_run_records()) if run.dagster_run.job_name.endswith("_trial")
    ]
    for before, run in pairwise(runs):
        partition = run.dagster_run.tags.get("dagster/partition", "")
        if run.dagster_run.is_success and partition in trained and before.end_time is not None:
            yield before.end_time, _moments(instance, run.dagster_run.run_id), trained[partition]


def _moments(instance: dg.DagsterInstance, run_id: str) -> dict[str, float]:
    """Times of a run's events, by event, with the step's asset where there is one."""
    found = {}
    for record in instance.get_records_for_run(run_id).records:
        event = record.event_log_entry.dagster_event
        if event is not None:
            asset = f" {event.step_key.rpartition('__')[2]}" if event.step_key else ""
            found[f"{event.event_type_value}{asset}"] = record.timestamp
    return found


def _parts(before: float, at: Mapping[str, float], trained: float) -> dict[str, float]:
    """The seconds between those moments."""
    steps = {step: at[f"STEP_SUCCESS {step}"] - at[f"STEP_START {step}"] for step in _STEPS}
    ended = at["PIPELINE_SUCCESS"]
    parts = {
        "between_runs": at["PIPELINE_START"] - before,
        **steps,
        "training_and_scoring": trained,
        "imports_of_the_training_step": steps["fine_tuned_model"] - trained,
        "from_trial_to_trial": ended - before,
    }
    return {**parts, "beside_training": parts["from_trial_to_trial"] - trained}


if __name__ == "__main__":
    main()
