"""Keys of a campaign about its searches: settings, policy, operators, adviser, and what starts them."""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import fields, replace
from enum import StrEnum
from functools import partial
from typing import Any

import yaml

from autoselection_core.campaign.declaration.campaign import (
    MAX_HOURS,
    OnPoolChange,
    OnSuperseded,
    PoolChangeTrigger,
    Stewardship,
)
from autoselection_core.campaign.declaration.yaml_document import (
    Value,
    plain_mapping,
    pointing_at,
    rename_keys,
)
from autoselection_core.errors.base import did_you_mean
from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.search_settings import FIRST_SETTINGS, POLICIES, SearchSettings, policy_now
from autoselection_core.operators.catalogue import installed_operators
from autoselection_core.solver.advice.settings import FIRST_ADVISER_SETTINGS, AdviserSettings
from autoselection_core.solver.policy import Policy
from autoselection_core.space import Space, axes

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_CRON: Mapping[str, tuple[int, int, Mapping[str, int], str]] = {
    "minute": (0, 59, {}, r"\*"),
    "hour": (0, 23, {}, r"\*"),
    "day": (1, 31, {}, r"[*?l]"),
    "month": (1, 12, _MONTHS, r"\*"),
    "weekday": (0, 7, _WEEKDAYS, rf"[*?]|l[0-7]|(?:[0-7]|{'|'.join(_WEEKDAYS)})#[1-5]"),
}
"""Fields of a cron expression: least and greatest number, names of numbers, and what else it may be."""

