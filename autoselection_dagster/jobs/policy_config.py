"""The settings of a policy as config of the Launchpad: names, ranges and meanings are the policy's own."""

from dataclasses import fields
from typing import Any, get_type_hints

import dagster as dg
from pydantic import Field, create_model

from autoselection_core.history.specification.policy_names import FIRST_SETTINGS
from autoselection_core.identity import Json
from autoselection_core.solver.policy import Policy
from autoselection_core.space import Count, Interval, meanings

LIMITS = ("min_share", "max_share", "max_tokens", "trust_radius", "floors", "stop_gain")
"""Constraints of a candidate, or of the search itself."""

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
    if name == "floors":
        return dict[str, float]
    kind = get_type_hints(Policy)[name]
    return kind | None


def _field(name: str) -> Any:  # noqa: ANN401 - what pydantic makes of it
    space = next(iter(getattr(get_type_hints(Policy, include_extras=True)[name], "__metadata__", ())), None)
    usual = f" By default the campaign's, or {getattr(Policy(), name)}." if space else ""
    said = f"{meanings(Policy)[name]}{usual}"
    if name == "floors":
        return Field(default={}, description=said)
    if isinstance(space, Interval | Count):
        return Field(default=None, ge=space.low, le=space.high, description=said)
    return Field(default=None, description=said)


Constraints = _config("Constraints", "What candidates, and the search itself, must keep to.", LIMITS)
PolicySettings = _config("PolicySettings", "How the policy chooses, in detail.", _CHOICES)


def settings_of(*asked: dg.Config) -> dict[str, Json]:
    """The fields of `Policy` that were asked for; what was left out is the campaign's."""
    given = {name: value for config in asked for name, value in config.model_dump(mode="json").items()}
    return {name: value for name, value in given.items() if value not in (None, {})}
