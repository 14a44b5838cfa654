"""Scores of a model on items: by likelihood of reference answers or choices, or by generated answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np

from autoselection_core.arrays import Mask
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item, are_labels, labels
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.reading.extraction import is_right, read_answer
from autoselection_core.benchmarks.split import Side, split
from autoselection_core.errors.evaluation import ItemsTooLongError, ScoringFailedError
from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.evaluation.scoring.generation import greedy_answers, prompt_tokens
from autoselection_core.evaluation.scoring.harness import harness_scores
from autoselection_core.evaluation.scoring.likelihood import LogLikelihoods, Scoring, log_likelihoods
from autoselection_core.models.base_model import BaseModel, context_tokens, load_config, load_tokenizer
from autoselection_core.models.chat.spans import Encoded, Tokens, encode, encode_each
from autoselection_core.models.frozen_layers import FrozenLayers
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.progress import CountProgress, Progress
from autoselection_core.score.score import BenchmarkScore, ItemScore

_UNCUT = 1 << 20
"""Tokens that no conversation has: a length limit that cuts nothing."""

Scorer: TypeAlias = Callable[
    [BaseModel, Benchmark, Sequence[Item], Scoring, CountProgress], tuple[list[ItemScore], int]
]
"""One score an item, and the number of tokens read."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """One answer to one item as tokens; `read` are those of the whole conversation in its template."""

    item: int
    text: str
    tokens: Tokens
    wanted: Mask
    read: int


@dataclass(frozen=True, eq=False)
class Reader:
    """A model as far as it lays out what is asked: known before its weights are loaded.

    Attributes:
        tokenizer: Tokenizer with a chat template.
        max_tokens: Tokens that the model reads at most.
    """

    tokenizer: Any
    max_tokens: int

    @classmethod
    def of(cls, model: BaseModel) -> Self:
        """That of a loaded model."""
        return cls(model.tokenizer, context_tokens(model.model.config))

    @classmethod
    def at(cls, folder: Path) -> Self:
        """That of a model folder, without its weights.

        Raises:
            ModelLoadError: Tokenizer or configuration cannot be read.
        """
        return cls(load_tokenizer(folder), context_tokens(load_config(folder)))


def require_askable(reader: Reader, benchmark: Benchmark, sides: Sequence[Side] = tuple(Side)) -> None:
    """Require that items can be asked before a training is paid for, by the rules of `score_items`.

    Items whose bytes are far fewer than the tokens that the model reads fit: of those, one of each order of
    roles is laid out, because a template may refuse roles. A harness lays out its own items.

    Args:
        reader: The base model.
        benchmark: The benchmark.
        sides: Sides whose items are asked.

    Raises:
        ItemsTooLongError: Items are longer than the model reads.
        ScoringFailedError: The template refuses an item.
    """
    if benchmark.harness is not None:
        return
    items = [item for side in sides for item in split(benchmark).side(side)]
    orders = {tuple(message.role for message in item.prompt): item for item in items}
    answer = benchmark.answer_tokens if benchmark.metric is Metric.ANSWER_ACCURACY else 0
    room = reader.max_tokens - answer - _TEMPLATE_BYTES
    doubtful = [item for item in items if _bytes_of(item) > room]
    whole = replace(reader, max_tokens=_ANY_LENGTH)
    lengths = {item.id: _length(whole, benchmark, item) for item in (*orders.values(), *doubtful)}
    too_long = {name: length for name, length in lengths.items() if length > reader.max_tokens}
    if too_long:
        raise _too_long(benchmark, items, too_long, reader.max_tokens, answer)


_TEMPLATE_BYTES = 2_048
"""More than what chat templates write around a conversation of a benchmark."""

_ANY_LENGTH = 1 << 40


def _bytes_of(item: Item) -> int:
    """Bytes of an item's prompt and of its longest answer; a token of the usual kinds has at least one."""
    answers = (len(text.encode()) for text in item.choices or (item.reference,))
    return sum(len(message.content.encode()) for message in item.prompt) + max(answers)


def _length(reader: Reader, benchmark: Benchmark, item: Item) -> int:
    """Tokens that a model reads and may write for an item; of several choices for the longest."""
    if benchmark.metric is Metric.ANSWER_ACCURACY:
        return len(_prompt(reader, benchmark, [item], 0)) + benchmark.answer_tokens
    return max(each.read for each in _ask(reader, benchmark, [item], 0))


def _too_long(
    benchmark: Benchmark, items: Sequence[Item], lengths: Mapping[str, int], max_tokens: int, answer: int
) -> ItemsTooLongError:
    """Error of items that do not fit, with the settings that help."""
    longest = max(lengths, key=lambda name: lengths[name])
    shortest = min(item.characters for item in items if item.id in lengths)
    return ItemsTooLongError(
        benchmark.name,
        items=len(lengths),
        total=len(items),
        longest=longest,
        tokens=lengths[longest],
        answer_tokens=answer,
        max_tokens=max_tokens,
        max_characters=shortest - 1,
        left_out=sum(item.characters >= shortest for item in items),
    )


