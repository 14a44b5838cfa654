"""Every error of the foundations says one sentence and survives the way out of a worker process."""

import importlib
import pickle
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from autoselection_core import errors
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
    NoSourceFileError("a.jsonl", ("b.jsonl",)),
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


SAMPLES: Mapping[Any, object] = {
    str: "a name",
    Path: Path("/a/file"),
    int: 7,
    float: 0.5,
    bool: True,
    object: "a value",
}


def sample(kind: Any) -> object:
    """A value of an annotated type."""
    if kind in SAMPLES:
        return SAMPLES[kind]
    parts = [each for each in get_args(kind) if each is not Ellipsis]
    if get_origin(kind) is Mapping:
        return {sample(parts[0]): sample(parts[1])}
    if get_origin(kind) in (tuple, Sequence):
        return tuple(sample(each) for each in parts)
    return sample(parts[0])  # one of several types


def every_error() -> Iterator[type[AutoSelectionError]]:
    """Every error of the core, groups included."""
    for module in pkgutil.iter_modules(errors.__path__):
        found = vars(importlib.import_module(f"{errors.__name__}.{module.name}")).values()
        for each in found:
            is_own = isinstance(each, type) and issubclass(each, AutoSelectionError)
            if is_own and each.__module__.endswith(module.name) and each is not AutoSelectionError:
                yield each


def made(kind: type[AutoSelectionError], **of_name: object) -> AutoSelectionError:
    """An error with sample values, or those that are given by name."""
    if kind.__init__ is Exception.__init__:
        return kind()
    hints = get_type_hints(kind) | get_type_hints(kind.__init__)
    return kind(*(of_name.get(name, sample(hints[name])) for name in signature(kind).parameters))


NO_COUNTS = (
    "line",
    "step",
    "code",
    "rank",
    "trial",
    "known",
    "found",
    "budget",
    "report_evaluations",
    "present",
    "asked",
)
"""Numbers of places, names and settings: a person types them as they are."""


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_a_count_in_an_error_has_separators(kind: type[AutoSelectionError]) -> None:
    counts = {name for name, type_ in get_type_hints(kind).items() if type_ is int} - {*NO_COUNTS}

    said = str(made(kind, **dict.fromkeys(counts, 12_345)))

    assert "12345" not in re.sub("`[^`]*`", "", said)  # a setting is typed as it is


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_an_error_says_the_same_after_it_left_a_worker_process(kind: type[AutoSelectionError]) -> None:
    error = made(kind)

    came = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(came) is kind
    assert str(came) == str(error)
    assert vars(came) == vars(error)


def test_an_error_that_is_made_by_names_pickles_too() -> None:
    class NamedError(AutoSelectionError):
        first: str
        second: int

        sentence = "{first} and {second:,}"

    error = NamedError(second=2000, first="one")

    assert error.args == ("one", 2000)
    assert str(error) == "one and 2,000"


def test_errors_are_told_apart_though_they_say_the_same() -> None:
    class AlikeError(AutoSelectionError):
        name: str

    assert AlikeError("a") != AlikeError("a")
    assert len({AlikeError("a"), AlikeError("a")}) == 2
