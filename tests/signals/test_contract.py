"""Every signal keeps the laws of `SignalContract`."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.base import Signal
from autoselection_core.signals.contamination.contamination import Contamination
from autoselection_core.signals.definitions.base_model.influence import Influence
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores
from autoselection_core.signals.definitions.base_model.rds import HiddenStates, RepresentationSelection
from autoselection_core.signals.definitions.base_model.sae import Mona, SaeFeatures
from autoselection_core.signals.definitions.base_model.sae_pairs import SaePairs
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import EmbeddingPairs, Embeddings, Relevance
from autoselection_core.signals.definitions.semantic.feedback import FeedbackRelevance
from autoselection_core.signals.definitions.semantic.graph import GraphImportance
from autoselection_core.signals.definitions.semantic.reranking import Reranked
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.form import Form
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.definitions.wording.tokens import TokenCounts
from autoselection_core.testing.pools import pool_of, question_and_answer
from autoselection_core.testing.signals import SAMPLES, SignalContract

QUESTION = "Why does Anna buy apples?"
SUMS = Benchmark(
    "sums",
    (Item(QUESTION, (Message(Role.USER, QUESTION),), "For the market."),),
    (question_and_answer("What is 5 + 6?", "11"), question_and_answer("What is 1 + 1?", "2")),
)


class TestSignals(SignalContract):
    @pytest.fixture(
        autouse=True,
        params=[
            WordEntropy(),
            WordEntropy(words=2),
            Form(),
            Contamination(SUMS),
            ExactGroups(),
            JaccardPairs(),
            Embeddings(),
            Relevance(SUMS),
            FeedbackRelevance(SUMS),
            EmbeddingPairs(),
            GraphImportance(),
            Clusters(sizes=(2,)),
        ],
        ids=lambda signal: signal.name,
    )
    def _signal(self, request: pytest.FixtureRequest) -> None:
        type(self).signal = request.param


@pytest.fixture(scope="session")
def of_model(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Signal]:
    """Signals that read a model, by name, with what they are measured by."""
    folder, pool = tmp_path_factory.mktemp("fitted"), pool_of(SAMPLES)
    model = str(tiny)
    sae = SaeFeatures(model, str(folder / "sae"), dtype="float32", tokens=300, expansion=1)
    warmed = str(folder / "warmed")
    influence = Influence(SUMS, model, warmed, dtype="float32", dimensions=64)
    for signal in (sae, influence):
        signal.prepare(pool, {})
    signals: tuple[Signal, ...] = (
        TokenCounts(model),
        ModelScores(model, dtype="float32"),
        sae,
        SaePairs(sae),
        Mona(SUMS, sae),
        influence,
        Reranked(SUMS, model, candidates=3, dtype="float32"),
        HiddenStates(model, dtype="float32"),
        RepresentationSelection(SUMS, model, dtype="float32"),
    )
    return {signal.name: signal for signal in signals}


OF_MODEL = (
    *("tokens", "model_scores", "sae", "sae_pairs", "mona/sums", "influence/sums", "reranked/sums"),
    *("hidden_states", "rds/sums"),
)


class TestModelSignals(SignalContract):
    @pytest.fixture(autouse=True, params=OF_MODEL)
    def _signal(self, request: pytest.FixtureRequest, of_model: Mapping[str, Signal]) -> None:
        type(self).signal = of_model[request.param]
