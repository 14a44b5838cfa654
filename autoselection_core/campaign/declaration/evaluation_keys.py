"""Keys of a campaign about evaluation: benchmarks, training or what replaces it, fidelities, price."""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from autoselection_core.benchmarks.benchmark import NAME as BENCHMARK_NAME
from autoselection_core.benchmarks.settings import SETTINGS, BenchmarkSettings
from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.campaign import ClosedForm, DeclaredBenchmark, Fidelity
from autoselection_core.campaign.declaration.yaml_document import Value, plain_mapping, pointing_at
from autoselection_core.errors.benchmarks import UnknownBenchmarkSettingError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.judge.evaluator import JudgeSettings
from autoselection_core.evaluation.training.settings import fine_tuning
from autoselection_core.history.searches import NAME
from autoselection_core.history.values import FULL
from autoselection_core.space import is_finite

_FIDELITY_SHARES = ("cost", "amount", "items")
_KEYS = tuple(field.name for field in fields(JudgeSettings) if field.name != "folder")


def judge_from(value: Value, allowed_paths: AllowedPaths) -> JudgeSettings:
    """The judge that a mapping declares; files beside the campaign that its command names become absolute.

    So do folders that are named with a slash; a plain name may be that of a module.

    Raises:
        CampaignFileError: It has neither a command nor an entry point, or both, or a setting is refused.
    """
    found = value.entries(*_KEYS)
    if ("command" in found) == ("entry_point" in found):
        value.refuse("needs one of `command`, a list, and `entry_point`, `package.module:function`")
    beside = allowed_paths.file.absolute().parent
    settings: dict[str, Any] = plain_mapping(
        {k: v for k, v in found.items() if k not in ("command", "environment")}
    )
    if "command" in found:
        parts = [part.text() for part in found["command"].items()]
        if not parts:
            found["command"].refuse("is empty: name a program and its arguments")
        settings["command"] = tuple(_found_beside(beside, part) for part in parts)
    if "entry_point" in found and ":" not in found["entry_point"].text():
        found["entry_point"].refuse("must be `package.module:function`")
    if "environment" in found:
        settings["environment"] = {
            name: entry.text() for name, entry in found["environment"].entries().items()
        }
    if "version" in found and not (isinstance(settings["version"], str) or is_finite(settings["version"])):
        found["version"].refuse(f"is {settings['version']!r}, but must be text; quote it")
    try:
        return replace(JudgeSettings(), folder=str(beside), **settings)
    except (SettingError, TypeError) as error:
        value.refuse(f"is refused: {error}", error)


def _found_beside(folder: Path, part: str) -> str:
    found = folder / part
    return str(found) if found.is_file() or ("/" in part and found.is_dir()) else part


def benchmarks_from(value: Value, allowed_paths: AllowedPaths) -> tuple[DeclaredBenchmark, ...]:
    """The benchmarks that a mapping of names declares.

    Raises:
        CampaignFileError: One has no path, or its weight is no weight.
    """
    return tuple(_benchmark(name, entry, allowed_paths) for name, entry in value.entries().items())


def _benchmark(name: str, value: Value, allowed_paths: AllowedPaths) -> DeclaredBenchmark:
    if not BENCHMARK_NAME.fullmatch(name):
        value.refuse(f"is no name for a benchmark: {name!r}; use letters, digits, '-' and '_'")
    found = value.entries("path", "weight", *(key for key in SETTINGS if key != "name"))
    if "path" not in found:
        value.refuse("needs `path`: the benchmark's folder or YAML file")
    weight = found["weight"].number() if "weight" in found else 1.0
    if weight <= 0:
        found["weight"].refuse("must be above 0; leave the benchmark out instead")
    settings = plain_mapping({key: entry for key, entry in found.items() if key in SETTINGS})
    if settings:  # beside a path alone, those of the benchmark's own file count
        try:
            BenchmarkSettings.from_mapping({**settings, "name": name})
        except SettingError as error:
            found.get(error.name, value).refuse(f"is {error.value!r}, but must be {error.expected}", error)
        except UnknownBenchmarkSettingError as error:
            found.get(error.kind, value).refuse(f"is refused: {error}", error)
    return DeclaredBenchmark(name, allowed_paths.path(found["path"]), weight, settings)


