"""Training plan: sequences in order, cut into steps and packs, and the learning rate of each step."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from math import ceil, cos, floor, pi

import numpy as np

from autoselection_core.arrays import Mask
from autoselection_core.evaluation.training.settings import Decay, FineTuning, Schedule, Unit
from autoselection_core.models.chat.spans import Encoded, Tokens


def rate_factor(step: int, steps: int, training: FineTuning) -> float:
    """Share of the peak learning rate at a step.

    Args:
        step: Number of the step, from 1.
        steps: Steps of the training.
        training: `warmup_share` and `decay`.

    Example:
        >>> [rate_factor(step, 4, FineTuning(warmup_share=0.5, decay=Decay.LINEAR)) for step in (1, 2, 3, 4)]
        [0.5, 1.0, 1.0, 0.5]
    """
    warmup = ceil(round(training.warmup_share * steps, 9))
    if step <= warmup:
        return step / warmup
    passed = (step - 1 - warmup) / max(1, steps - warmup)
    match training.decay:
        case Decay.COSINE:
            return (1 + cos(pi * passed)) / 2
        case Decay.LINEAR:
            return 1 - passed
        case Decay.CONSTANT:
            return 1.0


Pack = tuple["TrainingSequence", ...]
"""Sequences of one forward pass, side by side without padding."""

NO_ANSWER = "no token of an answer is within `max_tokens`"
"""Reason of a sample that cannot be trained on because its prompt fills the length limit."""

NO_ROOM = "the budget of the training (`amount`) is spent before its answer begins"
"""Reason of a sample that is not trained on because its prompt is longer than what is left."""

PROMPT_CUT = "the beginning of the last prompt left out, so that all trainings read equally many tokens"
"""Change of a sample whose prompt is longer than what is left of the training's tokens."""

Read = Callable[[str], Encoded | str]
"""Gives a sample's tokens, or the reason why it cannot be trained on."""


