"""Read `autoselection.yaml`: strictly, with errors that name file, line and field."""

import shlex
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from autoselection_core.benchmarks.benchmark import NAME as BENCHMARK_NAME
from autoselection_core.benchmarks.settings import SETTINGS
from autoselection_core.campaign.declaration.allowed_paths import Places
from autoselection_core.campaign.declaration.campaign import (
    BenchmarkPlace,
    Campaign,
    ClosedForm,
    OnPoolChange,
    Running,
    Stewardship,
    When,
)
from autoselection_core.campaign.declaration.fidelities import fidelities_from, require_no_model
from autoselection_core.campaign.declaration.judge import judge_from
from autoselection_core.campaign.declaration.pool_sources import sources_from
from autoselection_core.campaign.declaration.signal_schema import Nameable
from autoselection_core.campaign.declaration.signals import (
    BROUGHT,
    VECTORS,
    brought_signal,
    installed_signals,
    name_of,
    nameable_of,
)
from autoselection_core.campaign.declaration.trackers import (
    TensorBoard,
    WeightsAndBiases,
    mlflow_from,
    tracker_from,
)
from autoselection_core.campaign.declaration.yaml_document import Value, plain_mapping, read_document
from autoselection_core.errors.base import AutoSelectionError, did_you_mean
from autoselection_core.errors.campaign import UnknownCampaignError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.training.settings import fine_tuning
from autoselection_core.history.searches import NAME
from autoselection_core.history.specification import FIRST_SETTINGS, POLICIES, SearchSettings, policy_now
from autoselection_core.operators.catalogue import installed_operators
from autoselection_core.signals.contamination.contamination import DEFAULT_LIMIT
from autoselection_core.signals.definitions.semantic.embedding import VECTORS as EMBEDDING
from autoselection_core.signals.table import present_name
from autoselection_core.solver.advice.settings import FIRST_ADVISER_SETTINGS, AdviserSettings
from autoselection_core.solver.policy import Policy
from autoselection_core.space import Space, axes
from autoselection_core.store.home import Home

DEFAULT_FILE = Path("autoselection.yaml")

_KEYS = (
    "pool",
    "base_model",
    "benchmarks",
    "signals",
    "operators",
    "training",
    "search",
    "policy",
    "closed_form",
    "judge",
    "contamination_limit",
    "on_pool_change",
    "adviser",
    "fidelities",
    "stewardship",
    "price_per_hour",
    "mlflow",
    "tensorboard",
    "wandb",
)
_FORMER = {"research": "on_pool_change"}
"""Spellings of an earlier release, which are still read."""

_CRON_FIELDS = 5


def load_campaigns(
    path: Path | str = DEFAULT_FILE, home: Home | None = None, text: str | None = None
) -> Mapping[str, Campaign]:
    """The campaigns that a file declares, by name. Nothing that they name is opened.

    Args:
        path: The file.
        home: Home folder that replaces `{home}/` in its paths; the environment's home by default.
        text: Content that the file had before, which is read in place of what it holds now.

    Raises:
        NoCampaignFileError: The file is not there.
        CampaignFileError: It says something that cannot be; names file, line and field.
    """
    file = Path(path)
    places = Places(file, home or Home.from_environment())
    document = read_document(file, text)
    declared = document.entries("campaigns")
    if "campaigns" not in declared:
        document.refuse("needs the key `campaigns`")
    return {
        name: campaign_from(name, value, places) for name, value in declared["campaigns"].entries().items()
    }


def command_for(file: Path, words: str) -> str:
    """A command line on a campaign file, which names the file where it is not the default one.

    Example:
        >>> command_for(Path("autoselection.yaml"), "doctor"), command_for(Path("my own.yaml"), "doctor")
        ('autoselection doctor', "autoselection doctor --file 'my own.yaml'")
    """
    named = "" if file == DEFAULT_FILE else f" --file {shlex.quote(str(file))}"
    return f"autoselection {words}{named}"


