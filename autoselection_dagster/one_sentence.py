"""Typed errors shown as one sentence on top of the run, and not as a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from autoselection_core.errors.base import AutoSelectionError


@contextmanager
def one_sentence() -> Iterator[None]:
    """Say what is wrong in the run's failure; whoever wants the traceback finds it as its cause.

    Raises:
        dagster.Failure: The block raised an error that a person can act on; it is not retried.
    """
    try:
        yield
    except AutoSelectionError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
