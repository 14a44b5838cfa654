"""The real 90,000-record pool: its own texts, sources, word entropies and duplicates."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autoselection_core.pool import Pool, Scope, Source, ingest
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from bench.engine.pools import activations, model_columns, neighbours, vectors
from bench.result import REAL_DATA

SIGNALS = (WordEntropy(), ExactGroups(), JaccardPairs())


@dataclass(frozen=True)
class RealPool:
    """The pool on disk with the signals that need no model.

    Attributes:
        home: Where both are kept between runs.
        version: Version of the pool.
        versions: Versions of the signals by name.
    """

    home: Home
    version: str
    versions: dict[str, str]

    def open(self) -> tuple[Pool, SignalTable]:
        """The pool and its signals, mapped into memory."""
        pool = Pool.open(self.home.pool(self.version))
        return pool, SignalStore(self.home).table(pool, self.versions)

    def with_model_signals(self) -> SignalTable:
        """The real signals, and made-up ones for all that needs a model. Lengths are the real words."""
        pool, table = self.open()
        rng = np.random.default_rng(0)
        words = np.array([len(text.split()) for text in pool.texts(Scope.ALL)], np.float32)
        return replace(
            table,
            columns={**table.columns, **model_columns(np.maximum(words, 1), rng), "tokens": words},
            sparse={"sae": activations(len(pool), rng)},
            vectors={"embedding": vectors(len(pool), rng)},
            pairs={**table.pairs, "sae": neighbours(len(pool), rng)},
        )


def prepared(folder: Path) -> RealPool:
    """Ingest and score what is not there yet."""
    home = Home(folder)
    pool = ingest([Source(str(REAL_DATA / "pool_90k.parquet"))], home).pool
    store = SignalStore(home)
    return RealPool(
        home, pool.version, {signal.name: store.score(signal, pool).version for signal in SIGNALS}
    )
