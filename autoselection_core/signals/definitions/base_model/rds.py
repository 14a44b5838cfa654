"""Representation-based data selection (RDS+): pooled hidden states of the base model, and targets in turn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows, Vectors
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.errors.signals import TargetOutOfMemoryError
from autoselection_core.models.base_model import BaseModel, resident_model
from autoselection_core.models.batching import TOKEN_BUDGET, Positions, batches_by_length, run_halving
from autoselection_core.models.chat.spans import Encoded, Tokens, encode, encode_each
from autoselection_core.models.folder import model_fingerprint, model_folder
from autoselection_core.models.forward import MAX_TOKENS, weighted_mean_states
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample
from autoselection_core.progress import Progress
from autoselection_core.signals.base import REASON, Computed, Given, PoolSignal, Signal
from autoselection_core.signals.definitions.base_model.model_scores import REFUSED
from autoselection_core.signals.definitions.targets import ComparesTargets, targets_of
from autoselection_core.signals.joins.cosine import normalise

RDS = "rds/"
HIDDEN_STATES = "hidden_states"
_HELD = 1 << 24
"""Similarities that are ranked at a time, over all targets."""

_LOOKED_AT = 256
"""Entries of a ranking that are searched at a time for the next free row."""


@dataclass(frozen=True)
class HiddenStates(Signal):
    """Position-weighted mean of the base model's last hidden states over a conversation.

    h = sum_i i h_i / sum_i i over the tokens i = 1, 2, ... of the conversation in the chat template, where
    h_i is the state that the output matrix reads at token i (SGPT, Muennighoff 2022). Float32, of the model's
    hidden size. NaN where the template refuses the sample, or where memory does not suffice.

    Attributes:
        model: Folder or hub name of the base model.
        max_tokens: Longer conversations are cut.
        dtype: Number type of the weights; the mean is float32.
    """

    model: str = field(compare=False)
    max_tokens: int = MAX_TOKENS
    dtype: str = field(default="auto", compare=False)

    chunk_rows = 256
    reasons = ("", REFUSED, "out of memory")

    @property
    @override
    def name(self) -> str:
        return HIDDEN_STATES

    @override
    def reads(self) -> Mapping[str, str]:
        return {"model": model_fingerprint(model_folder(self.model))}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        base = resident_model(self.model, self.dtype)
        encoded = list(encode_each(pool.samples(), base.tokenizer, self.max_tokens))
        read = {row: one.input_ids for row, one in enumerate(encoded) if isinstance(one, Encoded)}
        vectors = np.full((len(pool), base.hidden_size), np.nan, np.float32)
        vectors[list(read)] = pooled_states(base, list(read.values()), progress)
        reasons = np.ones(len(pool), np.int8)
        reasons[list(read)] = np.where(np.isnan(vectors[list(read)]).any(axis=1), 2, 0)
        return {HIDDEN_STATES: vectors, REASON: reasons}

    @override
    def number_type(self) -> str:
        return resident_model(self.model, self.dtype).number_type

    def of_targets(self, targets: Sequence[Sample]) -> Vectors:
        """Vectors of target samples, in the space of the pool's. Shape (targets, hidden).

        Raises:
            ChatTemplateError: The template refuses one.
        """
        base = resident_model(self.model, self.dtype)
        return pooled_states(
            base, [encode(one, base.tokenizer, self.max_tokens).input_ids for one in targets]
        )


@dataclass(frozen=True)
class RepresentationSelection(ComparesTargets, PoolSignal):
    """Place of a sample in the selection that a benchmark's target samples make in turn (RDS+).

    Ivison et al. 2025, "Large-Scale Data Selection for Instruction Tuning" (arXiv 2503.01807): samples and
    targets are compared by the cosine of their `HiddenStates`. Target after target, over and over, takes the
    sample that is most similar to it among those not yet taken. The sample that is taken as number
    p = 1, 2, ... of n has the value (n - p + 1) / n, so `keep_top` keeps what the paper selects. Targets take
    turns in the order of their ids; ties go to the lower row. The order depends on the whole pool, so a
    changed pool is ranked again, from stored states. NaN where the states are.

    Attributes:
        benchmark: Whose target samples are read.
        model: Folder or hub name of the base model.
        max_tokens: Longer conversations are cut.
        dtype: Number type of the weights.
    """

    benchmark: Benchmark = field(compare=False)
    model: str = field(compare=False)
    max_tokens: int = MAX_TOKENS
    dtype: str = field(default="auto", compare=False)

    reasons = HiddenStates.reasons

    @property
    @override
    def name(self) -> str:
        return f"{RDS}{self.benchmark.name}"

    @property
    def states(self) -> HiddenStates:
        """The vectors that are compared."""
        return HiddenStates(self.model, self.max_tokens, self.dtype)

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (self.states,)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            NoTargetsError: The benchmark has no target samples.
            ChatTemplateError: The template refuses a target: without it samples would have other places.
            TargetOutOfMemoryError: A target does not fit into memory.
        """
        targets = sorted(targets_of(self.benchmark), key=lambda target: target.id)
        wanted = self.states.of_targets(targets)
        for target in np.array(targets, object)[np.isnan(wanted).any(axis=1)]:
            raise TargetOutOfMemoryError(self.benchmark.name, target.id)
        vectors = np.asarray(given[HIDDEN_STATES])
        known = np.flatnonzero(~np.isnan(vectors).any(axis=1))
        values = np.full(len(pool), np.nan, np.float32)
        order = np.fromiter(
            round_robin_selection(normalise(vectors[known]), normalise(wanted)), np.int64, len(known)
        )
        values[known[order]] = np.arange(len(known), 0, -1) / max(1, len(known))
        return {self.name: values, REASON: given[REASON]}

    @override
    def number_type(self) -> str:
        return self.states.number_type()


