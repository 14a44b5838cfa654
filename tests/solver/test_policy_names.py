"""First names of policies and settings are still read, and identities are made of them."""

import pytest

from autoselection_core.errors.space import SettingError
from autoselection_core.history.specification.policy_names import FIRST_SETTINGS, merge_settings
from autoselection_core.history.specification.spec import SearchSpec
from autoselection_core.solver import Policy

VALUES = {"min_share": 0.2, "max_share": 0.5, "max_tokens": 7, "max_sampled": 9, "tail_threshold": 2.0}


def test_the_published_policy_is_read_under_its_first_name() -> None:
    assert Policy(name="autoselection") == Policy(name="published")


@pytest.mark.parametrize(("name", "first"), FIRST_SETTINGS.items())
def test_a_setting_is_read_under_its_first_name(name: str, first: str) -> None:
    assert Policy().with_settings(**{first: VALUES[name]}) == Policy().with_settings(**{name: VALUES[name]})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises((TypeError, SettingError)):
        Policy().with_settings(least_share=0.1)


def test_a_search_has_one_identity_under_either_spelling() -> None:
    first = SearchSpec(campaign="shop", policy="autoselection", policy_settings={"smallest_share": 0.1})
    now = SearchSpec(campaign="shop", policy="published", policy_settings={"min_share": 0.1})

    assert first.identity == now.identity != SearchSpec(campaign="shop", policy="published").identity


def test_what_is_asked_for_replaces_a_campaigns_setting_under_its_other_name() -> None:
    assert merge_settings({"smallest_share": 0.1}, {"min_share": 0.3}) == {"min_share": 0.3}
    assert merge_settings({"min_share": 0.1}, {"smallest_share": 0.3}) == {"smallest_share": 0.3}
