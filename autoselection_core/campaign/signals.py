"""The signals that a campaign can name, and how each is made from what the campaign has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TypeAlias

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.identity import Json
from autoselection_core.pool.sample import Scope
from autoselection_core.signals.base import Signal
from autoselection_core.signals.duplicates import ExactGroups, MinHashPairs
from autoselection_core.signals.embedding import EmbeddingPairs, Embeddings, Relevance
from autoselection_core.signals.model_scores import ModelScores
from autoselection_core.signals.text import WordEntropy
from autoselection_core.signals.tokens import TokenCounts

Settings: TypeAlias = Mapping[str, Json]

_GIVEN = ("model", "benchmark")
"""Fields that the campaign fills in."""


@dataclass(frozen=True)
class Nameable:
    """A signal that campaigns can name.

    Attributes:
        definition: The class.
    """

    definition: type[Signal]

    @property
    def settings(self) -> tuple[str, ...]:
        """What a campaign may set."""
        return tuple(field.name for field in fields(self.definition) if field.name not in _GIVEN)  # type: ignore[arg-type] # every subclass is a dataclass

    @property
    def reads_model(self) -> bool:
        """Whether it needs the base model."""
        return any(field.name == "model" for field in fields(self.definition))  # type: ignore[arg-type] # every subclass is a dataclass

    @property
    def reads_benchmark(self) -> bool:
        """Whether there is one for each benchmark."""
        return any(field.name == "benchmark" for field in fields(self.definition))  # type: ignore[arg-type] # every subclass is a dataclass


SIGNALS: Mapping[str, Nameable] = {
    "tokens": Nameable(TokenCounts),
    "word_entropy": Nameable(WordEntropy),
    "model_scores": Nameable(ModelScores),
    "embedding": Nameable(Embeddings),
    "relevance": Nameable(Relevance),
    "exact": Nameable(ExactGroups),
    "minhash": Nameable(MinHashPairs),
    "embedding_pairs": Nameable(EmbeddingPairs),
}
"""Every signal by the name that campaigns use; `relevance` stands for one signal a benchmark."""


def make_signals(
    chosen: Mapping[str, Settings],
    base_model: str | None,
    benchmarks: Callable[[], tuple[Benchmark, ...]],
) -> dict[str, Signal]:
    """The signals of a campaign by their own names, for instance `relevance/gsm8k`.

    Args:
        chosen: Settings by the name that the campaign uses.
        base_model: Folder or hub name.
        benchmarks: Reads the benchmarks; called only when a signal needs them.
    """
    made: list[Signal] = []
    for name, settings in chosen.items():
        nameable = SIGNALS[name]
        typed = {key: Scope(str(value)) if key == "scope" else value for key, value in settings.items()}
        model = {"model": base_model} if nameable.reads_model else {}
        given = [{"benchmark": each} for each in benchmarks()] if nameable.reads_benchmark else [model]
        made += [nameable.definition(**typed, **each) for each in given]
    return {signal.name: signal for signal in made}
