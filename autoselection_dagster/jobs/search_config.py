"""Launchpad config of a search and its policy: names, ranges, defaults and meanings are those of the core."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, get_type_hints

import dagster as dg
from pydantic import Field, create_model

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.search_request import SETTINGS
from autoselection_core.evaluation.training.settings import PRESETS
from autoselection_core.history.search_settings import (
    FIRST_POLICIES,
    FIRST_SETTINGS,
    POLICIES,
    SearchSettings,
)
from autoselection_core.identity import Json
from autoselection_core.operators.catalogue import installed_operators
from autoselection_core.solver.policy import Policy
from autoselection_core.space import Count, Interval, axes, meanings

LIMITS = ("min_share", "max_share", "max_tokens", "trust_radius", "floors", "shares", "stop_gain")
"""Constraints of a candidate, or of the search itself."""

_MAPPINGS: Mapping[str, Any] = {
    "floors": dict[str, float],
    "shares": dict[str, list[float]],
    "plain_scores": dict[str, str],
}

_ASKED_ELSEWHERE = ("name", "max_steps")
_CHOICES = tuple(each.name for each in fields(Policy) if each.name not in (*LIMITS, *_ASKED_ELSEWHERE))


def _config(name: str, said: str, names: tuple[str, ...]) -> type[dg.Config]:
    asked: dict[str, Any] = {each: (_kind(each), _field(each)) for each in names}
    # Configs that were saved under the first names go on.
    asked |= {
        FIRST_SETTINGS[each]: (_kind(each), Field(default=None, description=f"First name of `{each}`."))
        for each in names
        if each in FIRST_SETTINGS
    }
    return create_model(name, __base__=dg.Config, __module__=__name__, __doc__=said, **asked)


def _kind(name: str) -> Any:  # noqa: ANN401 - a type
    if name in _MAPPINGS:
        return _MAPPINGS[name]
    kind = get_type_hints(Policy)[name]
    return kind | None


def _field(name: str) -> Any:  # noqa: ANN401 - what pydantic makes of it
    space = next(iter(getattr(get_type_hints(Policy, include_extras=True)[name], "__metadata__", ())), None)
    usual = f" By default the campaign's, or {getattr(Policy(), name)}." if space else ""
    said = f"{meanings(Policy)[name]}{_range(space)}{usual}"
    return Field(default={} if name in _MAPPINGS else None, description=said)


def _range(space: object) -> str:
    """A range as a sentence. The core checks it: what pydantic refuses, a run shows as a stack trace."""
    return f" From {space.low:g} to {space.high:g}." if isinstance(space, Interval | Count) else ""


Constraints = _config("Constraints", "What candidates, and the search itself, must keep to.", LIMITS)
PolicySettings = _config("PolicySettings", "How the policy chooses, in detail.", _CHOICES)


def settings_of(*asked: dg.Config) -> dict[str, Json]:
    """The fields of `Policy` that were asked for; what was left out is the campaign's."""
    given = {name: value for config in asked for name, value in config.model_dump(mode="json").items()}
    return {name: value for name, value in given.items() if value not in (None, {})}


PolicyName = StrEnum("PolicyName", [(name, name) for name in (*POLICIES, *FIRST_POLICIES.values())])  # type: ignore[misc] # the core's own
MetricName = StrEnum("MetricName", [(metric.value, metric.value) for metric in Metric])  # type: ignore[misc] # the core's own, as Dagster reads enums
PresetName = StrEnum("PresetName", [(name, name) for name in PRESETS])  # type: ignore[misc] # the core's own


def list_members(kind: type[StrEnum], what: str) -> None:
    """Name an enumeration after its members: Dagster quotes the name where it refuses a value."""
    kind.__name__ = f"{what} (one of {', '.join(kind)})"


for _kind_of_name, _what in ((PolicyName, "policy"), (MetricName, "metric"), (PresetName, "preset")):
    list_members(_kind_of_name, _what)


