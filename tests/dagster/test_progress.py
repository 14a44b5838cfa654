"""What a long step writes to its run's log."""

import logging
from dataclasses import dataclass

import pytest

from autoselection_dagster.assets.progress import Logged


@dataclass
class Clock:
    """Ten seconds pass between any two looks at it."""

    now: float = 100.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


def logged(stage: str, counted: str | None = None) -> Logged:
    return Logged(logging.getLogger("steps"), stage, counted, Clock())


def test_a_first_count_promises_no_time_left(caplog: pytest.LogCaptureFixture) -> None:
    """A step that starts at one of many has no pace yet; "0 s left" would be a lie."""
    with caplog.at_level(logging.INFO):
        Logged(logging.getLogger("steps"), "training")(1, 24)

    assert caplog.messages == ["training: 1 of 24"]


def test_the_end_of_a_stage_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        said = Logged(logging.getLogger("steps"), "training")
        for done in (1, 2, 24):
            said(done, 24)

    assert caplog.messages == ["training: 1 of 24", "training: 24 of 24"]


def test_a_line_says_how_many_samples_a_second_and_how_long_it_will_take(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        progress = logged("ifd", "samples")
        for done in (500, 1500, 2000):
            progress("ifd", done, 2000)

    assert caplog.messages == [
        "ifd: 500 of 2,000",
        "ifd: 1,500 of 2,000, 100.0 samples/s, 5 s left",
        "ifd: 2,000 of 2,000, 75.0 samples/s",
    ]


def test_a_stage_that_counts_something_else_has_no_samples_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Blocks of vectors are no samples."""
    with caplog.at_level(logging.INFO):
        progress = logged("embedding_pairs", "samples")
        progress("comparing vectors", 1, 40)
        progress("comparing vectors", 11, 40)

    assert caplog.messages[1] == "comparing vectors: 11 of 40, 29 s left"
