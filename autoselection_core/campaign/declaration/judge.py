"""Key `judge` of a campaign: a program of the user in place of our own training and scoring."""

from dataclasses import fields, replace
from typing import Any

from autoselection_core.campaign.declaration.allowed_paths import Places
from autoselection_core.campaign.declaration.yaml_document import Value, plain_mapping
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.judge.evaluator import JudgeSettings

_KEYS = tuple(field.name for field in fields(JudgeSettings) if field.name != "folder")


def judge_from(value: Value, places: Places) -> JudgeSettings:
    """The judge that a mapping declares; files beside the campaign that its command names become absolute.

    Raises:
        CampaignFileError: It has neither a command nor an entry point, or both, or a setting is refused.
    """
    found = value.entries(*_KEYS)
    if ("command" in found) == ("entry_point" in found):
        value.refuse("needs one of `command`, a list, and `entry_point`, `package.module:function`")
    beside = places.file.absolute().parent
    settings: dict[str, Any] = plain_mapping(
        {k: v for k, v in found.items() if k not in ("command", "environment")}
    )
    if "command" in found:
        parts = [part.text() for part in found["command"].items()]
        if not parts:
            found["command"].refuse("is empty: name a program and its arguments")
        settings["command"] = tuple(
            str(beside / part) if (beside / part).is_file() else part for part in parts
        )
    if "entry_point" in found and ":" not in found["entry_point"].text():
        found["entry_point"].refuse("must be `package.module:function`")
    if "environment" in found:
        settings["environment"] = {
            name: entry.text() for name, entry in found["environment"].entries().items()
        }
    try:
        return replace(JudgeSettings(), folder=str(beside), **settings)
    except (SettingError, TypeError) as error:
        value.refuse(f"is refused: {error}", error)
