"""Sparse features of samples by an autoencoder of the base model, and nearness to a task in them (MONA)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows, Values
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.models.autoencoder.sae import SparseAutoencoder, sae_fingerprint
from autoselection_core.models.autoencoder.sae_training import SaeReport, SaeTraining
from autoselection_core.models.base_model import BaseModel, resident_model
from autoselection_core.models.batching import TOKEN_BUDGET, Positions, batches_by_length, run_halving
from autoselection_core.models.chat.spans import Encoded, encode_each
from autoselection_core.models.folder import model_fingerprint, model_folder
from autoselection_core.models.forward import MAX_TOKENS
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample
from autoselection_core.progress import Progress
from autoselection_core.signals.base import NAMES_A_FILE, REASON, Computed, Given, Signal
from autoselection_core.signals.definitions.base_model.autoencoder import pin_autoencoder
from autoselection_core.signals.definitions.targets import ComparesTargets, targets_of
from autoselection_core.signals.sparse import SparseFeatures

if TYPE_CHECKING:
    import torch

FEATURES = "sae"
MONA = "mona/"
"""Columns of relevance in the space of sparse features: `mona/gsm8k`."""

_COMPARED_AT_ONCE = 2_048
"""Rows whose entries stay in the processor's cache while all tasks look at them."""


Dense = npt.NDArray[np.float32]
"""Mean activations of samples or tasks. Shape (n, latents)."""

Reasons = npt.NDArray[np.int8]
"""Place in the signal's `reasons`, 0 where there is a value. Shape (n,)."""


@dataclass(frozen=True)
class SaeFeatures(Signal):
    """Mean activation of each latent of a sparse autoencoder over the tokens of a sample.

    Tokens are those of the messages in the chat template; what the template adds (role names, a default
    system prompt, line breaks) and the tokenizer's special tokens are read by the model and not counted.
    The `kept` largest means are stored. A sample that the template refuses, or that does not fit into memory,
    has no stored features, and a reason.

    Attributes:
        model: Folder or hub name of the base model.
        sae: Folder of the autoencoder, in the files of sparsify. Where there is none, one is trained on the
            pool and stays there.
        max_tokens: Longer conversations are cut.
        kept: Most features that are stored for a sample.
        dtype: Number type of the base model's weights.
        tokens: States that an autoencoder is trained on where there is none.
        expansion: Latents of such an autoencoder for each dimension of the hidden state.
    """

    model: str = field(compare=False)
    sae: str = field(compare=False, metadata=NAMES_A_FILE)
    max_tokens: int = MAX_TOKENS
    kept: int = 128
    dtype: str = field(default="auto", compare=False)
    tokens: int = field(default=1_000_000, compare=False)
    expansion: int = field(default=8, compare=False)

    version = 3
    chunk_rows = 512
    reasons = ("", "the chat template refuses it", "out of memory")

    @property
    @override
    def name(self) -> str:
        return FEATURES

    @override
    def reads(self) -> Mapping[str, str]:
        return {"model": model_fingerprint(model_folder(self.model)), "sae": sae_fingerprint(Path(self.sae))}

    @override
    def prepare(self, pool: Pool, given: Given, progress: Progress | None = None) -> None:
        if not Path(self.sae).is_dir():
            self.quality(pool, progress)

    def quality(self, pool: Pool, progress: Progress | None = None) -> SaeReport:
        """Quality of the autoencoder, which is trained where there is none; see `pin_autoencoder`."""
        return pin_autoencoder(
            Path(self.sae),
            resident_model(self.model, self.dtype),
            pool,
            tokens=self.tokens,
            training=SaeTraining(expansion=self.expansion),
            progress=progress,
        )

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        means, reasons = self.means(list(pool.samples()))
        return {FEATURES: largest(means, self.kept), REASON: reasons}

    @override
    def number_type(self) -> str:
        return resident_model(self.model, self.dtype).number_type

    def means(self, samples: Sequence[Sample]) -> tuple[Dense, Reasons]:
        """Mean activations of samples, and the reasons where there are none; then they are 0 throughout.

        Raises:
            SaeMismatchError: The autoencoder was made for another model.
        """
        base, sae = load_model_and_sae(self.model, self.sae, self.dtype)
        encoded = encode_each(samples, base.tokenizer, self.max_tokens)
        tokens = {row: one for row, one in enumerate(encoded) if isinstance(one, Encoded)}
        means, read = np.zeros((len(samples), sae.latents), np.float32), np.zeros(len(samples), np.bool_)
        for rows, found in _batches(base, sae, tokens):
            means[rows], read[rows] = found, True
        return means, reasons_of(list(tokens), read)


