"""When a changed folder becomes a new pool."""

from autoselection_dagster.sensors.source_changes import SETTLED_AFTER_S, Watched


def test_files_that_were_there_first_are_no_change() -> None:
    watched = Watched().look("a", 0.0)

    assert not watched.is_due(1_000.0)


def test_a_change_settles_by_a_clock_that_was_set_back() -> None:
    watched = Watched().look("a", 0.0).look("b", 10_000.0).look("b", 100.0).look("b", 105.0)

    assert not watched.is_due(100.0 + SETTLED_AFTER_S - 1)
    assert watched.is_due(100.0 + SETTLED_AFTER_S)


def test_a_change_is_due_once_it_has_settled() -> None:
    watched = Watched().look("a", 0.0).look("b", 100.0)

    assert not watched.is_due(100.0 + SETTLED_AFTER_S - 1)
    assert watched.is_due(100.0 + SETTLED_AFTER_S)


def test_a_file_that_is_still_written_puts_it_off() -> None:
    watched = Watched().look("a", 0.0).look("b", 100.0).look("c", 105.0)

    assert not watched.is_due(100.0 + SETTLED_AFTER_S)
    assert watched.is_due(105.0 + SETTLED_AFTER_S)


def test_files_that_were_set_back_while_unsettled_are_no_change() -> None:
    watched = Watched().look("a", 0.0).look("b", 100.0).look("a", 105.0)

    assert not watched.is_due(1_000.0)


def test_what_was_seen_survives_a_restart() -> None:
    watched = Watched().look("a", 0.0).look("b", 100.0)

    assert Watched.read(watched.cursor) == watched
