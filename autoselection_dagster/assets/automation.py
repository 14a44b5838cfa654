"""Conditions under which Dagster makes assets by itself, and who answers for the assets."""

from collections.abc import Iterable
from datetime import timedelta

import dagster as dg

from autoselection_core.campaign.declaration.campaign import PoolChangeTrigger
from autoselection_dagster.names import Group
from autoselection_dagster.place import Place

FOLLOWS_CONTENT = (
    dg.AutomationCondition.any_deps_match(
        dg.AutomationCondition.data_version_changed() | dg.AutomationCondition.will_be_requested()
    ).since_last_handled()
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("the content of what it reads changed, and no blocking check of it failed")
"""Content and not time: a source that was touched, or a pool that was made again alike, asks for nothing."""


def automate(place: Place, assets: Iterable[dg.AssetsDefinition]) -> tuple[dg.AssetsDefinition, ...]:
    """Assets with the condition under which pool and signals follow the sources, and a search the pool.

    A search follows by itself only where the campaign says `on_pool_change: on_change`. It spends nothing
    here: the search sensor starts its trials within its budget.
    """
    groups = {place.group(Group.POOL), place.group(Group.SIGNALS)}
    is_wanted = place.campaign.on_pool_change.when is PoolChangeTrigger.ON_CHANGE
    following = {place.key("next_search")} if is_wanted else set()

    def condition(spec: dg.AssetSpec) -> dg.AssetSpec:
        is_following = spec.group_name in groups or spec.key in following
        return spec.replace_attributes(automation_condition=FOLLOWS_CONTENT) if is_following else spec

    return tuple(asset.map_asset_specs(condition) for asset in assets)


def with_stewards(place: Place, assets: Iterable[dg.AssetsDefinition]) -> tuple[dg.AssetsDefinition, ...]:
    """Assets with the owners and tags of the campaign, and a pool that may not be older than it allows."""
    kept = place.campaign.stewardship
    policy = None
    if kept.max_age_hours is not None:
        policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=kept.max_age_hours))

    def described(spec: dg.AssetSpec) -> dg.AssetSpec:
        owned = spec.replace_attributes(owners=[*spec.owners, *kept.owners], tags={**spec.tags, **kept.tags})
        is_pool = policy is not None and spec.key == place.key("pool")
        return owned.replace_attributes(freshness_policy=policy) if is_pool else owned

    return tuple(asset.map_asset_specs(described) for asset in assets)