def training_from(value: Value) -> dict[str, Any]:
    """The settings of a fine-tuning.

    Raises:
        CampaignFileError: One is refused.
    """
    found = value.entries()
    for name, entry in found.items():
        # One at a time, so that the error points at its line.
        pointing_at(entry, partial(fine_tuning, {name: entry.plain}))
    return plain_mapping(found)


_DAY_S = 86_400


def closed_form_from(value: Value) -> ClosedForm:
    """Formula in place of trainings.

    Raises:
        CampaignFileError: A value is no number, or a deviation or delay below 0 or above a day.
    """
    found = value.entries("weights", "size_weight", "noise", "delay_s")
    numbers = {name: entry.number() for name, entry in found.items() if name != "weights"}
    if numbers.get("noise", 0.0) < 0:
        found["noise"].refuse(f"is {numbers['noise']:g}, but must be at least 0, as a deviation is")
    if not 0 <= numbers.get("delay_s", 0.0) <= _DAY_S:
        found["delay_s"].refuse(f"is {numbers['delay_s']:g}, but must be from 0 to {_DAY_S:,} seconds")
    weights = found["weights"].entries() if "weights" in found else {}
    return ClosedForm({name: entry.number() for name, entry in weights.items()}, **numbers)


def price_from(value: Value) -> float:
    """Price of an hour of training.

    Raises:
        CampaignFileError: It is not above 0.
    """
    price = value.number()
    if price <= 0:
        value.refuse(f"is {price:g}, but must be above 0; leave it out where no price is known")
    return price


def limit_from(value: Value) -> float:
    """Share of a question that a sample may hold.

    Raises:
        CampaignFileError: It is no share above 0.
    """
    limit = value.number()
    if not 0 < limit <= 1:
        value.refuse(f"is {limit:g}, but must be a share above 0 and at most 1")
    return limit


def fidelities_from(value: Value, allowed_paths: AllowedPaths) -> dict[str, Fidelity]:
    """The cheaper evaluations that a mapping of names declares.

    Raises:
        CampaignFileError: One has no price, a share out of range, or nothing that is cheaper.
    """
    return {name: _fidelity(name, entry, allowed_paths) for name, entry in value.entries().items()}


def _fidelity(name: str, value: Value, allowed_paths: AllowedPaths) -> Fidelity:
    if not NAME.fullmatch(name) or name == FULL:
        value.refuse(
            f"is no name for a cheaper evaluation: {name!r}; use letters and digits, and not `{FULL}`"
        )
    found = value.entries(*_FIDELITY_SHARES, "base_model")
    if "cost" not in found:
        value.refuse("needs `cost`: the price of one such evaluation, in full trainings")
    shares = {key: found[key].number() for key in _FIDELITY_SHARES if key in found}
    for key, share in shares.items():
        _check_share(found[key], key, share)
    model = allowed_paths.model(found["base_model"]) if "base_model" in found else None
    made = Fidelity(**shares, base_model=model)
    if made == Fidelity(made.cost):
        value.refuse(
            "is as dear as a full training: give it a share as `amount` or `items`, or a `base_model`"
        )
    return made


def _check_share(value: Value, name: str, share: float) -> None:
    try:
        Fidelity(**{"cost": 0.5, name: share})  # type: ignore[arg-type] # a number, whichever it is
    except SettingError as error:
        value.refuse(f"is refused: {error}", error)


def require_no_model(fidelities: Mapping[str, Fidelity], value: Value) -> None:
    """Refuse another base model where a closed form evaluates.

    Raises:
        CampaignFileError: One names a base model.
    """
    for name, entry in value.entries().items():
        if fidelities[name].base_model is not None:
            entry.entries()["base_model"].refuse("must be left out: a closed form evaluates this campaign")
