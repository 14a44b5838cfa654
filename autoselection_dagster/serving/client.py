"""Client that starts jobs of a served installation from a program, and follows them."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import dagster as dg
import requests

from autoselection_dagster.errors import LaunchFailedError, RunFailedError
from autoselection_dagster.installation import LOCATION
from autoselection_dagster.serving.services import Services

_POLL_S = 0.5

Say = Callable[[str], None]
"""Callback that receives each message that a run logs, as it comes."""


@dataclass(frozen=True)
class Client:
    """Client of an installation's Dagster instance while its services run.

    Attributes:
        services: The running services; they are looked after while a run is followed.
        instance: Dagster's records.
    """

    services: Services
    instance: dg.DagsterInstance

    @classmethod
    @contextmanager
    def of(cls, services: Services) -> Iterator[Self]:
        """A client for running services."""
        with dg.DagsterInstance.from_config(str(services.installation.instance)) as instance:
            yield cls(services, instance)

    def launch(self, job: str, config: Mapping[str, Any] | None = None) -> str:
        """Put a run of a job into the queue, as the Launchpad does, and return its id.

        Raises:
            LaunchFailedError: Dagster refused it, for instance for a mistake in the config.
        """
        run_id = str(uuid.uuid4())
        where = ("-w", str(self.services.installation.workspace), "-l", LOCATION)
        what = ("-j", job, "--run-id", run_id, "--config-json", json.dumps(config or {}))
        finished = subprocess.run(  # noqa: S603 - a fixed command with JSON as data
            [sys.executable, "-m", "dagster", "job", "launch", *where, *what],
            env=self.services.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise LaunchFailedError(job, finished.stderr)
        return run_id

    def follow(self, run_id: str, say: Say) -> None:
        """Wait until a run has ended; every message that it logs is passed on.

        Raises:
            RunFailedError: It failed or was cancelled.
        """
        cursor = None
        while True:
            run = self.instance.get_run_by_id(run_id)
            cursor = self._pass_on(run_id, cursor, say)
            if run is not None and run.is_finished:
                break
            self.services.supervise()
            time.sleep(_POLL_S)
        if not run.is_success:
            raise RunFailedError(run.job_name, run_id, self._failure(run_id))

    def _pass_on(self, run_id: str, cursor: str | None, say: Say) -> str | None:
        page = self.instance.get_records_for_run(run_id, cursor)
        for record in page.records:
            if not record.event_log_entry.is_dagster_event:
                say(record.event_log_entry.user_message)
        return page.cursor

    def _failure(self, run_id: str) -> str:
        """The message of the exception that a run's first failed step raised."""
        failures = self.instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        for record in failures:
            event = record.event_log_entry.dagster_event
            error = event.step_failure_data.error if event is not None else None
            while error is not None and error.cause is not None:
                error = error.cause
            if error is not None:
                return error.message.strip()
        return "it ended without a failed step"


_RELOAD = """
mutation($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }
"""
_RELOAD_TIMEOUT_S = 300.0


def reload_code(services: Services) -> None:
    """Load the code location anew, as Reload in the UI does; runs that were started go on.

    Raises:
        OSError: The webserver does not answer.
    """
    url, asked = (
        f"http://127.0.0.1:{services.port}/graphql",
        {"query": _RELOAD, "variables": {"name": LOCATION}},
    )
    requests.post(url, json=asked, timeout=_RELOAD_TIMEOUT_S).raise_for_status()
