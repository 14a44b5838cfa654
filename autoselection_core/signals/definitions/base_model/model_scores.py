"""Difficulty of answers for the base model: loss, IFD, entropy and varentropy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Mask
from autoselection_core.models.base_model import BaseModel, resident_model
from autoselection_core.models.batching import TOKEN_BUDGET, Positions, batches_by_length, run_halving
from autoselection_core.models.chat.spans import Encoded, Tokens, Turn, encode_each
from autoselection_core.models.folder import model_fingerprint, model_folder
from autoselection_core.models.forward import MAX_TOKENS, TokenStatistics, token_statistics
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import REASON, Computed, Given, Signal

_UNKNOWN = np.full(4, np.nan)

REFUSED = "the chat template refuses it"
"""Reason why a sample is not read at all."""

Sums = npt.NDArray[np.float64]
"""Sums over the answer tokens of each sample: tokens, loss, entropy, varentropy. Shape (n, 4)."""


@dataclass(frozen=True)
class ModelScores(Signal):
    """Difficulty of the answers for the base model, from two forward passes.

    - `response_loss`: mean cross-entropy of the answer tokens given all tokens before them, in nats.
    - `ifd`: instruction-following difficulty (Li et al. 2024, "Cherry LLM"): response_loss divided by the
      mean cross-entropy of the same tokens when each answer follows nothing but its header. Values above
      1, where the question makes the answer harder, are kept.
    - `entropy`, `varentropy`: mean over the answer tokens of H = -sum p log p, in nats, and of
      V = sum p (log p + H)^2, in nats squared, of the predictions given all tokens before.

    Every assistant turn counts; headers and end-of-turn tokens do not. NaN where no answer token is left
    after cutting to `max_tokens`, where the template refuses the sample, or where memory does not suffice;
    `ifd` alone is NaN where a template without headers leaves nothing before the only token of an answer.

    Attributes:
        model: Folder or hub name of the base model.
        max_tokens: Longer conversations are cut; at most what the model was made for.
        dtype: Number type of the weights, see `BaseModel.load`. Statistics are always float32.
        token_budget: Most tokens of a batch, padding included; None for what suits the device.
    """

    model: str = field(compare=False)
    max_tokens: int = MAX_TOKENS
    dtype: str = field(default="auto", compare=False)
    token_budget: int | None = field(default=None, compare=False)

    chunk_rows = 256
    reasons = (
        "",
        "no answer within the token limit",
        REFUSED,
        "out of memory",
        "its answer alone has no loss",
    )

    @property
    @override
    def name(self) -> str:
        return "model_scores"

    @override
    def reads(self) -> Mapping[str, str]:
        return {"model": model_fingerprint(model_folder(self.model))}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        base = resident_model(self.model, self.dtype)
        return score_answers(base, pool, self.max_tokens, self.token_budget, progress)

    @override
    def number_type(self) -> str:
        return resident_model(self.model, self.dtype).number_type


def score_answers(
    base: BaseModel,
    pool: Pool,
    max_tokens: int,
    token_budget: int | None = None,
    progress: Progress | None = None,
    *,
    read: "Read | None" = None,
) -> Mapping[str, Computed]:
    """The values of `ModelScores` for a loaded model.

    Args:
        base: The model.
        pool: The samples.
        max_tokens: Longer conversations are cut.
        token_budget: Most tokens of a batch; None for what suits the device.
        progress: Told how many tokens are read.
        read: Reads whole conversations in place of `read_answers`, also those without an answer.
    """
    encoded = list(encode_each(pool.samples(), base.tokenizer, max_tokens))
    readable = {row: one for row, one in enumerate(encoded) if isinstance(one, Encoded)}
    answered = {row: one for row, one in readable.items() if one.turns}
    budget = token_budget or TOKEN_BUDGET[base.device]
    plain = partial(read_answers, base.model)
    whole = [
        (row, one.input_ids, one.response_mask)
        for row, one in (readable if read is not None else answered).items()
    ]
    parts = list(_answers(answered, base.tokenizer.bos_token_id))
    work = _Steps(progress, sum(len(tokens) for _, tokens, _ in (*whole, *parts)))
    given = _by_row(_sums(read or plain, whole, budget, work), len(pool))
    alone = _by_row(_sums(plain, parts, budget, work), len(pool))
    return _columns(given, alone, _reasons(encoded, given, alone))


def read_answers(model: Any, chosen: "Sequence[Wanted]") -> list[TokenStatistics]:  # noqa: ANN401
    """One pass over a batch of sequences."""
    return token_statistics(model, [tokens for _, tokens, _ in chosen], [wanted for _, _, wanted in chosen])


def answer_alone(encoded: Encoded, turn: Turn, bos: int | None) -> tuple[Tokens, Mask]:
    """An answer behind its header and nothing else, and which tokens are the answer.

    The tokens are those of the whole conversation, so both losses are about the same tokens. A conversation
    that starts with the beginning-of-sequence token keeps it: models are lost without.
    """
    opening = encoded.input_ids[turn.header : turn.start]
    begins = bos is not None and encoded.input_ids[0] == bos and (len(opening) == 0 or opening[0] != bos)
    answer = encoded.input_ids[turn.start : turn.stop]
    tokens = np.concatenate([encoded.input_ids[: int(begins)], opening, answer])
    wanted = np.arange(len(tokens)) >= max(1, len(tokens) - len(answer))
    return tokens, wanted


Wanted = tuple[int, Tokens, Mask]
"""A sequence of some row, and the tokens of it that count."""

Read = Callable[[Sequence[Wanted]], list[TokenStatistics]]
"""One pass over a batch of sequences; the statistics of each one."""


def _answers(answered: Mapping[int, Encoded], bos: int | None) -> Iterable[Wanted]:
    for row, encoded in answered.items():
        for turn in encoded.turns:
            yield row, *answer_alone(encoded, turn, bos)


class _Steps:
    """Progress in tokens: counts those that were read, and reports the sum."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, tokens: int) -> None:
        self._done += tokens
        if self._progress is not None:
            self._progress("model_scores", self._done, self._total)


