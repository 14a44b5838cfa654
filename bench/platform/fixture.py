"""An installation with 10,000 trials in 100 searches, written once.

Some searches are real: run through Dagster in one run each, every trial with its five assets. The others are
copies of their rows under other names, with one event for each trial, because writing events is slow.
"""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from sqlalchemy import insert, select

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.storage.database import Database
from autoselection_core.history.storage.schema import SEARCHES, TRIALS
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.installation import Installation
from autoselection_dagster.names import key
from tests.dagster.installations import installation


@dataclass(frozen=True)
class FixtureSize:
    """Size of a fixture.

    Attributes:
        searches: Searches in all.
        trials: Trials of each.
        real: Searches whose trials were made and shown in full.
    """

    searches: int = 100
    trials: int = 100
    real: int = 5


def fixture(folder: Path, size: FixtureSize) -> Installation:
    """The installation in a folder; written if it is not there yet."""
    if (folder / "complete").exists():
        return Installation(folder / "installation" / "home", folder / "installation" / "autoselection.yaml")
    folder.mkdir(parents=True, exist_ok=True)
    made = installation(folder / "installation", tiny_model(folder / "model"), samples=300)
    made.prepare(code_server_port=0)
    with dg.DagsterInstance.from_config(str(made.instance)) as instance:
        _search(made, instance, size)
        _copy(made, instance, size)
        _report(made, instance)
    (folder / "complete").touch()
    return made


def real_name(number: int) -> str:
    """Name of a search that was run."""
    return f"real-{number:03d}"


def _search(made: Installation, instance: dg.DagsterInstance, size: FixtureSize) -> None:
    definitions = definitions_of(made)
    definitions.resolve_job_def("demo_prepare").execute_in_process(instance=instance)
    start = definitions.resolve_job_def("start_search")
    for number in range(size.real):
        asked = {"name": real_name(number), "budget": size.trials, "seed": number, "policy": "random"}
        config = {**asked, "report_evaluations": 0, "in_one_run": True}
        start.execute_in_process(instance=instance, run_config={"ops": {"search": {"config": config}}})
    report = definitions.resolve_job_def("demo_report")
    report.execute_in_process(instance=instance, partition_key=real_name(0))


def _copy(made: Installation, instance: dg.DagsterInstance, size: FixtureSize) -> None:
    database = Database.open(Home(made.home).history_url)
    key = dg.AssetKey(["demo", "evaluation"])
    for number in range(size.real, size.searches):
        source, name = real_name(number % size.real), f"copy-{number:03d}"
        with database.writing() as connection:
            search = connection.execute(select(SEARCHES).where(SEARCHES.c.search == source)).mappings().one()
            trials = connection.execute(select(TRIALS).where(TRIALS.c.search == source)).mappings().all()
            connection.execute(insert(SEARCHES), [{**search, "search": name}])
            connection.execute(insert(TRIALS), [{**trial, "search": name} for trial in trials])
        instance.add_dynamic_partitions("demo_searches", [name])
        for trial in range(1, size.trials + 1):
            shown = dg.AssetMaterialization(
                key, partition=dg.MultiPartitionKey({"search": name, "trial": f"{trial:03d}"})
            )
            instance.report_runless_asset_event(shown)


def _report(made: Installation, instance: dg.DagsterInstance) -> None:
    """Enter the runs that the sensor still asks for as ones that ended well: nothing is left to do."""
    repository = definitions_of(made).get_repository_def()
    ledger = Ledger.open(Home(made.home).history_url)
    with dg.build_sensor_context(
        instance=instance, repository_def=repository, resources={key("ledger"): ledger}
    ) as context:
        asked = repository.get_sensor_def("search_sensor")(context)
    assert isinstance(asked, dg.SensorResult)
    for request in asked.run_requests or ():
        tags = {"dagster/run_key": str(request.run_key), "dagster/partition": str(request.partition_key)}
        instance.add_run(
            dg.DagsterRun(job_name=str(request.job_name), status=dg.DagsterRunStatus.SUCCESS, tags=tags)
        )
