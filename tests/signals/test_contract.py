"""Every signal keeps the laws of `SignalContract`."""

from pathlib import Path

import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.base import Signal
from autoselection_core.signals.clusters import Clusters
from autoselection_core.signals.contamination import Contamination
from autoselection_core.signals.duplicates import ExactGroups, MinHashPairs
from autoselection_core.signals.embedding import EmbeddingPairs, Embeddings, Relevance
from autoselection_core.signals.feedback import FeedbackRelevance
from autoselection_core.signals.form import Form
from autoselection_core.signals.model_scores import ModelScores
from autoselection_core.signals.text import WordEntropy
from autoselection_core.signals.tokens import TokenCounts
from autoselection_core.testing.pools import question_and_answer
from autoselection_core.testing.signals import SignalContract

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
            MinHashPairs(),
            Embeddings(),
            Relevance(SUMS),
            FeedbackRelevance(SUMS),
            EmbeddingPairs(),
            Clusters(sizes=(2,)),
        ],
        ids=lambda signal: signal.name,
    )
    def _signal(self, request: pytest.FixtureRequest) -> None:
        type(self).signal = request.param


class TestModelSignals(SignalContract):
    @pytest.fixture(autouse=True, params=[TokenCounts, ModelScores], ids=lambda kind: kind.__name__)
    def _signal(self, request: pytest.FixtureRequest, tiny: Path) -> None:
        settings = {"dtype": "float32"} if request.param is ModelScores else {}
        signal: Signal = request.param(str(tiny), **settings)
        type(self).signal = signal