def campaign_of(campaigns: Mapping[str, Campaign], name: str | None) -> Campaign:
    """The campaign of a name; the only one where no name is given.

    Raises:
        UnknownCampaignError: There is none of that name, or none was named among several.
    """
    if name is None and len(campaigns) == 1:
        return next(iter(campaigns.values()))
    if name is None or name not in campaigns:
        raise UnknownCampaignError(name or "", tuple(campaigns))
    return campaigns[name]


def campaign_from(name: str, value: Value, places: Places) -> Campaign:
    """The campaign that a mapping declares.

    Raises:
        CampaignFileError: It says something that cannot be.
    """
    if not NAME.fullmatch(name):
        value.refuse("is no name for a campaign; use letters, digits, '-', '_' and '.'")
    found = _as_spelled_now(value.entries(*_KEYS, *_FORMER), _FORMER)
    campaign = Campaign(
        name=name,
        sources=sources_from(value, found, places),
        base_model=places.model(found["base_model"]) if "base_model" in found else None,
        benchmarks=benchmark_places(found["benchmarks"], places) if "benchmarks" in found else (),
        signals=_signals(found["signals"], places) if "signals" in found else {},
        operators=_operators(found["operators"]) if "operators" in found else (),
        training=check_training(found["training"]) if "training" in found else {},
        search=_search(found["search"]) if "search" in found else SearchSettings(),
        policy=_policy(found["policy"]) if "policy" in found else {},
        closed_form=_closed_form(found["closed_form"]) if "closed_form" in found else None,
        judge=judge_from(found["judge"], places) if "judge" in found else None,
        on_pool_change=_on_pool_change(found["on_pool_change"])
        if "on_pool_change" in found
        else OnPoolChange(),
        contamination_limit=_limit(found["contamination_limit"])
        if "contamination_limit" in found
        else DEFAULT_LIMIT,
        adviser=_adviser(found["adviser"]) if "adviser" in found else None,
        fidelities=fidelities_from(found["fidelities"], places) if "fidelities" in found else {},
        stewardship=_stewardship(found["stewardship"]) if "stewardship" in found else Stewardship(),
        price_per_hour=_price(found["price_per_hour"]) if "price_per_hour" in found else None,
        mlflow=mlflow_from(found["mlflow"]) if "mlflow" in found else None,
        tensorboard=tracker_from(found["tensorboard"], TensorBoard, places)
        if "tensorboard" in found
        else None,
        wandb=tracker_from(found["wandb"], WeightsAndBiases, places) if "wandb" in found else None,
    )
    _require_evaluator(campaign, value)
    if campaign.closed_form is not None and "fidelities" in found:
        require_no_model(campaign.fidelities, found["fidelities"])
    _require_read(campaign, value)
    return campaign


def _as_spelled_now(found: Mapping[str, Value], spelled_now: Mapping[str, str]) -> dict[str, Value]:
    """Values by the present spelling of their keys.

    Raises:
        CampaignFileError: A key is given in both spellings.
    """
    for former, now in spelled_now.items():
        if former in found and now in found:
            found[former].refuse(f"is the former spelling of `{now}`, which is given, too; keep one")
    return {spelled_now.get(key, key): value for key, value in found.items()}


def _require_evaluator(campaign: Campaign, value: Value) -> None:
    if not campaign.signals:
        value.refuse("needs `signals`: recipes choose by them")
    if campaign.judge is not None and (campaign.closed_form is not None or campaign.fidelities):
        value.refuse("has a `judge`, which leaves no room for `closed_form` and `fidelities`")
    is_ours = campaign.closed_form is None and campaign.judge is None
    if is_ours and not (campaign.base_model and campaign.benchmarks):
        value.refuse(
            "needs `base_model` and `benchmarks`, a `judge` of your own, "
            "or a `closed_form` to try a search out"
        )


def _require_read(campaign: Campaign, value: Value) -> None:
    """Refuse signals that read what the campaign does not declare."""
    for name in campaign.signals:
        nameable = nameable_of(name)
        if nameable.reads_model and campaign.base_model is None:
            value.refuse(f"needs `base_model`: the signal {name!r} reads it")
        for read in map(name_of, nameable.required_signals):
            if read not in campaign.signals:
                value.refuse(f"needs the signal {read!r}: the signal {name!r} reads it")


