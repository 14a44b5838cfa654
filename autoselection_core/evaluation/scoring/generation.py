"""Greedy decoding of answers to prompts, in batches of similar length."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from autoselection_core.errors.evaluation import ScoringFailedError
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.batching import Positions, batches_by_length, is_out_of_memory
from autoselection_core.models.chat.chat_settings import ChatSettings
from autoselection_core.models.chat.spans import Tokens
from autoselection_core.models.chat.template_turns import apply_template, template_turns
from autoselection_core.models.forward import pad
from autoselection_core.pool.sample import Message, Sample


class HasTokenizer(Protocol):
    """A model, or what is known of it before it is loaded."""

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 transformers has no types
        """Its tokenizer with a chat template."""
        ...


def prompt_tokens(model: HasTokenizer, prompt: Sequence[Message]) -> Tokens:
    """A prompt in the chat template, up to where the answer starts.

    Raises:
        ChatTemplateError: The template refuses the roles.
    """
    messages, _ = ChatSettings.of_tokenizer(model.tokenizer).apply(prompt)
    asked = Sample(messages)
    turns = template_turns(asked, model.tokenizer)
    text = apply_template(model.tokenizer, turns, answer_follows=True, sample_id=asked.id)
    return np.array(model.tokenizer(text, add_special_tokens=False)["input_ids"], np.int32)


def greedy_answers(
    model: BaseModel,
    prompts: Sequence[Tokens],
    *,
    new_tokens: int,
    batch_tokens: int,
    benchmark: str,
    done: Callable[[int, int], None] = lambda _, __: None,
) -> tuple[list[str], int]:
    """Greedy completion of each prompt.

    Args:
        model: The model, in evaluation mode.
        prompts: Token ids of each prompt.
        new_tokens: Maximum tokens of an answer; it also ends where the model ends its turn.
        batch_tokens: Maximum tokens of a batch, answers included. Halved when memory runs out.
        benchmark: Name of the benchmark that asks, for errors.
        done: Called with how many prompts are done, and how many there are.

    Returns:
        One text a prompt, in order; and how many tokens were read and written.

    Raises:
        ScoringFailedError: A single prompt does not fit into memory, or a logit is NaN.
    """
    texts = [""] * len(prompts)
    waiting = batches_by_length([len(prompt) + new_tokens for prompt in prompts], batch_tokens)[::-1]
    tokens = finished = 0
    while waiting:
        batch = waiting.pop()
        try:
            written = _within_memory(model, [prompts[number] for number in batch], new_tokens)
        except FloatingPointError as error:
            raise ScoringFailedError(benchmark, finished, len(prompts), str(error)) from error
        if written is None:
            if len(batch) == 1:
                reason = f"a prompt of {len(prompts[batch[0]]):,} tokens does not fit into memory"
                raise ScoringFailedError(benchmark, finished, len(prompts), reason)
            waiting += _halves(batch)
            continue
        for number, ids in zip(batch, written, strict=True):
            texts[number] = model.tokenizer.decode(ids, skip_special_tokens=True)
            tokens += len(prompts[number]) + len(ids)
        finished += len(batch)
        done(finished, len(prompts))
    return texts, tokens


def _halves(batch: Positions) -> list[Positions]:
    half = len(batch) // 2
    return [batch[half:], batch[:half]]


def _within_memory(model: BaseModel, prompts: list[Tokens], new_tokens: int) -> list[list[int]] | None:
    try:
        return _generate(model, prompts, new_tokens)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def _generate(model: BaseModel, prompts: list[Tokens], new_tokens: int) -> list[list[int]]:
    import torch

    batch = pad(prompts, model.model.device, side="left")
    ends = _ends(model)
    with torch.inference_mode():
        rows = model.model.generate(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            max_new_tokens=new_tokens,
            do_sample=False,
            num_beams=1,
            eos_token_id=ends or None,
            pad_token_id=ends[0] if ends else 0,  # stands behind an end, where nothing reads it
            tokenizer=model.tokenizer,  # looks for `stop_strings`
            logits_processor=[_refuse_nan],
        )
    return [_until(row, ends) for row in rows[:, batch.input_ids.shape[1] :].tolist()]


_NOT_FINITE = "the model's logits are no numbers"


def _refuse_nan(_: Any, logits: Any) -> Any:  # noqa: ANN401 no types
    """The logits as they are; the largest of numbers with NaN among them would be a token all the same."""
    if logits.isnan().any():
        raise FloatingPointError(_NOT_FINITE)
    return logits


def _ends(model: BaseModel) -> list[int]:
    """Every token that ends a turn: the tokenizer's, and those of the model's own generation config."""
    configured: Any = model.model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return list(dict.fromkeys(end for end in (model.tokenizer.eos_token_id, *listed) if end is not None))


def _until(ids: list[int], ends: list[int]) -> list[int]:
    """The tokens up to and without the first end."""
    stop = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids[:stop]