def _sums(read: Read, sequences: Sequence[Wanted], budget: int, steps: _Steps) -> list[tuple[int, Sums]]:
    """Row and sums of each sequence; NaN where it does not fit into memory."""

    def work(batch: Positions) -> list[TokenStatistics]:
        return read([sequences[place] for place in batch])

    found = []
    batches = batches_by_length([len(tokens) for _, tokens, _ in sequences], budget)
    for batch, statistics in run_halving(batches, work):
        sums = [_UNKNOWN] if statistics is None else [_sum(one) for one in statistics]
        found += [(sequences[place][0], each) for place, each in zip(batch, sums, strict=True)]
        steps.add(sum(len(sequences[place][1]) for place in batch))
    return found


def _sum(one: TokenStatistics) -> Sums:
    values = (-one.log_likelihood, one.entropy, one.varentropy)
    return np.array([len(one.entropy), *(each.sum(dtype=np.float64) for each in values)])


def _by_row(found: Sequence[tuple[int, Sums]], rows: int) -> Sums:
    total = np.zeros((rows, 4))
    for row, sums in found:
        total[row] += sums
    return total


def _columns(given: Sums, alone: Sums, reasons: npt.NDArray[np.int8]) -> Mapping[str, Computed]:
    with np.errstate(divide="ignore", invalid="ignore"):
        loss, entropy, varentropy = (given[:, 1:] / given[:, :1]).T
        ifd = loss / (alone[:, 1] / alone[:, 0])
    ifd[np.isinf(ifd)] = np.nan
    reasons[(reasons == 0) & np.isnan(ifd)] = 4  # one token behind no header: no token is before it
    columns = {"ifd": ifd, "varentropy": varentropy, "entropy": entropy, "response_loss": loss}
    return {name: values.astype(np.float32) for name, values in columns.items()} | {REASON: reasons}


def _reasons(encoded: Sequence[object], given: Sums, alone: Sums) -> npt.NDArray[np.int8]:
    reasons = np.zeros(len(encoded), np.int8)
    reasons[given[:, 0] == 0] = 1
    reasons[[not isinstance(one, Encoded) for one in encoded]] = 2
    reasons[np.isnan(given[:, 0]) | np.isnan(alone[:, 0])] = 3
    return reasons