_CRON_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/0*[1-9]\d*)?")
_DAYS = dict(zip(_MONTHS.values(), (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))
_SPACES = {axis.name: axis.space for axis in axes(SearchSettings)}


def search_from(value: Value) -> SearchSettings:
    """Settings of a search.

    Raises:
        CampaignFileError: A setting is unknown or out of range.
    """
    found = value.entries(*(field.name for field in fields(SearchSettings)))
    for name, entry in found.items():
        if name in _SPACES:
            _check(entry, name, _SPACES[name])
    policy = found["policy"].text() if "policy" in found else SearchSettings.policy
    if policy_now(policy) not in POLICIES:
        found["policy"].refuse(
            f"is {policy!r}, but must be one of {', '.join(POLICIES)}.{did_you_mean(policy, POLICIES)}"
        )
    return SearchSettings(**plain_mapping(found))


def _check(value: Value, name: str, space: Space) -> None:
    try:
        space.check(value.plain, name)
    except SettingError as error:
        value.refuse(f"is {value.plain!r}, but must be {error.expected}", error)


def policy_from(value: Value) -> dict[str, Any]:
    """Settings of the policy.

    Raises:
        CampaignFileError: One is refused.
    """
    known = tuple(field.name for field in fields(Policy) if field.name not in ("name", "max_steps"))
    found = value.entries(*known, *FIRST_SETTINGS.values())
    for name, entry in found.items():
        pointing_at(entry, partial(Policy().with_settings, **{name: entry.plain}))
    return plain_mapping(found)


def operators_from(value: Value) -> tuple[str, ...]:
    """Names of the operators that recipes may use.

    Raises:
        CampaignFileError: A name is unknown.
    """
    known = tuple(operator.name for operator in installed_operators())
    for item in value.items():
        if (name := item.text()) not in known:
            item.refuse(f"names no operator: {name!r} ({', '.join(known)}).{did_you_mean(name, known)}")
    return tuple(item.text() for item in value.items())


def adviser_from(value: Value) -> AdviserSettings:
    """Settings of the adviser.

    Raises:
        CampaignFileError: One is missing or refused.
    """
    former = {first: name for name, first in FIRST_ADVISER_SETTINGS.items()}
    found = rename_keys(value.entries(*(field.name for field in fields(AdviserSettings)), *former), former)
    for name in ("url", "model"):
        if name not in found:
            value.refuse(f"needs `{name}`")
    settings = AdviserSettings("http://localhost", "unknown")
    if "roles" in found:
        found["roles"].of_type(list, "a list of roles")
    for name, entry in found.items():
        pointing_at(entry, partial(replace, settings, **{name: entry.plain}))
    return replace(settings, **plain_mapping(found))


def on_pool_change_from(value: Value) -> OnPoolChange:
    """Unattended search, declared by a word or a mapping of the fields of `OnPoolChange`.

    Raises:
        CampaignFileError: A field is refused.
    """
    if not isinstance(value.node, yaml.MappingNode):
        return OnPoolChange(_when(value))
    found = value.entries(*(field.name for field in fields(OnPoolChange)))
    if "when" not in found:
        value.refuse(f"needs `when`: one of {', '.join(PoolChangeTrigger)}")
    cron = _cron_from(found["cron"]) if "cron" in found else OnPoolChange.cron
    timezone = found["timezone"].text() if "timezone" in found else OnPoolChange.timezone
    if timezone not in zoneinfo.available_timezones():
        found["timezone"].refuse(f"is {timezone!r}, but must be a time zone such as Europe/Berlin or UTC")
    if "budget" in found:
        _check(found["budget"], "budget", _SPACES["budget"])
    budget = found["budget"].whole(1) if "budget" in found else None
    running = _one_of(found["running"], OnSuperseded) if "running" in found else OnPoolChange.running
    hours = found["min_hours"].number() if "min_hours" in found else OnPoolChange.min_hours
    if not 0 <= hours <= MAX_HOURS:
        found["min_hours"].refuse(f"is {hours:g}, but must be from 0 to {MAX_HOURS:,} hours")
    a_day = found["max_a_day"].whole(1) if "max_a_day" in found else None
    return OnPoolChange(_when(found["when"]), cron, budget, timezone, OnSuperseded(running), hours, a_day)


def _cron_from(value: Value) -> str:
    """A cron expression that comes true on some day."""
    cron = value.text()
    parts = dict(zip(_CRON, cron.lower().split(), strict=False))
    if len(cron.split()) != len(_CRON):
        value.refuse(f"is {cron!r}, but must be five fields: {' '.join(_CRON)}")
    for field, part in parts.items():
        if not _is_cron(field, part):
            least, most, names, _ = _CRON[field]
            named = f" or {' '.join(names)}" if names else ""
            value.refuse(
                f"is {cron!r}, whose {field} is {part!r}, but must be * or numbers from {least} to {most}"
                f"{named}, as in {least},{most} or {least}-{most} or */2"
            )
    days, months = _numbers("day", parts["day"]), _numbers("month", parts["month"])
    if days and months and min(days) > max(_DAYS[month] for month in months):
        value.refuse(f"is {cron!r}, but no such month has a day {min(days)}")
    return cron


def _is_cron(field: str, part: str) -> bool:
    least, most, names, words = _CRON[field]
    if re.fullmatch(words, part):
        return True
    found = [_CRON_PART.fullmatch(each) for each in part.split(",")]
    ends = [names.get(end, end) for each in found if each for end in each.groups() if end is not None]
    return all(found) and all(str(end).isdecimal() and least <= int(end) <= most for end in ends)


def _numbers(field: str, part: str) -> list[int]:
    """The numbers of a field of a cron expression; empty where it is more than a list of them."""
    names = _CRON[field][2]
    found = [str(names.get(each, each)) for each in part.split(",")]
    return [int(each) for each in found] if all(each.isdecimal() for each in found) else []


def stewardship_from(value: Value) -> Stewardship:
    """Owners, tags and freshness of the assets.

    Raises:
        CampaignFileError: One is refused.
    """
    found = value.entries(*(field.name for field in fields(Stewardship)))
    settings: dict[str, Any] = {}
    if "owners" in found:
        settings["owners"] = tuple(item.text() for item in found["owners"].items())
    if "tags" in found:
        settings["tags"] = {name: entry.text() for name, entry in found["tags"].entries().items()}
    if "max_age_hours" in found:
        settings["max_age_hours"] = found["max_age_hours"].number()
    for name, setting in settings.items():
        pointing_at(found[name], partial(Stewardship, **{name: setting}))
    return Stewardship(**settings)


def _when(value: Value) -> PoolChangeTrigger:
    # YAML reads a bare `off` as false.
    return PoolChangeTrigger(_one_of(value, PoolChangeTrigger, "off" if value.plain is False else None))


def _one_of(value: Value, known: type[StrEnum], meant: str | None = None) -> str:
    """A word among those of an enumeration."""
    said = value.text() if meant is None else meant
    if said not in tuple(known):
        value.refuse(f"is {said!r}, but must be one of {', '.join(known)}.{did_you_mean(said, tuple(known))}")
    return said