def benchmark_places(value: Value, places: Places) -> tuple[BenchmarkPlace, ...]:
    """The benchmarks that a mapping of names declares.

    Raises:
        CampaignFileError: One has no path, or its weight is no weight.
    """
    return tuple(_benchmark(name, entry, places) for name, entry in value.entries().items())


def _benchmark(name: str, value: Value, places: Places) -> BenchmarkPlace:
    if not BENCHMARK_NAME.fullmatch(name):
        value.refuse(f"is no name for a benchmark: {name!r}; use letters, digits, '-' and '_'")
    found = value.entries("path", "weight", *(key for key in SETTINGS if key != "name"))
    if "path" not in found:
        value.refuse("needs `path`: the benchmark's folder or YAML file")
    weight = found["weight"].number() if "weight" in found else 1.0
    if weight <= 0:
        found["weight"].refuse("must be above 0; leave the benchmark out instead")
    settings = {key: entry for key, entry in found.items() if key in SETTINGS}
    return BenchmarkPlace(name, places.path(found["path"]), weight, plain_mapping(settings))


def _signals(value: Value, places: Places) -> dict[str, dict[str, Any]]:
    """Signals of a list whose every entry is a name, or a name with settings."""
    known = installed_signals()
    chosen: dict[str, dict[str, Any]] = {}
    for item in value.items():
        named = item.plain
        if isinstance(named, dict) and (brought := next((key for key in BROUGHT if key in named), None)):
            chosen.update([brought_signal(brought, item, places)])
            continue
        entries = {named: None} if isinstance(named, str) else item.entries()
        for spelled, settings in entries.items():
            name = present_name(spelled)
            if name not in known:
                names = ", ".join(known)
                item.refuse(f"names no signal: {name!r} (signals: {names}).{did_you_mean(name, known)}")
            chosen[name] = {} if settings is None else _settings(settings, known[name], places)
            for lacking in (each for each in known[name].required if each not in chosen[name]):
                item.refuse(f"names the signal {name!r}, which needs `{lacking}`")
    if {VECTORS, EMBEDDING} <= set(chosen):
        value.refuse(f"names `{VECTORS}` and `{EMBEDDING}`, but the vectors take the place of embeddings")
    return chosen


def _settings(value: Value, nameable: Nameable, places: Places) -> dict[str, Any]:
    spelled = value.entries(*((*nameable.settings, *nameable.first_names) or ("(none)",)))
    found = {nameable.first_names.get(name, name): entry for name, entry in spelled.items()}
    for name, entry in found.items():
        _pointing_at(entry, partial(nameable.typed, name, entry.plain))
    files = {name: str(places.path(found[name])) for name in nameable.files if name in found}
    return {**plain_mapping(found), **files}


def _operators(value: Value) -> tuple[str, ...]:
    known = tuple(operator.name for operator in installed_operators())
    for item in value.items():
        if (name := item.text()) not in known:
            item.refuse(f"names no operator: {name!r} ({', '.join(known)}).{did_you_mean(name, known)}")
    return tuple(item.text() for item in value.items())


def check_training(value: Value) -> dict[str, Any]:
    """The settings of a fine-tuning.

    Raises:
        CampaignFileError: One is refused.
    """
    found = value.entries()
    for name, entry in found.items():
        # One at a time, so that the error points at its line.
        _pointing_at(entry, partial(fine_tuning, {name: entry.plain}))
    return plain_mapping(found)


def _search(value: Value) -> SearchSettings:
    spaces = {axis.name: axis.space for axis in axes(SearchSettings)}
    found = value.entries(*(field.name for field in fields(SearchSettings)))
    for name, entry in found.items():
        if name in spaces:
            _check(entry, name, spaces[name])
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


def _policy(value: Value) -> dict[str, Any]:
    known = tuple(field.name for field in fields(Policy) if field.name not in ("name", "max_steps"))
    found = value.entries(*known, *FIRST_SETTINGS.values())
    for name, entry in found.items():
        _pointing_at(entry, partial(Policy().with_settings, **{name: entry.plain}))
    return plain_mapping(found)


