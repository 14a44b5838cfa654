"""The signals that cost the most for each sample: gradients, and a ranker that reads."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.signals.definitions.base_model.influence import Influence
from autoselection_core.signals.definitions.semantic.reranking import LikelihoodRanker
from bench.result import measure
from bench.signals.text import real_benchmark

_GRADIENTS, _TARGETS, _WARMED = 8, 4, 16
_DOCUMENTS, _QUERIES = 10, 16


def dear_figures(pool: Pool, model: Path) -> dict[str, Json]:
    """Gradients and a ranker on a real model, for a few samples."""
    gsm8k = real_benchmark("gsm8k")
    return {
        "influence": _gradient_figures(pool, gsm8k, model),
        "reranked": _ranker_figures(pool, gsm8k, model),
    }


def _gradient_figures(pool: Pool, benchmark: Benchmark, model: Path) -> dict[str, Json]:
    """LESS: the adapter's warm-up, then gradients of samples and targets at each checkpoint."""
    few = Benchmark(benchmark.name, benchmark.items[:1], benchmark.targets[:_TARGETS])
    with TemporaryDirectory() as folder:
        signal = Influence(few, str(model), str(Path(folder) / "warmed"), samples=_WARMED)
        warm_up = measure(lambda: signal.prepare(pool, {}))
        found = measure(lambda: signal.compute(pool.take(np.arange(_GRADIENTS)), {}))
    values = np.asarray(found.value[signal.name])
    gradients = 4 * (_GRADIENTS + _TARGETS)
    return {
        **found.pace(_GRADIENTS),
        "targets": _TARGETS,
        "finite_share": float(np.isfinite(values).mean()),
        "cpu_seconds_a_gradient": round(found.cpu_seconds / gradients, 3),
        "warm_up": {**warm_up.cost, "samples": _WARMED, "steps": 4},
    }


def _ranker_figures(pool: Pool, benchmark: Benchmark, model: Path) -> dict[str, Json]:
    """One list of documents, in order of how likely the benchmark's targets are behind each."""
    queries = tuple(target.text(Scope.ALL) for target in benchmark.targets[:_QUERIES])
    documents = pool.texts(Scope.ALL, np.arange(_DOCUMENTS))
    ranker = LikelihoodRanker(str(model), queries)
    ranker.best_first(documents[:1])  # loads the model
    found = measure(lambda: ranker.best_first(documents[1:]))
    return {
        **found.pace(_DOCUMENTS - 1),
        "queries": len(queries),
        "cpu_seconds_a_document": round(found.cpu_seconds / (_DOCUMENTS - 1), 3),
    }
