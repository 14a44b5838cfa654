"""Errors of evaluations. None of them is ever turned into a number."""

from collections.abc import Mapping
from dataclasses import field

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class EvaluationError(AutoSelectionError):
    """An evaluation did not yield a score.

    Attributes:
        is_retryable: Whether the same evaluation may succeed when it is tried again.
    """

    is_retryable = False


class UnknownFidelityError(AutoSelectionError):
    """A trial is to be evaluated at a fidelity that its search has not."""

    fidelity: str
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        names = ", ".join(self.known) or "none"
        return (
            f"no evaluator for the fidelity {self.fidelity!r} (cheaper fidelities: {names}); give the search "
            "the evaluator that its own spec makes"
        )


class TrainingFailedError(EvaluationError):
    """A training run did not yield a model."""

    key: str
    reason: str

    sentence = "training {key} failed: {reason}; no score was recorded"


class NotFiniteLossError(TrainingFailedError):
    """The loss became NaN or infinite."""

    reason: str = field(init=False)
    step: int

    @override
    def __post_init__(self) -> None:
        self.reason = f"the loss was not finite at step {self.step}; lower the learning rate"
        super().__post_init__()


class NotFiniteWeightsError(TrainingFailedError):
    """The last step made weights that are no numbers, so every answer would be wrong."""

    reason: str = field(init=False)
    steps: int

    @override
    def __post_init__(self) -> None:
        self.reason = f"weights are not finite after step {self.steps:,}; lower the learning rate"
        super().__post_init__()


class DivergedError(TrainingFailedError):
    """The loss rose far above the base model's loss on the same sequences."""

    reason: str = field(init=False)
    step: int
    loss: float
    base_loss: float

    @override
    def __post_init__(self) -> None:
        rise = f"the loss was {self.loss:.3f} nats a token at step {self.step}"
        alike = f"where the base model has {self.base_loss:.3f} on the same sequences"
        self.reason = f"{rise}, {alike}; lower the learning rate"
        super().__post_init__()


class UntrainedError(TrainingFailedError):
    """No weight moved, so the score would be the base model's."""

    reason: str = field(init=False)
    steps: int
    learning_rate: float

    @override
    def __post_init__(self) -> None:
        tried = f"{self.steps:,} optimiser steps at a learning rate of {self.learning_rate:g}"
        self.reason = f"no weight changed in {tried}; raise the learning rate, or train in float32"
        super().__post_init__()


class OutOfMemoryError(TrainingFailedError):
    """Not even one sequence at a time fits into memory."""

    is_retryable = True

    reason: str = field(init=False)
    tokens: int

    @override
    def __post_init__(self) -> None:
        self.reason = f"a batch of {self.tokens:,} tokens does not fit into memory; shorten max_tokens"
        super().__post_init__()


class WorkerDiedError(TrainingFailedError):
    """A process of a training on several devices ended unexpectedly."""

    is_retryable = True

    reason: str = field(init=False)
    rank: int
    code: int

    @override
    def __post_init__(self) -> None:
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"
        self.reason = f"process {self.rank} {how}; its last words are in the training's log"
        super().__post_init__()


class NothingToTrainError(TrainingFailedError):
    """No selected sample can be trained on."""

    reason: str = field(init=False)
    selected: int
    reasons: Mapping[str, int]

    @override
    def __post_init__(self) -> None:
        said = "; ".join(f"{count:,} x {reason}" for reason, count in self.reasons.items())
        self.reason = f"none of the {self.selected:,} selected samples can be trained on: {said}"
        super().__post_init__()


class TrainedSetDiffersError(TrainingFailedError):
    """The optimiser saw other samples than were selected."""

    reason: str = field(init=False)
    missing: int
    unexpected: int

    @override
    def __post_init__(self) -> None:
        others = f"{self.unexpected:,} others were"
        self.reason = f"{self.missing:,} selected samples were not trained on and {others}; report this"
        super().__post_init__()


class ScoringFailedError(EvaluationError):
    """A trained model could not be scored on all items."""

    benchmark: str
    scored: int
    items: int
    reason: str

    sentence = "benchmark {benchmark!r}: {scored:,} of {items:,} items were scored: {reason}"


class ItemsTooLongError(EvaluationError):
    """Items of a benchmark do not fit into what the base model reads; found before a training is paid for."""

    benchmark: str
    items: int
    total: int
    longest: str
    tokens: int
    answer_tokens: int
    max_tokens: int
    max_characters: int
    left_out: int

    @override
    def __str__(self) -> str:
        answer = f", {self.answer_tokens:,} of them for its answer" if self.answer_tokens else ""
        ways = ["take a base model that reads more"]
        if self.left_out < self.total:
            left_out = f"which leaves out {self.left_out:,}"
            ways.insert(0, f"set `max_characters: {self.max_characters}`, {left_out}")
        room = self.answer_tokens - (self.tokens - self.max_tokens)
        if room >= 1:
            ways.insert(0, f"set `answer_tokens: {room}`")
        return (
            f"benchmark {self.benchmark!r}: {self.items:,} of {self.total:,} items do not fit into the "
            f"{self.max_tokens:,} tokens that the base model reads; the longest, {self.longest}, takes "
            f"{self.tokens:,}{answer}: {', or '.join(ways)}"
        )


class BaseModelChangedError(EvaluationError):
    """Another base model took the place of the one that an evaluator is named by."""

    path: str

    sentence = (
        "the base model {path!r} is another one than when this began, so nothing was recorded. Put the first "
        "one back, or begin a new search with the other one under a path of its own"
    )


class WeightsGoneError(EvaluationError):
    """An evaluation is finished, and its weights are not there to be asked for more."""

    key: str

    sentence = (
        "evaluation {key!r} has its scores and no weights: score it on the machine that trained it, or move "
        "its folder away to train it again"
    )


class NotEvaluatedError(AutoSelectionError):
    """There is no complete evaluation of that key."""

    key: str

    sentence = "there is no complete evaluation {key!r} in this home; evaluate the subset first"


class DamagedEvaluationError(AutoSelectionError):
    """A complete evaluation's files are not what was written."""

    key: str
    file: str

    sentence = "evaluation {key}: {file} was changed or lost; restore it, or delete the folder to train again"


class UnknownTrainingSettingError(AutoSelectionError):
    """A training config names a preset or a setting that does not exist."""

    kind: str
    name: str
    known: tuple[str, ...]

    @override
    def __str__(self) -> str:
        hint = did_you_mean(self.name, self.known)
        return f"training {self.kind} {self.name!r} is unknown (known: {', '.join(self.known)}).{hint}"


class WrongPoolError(AutoSelectionError):
    """A subset is of another pool version than the one at hand."""

    subset_pool: str
    pool: str

    sentence = (
        "the subset is of pool {subset_pool}, not of pool {pool}; open that pool, or realise the recipe again"
    )
