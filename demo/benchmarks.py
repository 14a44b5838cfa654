"""Write the demo's benchmarks in the project's own format: a folder with settings, items and targets."""

import json
from collections.abc import Iterable
from pathlib import Path

from demo.exchange import Exchange
from demo.mixture import TaskData

_SETTINGS = """\
# Made by `python -m demo`. 40 % of the items steer the search; the rest is opened by the report only.
name: {name}
metric: log_likelihood
"""


def write_benchmark(data: TaskData, folder: Path) -> None:
    """Write one task's benchmark.

    Args:
        data: Items to score, and targets that relevance signals compare the pool with.
        folder: Where to; made when missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmark.yaml").write_text(_SETTINGS.format(name=data.task.name))
    (folder / "items.jsonl").write_text(_lines(data.items))
    (folder / "targets.jsonl").write_text(_lines(data.targets))


def _lines(exchanges: Iterable[Exchange]) -> str:
    return "".join(json.dumps({"question": it.prompt, "answer": it.answer}) + "\n" for it in exchanges)
