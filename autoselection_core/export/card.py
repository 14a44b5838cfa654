"""Data card of an export, for people: contents, recipe, licences, verdict; its header is for `datasets`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from autoselection_core.export.manifest import DATA, NO_LICENCE, NOT_COMPARED
from autoselection_core.report.rendering.table import escape, fence, printable
from autoselection_core.score.comparison import StatedVerdict
from autoselection_core.subset.explain import idle_steps_sentence

_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")
"""The hub's names for numbers of samples, each ten times the one before."""

_LICENCES = (
    "The samples keep the licences of their sources; one that occurs in several sources counts for each."
)
_NO_LICENCES = (
    "No source states a licence, so that the samples have none here. `licence:` in the campaign's entry of a "
    "source is carried into exports, as its publisher states it."
)

_LISTS = ("sources", "licences")
_TURNS = ("messages", "prompt", "completion", "conversations")
"""Columns that are lists of texts, and of turns."""

_TYPES = {"tool_calls": "json", "weight": "int64", "train": "bool"}
"""Types of the fields of a turn that are no text."""

_KNOWN_LICENCES = {
    "apache-2.0",
    "bsd-3-clause",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc0-1.0",
    "mit",
    "odc-by",
}
"""The hub's identifiers of the licences that instruction data mostly has; another one is `other`."""


def card(facts: Mapping[str, Any], data: Path) -> str:
    """The text of README.md: a YAML header, and the manifest in words."""
    return f"---\n{yaml.safe_dump(_header(facts, data), sort_keys=False)}---\n{printable(_body(facts))}"


def comparison(search: str, report: Path, subset: str) -> str:
    """Verdict on a subset in Markdown, as the report of its search states it.

    Args:
        search: Name of the search.
        report: Folder of its report, which need not be there.
        subset: Hash of the subset.
    """
    named = f"`reports/{search}/report.html` in the home folder of AutoSelection"
    stated = StatedVerdict.read(report)
    if stated is None and (report / "report.html").is_file():
        return (
            f"**Verdict:** in the report of the search, {named}. An earlier release wrote that; after "
            f"`autoselection search --name {search}` an export states the verdict here.\n"
        )
    if stated is None or not stated.sentences:
        return NOT_COMPARED
    if stated.subset != subset:
        return (
            "**Verdict:** this subset was not compared with anything. The report of the search, "
            f"{named}, is about subset `{stated.subset}`.\n"
        )
    # A `<` would begin markup, and could end the comparison.
    headline, *compared = (printable(sentence).replace("<", "&lt;") for sentence in stated.sentences)
    listed = "\n".join(f"- {sentence}" for sentence in compared)
    return f"**Verdict:** {headline}\n\n{listed}\n\nReport of the search: {named}.\n"


def _header(facts: Mapping[str, Any], data: Path) -> dict[str, Any]:
    return {
        "license": sorted({_hub_licence(name) for name in facts["licences"]}),
        "tags": ["autoselection", "instruction-tuning"],
        "task_categories": ["text-generation"],
        "size_categories": [size_category(facts["samples"])],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": DATA}]}],
        "dataset_info": {"features": _features(data)},
    }


def _hub_licence(name: str) -> str:
    """The hub's identifier of a licence."""
    if name == NO_LICENCE:
        return "unknown"
    return name.lower() if name.lower() in _KNOWN_LICENCES else "other"


def size_category(samples: int) -> str:
    """The hub's name for a number of samples; the last one stands for larger numbers, too.

    Example:
        >>> size_category(999), size_category(1_000)
        ('n<1K', '1K<n<10K')
    """
    digits = len(str(samples))
    return _SIZES[min(max(digits, 3) - 3, len(_SIZES) - 1)]


def _features(data: Path) -> list[dict[str, Any]]:
    """The columns as `datasets` spells them; without, a column that begins with nulls could not be read."""
    with data.open(encoding="utf-8") as lines:
        first = json.loads(next(lines))
    # A prompt may be empty, so that the turns of all columns are looked at: they have the same fields.
    turns = [turn for name in _TURNS for turn in first.get(name, ())]
    return [{"name": name, **_feature(name, list(turns[0]))} for name in first]


def _feature(name: str, turn: list[str]) -> dict[str, Any]:
    if name in _LISTS:
        return {"list": "string"}
    if name in _TURNS:
        return {"list": [{"name": key, "dtype": _TYPES.get(key, "string")} for key in turn]}
    return {"dtype": "string"}


def _body(facts: Mapping[str, Any]) -> str:
    return f"""
# A subset of {facts["samples"]:,} samples

Selected from a pool of {facts["pool_samples"]:,} samples.
Search `{facts["search"]}`, trial {facts["trial"]}.
{facts["score"]}

- Format: `{facts["format"]}`, one JSON record a line in `{DATA}`
- Tokens a sample on average: {facts["tokens_a_sample"]:,}
- Subset hash: `{facts["subset"]}`
- Pool version: `{facts["pool_version"]}`
{_line(facts, "training_reads")}{_line(facts, "size_warning", ".")}{_warnings(facts)}
## Recipe

{_steps(facts)}

{fence(yaml.safe_dump(facts["recipe"], sort_keys=False).strip(), "yaml")}

## Sources and licences

{_NO_LICENCES if set(facts["licences"]) == {NO_LICENCE} else _LICENCES}

| source | licence | samples |
|---|---|---|
{_sources(facts)}

`autoselection verify` compares this folder with its manifest, whose `content_hash` covers data and card.
"""


def _line(facts: Mapping[str, Any], name: str, end: str = "") -> str:
    return f"- {facts[name]}{end}\n" if name in facts else ""


def _warnings(facts: Mapping[str, Any]) -> str:
    said = (
        (facts["not_alternating"], "do not alternate between user and assistant; LLaMA-Factory skips them"),
        (facts.get("untaught", 0), "have turns that are not to be taught; TRL and LLaMA-Factory teach them"),
        (facts.get("reasoning", 0), "have reasoning, which LLaMA-Factory does not read, others by template"),
    )
    return "".join(f"- {count:,} samples {what}\n" for count, what in said if count)


def _steps(facts: Mapping[str, Any]) -> str:
    steps = [
        f"{number}. `{step['step']}`: {step['rows_in']:,} -> {step['rows_out']:,} rows"
        for number, step in enumerate(facts["steps"], 1)
    ]
    listed = "\n".join(steps) or "The full pool."
    idle = facts.get("idle_steps", 0)
    return f"{listed}\n\n{idle_steps_sentence(idle)}" if idle else listed


def _sources(facts: Mapping[str, Any]) -> str:
    return "\n".join(
        f"| {escape(source)} | {escape(licence)} | {count:,} |"
        for source, licences in facts["sources"].items()
        for licence, count in licences.items()
    )
