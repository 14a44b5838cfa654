"""Recording of a table: each recipe is trained twice, every third once more on a quarter of the tokens.

Every training is one line of a file in the home; a killed run goes on behind the last line.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from autoselection_core.benchmarks.split import Side
from autoselection_core.errors.evaluation import TrainingFailedError
from autoselection_core.evaluation.scoring.likelihood import Scoring
from autoselection_core.evaluation.scoring.scoring import score_benchmark
from autoselection_core.evaluation.training.fine_tune import SubsetSamples, train
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import FineTuning
from autoselection_core.models.base_model import BaseModel
from autoselection_core.subset import Subset
from bench.solver.table.recipes import Drawn, next_recipe
from bench.solver.table.setting import Prepared

Line: TypeAlias = dict[str, Any]
"""One recipe with what its trainings scored."""

REPLICATES = 2
QUARTER = 0.25
SHORTENED_EVERY = 3


def record(prepared: Prepared, file: Path, count: int) -> Iterator[Line]:
    """Train recipes until the file has so many lines; each finished line is yielded."""
    done = lines_of(file)
    while len(done) < count:
        drawn = next_recipe(prepared.signals, done)
        line = _line(prepared, drawn)
        with file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(line) + "\n")
        done.append(line)
        yield line


def lines_of(file: Path) -> list[Line]:
    """The finished lines; a line that a kill cut short is left out."""
    if not file.exists():
        return []
    texts = file.read_text("utf-8").splitlines(keepends=True)
    whole = [text for text in texts if text.endswith("\n")]
    if len(whole) < len(texts):
        file.write_text("".join(whole), "utf-8")
    return [json.loads(text) for text in whole]


def _line(prepared: Prepared, drawn: Drawn) -> Line:
    started, runs = time.monotonic(), list[Line]()
    quarter = replace(prepared.setting.training, amount=prepared.setting.training.amount * QUARTER)
    sides, short, failed = (Side.DEV, Side.TEST), list[Line](), ""
    try:
        runs = [
            _run(prepared, drawn.subset, replicate, prepared.setting.training, sides)
            for replicate in range(REPLICATES)
        ]
        if drawn.number % SHORTENED_EVERY == 0:
            short = [_run(prepared, drawn.subset, 0, quarter, (Side.DEV,))]
    except TrainingFailedError as error:
        failed = type(error).__name__
    return {
        "recipe": json.loads(drawn.subset.recipe.to_json()),
        "kind": drawn.kind,
        "subset": drawn.subset.fingerprint,
        "rows": len(drawn.subset),
        "runs": runs,
        "short": short,
        "failed": failed,
        "seconds": round(time.monotonic() - started, 1),
    }


def _run(
    prepared: Prepared, subset: Subset, replicate: int, training: FineTuning, sides: tuple[Side, ...]
) -> Line:
    base = BaseModel.load(prepared.base, dtype=training.loaded_dtype)
    with TemporaryDirectory() as folder:
        trainee = Trainee(f"{subset.fingerprint}-{replicate}", Path(folder), replicate)
        trained = train(lambda: base, SubsetSamples(prepared.pool, subset), training, trainee)
    model = replace(base, model=trained.model)
    scores = {
        side.value: {
            benchmark.name: _items(model, benchmark, side) for benchmark in prepared.workspace.benchmarks
        }
        for side in sides
    }
    return {
        "replicate": replicate,
        "tokens": trained.tokens,
        "distinct": len(trained.samples),
        "skipped": len(trained.skipped),
        **scores,
    }


def _items(model: BaseModel, benchmark: Any, side: Side) -> list[float]:  # noqa: ANN401
    score, _ = score_benchmark(model, benchmark, side, Scoring())
    return [round(float(item.value), 3) for item in score.items]


def utility(run: Line, side: str = "dev") -> float:
    """Mean over benchmarks of the mean over items."""
    return float(np.mean([np.mean(values) for values in run[side].values()]))
