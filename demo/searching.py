"""The demo's search through a real Dagster instance on disk: daemon and code server, no browser."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import dagster as dg

from autoselection_core import environment_variables
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import OPEN_STATES, SearchState, TrialKind, TrialRecord
from autoselection_core.search.status import TIME_LEFT
from autoselection_dagster.errors import RunFailedError
from autoselection_dagster.installation import Installation
from autoselection_dagster.names import Names
from autoselection_dagster.serving.client import Client
from autoselection_dagster.serving.services import reports_port, serving
from demo.narration import Narrator

CAMPAIGN = "demo"
SEARCH = "demo-first"
_POLL_S = 0.5


@dataclass(frozen=True)
class _Stage:
    """Stage of the demo that a run is: its kind, for the time left, and its title, for people."""

    kind: str
    title: str


@dataclass
class DemoSearch:
    """The demo's first search, from an empty instance to its report.

    Attributes:
        installation: Where it runs.
        ledger: What says how far it is.
        narrator: Told what happens.
    """

    installation: Installation
    ledger: Ledger
    narrator: Narrator
    _names: Names = field(default_factory=lambda: Names(CAMPAIGN))

    def run(self) -> None:
        """Start the search or go on with it, until its report is there.

        Raises:
            RunFailedError: The pool, a signal or the report could not be made; the message says why.
            ServiceFailedError: A service of Dagster does not stay up.
        """
        self.narrator.say("starting Dagster: a code server and a daemon, no browser")
        # `make ui` serves the reports there: the pages that are made here link to it, and show its pictures.
        reports = f"http://127.0.0.1:{reports_port(self.installation)}"
        os.environ.setdefault(environment_variables.REPORTS_URL, reports)
        with serving(self.installation) as services, Client.of(services) as client:
            self.narrator.finish("services")
            self._prepare(client)
            if not self.is_registered:
                config = {"ops": {"search": {"config": {"name": SEARCH}}}}
                client.follow(client.launch("start_search", config), self._saying("search"))
            self._follow(client)

    @property
    def is_registered(self) -> bool:
        """Whether the search was started before."""
        return any(record.search == SEARCH for record in self.ledger.searches())

    def is_reported(self) -> bool:
        """Whether everything is measured, and a report was made after the last measurement."""
        if not self.is_registered or self._is_open():
            return False
        paid = max((payment.at for payment in self.ledger.payments(SEARCH)), default=0.0)
        with dg.DagsterInstance.from_config(str(self.installation.instance)) as instance:
            made = instance.get_run_records(self._runs(self._names.report_job, dg.DagsterRunStatus.SUCCESS))
        return any(record.start_time is not None and record.start_time >= paid for record in made)

    def _is_open(self) -> bool:
        record, arms = self.ledger.search(SEARCH), self.ledger.trials(SEARCH, TrialKind.REPORT)
        return record.state is SearchState.ACTIVE or not arms or any(arm.state in OPEN_STATES for arm in arms)

    def _prepare(self, client: Client) -> None:
        """Pool and signals; what is known already is not computed again."""
        self.narrator.say("raw files -> pool -> signals")
        client.follow(client.launch(self._names.prepare_job), self._saying("pool and signals"))
        self.narrator.finish("signals")

    def _follow(self, client: Client) -> None:
        """Pass on what the runs of the sensor say, in the order in which they started."""
        followed: set[str] = set()
        while not self.is_reported():
            for job in (self._names.trial_job, self._names.report_job):
                for run in reversed(client.instance.get_runs(self._runs(job))):
                    if run.run_id not in followed:
                        followed.add(run.run_id)
                        self._follow_run(client, run)
            client.services.supervise()
            time.sleep(_POLL_S)

    def _follow_run(self, client: Client, run: dg.DagsterRun) -> None:
        """Pass on what one run says; a run that ended before the demo began says nothing."""
        is_report = run.job_name == self._names.report_job
        stage = self._report_stage if is_report else self._stage(run.tags["dagster/partition/trial"])
        if run.is_finished:
            self.narrator.skip(stage.kind)
            return
        self.narrator.say(f"{stage.title}: starting")
        try:
            client.follow(run.run_id, self._saying(stage.title))
        except RunFailedError as error:
            if is_report:
                raise
            # The ledger has the reason, and starts the trial's next attempt where that may help.
            self.narrator.say(f"{stage.title}: {error}")
            return
        if is_report or not self._is_reused(run.tags["dagster/partition/trial"]):
            self.narrator.finish(stage.kind)

    @property
    def _report_stage(self) -> _Stage:
        """A report that is made before its evaluations plans them: where no worker went on to them."""
        return _Stage("plan", "planning the report") if self._is_open() else _Stage("report", "report")

    def _stage(self, number: str) -> _Stage:
        trial = self._trial(number)
        if trial.kind is TrialKind.SEARCH:
            return _Stage("trial", f"trial {trial.trial} of {self.ledger.search(SEARCH).budget}")
        arms = len(self.ledger.trials(SEARCH, TrialKind.REPORT))
        return _Stage("arm", f"arm {trial.trial} of {arms} ({trial.arm.replace('_', ' ')})")

    def _is_reused(self, number: str) -> bool:
        """Whether a trial took an evaluation that was there: that says nothing about speed."""
        return self._trial(number).is_reused

    def _trial(self, number: str) -> TrialRecord:
        kind = TrialKind.REPORT if number.startswith("report-") else TrialKind.SEARCH
        return self.ledger.trials(SEARCH, kind)[int(number.removeprefix("report-")) - 1]

    def _saying(self, stage: str) -> Callable[[str], None]:
        # The narrator's own time left is of the whole demo, and one in a line is enough.
        return lambda line: self.narrator.say(f"{stage}: {line.partition(TIME_LEFT)[0].removesuffix(', ')}")

    def _runs(self, job: str, *statuses: dg.DagsterRunStatus) -> dg.RunsFilter:
        dimension = "/search" if job == self._names.trial_job else ""
        return dg.RunsFilter(job_name=job, statuses=statuses, tags={f"dagster/partition{dimension}": SEARCH})
