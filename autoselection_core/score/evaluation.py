"""Evaluation of a subset: one training run with its scores and costs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoselection_core.score.score import BenchmarkScore


@dataclass(frozen=True)
class Cost:
    """Cost of an evaluation: time, tokens, memory and energy.

    Attributes:
        seconds: Wall seconds of training and scoring on the device.
        training_tokens: Tokens of the sequences that the optimiser's steps read.
        scoring_tokens: Tokens that the scoring passes read.
        peak_bytes: Largest resident memory of the process, or device memory where there is one.
        energy_j: Energy of processors and accelerators by the machine's own counters, other programs
            included; None where they cannot be read.
    """

    seconds: float
    training_tokens: int
    scoring_tokens: int
    peak_bytes: int
    energy_j: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """One training run and its dev scores.

    Attributes:
        key: Names subset, model, training config, benchmarks and replicate; also the folder's name.
        subset: Hash of the selected sample ids.
        replicate: Number of the repetition; the seed of the training.
        utility: The utility that the search maximises. Higher is better.
        standard_error: Of the utility over dev items; None where a benchmark has a single item.
        scores: Dev score of each benchmark, in the order of the campaign.
        cost: Its cost.
        seeds: Every seed that was set, by what it seeds.
        selected_count: Samples in the subset.
        trained_count: Distinct samples that the optimiser saw; fewer than selected where a token or step
            budget ended the training first.
        trained_hash: Hash of the sorted ids of the samples that the optimiser saw.
        skipped: Sample ids that could not be trained on, with the reason.
        changes: Number of samples changed so that the chat template takes them, or so that the training is as
            long as all, by kind of change.
    """

    key: str
    subset: str
    replicate: int
    utility: float
    standard_error: float | None
    scores: tuple[BenchmarkScore, ...]
    cost: Cost
    seeds: Mapping[str, int] = field(hash=False)
    selected_count: int
    trained_count: int
    trained_hash: str
    skipped: Mapping[str, str] = field(default_factory=dict, hash=False)
    changes: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def skip_reasons(self) -> Mapping[str, int]:
        """Number of samples that could not be trained on, by reason, the most frequent first."""
        return dict(Counter(self.skipped.values()).most_common())


@dataclass(frozen=True)
class UntrainedScores:
    """Scores of the untrained base model, which no training is paid for.

    Attributes:
        dev: Dev scores and their cost, as an evaluation of no sample.
        test: Test score of each benchmark.
    """

    dev: Evaluation
    test: tuple[BenchmarkScore, ...]
