"""Errors of clusters."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class ClusterError(AutoSelectionError):
    """A cluster is unusable, or its work failed."""


class RayNotInstalledError(ClusterError):
    """A Ray cluster is named, but Ray is not installed."""

    variable: str

    sentence = (
        "{variable} names a Ray cluster, but Ray is not installed. pip install 'autoselection[ray]', or "
        "unset {variable}."
    )


class ClusterUnreachableError(ClusterError):
    """The named cluster does not answer."""

    address: str
    reason: str

    @override
    def __str__(self) -> str:
        return (
            f"no Ray cluster answers at {self.address}: {self.reason.rstrip('.')}. "
            "Start its head, correct AUTOSELECTION_RAY_ADDRESS (host:port), or name the file of its token in "
            "RAY_AUTH_TOKEN_PATH, with RAY_AUTH_MODE=token."
        )


class WorkerLostError(ClusterError):
    """Processes of the cluster died under one piece of work until it was given up."""

    work: str
    reason: str

    sentence = (
        "the cluster's workers died again and again at {work}: {reason} Look into their logs, most often "
        "for memory; what was finished is kept, so run the same again."
    )


class DifferentWorkerError(ClusterError):
    """A worker of the cluster would compute something else than what it was asked for."""

    host: str
    what: str
    version: str
    asked: str

    sentence = (
        "the worker on {host} knows {what} as {version}, and was asked for {asked}. Give all machines "
        "the same release, base model and benchmark files."
    )


class UnsharedHomeError(ClusterError):
    """A worker finished an evaluation that cannot be seen here."""

    key: str
    home: str

    sentence = (
        "a worker of the cluster finished evaluation {key}, but it is not in {home} here. Mount one "
        "shared home folder at the same path on every machine."
    )
