"""Strict reader of `autoselection.yaml`, with errors that name file, line and field."""

from collections.abc import Mapping
from pathlib import Path

from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.campaign import (
    DEFAULT_FILE,
    Campaign,
    OnPoolChange,
    Stewardship,
)
from autoselection_core.campaign.declaration.evaluation_keys import (
    benchmarks_from,
    closed_form_from,
    fidelities_from,
    judge_from,
    limit_from,
    price_from,
    require_no_model,
    training_from,
)
from autoselection_core.campaign.declaration.pool_sources import sources_from
from autoselection_core.campaign.declaration.search_keys import (
    adviser_from,
    on_pool_change_from,
    operators_from,
    policy_from,
    search_from,
    stewardship_from,
)
from autoselection_core.campaign.declaration.signals import (
    name_of,
    nameable_of,
    signal_lines,
    signals_from,
)
from autoselection_core.campaign.declaration.trackers import (
    TensorBoard,
    WeightsAndBiases,
    mlflow_from,
    tracker_from,
)
from autoselection_core.campaign.declaration.yaml_document import (
    Value,
    read_document,
    rename_keys,
)
from autoselection_core.errors.campaign import UnknownCampaignError
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.history.searches import NAME
from autoselection_core.signals.contamination.contamination import DEFAULT_LIMIT
from autoselection_core.store.home import Home

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
    allowed_paths = AllowedPaths(file, home or Home.from_environment())
    document = read_document(file, text)
    declared = document.entries("campaigns")
    if "campaigns" not in declared:
        document.refuse("needs the key `campaigns`")
    campaigns = declared["campaigns"].entries()
    with allowed_paths.together():
        return {name: campaign_from(name, value, allowed_paths) for name, value in campaigns.items()}


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


def campaign_from(name: str, value: Value, allowed_paths: AllowedPaths) -> Campaign:
    """The campaign that a mapping declares.

    Raises:
        CampaignFileError: It says something that cannot be.
    """
    with allowed_paths.together():
        return _campaign(name, value, allowed_paths)


def _campaign(name: str, value: Value, allowed_paths: AllowedPaths) -> Campaign:
    if not NAME.fullmatch(name):
        value.refuse("is no name for a campaign; use letters, digits, '-', '_' and '.'")
    found = rename_keys(value.entries(*_KEYS, *_FORMER), _FORMER)
    campaign = Campaign(
        name=name,
        sources=sources_from(value, found, allowed_paths),
        base_model=allowed_paths.model(found["base_model"]) if "base_model" in found else None,
        benchmarks=benchmarks_from(found["benchmarks"], allowed_paths) if "benchmarks" in found else (),
        signals=signals_from(found["signals"], allowed_paths) if "signals" in found else {},
        signal_lines=signal_lines(found["signals"]) if "signals" in found else {},
        operators=operators_from(found["operators"]) if "operators" in found else (),
        training=training_from(found["training"]) if "training" in found else {},
        search=search_from(found["search"]) if "search" in found else SearchSettings(),
        stated_settings=tuple(found["search"].entries()) if "search" in found else (),
        policy=policy_from(found["policy"]) if "policy" in found else {},
        closed_form=closed_form_from(found["closed_form"]) if "closed_form" in found else None,
        judge=judge_from(found["judge"], allowed_paths) if "judge" in found else None,
        on_pool_change=on_pool_change_from(found["on_pool_change"])
        if "on_pool_change" in found
        else OnPoolChange(),
        contamination_limit=limit_from(found["contamination_limit"])
        if "contamination_limit" in found
        else DEFAULT_LIMIT,
        adviser=adviser_from(found["adviser"]) if "adviser" in found else None,
        fidelities=fidelities_from(found["fidelities"], allowed_paths) if "fidelities" in found else {},
        stewardship=stewardship_from(found["stewardship"]) if "stewardship" in found else Stewardship(),
        price_per_hour=price_from(found["price_per_hour"]) if "price_per_hour" in found else None,
        mlflow=mlflow_from(found["mlflow"]) if "mlflow" in found else None,
        tensorboard=tracker_from(found["tensorboard"], TensorBoard, allowed_paths)
        if "tensorboard" in found
        else None,
        wandb=tracker_from(found["wandb"], WeightsAndBiases, allowed_paths) if "wandb" in found else None,
        file=str(allowed_paths.file),
    )
    _require_evaluator(campaign, value)
    if campaign.closed_form is not None and "fidelities" in found:
        require_no_model(campaign.fidelities, found["fidelities"])
    _require_read(campaign, value)
    return campaign


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