@dataclass(frozen=True, eq=False)
class TrainingSequence:
    """One conversation as the optimiser reads it once.

    Attributes:
        sample: Id of the sample.
        input_ids: The tokens.
        taught: Which of them the loss is over. Shape (t,).
    """

    sample: str
    input_ids: Tokens
    taught: Mask

    def __len__(self) -> int:
        return len(self.input_ids)

    def part(self, start: int, stop: int) -> "TrainingSequence":
        """Its tokens of a range; the first of them is not taught, because nothing predicts it."""
        taught = self.taught[start:stop].copy()
        taught[:1] = False
        return TrainingSequence(self.sample, self.input_ids[start:stop], taught)

    def last_part(self, tokens: int) -> "TrainingSequence":
        """The end of its first prompt with the beginning of the answer, which has half of them at most."""
        first = int(np.argmax(self.taught))
        answer = first + int(np.argmin(np.append(self.taught[first:], np.False_)))
        stop = min(answer, first + max(1, tokens // 2))
        return self.part(stop - tokens, stop)


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """Everything that the optimiser reads.

    Attributes:
        steps: The sequences of each optimiser step, in order.
        skipped: Samples that cannot be trained on, with the reason.
        changed: What was changed about samples so that the chat template takes them, or their length fits.
    """

    steps: tuple[tuple[TrainingSequence, ...], ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Tokens of all sequences, prompts among them."""
        return sum(len(sequence) for step in self.steps for sequence in step)

    @property
    def taught_tokens(self) -> int:
        """Tokens that the loss is over."""
        return sum(int(sequence.taught.sum()) for step in self.steps for sequence in step)

    @property
    def reasons(self) -> dict[str, int]:
        """Number of skipped samples by reason, the most frequent first."""
        return dict(Counter(self.skipped.values()).most_common())

    @property
    def account(self) -> str:
        """Numbers of samples that were left out or changed by reason, as a sentence; empty where none was."""
        lines = [
            f"{said} {count:,} {'sample' if count == 1 else 'samples'} ({reason})"
            for said, counts in (("trains without", self.reasons), ("changed", self.changes))
            for reason, count in counts.items()
        ]
        return "; ".join(lines)

    @property
    def changes(self) -> dict[str, int]:
        """Number of changed samples by kind of change, the most frequent first."""
        return dict(Counter(chain.from_iterable(self.changed.values())).most_common())

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max((len(sequence) for step in self.steps for sequence in step), default=0)

    def packs_per_step(self, pack_tokens: int, devices: int = 1) -> int:
        """Forward passes of a device for a step; the same number in every step."""
        max_tokens = max((sum(map(len, step)) for step in self.steps), default=0)
        return max(1, ceil(max_tokens / (pack_tokens * devices)))

    def packs(self, pack_tokens: int, devices: int = 1) -> list[Pack]:
        """The steps one after another, each cut into the same number of packs of like size.

        A step with fewer sequences than packs ends in empty ones.
        """
        count = self.packs_per_step(pack_tokens, devices) * devices
        return [pack for step in self.steps for pack in _spread(step, count)]


@dataclass(eq=False)
class _Account:
    """Samples that were put aside or changed while they were read."""

    skipped: dict[str, str] = field(default_factory=dict)
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)


def make_plan(samples: Sequence[str], read: Read, training: FineTuning, replicate: int) -> TrainingPlan:
    """Plan of a training.

    Under a schedule of tokens the samples are read in order, over and over, until the budget is full; the
    last sequence is cut so that every subset trains on equally many tokens. Where the cut would leave nothing
    to learn, version 2 cuts the beginning of its prompt instead, unless a single token is left, which cannot
    teach anything; version 1 leaves the sequence out, so that a training may be a prompt short of its budget.
    Samples are tokenised when their turn comes, so a small budget reads few of a large subset.

    Tokens are those of the forward passes, prompts among them: a training costs as much as they are, and a
    step is measured in them. How many of them are taught is a property of the subset.

    Args:
        samples: Ids of the selected samples.
        read: Gives a sample's tokens.
        training: What `amount` and `batch` are.
        replicate: Number of the repetition; decides the order.
    """
    account = _Account()
    sequences = _endless(samples, read, replicate, account)
    if training.schedule is Schedule.TOKENS:
        chosen = _within(sequences, training, account)
        return TrainingPlan(_cut(chosen, training), account.skipped, account.changed)
    if training.schedule is Schedule.STEPS:
        chosen = _first_steps(sequences, training, account)
        return TrainingPlan(_cut(chosen, training), account.skipped, account.changed)
    per_epoch = list(_epoch(samples, read, replicate, 0, account))
    later = _endless(samples, read, replicate, account, first=1)
    wanted = round(training.amount * len(per_epoch))
    return TrainingPlan(
        _cut(_first(chain(per_epoch, later), wanted), training), account.skipped, account.changed
    )


def order(samples: Sequence[str], replicate: int, epoch: int = 0) -> list[str]:
    """Sample ids in the order of the hash of (id, replicate, epoch): no other sample moves them."""

    def draw(sample: str) -> bytes:
        return hashlib.sha256(f"{sample}/{replicate}/{epoch}".encode()).digest()

    return sorted(samples, key=draw)


def _endless(
    samples: Sequence[str], read: Read, replicate: int, account: "_Account", *, first: int = 0
) -> Iterator[TrainingSequence]:
    epoch = first
    while len(account.skipped) < len(samples):
        yield from _epoch(samples, read, replicate, epoch, account)
        epoch += 1


def _epoch(
    samples: Sequence[str], read: Read, replicate: int, epoch: int, account: "_Account"
) -> Iterator[TrainingSequence]:
    for sample in order(samples, replicate, epoch):
        if sample in account.skipped:
            continue
        encoded = read(sample)
        if isinstance(encoded, str):
            account.skipped[sample] = encoded
        elif not encoded.taught_mask.any():
            account.skipped[sample] = NO_ANSWER
        else:
            if encoded.changes:
                account.changed[sample] = encoded.changes
            yield TrainingSequence(sample, encoded.input_ids, encoded.taught_mask)


def _budget(training: FineTuning) -> int:
    """Tokens of a training whose length is in tokens."""
    is_stated = training.schedule is Schedule.TOKENS
    return floor(training.amount) if is_stated else round(training.amount) * training.batch


def _within(
    sequences: Iterator[TrainingSequence], training: FineTuning, account: "_Account"
) -> list[TrainingSequence]:
    chosen: list[TrainingSequence] = []
    left = _budget(training)
    for sequence in sequences:
        cut = sequence.part(0, left)
        if not cut.taught.any() and training.fills_exactly and left > 1:
            cut = sequence.last_part(left)
            account.changed[sequence.sample] = (*account.changed.get(sequence.sample, ()), PROMPT_CUT)
        if cut.taught.any():
            chosen.append(cut)
        left -= len(cut)
        if left <= 0:
            break
    return chosen


def _first(sequences: Iterator[TrainingSequence], count: int) -> list[TrainingSequence]:
    return [sequence for _, sequence in zip(range(count), sequences, strict=False)]


def _first_steps(
    sequences: Iterator[TrainingSequence], training: FineTuning, account: "_Account"
) -> list[TrainingSequence]:
    if training.batch_unit is Unit.SEQUENCES:
        return _first(sequences, round(training.amount) * training.batch)
    return _within(sequences, training, account)


def _cut(sequences: list[TrainingSequence], training: FineTuning) -> tuple[tuple[TrainingSequence, ...], ...]:
    """Steps of equally many sequences, or of about equally many tokens.

    A sequence belongs to the step that its middle token falls into.
    """
    steps: dict[int, list[TrainingSequence]] = {}
    for at, sequence in zip(_places(sequences, training), sequences, strict=True):
        steps.setdefault(at, []).append(sequence)
    return tuple(tuple(step) for _, step in sorted(steps.items()))


def _places(sequences: list[TrainingSequence], training: FineTuning) -> list[int]:
    """Step of each sequence.

    Where a length in tokens is filled and no sequence is longer than a step, sequences move on as far as is
    needed for no step to be empty, so that every subset takes equally many: the length divided by `batch`,
    rounded up. A last step of one token is none, because a training may be one token short.
    """
    count, batch = len(sequences), training.batch
    if training.batch_unit is Unit.SEQUENCES:
        return [number // batch for number in range(count)]
    lengths = [len(sequence) for sequence in sequences]
    ends = accumulate(lengths)
    places = [(end - length + length // 2) // batch for end, length in zip(ends, lengths, strict=True)]
    if not training.fills_exactly or max(lengths, default=0) > batch:
        return places
    steps = ceil((_budget(training) - 1) / batch)
    return [min(steps - 1, max(at, steps - count + number)) for number, at in enumerate(places)]


def _spread(step: tuple[TrainingSequence, ...], count: int) -> list[Pack]:
    """Longest first, each into the pack that holds least."""
    packs: list[list[TrainingSequence]] = [[] for _ in range(count)]
    sizes = [0] * count
    for sequence in sorted(step, key=len, reverse=True):
        lightest = sizes.index(min(sizes))
        packs[lightest].append(sequence)
        sizes[lightest] += len(sequence)
    return [tuple(pack) for pack in packs]