def score_benchmark(
    model: BaseModel,
    benchmark: Benchmark,
    side: Side,
    scoring: Scoring,
    progress: Progress | None = None,
) -> tuple[BenchmarkScore, int]:
    """Score of one side of a benchmark.

    Args:
        model: The trained model with its tokenizer and template.
        benchmark: The benchmark.
        side: Which items.
        scoring: How.
        progress: Called with how many answers are done.

    Returns:
        The score, and how many tokens the model read for it.

    Raises:
        ScoringFailedError: An item cannot be asked, or a value is not finite. There is no partial score.
    """
    items = split(benchmark).side(side)
    return score_items(model, benchmark, items, scoring, side=side, progress=progress)


def score_items(
    model: BaseModel,
    benchmark: Benchmark,
    items: Sequence[Item],
    scoring: Scoring,
    *,
    side: Side,
    progress: Progress | None = None,
) -> tuple[BenchmarkScore, int]:
    """Score of some items of one side of a benchmark; see `score_benchmark`.

    Raises:
        ScoringFailedError: An item cannot be asked, or a value is not finite. There is no partial score.
    """
    report = _report(progress, benchmark.name)
    scored, read = _scorer(benchmark)(model, benchmark, items, scoring, report)
    finite = sum(np.isfinite(score.value) for score in scored)
    if finite < len(items):
        raise ScoringFailedError(benchmark.name, int(finite), len(items), "some values are not finite")
    return BenchmarkScore(benchmark.name, benchmark.metric, side, tuple(scored)), read


def _scorer(benchmark: Benchmark) -> Scorer:
    if benchmark.harness is not None:
        return _by_harness
    return _by_generation if benchmark.metric is Metric.ANSWER_ACCURACY else _by_likelihood


def _by_harness(
    model: BaseModel,
    benchmark: Benchmark,
    items: Sequence[Item],
    scoring: Scoring,  # noqa: ARG001 the harness makes its own batches
    report: CountProgress,
) -> tuple[list[ItemScore], int]:
    scored = harness_scores(model, benchmark, items)
    report(len(items), len(items))
    return scored


def _by_likelihood(
    model: BaseModel, benchmark: Benchmark, items: Sequence[Item], scoring: Scoring, report: CountProgress
) -> tuple[list[ItemScore], int]:
    reader = Reader.of(model)
    asked = [answer for number in range(len(items)) for answer in _ask(reader, benchmark, items, number)]
    sequences, wanted = [answer.tokens for answer in asked], [answer.wanted for answer in asked]
    name = model.version
    frozen = FrozenLayers.of(model.model, name)
    values, read = log_likelihoods(
        model.model, sequences, wanted, scoring, done=report, frozen=frozen, name=name
    )
    answers: list[list[tuple[_Asked, LogLikelihoods]]] = [[] for _ in items]
    for answer, value in zip(asked, values, strict=True):
        answers[answer.item].append((answer, value))
    return [_score(benchmark, item, given) for item, given in zip(items, answers, strict=True)], read


def _by_generation(
    model: BaseModel, benchmark: Benchmark, items: Sequence[Item], scoring: Scoring, report: CountProgress
) -> tuple[list[ItemScore], int]:
    reader = Reader.of(model)
    prompts = [_prompt(reader, benchmark, items, number) for number in range(len(items))]
    longest = max(map(len, prompts)) + benchmark.answer_tokens
    if longest > reader.max_tokens:
        reason = f"prompt and answer may take {longest:,} tokens, the model reads {reader.max_tokens:,}"
        raise ScoringFailedError(benchmark.name, 0, len(items), reason)
    texts, tokens = greedy_answers(
        model,
        prompts,
        new_tokens=benchmark.answer_tokens,
        batch_tokens=scoring.batch_tokens,
        benchmark=benchmark.name,
        done=report,
    )
    return [
        _read_answer(benchmark, item, text, len(prompt))
        for item, text, prompt in zip(items, texts, prompts, strict=True)
    ], tokens


def _prompt(reader: Reader, benchmark: Benchmark, items: Sequence[Item], number: int) -> Tokens:
    try:
        return prompt_tokens(reader, items[number].prompt)
    except ChatTemplateError as error:
        hint = 'a benchmark with `system: ""` has no system line'
        raise _unasked(benchmark, items, number, f"cannot be asked: {error} {hint}") from error


