"""Every error of the foundations says one sentence and survives the way out of a worker process."""

import pickle
from pathlib import Path

import pytest

from autoselection_core.errors.base import AutoSelectionError, did_you_mean
from autoselection_core.errors.pool import (
    CountsError,
    EmptyPoolError,
    NoSourceFileError,
    RejectedRecordError,
    UnknownFileKindError,
    UnknownSampleError,
    UnreadablePoolError,
    UnreadableSourceError,
)
from autoselection_core.errors.store import (
    HubUnreachableError,
    InvalidHubNameError,
    OutsideFolderError,
    StorageFullError,
)

ERRORS = (
    CountsError(3, 1, 1, 0),
    EmptyPoolError(3, Path("quarantine.jsonl")),
    HubUnreachableError("hf://a/b", "no network."),
    InvalidHubNameError("hf://a"),
    NoSourceFileError("*.jsonl"),
    OutsideFolderError(Path("../a"), Path("home")),
    RejectedRecordError("bad JSON", "an open bracket"),
    StorageFullError(Path("file"), "No space left on device"),
    UnknownFileKindError(Path("a.csv"), (".json",)),
    UnknownSampleError("0" * 32, "1" * 32),
    UnreadablePoolError(Path("pools/1"), "no such file"),
    UnreadableSourceError(Path("a.parquet"), "no footer"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_pickles_and_says_what_to_do(error: AutoSelectionError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes

    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)
    assert str(error).endswith(".")


def test_a_mistyped_name_is_answered_with_the_closest_one() -> None:
    assert did_you_mean("keep_tpo", ["keep_top", "drop_exact"]) == " Did you mean 'keep_top'?"
    assert did_you_mean("xyz", ["keep_top"]) == ""
