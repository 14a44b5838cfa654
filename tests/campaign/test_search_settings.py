"""A search's settings are defined once: every place that names them follows from the one definition."""

from dataclasses import fields

import pytest
import typer

from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm
from autoselection_core.campaign.declaration.search_request import SETTINGS, SearchRequest
from autoselection_core.cli.app import app
from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.specification.spec import SearchSettings, SearchSpec
from autoselection_core.pool.sources import Source
from autoselection_core.space import axes, meanings

RANGES = {axis.name: axis.space for axis in axes(SearchSettings)}


def test_a_search_has_every_setting_with_its_default() -> None:
    defaults = {each.name: each.default for each in fields(SearchSettings)}

    assert {each.name: each.default for each in fields(SearchSpec) if each.name in defaults} == defaults
    assert vars(Campaign("c", (Source("a"),)).search) == defaults


def test_every_setting_says_what_it_means() -> None:
    assert all(meanings(SearchSettings)[name] for name in SETTINGS)
    assert set(RANGES) == {*SETTINGS} - {"policy"}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_command_line_offers_every_setting_with_its_meaning(name: str) -> None:
    command = getattr(typer.main.get_command(app), "commands", {})["search"]
    (option,) = [each for each in command.params if each.name == name]

    assert option.opts == [f"--{name.replace('_', '-')}"]
    assert option.help.startswith(meanings(SearchSettings)[name])


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_request_beyond_a_range_is_refused_by_name(name: str) -> None:
    campaign = Campaign("c", (Source("a"),), closed_form=ClosedForm())

    with pytest.raises(SettingError, match=name):
        SearchRequest.of(**{name: getattr(RANGES[name], "high") + 1}).outline(campaign)  # noqa: B009


def test_a_stored_search_beyond_the_ranges_of_now_is_still_read() -> None:
    large = {**SearchSpec(campaign="c").to_json(), "seed": 2**40, "max_steps": 9, "budget": 10**6}

    assert SearchSpec.from_json(large).to_json() == large


def test_a_search_that_an_earlier_release_stored_keeps_its_name() -> None:
    stored = {
        "benchmarks": [],
        "budget": 6,
        "campaign": "demo",
        "evaluator": "",
        "max_steps": 6,
        "metric": "log_likelihood",
        "operators": [],
        "policy": "default",
        "policy_settings": {},
        "pool_version": "",
        "report_evaluations": 6,
        "seed": 0,
        "signal_versions": {},
        "slots": 1,
        "training": {},
        "weights": {},
    }

    assert SearchSpec.from_json(stored).usual_name == "demo-688f31d8"
