"""What is used of Dagster while it is called beta: its version is pinned, and tests cover each use."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import dagster as dg

from autoselection_dagster.values.metadata.pictures import Facts

Value = TypeVar("Value")


@contextmanager
def known_beta() -> Iterator[None]:
    """Keep Dagster's remark about beta features out of the logs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield


def versioned(value: Value, metadata: Facts, version: str) -> dg.Output[Value]:
    """A value of an asset whose data version is what it is, and not when it was made."""
    with known_beta():
        return dg.Output(value, metadata=metadata, data_version=dg.DataVersion(version))
