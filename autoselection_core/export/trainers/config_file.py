"""A training program's YAML file with the lines of comment that it needs."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def config_file(comments: Sequence[str], settings: Mapping[str, Any]) -> str:
    """The text of a YAML file in the order given, under its comments."""
    head = "".join(f"# {line}\n" for line in comments)
    return head + yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)


STARTING_POINT = (
    "Made by `autoselection export` from the campaign's training settings, and yours to change:",
    "`autoselection verify` does not read it. Run it in the folder of this file:",
)
