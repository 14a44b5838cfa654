"""Errors between AutoSelection and Dagster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, bounded
from autoselection_core.report.rendering.table import printable


@contextmanager
def one_sentence() -> Iterator[None]:
    """Say what is wrong in the run's failure; whoever wants the traceback finds it as its cause.

    Raises:
        dagster.Failure: The block raised an error that a person can act on; it is not retried.
    """
    try:
        yield
    except AutoSelectionError as error:
        raise dg.Failure(description=printable(bounded(str(error))), allow_retries=False) from error


class Terminated(dg.Failure):
    """The run was terminated, or its process; Dagster ends it as cancelled where it was asked to.

    Raised in steps whose run has nothing else to do: Dagster starts steps that do not need a failed one.
    """

    def __init__(self) -> None:
        super().__init__(description=_TERMINATED, allow_retries=False)


_TERMINATED = "the run was terminated, or the process that it ran in; what was finished is kept"


@contextmanager
def terminated_in_a_sentence() -> Iterator[None]:
    """Say in a sentence that a run was terminated; Dagster's own way is its stack trace.

    Raises:
        Terminated: The block was interrupted.
    """
    try:
        yield
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        raise Terminated from None


class AlreadyServedError(AutoSelectionError):
    """Two processes were asked to serve one home."""

    home: Path

    sentence = "{home} is served by another process already; stop that one, or use its UI"


class PortTakenError(AutoSelectionError):
    """Another program listens on the port that the UI was to have."""

    port: int

    sentence = (
        "another program listens on 127.0.0.1:{port} already; stop it, or serve on another port with "
        "`autoselection ui --port PORT`"
    )


class NothingSearchedError(AutoSelectionError):
    """A job is about the latest search, and there is none."""

    sentence = "there is no search yet; start one with the job start_search"


class ServiceFailedError(AutoSelectionError):
    """A child process did not start or died again and again."""

    name: str
    log: Path
    last: str

    sentence = "the {name} does not run; the end of {log} says why:\n{last}"


class ValueMovedError(AutoSelectionError):
    """An asset's value is no longer where it was kept."""

    asset: str
    path: Path

    sentence = "the value of {asset} is no longer at {path}; materialize the asset again"


class LaunchFailedError(AutoSelectionError):
    """Dagster refused to start a job."""

    job: str
    output: str

    @override
    def __str__(self) -> str:
        return f"the job {self.job} was refused; correct its config:\n{self.output.strip()}"


class RunFailedError(AutoSelectionError):
    """A run did not succeed."""

    job: str
    run_id: str
    cause: str

    sentence = "the run {run_id} of {job} failed: {cause} (the UI shows its log: `make ui`)"


class NoKeeperError(AutoSelectionError):
    """An asset returns a value, and nothing says how it is kept."""

    value: Sequence[str]

    @override
    def __str__(self) -> str:
        return f"nothing keeps the value {'/'.join(self.value)}; give its asset an io_manager_key"
