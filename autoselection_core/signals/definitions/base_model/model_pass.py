"""Shared pass of the base model over conversations, for scores and sparse features."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Mask
from autoselection_core.models.autoencoder.sae import SparseAutoencoder
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.spans import Encoded, encode_each
from autoselection_core.models.forward import TokenStatistics
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import REASON, Computed, SharedPass, Signal
from autoselection_core.signals.definitions.base_model.model_scores import (
    REFUSED,
    ModelScores,
    Wanted,
    read_answers,
    score_answers,
)
from autoselection_core.signals.definitions.base_model.sae import (
    FEATURES,
    SaeFeatures,
    content_token_mask,
    largest,
    load_model_and_sae,
    mean_activations,
    reasons_of,
)


@dataclass(frozen=True)
class ModelPass(SharedPass):
    """Pass over whole conversations whose hidden states go to the autoencoder as well.

    Attributes:
        scores: Needs all layers, and a second pass over the answers alone.
        features: Needs the states after one layer, of the same model and the same tokens.
    """

    scores: ModelScores
    features: SaeFeatures

    @classmethod
    def among(cls, signals: Iterable[Signal]) -> "ModelPass | None":
        """The pass that two of the signals can share; None where they read other models or other tokens."""
        known = {type(signal): signal for signal in signals}
        scores, features = known.get(ModelScores), known.get(SaeFeatures)
        if not isinstance(scores, ModelScores) or not isinstance(features, SaeFeatures):
            return None
        read = [(each.model, each.dtype, each.max_tokens) for each in (scores, features)]
        return cls(scores, features) if read[0] == read[1] else None

    @property
    @override
    def signals(self) -> tuple[Signal, ...]:
        return self.scores, self.features

    @override
    def compute(self, pool: Pool, progress: Progress | None = None) -> tuple[Mapping[str, Computed], ...]:
        """See `SharedPass.compute`.

        Raises:
            SaeMismatchError: The autoencoder was made for another model.
        """
        base, sae = load_model_and_sae(self.features.model, self.features.sae, self.features.dtype)
        encoded = enumerate(encode_each(pool.samples(), base.tokenizer, self.scores.max_tokens))
        special = base.tokenizer.all_special_ids
        counted = {row: content_token_mask(one, special) for row, one in encoded if isinstance(one, Encoded)}
        read = _Overhearing(base, sae, counted, len(pool))
        scores = score_answers(
            base, pool, self.scores.max_tokens, self.scores.token_budget, progress, read=read
        )
        refused = scores[REASON] == self.scores.reasons.index(REFUSED)
        reasons = reasons_of(np.flatnonzero(~refused), read.rows)
        return scores, {FEATURES: largest(read.means, self.features.kept), REASON: reasons}


class _Overhearing:
    """Reader of conversations that keeps the mean activations of each row beside the scores.

    Attributes:
        means: Shape (rows, latents); 0 throughout for a row that was not read.
        rows: Which rows were read. Shape (rows,).
    """

    def __init__(
        self, base: BaseModel, sae: SparseAutoencoder, counted: Mapping[int, Mask], rows: int
    ) -> None:
        self._model, self._sae, self._counted = base.model, sae, counted
        self.means, self.rows = np.zeros((rows, sae.latents), np.float32), np.zeros(rows, np.bool_)

    def __call__(self, chosen: Sequence[Wanted]) -> list[TokenStatistics]:
        with self._sae.hook.recording(self._model) as states:
            statistics = read_answers(self._model, chosen)
        rows = [row for row, _, _ in chosen]
        self.means[rows] = mean_activations(self._sae, states[0], [self._counted[row] for row in rows])
        self.rows[rows] = True
        return statistics
