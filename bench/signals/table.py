"""One table of all signals from the file of figures: samples a second, and memory at the peak.

python -m bench.signals.table
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.result import RESULTS

_HEAD = (
    "signal",
    "samples",
    "seconds",
    "processor seconds",
    "samples/s",
    "samples/processor second",
    "peak MB",
    "asked for, s",
    "measured at load",
    "commit",
)
_LARGE = 100


def write_table() -> Path:
    """Leave the table in `bench/results/signals.md`."""
    lines = [_line(_HEAD), _line(["---"] + ["---:"] * (len(_HEAD) - 1))]
    parts = json.loads((RESULTS / "signals.json").read_text("utf-8"))
    lines += [_line(row) for part in parts.values() for row in _rows(part)]
    path = RESULTS / "signals.md"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _rows(result: Any) -> Iterator[list[str]]:  # noqa: ANN401 any JSON
    """A row for each measured thing that has a pace, however deep it lies in the figures."""
    measured_at = [f"{result['machine']['load']:.1f}", result["commit"][:7]]
    for name, cost in _paced(result["figures"]):
        shown = [name, *(_number(cost.get(key)) for key in _KEYS), *measured_at]
        yield shown


_KEYS = ("samples", "seconds", "cpu_seconds", "samples_per_s", "samples_per_cpu_s", "peak_mb", "target_s")


def _paced(figures: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 any JSON
    if isinstance(figures, list):
        figures = {str(number): each for number, each in enumerate(figures)}
    if not isinstance(figures, dict):
        return
    if "samples_per_s" in figures:
        yield name, figures
    for key, value in figures.items():
        yield from _paced(value, f"{name}, {key.replace('_', ' ')}" if name else key.replace("_", " "))


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= _LARGE or value == int(value) else f"{value:.2f}"


def _line(cells: Any) -> str:  # noqa: ANN401 any sequence of text
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(write_table())
