"""What a long step writes to its run's log."""

import logging

import pytest

from autoselection_dagster.assets.progress import Logged


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