def _unasked(benchmark: Benchmark, items: Sequence[Item], number: int, reason: str) -> ScoringFailedError:
    """Failure of an item that no answer can be given to: all items are asked before any is scored."""
    return ScoringFailedError(benchmark.name, 0, len(items), f"item {items[number].id} {reason}")


def _read_answer(benchmark: Benchmark, item: Item, text: str, tokens: int) -> ItemScore:
    parsed = read_answer(item, text)
    is_correct = is_right(parsed, item.target, item.reads, item.question)
    return ItemScore(
        item.id,
        float(is_correct),
        item.prompt_hash,
        tokens,
        # A model repeats what it was asked, and an answer in words may be the item's own words.
        output=None if benchmark.confidential else text,
        parsed=None if benchmark.confidential and item.reads == "text" else parsed,
        is_correct=is_correct,
        is_parse_failure=parsed is None,
    )


def _report(progress: Progress | None, benchmark: str) -> CountProgress:
    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(f"scoring on benchmark {benchmark}", done, total)

    return report


def _ask(reader: Reader, benchmark: Benchmark, items: Sequence[Item], number: int) -> list[_Asked]:
    texts = items[number].choices if benchmark.metric.chooses else (items[number].reference,)
    if texts is None:
        raise _unasked(benchmark, items, number, "has no choices")
    return [_answer(reader, benchmark, items, number, text) for text in texts]


def _answer(reader: Reader, benchmark: Benchmark, items: Sequence[Item], number: int, text: str) -> _Asked:
    sample = Sample((*items[number].prompt, Message(Role.ASSISTANT, text)))
    try:
        encoded = encode(sample, reader.tokenizer, reader.max_tokens)
    except ChatTemplateError as error:
        raise _unasked(benchmark, items, number, f"cannot be asked: {error}") from error
    if encoded.truncated or not encoded.turns:
        raise _unasked(
            benchmark, items, number, f"does not fit into the model's {reader.max_tokens:,} tokens"
        )
    last = encoded.turns[-1]
    wanted = np.zeros(len(encoded.input_ids), np.bool_)
    wanted[last.start : last.stop] = True
    # What follows the answer is not read: nothing before it can see it.
    kept = slice(last.stop)
    return _Asked(number, text, encoded.input_ids[kept], wanted[kept], len(encoded.input_ids))


def distinct_answer_tokens(benchmark: Benchmark, side: Side, tokenizer: Any) -> int:  # noqa: ANN401 transformers has no types
    """Number of different tokens in the right answers of a side, as likelihood scores them.

    An even guess among them has the logarithm of its inverse as its likelihood, in nats a token.

    Args:
        benchmark: The benchmark.
        side: Which items.
        tokenizer: Tokenizer of the model, with its chat template.
    """
    samples = (
        Sample((*item.prompt, Message(Role.ASSISTANT, item.reference)))
        for item in split(benchmark).side(side)
    )
    answers = (each for each in encode_each(samples, tokenizer, _UNCUT) if isinstance(each, Encoded))
    return len(
        {
            int(token)
            for answer in answers
            for turn in answer.turns[-1:]
            for token in answer.input_ids[turn.start : turn.stop]
        }
    )


def _score(benchmark: Benchmark, item: Item, given: list[tuple[_Asked, LogLikelihoods]]) -> ItemScore:
    tokens = sum(len(answer.tokens) for answer, _ in given)
    if benchmark.metric.chooses:
        return _choice_score(benchmark.metric, item, given, tokens)
    (answer, values) = given[0]
    if benchmark.metric is Metric.BITS_PER_BYTE:
        value = -float(values.sum(dtype=np.float64)) / log(2.0) / len(answer.text.strip().encode())
    else:
        value = float(values.mean(dtype=np.float64))
    return ItemScore(item.id, value, item.prompt_hash, tokens)


def _choice_score(
    metric: Metric, item: Item, given: list[tuple[_Asked, LogLikelihoods]], tokens: int
) -> ItemScore:
    """The likeliest choice; a tie of the right choice with another one is no hit.

    NaN where a likelihood is NaN: nothing is likelier than it.
    """
    texts = [answer.text.strip() for answer, _ in given]
    totals = [float(values.sum(dtype=np.float64)) for _, values in given]
    is_per_character = metric is Metric.CHOICE_ACCURACY_NORM and not are_labels(texts)
    compared = np.array(totals) / (np.array([len(text) for text in texts]) if is_per_character else 1)
    right = [answer.text for answer, _ in given].index(item.reference)
    is_correct = bool((np.delete(compared, right) < compared[right]).all())
    return ItemScore(
        item.id,
        float("nan") if np.isnan(totals).any() else float(is_correct),
        item.prompt_hash,
        tokens,
        parsed=labels(len(given))[int(compared.argmax())],
        is_correct=is_correct,
        choice_log_likelihoods=tuple(totals),
    )
