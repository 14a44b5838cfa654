"""What a training is expected to take comes from what was measured."""

from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm
from autoselection_core.campaign.duration import Pace, pace_of
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.pool.sources import Source
from autoselection_core.store.home import Home
from autoselection_core.testing.tiny_model import tiny_model
from tests.history.acts import begin, reserve

from .test_workspace import scored, write_raw


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_raw(tmp_path / "raw" / "sums.jsonl", count=20)
    formula = ClosedForm({"word_entropy": 1.0})
    sources = (Source(str(tmp_path / "raw" / "*")),)
    return Workspace(
        Campaign("try", sources, signals={"word_entropy": {}}, closed_form=formula), Home(tmp_path / "home")
    )


def pay(workspace: Workspace, seconds: float) -> str:
    """Pay for one evaluation; returns what judged it."""
    name, ledger = f"search-{seconds:g}", workspace.ledger
    spec = workspace.spec(scored(workspace), budget=1)
    ledger.register(spec, name)
    reservation = reserve(ledger, name)
    measurement = replace(begin(ledger, reservation), seconds=seconds)
    ledger.commit(reservation, measurement)
    return spec.evaluator


def test_evaluations_with_the_same_judge_say_how_long_one_takes(workspace: Workspace) -> None:
    judge, *_ = [pay(workspace, seconds) for seconds in (10.0, 20.0, 90.0)]

    pace = pace_of(workspace, judge, {})

    assert pace == Pace(20.0, "the median of 3 evaluations of this kind in the home folder")
    assert pace_of(workspace, "another", {}).seconds is None


def test_a_probe_of_the_base_model_says_it_where_nothing_was_measured(
    workspace: Workspace, tmp_path: Path
) -> None:
    campaign = replace(workspace.campaign, closed_form=None, base_model=str(tiny_model(tmp_path / "model")))
    trained = replace(workspace, campaign=campaign)

    short, long = (pace_of(trained, None, {"amount": amount}).seconds for amount in (1_000, 9_000))

    assert short is not None
    assert long == pytest.approx(9 * short)
    assert pace_of(trained, None, {"preset": "lora"}).seconds is None


def test_the_sentence_counts_what_is_left_and_what_is_found() -> None:
    pace = Pace(1_800.0, "a guess")

    assert pace.sentence(3) == "3 trainings are left at most; about 1,800 s each, 1.5 h in all (a guess)."
    assert "3 trainings are left at most, beside 2 that are found finished;" in pace.sentence(3, 2)
