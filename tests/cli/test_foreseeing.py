"""A search that starts from another one, and what evaluations would buy without paying for them."""

import sqlite3
from contextlib import closing

import pytest

from tests.cli.conftest import Cli
from tests.cli.workshop import Workshop


def test_a_warm_search_learns_from_the_one_that_it_names(cli: Cli, searched: Workshop) -> None:
    wanted = ("--warm-from", "first", "--policy", "default", "--budget", "2", "--report-evaluations", "0")

    code, _, _ = cli("search", "--name", "second", *wanted)

    assert code == 0
    ledger = searched.ledger()
    assert ledger.search("second").spec.warm_from == "first"
    assert ledger.history("second").observations[-1].proposal["earlier"] == 3
    code, shown, _ = cli("show", "second")
    assert code == 0
    assert "started from first. " in shown
    assert "recipes were measured there and here" in shown


def test_a_search_learns_from_several_earlier_ones(cli: Cli, searched: Workshop) -> None:
    wanted = ("--policy", "default", "--budget", "1", "--report-evaluations", "0")

    cli("search", "--name", "second", *wanted)
    code, _, _ = cli("search", "--name", "third", "--warm-from", "first", "--warm-from", "second", *wanted)

    assert code == 0
    ledger = searched.ledger()
    spec = ledger.search("third").spec
    assert (spec.warm_from, spec.warm_also) == ("first", ("second",))
    known = len(ledger.history("first").observations) + len(ledger.history("second").observations)
    assert ledger.history("third").observations[-1].proposal["earlier"] == known


@pytest.mark.usefixtures("searched")
def test_a_warm_search_from_nowhere_is_refused(cli: Cli) -> None:
    code, _, problems = cli("search", "--name", "second", "--warm-from", "never")

    assert code == 2
    assert "never" in problems


def test_a_search_decides_again_what_it_recorded_and_a_changed_record_is_told(
    cli: Cli, searched: Workshop
) -> None:
    code, output, _ = cli("replay", "first")
    with closing(sqlite3.connect(searched.folder / ".autoselection/history.sqlite")) as history, history:
        history.execute("UPDATE searches SET spec = replace(spec, '\"seed\":0', '\"seed\":1')")
    changed, told, _ = cli("replay", "first")

    assert code == 0
    assert "3 of 3 decisions come out as recorded" in output
    assert changed == 1
    assert "of 3 decisions come out as recorded" in told


def test_forecast_and_replay_spend_nothing(cli: Cli, searched: Workshop) -> None:
    made = searched.evaluations()

    forecast_code, forecast, _ = cli("forecast", "first", "--evaluations", "2")
    replay_code, replay, _ = cli("replay", "first", "--policy", "default")

    assert (forecast_code, replay_code) == (0, 0)
    assert "2 more evaluations of first are likely to gain" in forecast
    assert "90 % interval" in forecast
    assert "default over what first measured" in replay
    assert searched.evaluations() == made