class FurtherConfig(dg.Config):
    """Config of a search beside its settings."""

    benchmarks: list[str] = Field(
        default=[], description="Names of the benchmarks that drive the search; empty: all of the campaign."
    )
    metric: MetricName | None = Field(
        default=None, description="What is measured on them; by default what each benchmark declares."
    )
    training: PresetName | None = Field(
        default=None,
        description="Preset of the fine-tuning; by default the campaign's. Fields that the campaign sets "
        "beside its preset stay.",
    )
    operators: list[str] = Field(
        default=[], description="Operators that recipes may use; empty: all of the campaign."
    )
    constraints: Constraints = Field(  # type: ignore[valid-type] # made from the core's own
        default=Constraints(),
        description="Limits of share, tokens and distance, floors under benchmarks, shares of groups, and "
        "when the search ends early; what is left out is as the campaign declares it.",
    )
    policy_settings: PolicySettings = Field(  # type: ignore[valid-type] # made from the core's own
        default=PolicySettings(),
        description="How the policy chooses, in detail; what is left out is as the campaign declares it.",
    )
    warm_from: str | None = Field(
        default=None,
        description="An earlier search of the campaign whose measurements this one starts from; its "
        "recipes are realised on the present pool.",
    )
    warm_also: list[str] = Field(
        default=[], description="Further earlier searches that it learns from, beside `warm_from`."
    )
    name: str | None = Field(
        default=None,
        description="Name of the search; by default it follows from its content, so that the same "
        "question asked again finds its search and pays for nothing twice.",
    )
    in_one_run: bool = Field(
        default=False,
        description="Run the whole search inside this run: for campaigns that a closed form evaluates, where "
        "starting a run takes longer than a trial. History and lineage are the same.",
    )


def search_config(campaigns: Mapping[str, Campaign]) -> type[FurtherConfig]:
    """Config type of `start_search`; a setting that campaigns declare differently is left to each of them."""
    first = next(iter(campaigns.values()))
    names = choice("campaign", campaigns)
    said = "Which pool, base model and benchmarks."
    usual = {name: campaign.search for name, campaign in campaigns.items()}
    settings: Mapping[str, Any] = {name: _setting(name, usual) for name in SETTINGS}
    return create_model(
        "SearchRequest",
        __base__=FurtherConfig,
        __module__=__name__,
        __doc__="A search: how much it may spend, and how it chooses.",
        campaign=(names, Field(default=names(first.name), description=said)),
        **_named_lists(campaigns.values()),
        **settings,
    )


def _named_lists(campaigns: Iterable[Campaign]) -> Mapping[str, Any]:
    """Fields that list names of the campaigns, with the names that the Launchpad accepts.

    One campaign of several may lack a name that another has: the core checks that.
    """
    listed = [*campaigns]
    installed = [operator.name for operator in installed_operators()]
    known = {
        "benchmark": [name for campaign in listed for name in campaign.weights],
        "operator": [name for campaign in listed for name in campaign.operators or installed],
    }
    fields_of = FurtherConfig.model_fields
    return {
        f"{what}s": (list[choice(what, names)], fields_of[f"{what}s"])  # type: ignore[misc] # run time
        for what, names in known.items()
    }


def choice(what: str, names: Iterable[str]) -> Any:  # noqa: ANN401 - a type
    """Type of a field that is one of some names; any text where Dagster cannot list them.

    It lists the members of an enumeration, of which there is at least one, and none is called `mro` or `_x_`.
    """
    listed = dict.fromkeys(names)
    if not listed or any(name == "mro" or name.startswith("_") for name in listed):
        return str
    # Dagster keeps config types of one process by name: another installation's must have another one.
    kind = StrEnum(what, [(name, name) for name in listed])  # type: ignore[misc] # run time
    list_members(kind, what)
    return kind


def _setting(name: str, usual: Mapping[str, SearchSettings]) -> tuple[Any, Any]:
    """Type and pydantic field of one setting.

    Args:
        name: The setting.
        usual: What each campaign declares.
    """
    declared = {campaign: getattr(settings, name) for campaign, settings in usual.items()}
    default, said = next(iter(declared.values())), meanings(SearchSettings)[name]
    kind: Any = (PolicyName if name == "policy" else get_type_hints(SearchSettings)[name]) | None
    if len(set(declared.values())) > 1:
        by_campaign = ", ".join(f"{value} of {campaign}" for campaign, value in declared.items())
        default, said = None, f"{said} By default the campaign's: {by_campaign}."
    if name == "policy":
        return kind, Field(default=None if default is None else PolicyName(default), description=said)
    space = next(axis.space for axis in axes(SearchSettings) if axis.name == name)
    assert isinstance(space, Count), "the settings with a range are counts"
    return kind, Field(default=default, description=f"{said}{_range(space)}")
