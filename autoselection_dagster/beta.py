"""Beta and preview features of Dagster that are used: its version is pinned, and tests cover each use."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import dagster as dg

from autoselection_dagster.values.metadata.rendering import Facts, shown

Value = TypeVar("Value")

DATA_VERSION_TAG = "dagster/data_version"
"""Tag under which Dagster reads the data version of an event that no asset's own step reports."""


@contextmanager
def known_beta() -> Iterator[None]:
    """Suppress Dagster's warnings about beta and preview features in the logs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        yield


def versioned_output(value: Value, metadata: Facts, version: str) -> dg.Output[Value]:
    """Output of an asset whose data version follows from its content, and not from the time of its making."""
    with known_beta():
        return dg.Output(value, metadata=shown(metadata), data_version=dg.DataVersion(version))


def versioned_result(metadata: Facts, version: str) -> dg.MaterializeResult[None]:
    """Result of an asset without a value, with the data version that others read of it."""
    with known_beta():
        return dg.MaterializeResult(metadata=shown(metadata), data_version=dg.DataVersion(version))
