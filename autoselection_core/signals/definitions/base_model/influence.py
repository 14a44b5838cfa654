"""Gradient-based influence of samples on a benchmark's task (LESS)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Values
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.errors.models import UnreadableAdapterError
from autoselection_core.identity import fingerprint
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.batching import Positions, run_halving
from autoselection_core.models.chat.spans import Encoded, encode_each
from autoselection_core.models.folder import model_fingerprint, model_folder
from autoselection_core.models.forward import MAX_TOKENS
from autoselection_core.models.gradients import (
    MAX_DENSE,
    AdaptedModel,
    AdapterCheckpoint,
    WarmUp,
    adam_direction,
    checkpoints_fingerprint,
    default_dimensions,
    load_checkpoints,
    project,
    require_adapter,
    save_checkpoints,
    warm_up_adapter,
)
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample
from autoselection_core.progress import Progress
from autoselection_core.signals.base import NAMES_A_FILE, REASON, Computed, Given, Signal
from autoselection_core.signals.definitions.targets import targets_of
from autoselection_core.store.atomic import atomic_folder

if TYPE_CHECKING:
    import torch

INFLUENCE = "influence/"
_AT_ONCE = 32
"""Gradients that are held and projected together."""


@dataclass(frozen=True)
class Influence(Signal):
    """Influence of a training step on a sample on a benchmark's target samples (LESS, Xia et al. 2024).

    Sum over checkpoints of the mean learning rate times the cosine of the sample's Adam step and a target's
    gradient, both randomly projected; the mean over the targets of a subtask, then the maximum over
    subtasks. NaN where no answer token is left, the template refuses the sample, or memory does not suffice.
    Costs a backward pass a sample and checkpoint: dear without an accelerator.

    Attributes:
        benchmark: Whose target samples are read.
        model: Folder or hub name of the base model.
        warmed: Folder of the warmed-up adapter. Where there is none, one is made from the pool and stays.
        dimensions: Of the random projection: dense signs up to 512, a subsampled Hadamard transform above.
            None: those that the adapter's folder notes, 8,192 where it is made now, 512 where an earlier
            release made it.
        max_tokens: Longer conversations are cut.
        samples: Samples that the adapter is warmed up on where there is none; at most 5 % of the pool, but
            at least one batch.
        dtype: Number type of the base model's weights.
    """

    benchmark: Benchmark = field(compare=False)
    model: str = field(compare=False)
    warmed: str = field(compare=False, metadata=NAMES_A_FILE)
    dimensions: int | None = None
    max_tokens: int = MAX_TOKENS
    samples: int = field(default=1_000, compare=False)
    dtype: str = field(default="auto", compare=False)

    chunk_rows = 128
    needs_targets = True
    reasons = ("", "no answer within the token limit, or the chat template refuses it", "out of memory")

    @property
    @override
    def name(self) -> str:
        return f"{INFLUENCE}{self.benchmark.name}"

    @property
    @override
    def code_version(self) -> str:
        """See `Signal.code_version`; the projections above `MAX_DENSE` dimensions were dense ones before."""
        version = super(Influence, replace(self, dimensions=self.projected)).code_version
        is_dense = self.projected <= MAX_DENSE
        return version if is_dense else fingerprint({"code": version, "projection": "hadamard"})

    @property
    def projected(self) -> int:
        """Dimensions of the random projection."""
        return default_dimensions(Path(self.warmed)) if self.dimensions is None else self.dimensions

    @override
    def prepare(self, pool: Pool, given: Given, progress: Progress | None = None) -> None:
        if Path(self.warmed).exists():
            require_adapter(Path(self.warmed))
            return
        warm_up = WarmUp()
        count = min(len(pool), max(warm_up.batch, min(self.samples, len(pool) // 20)))
        base = BaseModel.load(self.model, dtype=self.dtype)
        chosen = _answered(base, list(pool.samples(np.arange(count))), self.max_tokens)
        checkpoints = warm_up_adapter(
            AdaptedModel(base.model, warm_up.rank, warm_up.seed), list(chosen.values()), warm_up
        )
        with atomic_folder(Path(self.warmed)) as unfinished:
            save_checkpoints(unfinished, checkpoints, warm_up)

    @override
    def reads(self) -> Mapping[str, str]:
        """See `Signal.reads`; subtasks count, because the maximum is over them."""
        grouped = sorted((target.id, group) for target, group in _group(self.benchmark))
        return {
            "model": model_fingerprint(model_folder(self.model)),
            "warmed": checkpoints_fingerprint(Path(self.warmed)),
            "targets": fingerprint([list(each) for each in grouped]),
        }

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            NoTargetsError: The benchmark has no target samples.
            UnreadableAdapterError: `warmed` holds no adapter, or one of another base model.
        """
        contents = _contents(self.model, self.warmed)
        base, adapted, checkpoints = _load(self.model, self.warmed, self.dtype, contents)
        samples = _answered(base, list(pool.samples()), self.max_tokens)
        targets = _answered(base, [target for target, _ in _group(self.benchmark)], self.max_tokens)
        groups = [_group(self.benchmark)[place][1] for place in targets]
        scores = np.zeros((len(samples), len(targets)))
        for number, checkpoint in enumerate(checkpoints):
            adapted.load(checkpoint.weights)
            towards = directions(adapted, list(targets.values()), self.projected)
            steps = steps_within_memory(adapted, list(samples.values()), checkpoint, self.projected)
            scores += checkpoint.learning_rate * (steps @ towards.T)
            if progress is not None:
                progress(self.name, len(pool) * (number + 1) // len(checkpoints), len(pool))
        values = np.full(len(pool), np.nan, np.float32)
        values[list(samples)] = best_subtask(scores, groups)
        return {self.name: values, REASON: _reasons(values, list(samples))}

    @override
    def number_type(self) -> str:
        contents = _contents(self.model, self.warmed)
        return _load(self.model, self.warmed, self.dtype, contents)[0].number_type


Features = npt.NDArray[np.float32]
"""Projected gradients of length 1. Shape (n, dimensions)."""


def directions(adapted: AdaptedModel, encoded: Sequence[Encoded], dimensions: int) -> Features:
    """Directions in which the loss of each target falls.

    One that does not fit into memory ends the scoring: without it every sample would have another score.
    """
    import torch

    parts = [np.zeros((0, dimensions), np.float32)]
    for start in range(0, len(encoded), _AT_ONCE):
        block = [_gradient(adapted, one) for one in encoded[start : start + _AT_ONCE]]
        parts.append(project(torch.stack(block), dimensions).numpy())
    return np.concatenate(parts)


def steps_within_memory(
    adapted: AdaptedModel, encoded: Sequence[Encoded], checkpoint: AdapterCheckpoint, dimensions: int
) -> Features:
    """Adam's step of each sample; NaN for one that does not fit into memory."""
    import torch

    def step(place: Positions) -> "torch.Tensor":
        return adam_direction(_gradient(adapted, encoded[place[0]]), checkpoint)

    found = np.full((len(encoded), dimensions), np.nan, np.float32)
    one_by_one = np.arange(len(encoded))[:, None]
    for start in range(0, len(encoded), _AT_ONCE):
        done = [
            (int(place[0]), moved)
            for place, moved in run_halving(list(one_by_one[start : start + _AT_ONCE]), step)
            if moved is not None
        ]
        if done:
            steps = torch.stack([moved for _, moved in done])
            found[[place for place, _ in done]] = project(steps, dimensions).numpy()
    return found


def _reasons(values: Values, answered: Sequence[int]) -> npt.NDArray[np.int8]:
    """1 where there is nothing to learn from, 2 where there is and no score. Shape (n,)."""
    reasons = np.ones(len(values), np.int8)
    reasons[answered] = np.where(np.isnan(values[answered]), 2, 0)
    return reasons


def best_subtask(scores: npt.NDArray[np.float64], groups: Sequence[str]) -> npt.NDArray[np.float64]:
    """The largest mean over the targets of one subtask. Shape (n, targets) to (n,).

    Example:
        >>> best_subtask(np.array([[1.0, 3.0, 2.5]]), ["a", "a", "b"])
        array([2.5])
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    member = np.zeros((len(groups), len(names)))
    member[np.arange(len(groups)), group] = 1 / np.bincount(group)[group]
    best: npt.NDArray[np.float64] = (scores @ member).max(axis=1)
    return best


def _gradient(adapted: AdaptedModel, one: Encoded) -> "torch.Tensor":
    return adapted.gradient(one.input_ids, one.response_mask)


def _group(benchmark: Benchmark) -> list[tuple[Sample, str]]:
    """The target samples, each with its subtask."""
    targets = targets_of(benchmark)
    return list(zip(targets, benchmark.target_groups or ("",) * len(targets), strict=True))


def _answered(base: BaseModel, samples: Sequence[Sample], max_tokens: int) -> dict[int, Encoded]:
    """The samples with an answer to learn from, by their place."""
    encoded = enumerate(encode_each(samples, base.tokenizer, max_tokens))
    return {place: one for place, one in encoded if isinstance(one, Encoded) and one.response_mask.any()}


def _contents(model: str, warmed: str) -> tuple[str, str]:
    """Contents of a model and of its warmed-up adapter, by which they are kept in memory."""
    return model_fingerprint(model_folder(model)), checkpoints_fingerprint(Path(warmed))


@lru_cache(maxsize=1)
def _load(
    model: str, warmed: str, dtype: str, _of: tuple[str, str]
) -> tuple[BaseModel, AdaptedModel, list[AdapterCheckpoint]]:
    checkpoints, rank = load_checkpoints(Path(warmed))
    base = BaseModel.load(model, dtype=dtype)
    moved = [one.to(base.device) for one in checkpoints]
    adapted = AdaptedModel(base.model, rank, seed=0)
    try:
        adapted.load(moved[0].weights)
    except ValueError as error:
        raise UnreadableAdapterError(warmed, str(error)) from error
    return base, adapted, moved
