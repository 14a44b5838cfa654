"""The demo's raw files, benchmarks and ground truth on disk."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from autoselection_core.identity import Json, fingerprint
from autoselection_core.pool.reading import read_record
from autoselection_core.store.atomic import made_once
from autoselection_core.store.home import Home
from demo.mixture import Mixture, TaskData, pool_samples, task_data
from demo.records import raw_files
from demo.tasks import QuestionAnswer

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


def _lines(exchanges: Iterable[QuestionAnswer]) -> str:
    return "".join(json.dumps({"question": it.prompt, "answer": it.answer}) + "\n" for it in exchanges)


SEED = 0
REPEATED, UNANSWERED = 12, 4
"""Records that say what another one says, and conversations that end in a question nobody answers."""

_TRUTH = "truth.json"


def material(home: Home, mixture: Mixture = Mixture(), seed: int = SEED) -> Path:  # noqa: B008 - it is frozen
    """The folder with `raw/`, `benchmarks/` and the ground truth; made on the first call."""
    samples = pool_samples(mixture, seed)
    content = fingerprint([asdict(sample) for sample in samples])
    origin: dict[str, Json] = {"mixture": asdict(mixture), "seed": seed, "content": content}
    return made_once(home.root / "demo", origin, partial(_fill, mixture, seed, samples))


def truth(home: Home) -> Mapping[str, str]:
    """Kind of each sample of the pool, by its id. For people and tests; nothing in a search reads it."""
    kinds: Mapping[str, str] = json.loads((home.root / "demo" / _TRUTH).read_text())
    return kinds


def _fill(mixture: Mixture, seed: int, samples: tuple[QuestionAnswer, ...], folder: Path) -> None:
    raw_files(samples, repeated=REPEATED, unanswered=UNANSWERED, seed=seed).write(folder / "raw")
    for data in task_data(mixture, seed):
        write_benchmark(data, folder / "benchmarks" / data.task.name)
    kinds = {_id(sample): sample.kind for sample in samples}
    (folder / _TRUTH).write_text(json.dumps(kinds, indent=0, sort_keys=True))


def _id(sample: QuestionAnswer) -> str:
    return read_record({"prompt": sample.prompt, "response": sample.answer}).sample.id
