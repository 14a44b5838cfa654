"""The entries of `pool:`: where raw files are, and what is in the fields of their records."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.yaml_document import Value, plain_mapping, read_document
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.pool.reading.rules import KNOWN, Fields, Rules
from autoselection_core.pool.sources import Source
from autoselection_core.store import hub

_RULES = ("fields", "answer", "keep", "max_characters", "no_input", "columns", "records", "speakers")
_LISTED = ("no_input", "columns", "records")
"""Rules that are lists of texts."""

_KEYS = ("path", "name", "licence", *_RULES)
_FIELDS = tuple(each.name for each in fields(Fields))


def sources_from(value: Value, found: Mapping[str, Value], allowed_paths: AllowedPaths) -> tuple[Source, ...]:
    """The sources that the key `pool` of a campaign lists.

    Raises:
        CampaignFileError: There is none, or one is refused.
    """
    if "pool" not in found:
        value.refuse("needs `pool`: the raw files to select from")
    sources = tuple(_source(item, allowed_paths) for item in found["pool"].items())
    if not sources:
        found["pool"].refuse("names no source")
    return sources


def _source(value: Value, allowed_paths: AllowedPaths) -> Source:
    found = value.entries(*_KEYS)
    if "path" not in found:
        value.refuse("needs `path`: a file, a folder, a pattern with * or **, or hf://OWNER/NAME")
    said = replace(_locate(found["path"], allowed_paths), rules=_rules(found))
    named = {key: found[key].text() for key in ("name", "licence") if key in found}
    return replace(said, **named)  # type: ignore[arg-type]  # both are text


def _locate(value: Value, allowed_paths: AllowedPaths) -> Source:
    uri = value.text()
    if not uri.startswith(hub.SCHEME):
        path, mirror = allowed_paths.source(value)
        return Source(str(path), mirror=mirror)
    try:
        return Source.at(uri)
    except AutoSelectionError as error:
        value.refuse(f"is refused: {error}", error)


def rules_in(text: str) -> Rules:
    """The rules of an entry of `pool:` that a text spells, such as `{fields: {answer: Answer}, keep: [id]}`.

    Raises:
        CampaignFileError: It spells none.
    """
    return _rules(read_document(Path("--rules"), text).entries(*_RULES))


def entry_of(text: str) -> Mapping[str, Any]:
    """The settings that `rules_in` reads, as plain data.

    Raises:
        CampaignFileError: The text spells none.
    """
    return plain_mapping(read_document(Path("--rules"), text).entries(*_RULES))


def _rules(found: Mapping[str, Value]) -> Rules:
    rules = KNOWN
    if "fields" in found:
        rules = replace(rules, fields=_fields(found["fields"]))
    if "answer" in found:
        rules = _with(found["answer"], rules, answer=found["answer"].text())
    if "keep" in found:
        rules = _with(found["keep"], rules, keep=tuple(item.text() for item in found["keep"].items()))
    for name in _LISTED:
        if name in found:
            rules = _with(found[name], rules, **{name: tuple(item.text() for item in found[name].items())})
    if "speakers" in found:
        roles = tuple((name, role.text()) for name, role in found["speakers"].entries().items())
        rules = _with(found["speakers"], rules, speakers=roles)
    if "max_characters" in found:
        rules = replace(rules, max_characters=found["max_characters"].whole(1))
    return rules


def _fields(value: Value) -> Fields:
    said = plain_mapping(value.entries(*_FIELDS))
    if isinstance(marks := said.get("split_on"), list) and len(marks) < len(("question", "answer")):
        value.refuse("needs one text under `split_on`, or two: before questions and before answers")
    try:
        return Fields.of(said)
    except AutoSelectionError as error:
        value.refuse(f"is refused: {error}", error)


def _with(value: Value, rules: Rules, **changed: object) -> Rules:
    try:
        return replace(rules, **changed)  # type: ignore[arg-type]  # one field of its type
    except AutoSelectionError as error:
        value.refuse(f"is refused: {error}", error)