def round_robin_selection(samples: Vectors, targets: Vectors, *, held: int = _HELD) -> Iterator[int]:
    """Rows in the order in which the targets, in turn, take the most similar sample that is left.

    Args:
        samples: Of length 1. Shape (n, d).
        targets: Of length 1. Shape (t, d).
        held: Maximum similarities that are ranked at a time; the order does not depend on it.
    """
    taken = np.zeros(len(samples), np.bool_)
    turn = 0
    while not taken.all():
        rankings = _rankings(samples, targets, np.flatnonzero(~taken), max(1, held // len(targets)))
        places = [0] * len(targets)
        while (row := _next(rankings[turn], places, turn, taken)) is not None:
            taken[row] = True
            yield row
            turn = (turn + 1) % len(targets)


def _rankings(samples: Vectors, targets: Vectors, rows: Rows, depth: int) -> npt.NDArray[np.int32]:
    """The rows most similar to each target, the most similar first. Shape (targets, min(depth, rows))."""
    depth, left = min(depth, len(rows)), samples[rows]
    rankings = np.empty((len(targets), depth), np.int32)
    for place, target in enumerate(targets):
        rankings[place] = rows[np.argsort(-(left @ target), kind="stable")[:depth]]
    return rankings


def _next(ranking: npt.NDArray[np.int32], places: list[int], turn: int, taken: Mask) -> int | None:
    """The first row of a ranking that is not taken, from where the search ended; None where all are."""
    while places[turn] < len(ranking):
        ahead = ranking[places[turn] : places[turn] + _LOOKED_AT]
        free = np.flatnonzero(~taken[ahead])
        places[turn] += int(free[0]) if len(free) else len(ahead)
        if len(free):
            return int(ahead[free[0]])
    return None


def pooled_states(base: BaseModel, sequences: Sequence[Tokens], progress: Progress | None = None) -> Vectors:
    """Position-weighted mean of each sequence; NaN where memory does not suffice. Shape (n, hidden)."""

    def work(batch: Positions) -> Vectors:
        return weighted_mean_states(base.model, [sequences[place] for place in batch])

    vectors, done = np.full((len(sequences), base.hidden_size), np.nan, np.float32), 0
    batches = batches_by_length([len(each) for each in sequences], TOKEN_BUDGET[base.device])
    for batch, means in run_halving(batches, work):
        if means is not None:
            vectors[batch] = means
        done += len(batch)
        if progress is not None:
            progress(HIDDEN_STATES, done, len(sequences))
    return vectors
