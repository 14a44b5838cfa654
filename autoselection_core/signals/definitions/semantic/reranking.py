"""Reranked relevance: the most relevant samples in the order of a ranker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Values
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.identity import fingerprint
from autoselection_core.models.base_model import resident_model
from autoselection_core.models.batching import TOKEN_BUDGET, Positions, batches_by_length, run_halving
from autoselection_core.models.folder import model_fingerprint, model_folder
from autoselection_core.models.forward import TokenStatistics, token_statistics
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, PoolSignal, Signal, renamed_from
from autoselection_core.signals.definitions.semantic.embedding import Embeddings, Relevance
from autoselection_core.signals.definitions.semantic.listwise_ranking import (
    ListwiseRanking,
    Ranker,
    rank_listwise,
)
from autoselection_core.signals.definitions.targets import targets_of

RERANKED = "reranked/"
_DOCUMENT_TOKENS, _QUERY_TOKENS = 384, 128


@dataclass(frozen=True)
class Reranked(PoolSignal):
    """Nearness to a benchmark's task, with the nearest samples put in order by a ranker.

    The `candidates` of highest embedding relevance are ranked in shuffled lists until their order settles.
    The best of them scores 2, the last a little above 1; every other sample keeps its relevance, at most 1.
    NaN where the relevance is.

    The ranker is the base model, see `LikelihoodRanker`. Another one (a cross-encoder, a larger language
    model) is a subclass with its own `ranker` and `version`.

    Attributes:
        benchmark: Whose target samples are the query.
        model: Folder or hub name of the base model.
        candidates: Number of samples that are ranked.
        asked: Most target samples that the ranker is asked about, spread evenly over all.
        batch: Samples that the ranker sees at once.
        max_trials: Shuffles at most.
        seed: Seed of the shuffles.
        dtype: Number type of the base model's weights.
        embeddings: Embeddings by which the candidates are chosen.
    """

    benchmark: Benchmark = field(compare=False)
    model: str = field(compare=False)
    candidates: int = 100
    asked: int = 16
    batch: int = 10
    max_trials: int = field(default=50, metadata=renamed_from("most_trials"))
    seed: int = 0
    dtype: str = field(default="auto", compare=False)
    embeddings: Embeddings = field(default=Embeddings(), compare=False)

    undefined = "no embedding"
    needs_targets = True

    @property
    @override
    def name(self) -> str:
        return f"{RERANKED}{self.benchmark.name}"

    def ranker(self) -> Ranker:
        """Ranker of the candidates."""
        targets = targets_of(self.benchmark)
        asked = np.unique(np.linspace(0, len(targets) - 1, self.asked).astype(np.int64))
        queries = tuple(targets[place].text(Scope.ALL) for place in asked)
        return LikelihoodRanker(self.model, queries, self.dtype)

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (Relevance(self.benchmark, embeddings=self.embeddings),)

    @override
    def reads(self) -> Mapping[str, str]:
        return {**super().reads(), "ranker": self.ranker().fingerprint}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            NoTargetsError: The benchmark has no target samples.
        """
        values: Values = np.array(given[Relevance(self.benchmark).name], np.float32)
        nearest = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[: self.candidates]
        rows = np.sort(nearest[np.isfinite(values[nearest])])
        order = rank_listwise(
            pool.texts(Scope.ALL, rows),
            self.ranker(),
            ListwiseRanking(batch=self.batch, max_trials=self.max_trials, seed=self.seed),
        )
        values[rows[order]] = 2 - np.arange(len(rows), dtype=np.float32) / max(1, len(rows))
        return {self.name: values}

    @override
    def number_type(self) -> str | None:
        ranker = self.ranker()
        return ranker.number_type if isinstance(ranker, LikelihoodRanker) else None


@dataclass(frozen=True)
class LikelihoodRanker:
    """Orders samples by how likely a language model finds the task after reading each of them.

    The score of a sample is the mean log-likelihood a token of the task's texts behind it. It looks at every
    document by itself and remembers it, so a document that comes again in another list costs nothing.

    Attributes:
        model: Folder or hub name of a causal language model.
        queries: Texts of the task's target samples.
        dtype: Number type of the weights.
    """

    model: str
    queries: tuple[str, ...]
    dtype: str = "auto"

    @property
    def fingerprint(self) -> str:
        """Hash of model and queries."""
        model = model_fingerprint(model_folder(self.model))
        return fingerprint({"ranker": type(self).__name__, "model": model, "queries": self.queries})

    @property
    def number_type(self) -> str:
        """Number type and device of the weights that it reads here."""
        return resident_model(self.model, self.dtype).number_type

    def best_first(self, documents: Sequence[str]) -> Sequence[int]:
        """See `Ranker.best_first`; of equals the earlier one first."""
        version = model_fingerprint(model_folder(self.model))
        scores = [
            _likelihood(self.model, version, self.dtype, self.queries, document) for document in documents
        ]
        return [int(place) for place in np.argsort(-np.array(scores), kind="stable")]


@lru_cache(maxsize=100_000)
def _likelihood(model: str, _version: str, dtype: str, queries: tuple[str, ...], document: str) -> float:
    """Mean log-likelihood a token of some texts, each behind a document; of those that fit into memory."""
    base = resident_model(model, dtype)
    head = base.tokenizer(f"{document}\n\n", add_special_tokens=False)["input_ids"][-_DOCUMENT_TOKENS:]
    tails = [base.tokenizer(text, add_special_tokens=False)["input_ids"][:_QUERY_TOKENS] for text in queries]
    sequences = [np.array([*head, *tail], np.int32) for tail in tails]
    wanted = [np.arange(len(sequence)) >= max(1, len(head)) for sequence in sequences]

    def work(batch: Positions) -> list[TokenStatistics]:
        return token_statistics(base.model, [sequences[at] for at in batch], [wanted[at] for at in batch])

    batches = batches_by_length([len(sequence) for sequence in sequences], TOKEN_BUDGET[base.device])
    read = [one.log_likelihood for _, found in run_halving(batches, work) for one in found or ()]
    return float(np.concatenate(read).mean(dtype=np.float64)) if read else -np.inf
