"""Judge in Python: calls a function `package.module:function` in this process and writes what it gives."""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from autoselection_core.evaluation.judge.request import JudgeRequest

JudgeFunction = Callable[[JudgeRequest], Iterable[Mapping[str, Any]]]
"""Trains on a request's subset and gives one mapping of `benchmark`, `item` and `value` an item."""


def call(entry_point: str, request: JudgeRequest) -> None:
    """Call a judge and write its scores."""
    module, _, name = entry_point.partition(":")
    function = cast("JudgeFunction", getattr(importlib.import_module(module), name))
    lines = [json.dumps(dict(score)) + "\n" for score in function(request)]
    request.scores.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    call(sys.argv[1], JudgeRequest.from_environment(os.environ))
