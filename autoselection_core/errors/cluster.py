"""What can go wrong between machines that work together."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class RayNotInstalledError(AutoSelectionError):
    """A Ray cluster is named, but Ray is not installed."""

    def __init__(self, variable: str) -> None:
        super().__init__(variable)
        self.variable = variable

    @override
    def __str__(self) -> str:
        return (
            f"{self.variable} names a Ray cluster, but Ray is not installed. "
            f"pip install 'autoselection[ray]', or unset {self.variable}."
        )


class ClusterUnreachableError(AutoSelectionError):
    """The named cluster does not answer."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    @override
    def __str__(self) -> str:
        return (
            f"no Ray cluster answers at {self.address}: {self.reason.rstrip('.')}. "
            "Start its head, correct AUTOSELECTION_RAY_ADDRESS (host:port), or name the file of its token in "
            "RAY_AUTH_TOKEN_PATH, with RAY_AUTH_MODE=token."
        )


class WorkerLostError(AutoSelectionError):
    """Processes of the cluster died under one piece of work until it was given up."""

    def __init__(self, work: str, reason: str) -> None:
        super().__init__(work, reason)
        self.work = work
        self.reason = reason

    @override
    def __str__(self) -> str:
        return (
            f"the cluster's workers died again and again at {self.work}: {self.reason} "
            "Look into their logs, most often for memory; what was finished is kept, so run the same again."
        )


class DifferentWorkerError(AutoSelectionError):
    """A worker of the cluster would compute something else than what it was asked for."""

    def __init__(self, host: str, what: str, version: str, asked: str) -> None:
        super().__init__(host, what, version, asked)
        self.host = host
        self.what = what
        self.version = version
        self.asked = asked

    @override
    def __str__(self) -> str:
        return (
            f"the worker on {self.host} knows {self.what} as {self.version}, and was asked for "
            f"{self.asked}. Give all machines the same release, base model and benchmark files."
        )


class UnsharedHomeError(AutoSelectionError):
    """A worker finished an evaluation that cannot be seen here."""

    def __init__(self, key: str, home: str) -> None:
        super().__init__(key, home)
        self.key = key
        self.home = home

    @override
    def __str__(self) -> str:
        return (
            f"a worker of the cluster finished evaluation {self.key}, but it is not in {self.home} here. "
            "Mount one shared home folder at the same path on every machine."
        )