def _adviser(value: Value) -> AdviserSettings:
    former = {first: name for name, first in FIRST_ADVISER_SETTINGS.items()}
    found = _as_spelled_now(
        value.entries(*(field.name for field in fields(AdviserSettings)), *former), former
    )
    for name in ("url", "model"):
        if name not in found:
            value.refuse(f"needs `{name}`")
    settings = AdviserSettings("http://localhost", "unknown")
    if "roles" in found:
        found["roles"].of_type(list, "a list of roles")
    for name, entry in found.items():
        _pointing_at(entry, partial(replace, settings, **{name: entry.plain}))
    return replace(settings, **plain_mapping(found))


def _closed_form(value: Value) -> ClosedForm:
    found = value.entries("weights", "size_weight", "noise", "delay_s")
    numbers = {name: entry.number() for name, entry in found.items() if name != "weights"}
    weights = found["weights"].entries() if "weights" in found else {}
    return ClosedForm({name: entry.number() for name, entry in weights.items()}, **numbers)


def _on_pool_change(value: Value) -> OnPoolChange:
    """Unattended search, declared by a word or a mapping of the fields of `OnPoolChange`."""
    if not isinstance(value.node, yaml.MappingNode):
        return OnPoolChange(_when(value))
    found = value.entries(*(field.name for field in fields(OnPoolChange)))
    if "when" not in found:
        value.refuse(f"needs `when`: one of {', '.join(When)}")
    cron = found["cron"].text() if "cron" in found else OnPoolChange.cron
    if len(cron.split()) != _CRON_FIELDS:
        found["cron"].refuse(f"is {cron!r}, but must be five fields: minute hour day month weekday")
    timezone = found["timezone"].text() if "timezone" in found else OnPoolChange.timezone
    if timezone not in zoneinfo.available_timezones():
        found["timezone"].refuse(f"is {timezone!r}, but must be a time zone such as Europe/Berlin or UTC")
    budget = found["budget"].whole(1) if "budget" in found else None
    running = _one_of(found["running"], Running) if "running" in found else OnPoolChange.running
    hours = found["min_hours"].number() if "min_hours" in found else OnPoolChange.min_hours
    if hours < 0:
        found["min_hours"].refuse(f"is {hours:g}, but must be 0 or more hours")
    a_day = found["max_a_day"].whole(1) if "max_a_day" in found else None
    return OnPoolChange(_when(found["when"]), cron, budget, timezone, Running(running), hours, a_day)


def _stewardship(value: Value) -> Stewardship:
    found = value.entries(*(field.name for field in fields(Stewardship)))
    settings: dict[str, Any] = {}
    if "owners" in found:
        settings["owners"] = tuple(item.text() for item in found["owners"].items())
    if "tags" in found:
        settings["tags"] = {name: entry.text() for name, entry in found["tags"].entries().items()}
    if "max_age_hours" in found:
        settings["max_age_hours"] = found["max_age_hours"].number()
    for name, setting in settings.items():
        _pointing_at(found[name], partial(Stewardship, **{name: setting}))
    return Stewardship(**settings)


def _when(value: Value) -> When:
    # YAML reads a bare `off` as false.
    return When(_one_of(value, When, "off" if value.plain is False else None))


def _one_of(value: Value, known: type[StrEnum], meant: str | None = None) -> str:
    """A word among those of an enumeration."""
    said = value.text() if meant is None else meant
    if said not in tuple(known):
        value.refuse(f"is {said!r}, but must be one of {', '.join(known)}.{did_you_mean(said, tuple(known))}")
    return said


def _price(value: Value) -> float:
    price = value.number()
    if price <= 0:
        value.refuse(f"is {price:g}, but must be above 0; leave it out where no price is known")
    return price


def _limit(value: Value) -> float:
    limit = value.number()
    if not 0 < limit <= 1:
        value.refuse(f"is {limit:g}, but must be a share above 0 and at most 1")
    return limit


def _pointing_at(value: Value, make: Callable[[], object]) -> None:
    """Point an error about a value at its line in the file."""
    try:
        make()
    except (AutoSelectionError, TypeError) as error:
        value.refuse(f"is refused: {error}", error)
