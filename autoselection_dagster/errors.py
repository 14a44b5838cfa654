"""What can be wrong between AutoSelection and Dagster."""

from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class AlreadyServedError(AutoSelectionError):
    """Two processes were asked to serve one home."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.home = home

    @override
    def __str__(self) -> str:
        return f"{self.home} is served by another process already; stop that one, or use its UI"


class ServiceFailedError(AutoSelectionError):
    """A child process did not start or died again and again."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(name, log)
        self.name = name
        self.log = log

    @override
    def __str__(self) -> str:
        return f"the {self.name} does not run; the end of {self.log} says why"


class ValueMovedError(AutoSelectionError):
    """An asset's value is no longer where it was kept."""

    def __init__(self, asset: str, path: Path) -> None:
        super().__init__(asset, path)
        self.asset = asset
        self.path = path

    @override
    def __str__(self) -> str:
        return f"the value of {self.asset} is no longer at {self.path}; materialise the asset again"


class LaunchFailedError(AutoSelectionError):
    """Dagster refused to start a job."""

    def __init__(self, job: str, output: str) -> None:
        super().__init__(job, output)
        self.job = job
        self.output = output

    @override
    def __str__(self) -> str:
        return f"the job {self.job} was refused; correct its config:\n{self.output.strip()}"


class RunFailedError(AutoSelectionError):
    """A run did not succeed."""

    def __init__(self, job: str, run_id: str, cause: str) -> None:
        super().__init__(job, run_id, cause)
        self.job = job
        self.run_id = run_id
        self.cause = cause

    @override
    def __str__(self) -> str:
        return f"the run {self.run_id} of {self.job} failed: {self.cause} (the UI shows its log: `make ui`)"


class NoKeeperError(AutoSelectionError):
    """An asset returns a value, and nothing says how it is kept."""

    def __init__(self, value: Sequence[str]) -> None:
        super().__init__(value)
        self.value = tuple(value)

    @override
    def __str__(self) -> str:
        return f"nothing keeps the value {'/'.join(self.value)}; give its asset an io_manager_key"
