"""Scores that a judge has written: read strictly, since a failure is never a measurement."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from autoselection_core.benchmarks.benchmark import NAME
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.errors.judge import JudgeScoreError, JudgeWroteNothingError
from autoselection_core.score.score import BenchmarkScore, ItemScore

_FIELDS = {"benchmark", "item", "value", "output"}


def read_scores(key: str, file: Path, side: Side) -> tuple[BenchmarkScore, ...]:
    """Scores of every benchmark, in the order of their names; items in the order of theirs.

    Raises:
        JudgeWroteNothingError: There is no file, or no line in it.
        JudgeScoreError: A line is no score: no JSON, a field that is missing or unknown, no finite number, or
            an item that was scored before.
    """
    if not file.is_file():
        raise JudgeWroteNothingError(key, file.name)
    found: dict[str, dict[str, ItemScore]] = {}
    for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        if line.strip():
            benchmark, score = _score(key, number, line)
            items = found.setdefault(benchmark, {})
            if score.item in items:
                raise JudgeScoreError(key, number, f"scores item {score.item!r} a second time")
            items[score.item] = score
    if not found:
        raise JudgeWroteNothingError(key, file.name)
    return tuple(
        BenchmarkScore(name, Metric.TASK_SCORE, side, tuple(items[item] for item in sorted(items)))
        for name, items in sorted(found.items())
    )


def _is_utf8(text: str) -> bool:
    """Whether UTF-8 can spell a text: JSON can name half a surrogate pair, which it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _score(key: str, number: int, line: bytes) -> tuple[str, ItemScore]:
    try:
        said: Mapping[str, Any] = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise JudgeScoreError(key, number, "is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise JudgeScoreError(key, number, "is no JSON") from error
    if not isinstance(said, dict):
        raise JudgeScoreError(key, number, "is no JSON object")
    if unknown := sorted(said.keys() - _FIELDS):
        raise JudgeScoreError(key, number, f"has the unknown field {unknown[0]!r}")
    benchmark, item, value = said.get("benchmark"), said.get("item"), said.get("value")
    if not isinstance(benchmark, str) or not NAME.fullmatch(benchmark):
        raise JudgeScoreError(key, number, "needs `benchmark`: letters, digits, '_' and '-'")
    if not isinstance(item, str) or not item:
        raise JudgeScoreError(key, number, "needs `item`: the name of an item")
    if isinstance(value, bool):
        value = float(value)
    if not isinstance(value, int | float) or not isfinite(value):
        raise JudgeScoreError(key, number, f"has the value {value!r}, which is no finite number")
    output = said.get("output")
    if not _is_utf8(f"{item}{output}"):
        raise JudgeScoreError(key, number, "holds half a surrogate pair, which UTF-8 cannot spell")
    return benchmark, ItemScore(item, float(value), output=None if output is None else str(output))
