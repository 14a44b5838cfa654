"""Cheaper evaluations of a campaign: read from its file and pinned by a search."""

from collections.abc import Mapping
from dataclasses import asdict

from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.campaign import Fidelity
from autoselection_core.campaign.declaration.yaml_document import Value
from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.searches import NAME
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import FULL
from autoselection_core.identity import Json

_SHARES = ("cost", "amount", "items")


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
    found = value.entries(*_SHARES, "base_model")
    if "cost" not in found:
        value.refuse("needs `cost`: the price of one such evaluation, in full trainings")
    shares = {key: found[key].number() for key in _SHARES if key in found}
    for key, share in shares.items():
        _check(found[key], key, share)
    model = allowed_paths.model(found["base_model"]) if "base_model" in found else None
    made = Fidelity(**shares, base_model=model)
    if made == Fidelity(made.cost):
        value.refuse(
            "is as dear as a full training: give it a share as `amount` or `items`, or a `base_model`"
        )
    return made


def _check(value: Value, name: str, share: float) -> None:
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


def pin(fidelities: Mapping[str, Fidelity]) -> dict[str, dict[str, Json]]:
    """Cheaper evaluations as a search pins them; their evaluators are added once there is a pool."""
    return {name: asdict(each) for name, each in fidelities.items()}


def fidelity_in(spec: SearchSpec | None, name: str) -> Fidelity | None:
    """A cheaper evaluation as a search pinned it; None for the full one.

    Raises:
        KeyError: The search has no such fidelity.
    """
    if spec is None or not name:
        return None
    kept = {key: value for key, value in spec.fidelities[name].items() if key != "evaluator"}
    return Fidelity(**kept)  # type: ignore[arg-type] # as `pin` wrote it
