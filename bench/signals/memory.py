"""Peak memory of scoring: text signals on all samples, the model's pass on a growing number of them."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.identity import Json
from autoselection_core.models.base_model import resident_model
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.base import Signal
from autoselection_core.signals.contamination.contamination import Contamination
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.form import Form
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from bench.result import measure, resident_mb
from bench.signals.model import some
from bench.signals.text import real_benchmark

_GROWING = (64, 128, 256)
_MAX_TOKENS = 128
"""Short, so that many samples are read; a batch is as full as with long ones."""


def memory_figures(pool: Pool, model: Path | None) -> dict[str, Json]:
    """Megabytes at the peak, and beyond what was held before: interpreter, packages, the model."""
    text = [WordEntropy(), Form(), ExactGroups(), JaccardPairs(), Contamination(real_benchmark("mmlu"))]
    found: dict[str, Json] = {"text_signals_through_the_store": _stored_value(text, pool)}
    if model is not None:
        found["model_scores_through_the_store"] = _growing(pool, model)
    return {"target_mb_beyond_the_model": 4_000, **found}


def _stored_value(signals: Sequence[Signal], pool: Pool) -> dict[str, Json]:
    """From a pool on disk to columns on disk, one signal after the other in one process."""
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        pool.write(home.pool(pool.version))
        store, found = SignalStore(home), Pool.open(home.pool(pool.version))
        return {signal.name: _peak(store, signal, found) for signal in signals}


def _growing(pool: Pool, model: Path) -> list[Json]:
    """The same signal over more and more samples, each time from the start; the model is there before."""
    resident_model(str(model), "auto")
    return [_scored(some(pool, samples), model) for samples in _GROWING]


def _scored(pool: Pool, model: Path) -> dict[str, Json]:
    with TemporaryDirectory() as folder:
        signal = ModelScores(str(model), max_tokens=_MAX_TOKENS)
        return {"max_tokens": _MAX_TOKENS, **_peak(SignalStore(Home(Path(folder))), signal, pool)}


def _peak(store: SignalStore, signal: Signal, pool: Pool) -> dict[str, Json]:
    before = resident_mb()
    done = measure(lambda: store.score(signal, pool))
    peak = round(done.peak_bytes / 1e6)
    return {**done.pace(len(pool)), "held_before_mb": before, "beyond_mb": peak - before}