@dataclass(frozen=True)
class Mona(ComparesTargets):
    """Nearness to a benchmark's task in the space of the model's sparse features (MONA, Ma et al. 2025).

    Generalised Jaccard J = sum min(a, t) / sum max(a, t) of the sample's features a and the task's prototype
    t, the mean of the features of the target samples that have any. NaN for a sample without stored features.

    Attributes:
        benchmark: Whose target samples are read.
        features: Features that are compared.
    """

    benchmark: Benchmark = field(compare=False)
    features: SaeFeatures

    chunk_rows = 1 << 20  # cheap for each row; the targets go through the model once a chunk
    undefined = "no stored features"

    @property
    @override
    def name(self) -> str:
        return f"{MONA}{self.benchmark.name}"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (self.features,)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            NoTargetsError: The benchmark has no target samples.
        """
        means, reasons = self.features.means(targets_of(self.benchmark))
        prototype = means[reasons == 0].mean(axis=0, keepdims=True)
        return {self.name: generalised_jaccard(given[FEATURES], prototype)[0]}

    @override
    def number_type(self) -> str:
        return self.features.number_type()


def reasons_of(readable: Sequence[int] | Rows, read: Mask) -> Reasons:
    """Reasons for lacking features: 1 where the template refuses a sample, 2 for want of memory, else 0."""
    reasons = np.ones(len(read), np.int8)
    reasons[readable] = 2
    reasons[read] = 0
    return reasons


def generalised_jaccard(features: SparseFeatures, prototypes: Dense) -> npt.NDArray[np.float32]:
    """J of every row and every prototype: only a row's own entries are looked at.

    sum min = sum over the row's entries of min(a, t), and sum max = sum a + sum t - sum min.

    Returns:
        Shape (prototypes, rows); NaN for a row without entries.
    """
    tasks = np.ascontiguousarray(prototypes, np.float32)
    similarity = np.full((len(tasks), len(features)), np.nan, np.float32)
    for top in range(0, len(features), _COMPARED_AT_ONCE):
        starts = features.indptr[top : top + _COMPARED_AT_ONCE + 1]
        entries = slice(starts[0], starts[-1])
        magnitudes, numbers = features.data[entries], features.indices[entries]
        known = np.flatnonzero(np.diff(starts))
        first = starts[known] - starts[0]
        total = _sums(magnitudes, first)
        for task, prototype in enumerate(tasks):
            shared = _sums(np.minimum(magnitudes, prototype.take(numbers)), first)
            similarity[task, top + known] = shared / (total + prototype.sum(dtype=np.float64) - shared)
    return similarity


def _sums(entries: Values, first: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The sum of each run of entries, by the places of their first ones."""
    sums: npt.NDArray[np.float64] = (
        np.add.reduceat(entries, first, dtype=np.float64) if len(first) else np.zeros(0)
    )
    return sums


def _batches(
    base: BaseModel, sae: SparseAutoencoder, encoded: Mapping[int, Encoded]
) -> Iterator[tuple[npt.NDArray[np.int64], Dense]]:
    rows = np.array(list(encoded), np.int64)
    counted = {row: content_token_mask(one, base.tokenizer.all_special_ids) for row, one in encoded.items()}

    def work(batch: Positions) -> Dense:
        states, _ = sae.hook.states(base.model, [encoded[row].input_ids for row in rows[batch]])
        return mean_activations(sae, states, [counted[row] for row in rows[batch]])

    batches = batches_by_length([len(each.input_ids) for each in encoded.values()], TOKEN_BUDGET[base.device])
    for batch, means in run_halving(batches, work):
        if means is not None:
            yield rows[batch], means


def content_token_mask(encoded: Encoded, special: Sequence[int]) -> Mask:
    """Mask of the tokens that count: those of its messages that are not special. Shape (t,)."""
    counted: Mask = encoded.content_mask & ~np.isin(encoded.input_ids, np.array(special))
    return counted


def mean_activations(sae: SparseAutoencoder, states: "torch.Tensor", counted: Sequence[Mask]) -> Dense:
    """Mean activations of sequences over the tokens that count.

    Args:
        sae: The autoencoder.
        states: Hidden states of the sequences, padded on the right. Shape (n, longest, hidden).
        counted: Mask of the tokens of each sequence that count.
    """
    import torch

    is_text = np.zeros(states.shape[:2], np.bool_)
    for row, mask in enumerate(counted):
        is_text[row, : len(mask)] = mask
    with torch.inference_mode():
        real = torch.as_tensor(is_text, device=states.device)
        magnitude, number = sae.activations(states[real])
        owner = real.nonzero()[:, :1].expand_as(number)
        sums = torch.zeros(len(counted), sae.latents, device=states.device)
        sums.index_put_((owner, number), magnitude, accumulate=True)
        means: Dense = (sums / real.sum(dim=1, keepdim=True).clamp(min=1)).cpu().numpy()
    return means


def largest(means: Dense, kept: int) -> SparseFeatures:
    """The largest entries of each row, as sparse rows; of equal ones the lower feature stays."""
    order = np.argsort(-means, axis=1, kind="stable")[:, :kept]
    chosen = np.zeros(means.shape, np.bool_)
    np.put_along_axis(chosen, order, values=True, axis=1)
    chosen &= means > 0
    starts = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int64)
    return SparseFeatures(starts, np.nonzero(chosen)[1].astype(np.int32), means[chosen], means.shape[1])


def load_model_and_sae(model: str, sae: str, dtype: str) -> tuple[BaseModel, SparseAutoencoder]:
    """A base model and an autoencoder of its states, on one device; kept in memory by their content.

    Raises:
        SaeMismatchError: The autoencoder was made for another model.
    """
    versions = model_fingerprint(model_folder(model)), sae_fingerprint(Path(sae))
    return _load_model_and_sae(model, sae, dtype, versions)


@lru_cache(maxsize=1)
def _load_model_and_sae(
    model: str, sae: str, dtype: str, _versions: tuple[str, str]
) -> tuple[BaseModel, SparseAutoencoder]:
    base = resident_model(model, dtype)
    autoencoder = SparseAutoencoder.load(Path(sae))
    autoencoder.check(base.model)
    return base, autoencoder.to(base.model.device)
