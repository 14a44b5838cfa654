"""Tokens a second of likelihood scoring: ours beside padded batches of all logits, and the harness."""

from pathlib import Path

import numpy as np
import torch

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side, split
from autoselection_core.evaluation.scoring.likelihood import Scoring
from autoselection_core.evaluation.scoring.scoring import score_benchmark
from autoselection_core.identity import Json
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.spans import encode
from autoselection_core.pool.sample import Message, Role, Sample
from bench.result import Measured, measure

_BATCH = 8


def race(model: Path, benchmark: Benchmark, rounds: int) -> dict[str, Json]:
    """The fastest of several rounds of each contender, in turn, and how far their scores are apart."""
    base = BaseModel.load(model, dtype="bfloat16")
    contenders = {"ours": _ours, "padded_batches": _plain, "harness": _harness}
    fastest: dict[str, Measured[list[float]]] = {}
    for _ in range(rounds):
        for name, score in contenders.items():
            done = measure(lambda score=score: score(base, benchmark))  # type: ignore[misc] # called at once
            if name not in fastest or done.seconds < fastest[name].seconds:
                fastest[name] = done
    read = score_benchmark(base, benchmark, Side.DEV, Scoring())[1]
    asked = sum(len(ids) for ids, _ in _sequences(base, benchmark))
    return {
        "items": len(split(benchmark).dev),
        "tokens_of_all_sequences": asked,
        "tokens_read_with_shared_beginnings": read,
        **{
            name: {
                "sequence_tokens_per_s": round(asked / done.seconds),
                "largest_difference_from_ours": round(_distance(done.value, fastest["ours"].value), 4),
                **done.cost,
            }
            for name, done in fastest.items()
        },
    }


def _distance(one: list[float], other: list[float]) -> float:
    return float(np.abs(np.subtract(one, other)).max())


def _ours(base: BaseModel, benchmark: Benchmark) -> list[float]:
    score, _ = score_benchmark(base, benchmark, Side.DEV, Scoring())
    if benchmark.metric is Metric.CHOICE_ACCURACY:
        return [value for item in score.items for value in item.choice_log_likelihoods or ()]
    return [item.value for item in score.items]


def _plain(base: BaseModel, benchmark: Benchmark) -> list[float]:
    """Padded batches of like length, log-softmax over all positions, as a harness does with transformers."""
    sequences = _sequences(base, benchmark)
    order = sorted(range(len(sequences)), key=lambda number: -len(sequences[number][0]))
    values = [0.0] * len(sequences)
    for start in range(0, len(order), _BATCH):
        numbers = order[start : start + _BATCH]
        for number, value in zip(
            numbers, _batch(base, [sequences[number] for number in numbers]), strict=True
        ):
            values[number] = (
                value if benchmark.metric is Metric.CHOICE_ACCURACY else value / sequences[number][1]
            )
    return values


def _harness(base: BaseModel, benchmark: Benchmark) -> list[float]:
    """Values of the items by the lm-evaluation-harness, through its own scoring of requests."""
    from lm_eval.models.huggingface import HFLM

    sequences = _sequences(base, benchmark)
    running = HFLM(
        pretrained=base.model,
        tokenizer=base.tokenizer,
        batch_size=_BATCH,
        device=base.device,
        max_length=2_048,
    )
    requests = [
        ((str(number), ""), ids[: len(ids) - answer], ids[len(ids) - answer :])
        for number, (ids, answer) in enumerate(sequences)
    ]
    answers = running._loglikelihood_tokens(requests, disable_tqdm=True)  # noqa: SLF001 takes tokens
    sums = [float(answer[0]) for answer in answers]
    if benchmark.metric is Metric.CHOICE_ACCURACY:
        return sums
    return [total / answer for total, (_, answer) in zip(sums, sequences, strict=True)]


def _batch(base: BaseModel, sequences: list[tuple[list[int], int]]) -> list[float]:
    longest = max(len(ids) for ids, _ in sequences)
    padded = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in sequences])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in sequences])
    with torch.inference_mode():
        log_p = base.model(input_ids=padded, attention_mask=mask).logits.float().log_softmax(-1)
    picked = log_p[:, :-1].gather(2, padded[:, 1:, None])[:, :, 0]
    return [
        float(picked[row, len(ids) - 1 - answer : len(ids) - 1].sum())
        for row, (ids, answer) in enumerate(sequences)
    ]


def _sequences(base: BaseModel, benchmark: Benchmark) -> list[tuple[list[int], int]]:
    """Tokens up to the end of the answer, and how many of them are the answer."""
    found = []
    for item in split(benchmark).dev:
        choices = item.choices if benchmark.metric is Metric.CHOICE_ACCURACY else None
        for text in choices or (item.reference,):
            encoded = encode(Sample((*item.prompt, Message(Role.ASSISTANT, text))), base.tokenizer, 1 << 20)
            turn = encoded.turns[-1]
            found.append((encoded.input_ids[: turn.stop].tolist(), turn.stop - turn.start))
    return found
