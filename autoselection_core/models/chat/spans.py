"""Samples as tokens in the model's chat template, with the exact span of every response."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask
from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.models.chat.chat_settings import (
    ANSWER_CUT,
    REASONING_CUT,
    REASONING_READ,
    ChatSettings,
    Reasoning,
    answer_behind_reasoning,
    has_reasoning,
    reasoning_of,
)
from autoselection_core.models.chat.template_turns import TemplateTurn, apply_template, template_turns
from autoselection_core.models.chat.turn_end import (
    tokenizer_earlier_end,
    tokenizer_turn_end,
    tokenizer_unwritten_end,
)
from autoselection_core.pool.sample import Message, Role, Sample

Tokens = npt.NDArray[np.int32]
"""Token ids of one sequence. Shape (t,)."""

_TOKENIZED_AT_ONCE = 256
_PROBE = "autoselectionprobe"
_SYSTEM_HINT = "set `system: fold` or `system: drop` under `base_model`"


@dataclass(frozen=True)
class Turn:
    """Span of one assistant turn, in token positions.

    Attributes:
        header: First token of what the template writes before the answer ("<|im_start|>assistant").
        start: First token of the answer.
        stop: One past the last token of the answer.
        end: One past the end-of-turn token; equal to `stop` where the template has none.
    """

    header: int
    start: int
    stop: int
    end: int


@dataclass(frozen=True, eq=False)
class Encoded:
    """One conversation as tokens.

    Attributes:
        input_ids: The whole conversation in the chat template, cut to the maximum length.
        turns: The assistant turns that have at least one token left, in order.
        truncated: Whether tokens were cut.
        changes: What was changed about the conversation for the template, see `chat_settings`.
        contents: First token and one past the last token of each message that the template writes as it is.
    """

    input_ids: Tokens
    turns: tuple[Turn, ...]
    truncated: bool
    changes: tuple[str, ...] = ()
    contents: tuple[tuple[int, int], ...] = ()

    @property
    def response_mask(self) -> Mask:
        """True at the tokens of every answer, without headers and end-of-turn tokens. Shape (t,)."""
        return self._mask((turn.start, turn.stop) for turn in self.turns)

    @property
    def taught_mask(self) -> Mask:
        """True at what training teaches: every answer and the token that ends it. Shape (t,)."""
        return self._mask((turn.start, turn.end) for turn in self.turns)

    @property
    def content_mask(self) -> Mask:
        """True at the tokens of the messages, without what the template adds. Shape (t,).

        True throughout where the template writes no message as it is.
        """
        mask = np.zeros(len(self.input_ids), np.bool_)
        for start, stop in self.contents:
            mask[start:stop] = True
        return mask if mask.any() else ~mask

    def _mask(self, spans: Iterable[tuple[int, int]]) -> Mask:
        mask = np.zeros(len(self.input_ids), np.bool_)
        for start, stop in spans:
            mask[start:stop] = True
        mask[:1] = False  # nothing precedes the first token, so nothing predicts it
        return mask


def encode(sample: Sample, tokenizer: Any, max_tokens: int) -> Encoded:  # noqa: ANN401 transformers has no types
    """One sample in the chat template of a tokenizer.

    Tokens are placed by their character offsets in the rendered text, so an answer has the same tokens
    as in training; a token that reaches over the border of an answer belongs to it.

    Raises:
        ChatTemplateError: The template refuses the roles, or does not write the answers as they are.
    """
    return _encode([render(sample, tokenizer)], tokenizer, max_tokens)[0]


def encode_each(
    samples: Iterable[Sample],
    tokenizer: Any,  # noqa: ANN401 transformers has no types
    max_tokens: int,
) -> Iterator[Encoded | ChatTemplateError]:
    """Encode many samples, several hundred at a time; a sample that cannot be encoded yields its error."""
    remaining = iter(samples)
    while block := list(islice(remaining, _TOKENIZED_AT_ONCE)):
        rendered = [_rendered_or_error(sample, tokenizer) for sample in block]
        encoded = iter(_encode([r for r in rendered if isinstance(r, Rendered)], tokenizer, max_tokens))
        yield from (next(encoded) if isinstance(r, Rendered) else r for r in rendered)


@dataclass(frozen=True)
class Rendered:
    """A conversation as text, with the character positions (header, start, stop, end) of each answer.

    Attributes:
        text: In the chat template.
        spans: One an answer.
        changes: What was changed about the conversation for the template.
        contents: Character positions (start, stop) of each message that is written as it is.
    """

    text: str
    spans: tuple[tuple[int, int, int, int], ...]
    changes: tuple[str, ...] = ()
    contents: tuple[tuple[int, int], ...] = ()


def render(sample: Sample, tokenizer: Any) -> Rendered:  # noqa: ANN401 transformers has no types
    """Write a sample in the chat template and find its answers.

    An answer starts where the template's rendering of everything before it ends, so text that a user
    copied from an answer, or that the template adds by itself, is never taken for one.

    Raises:
        ChatTemplateError: See `encode`.
    """
    settings = ChatSettings.of_tokenizer(tokenizer)
    messages, changes = settings.apply(sample.messages)
    turns, tools = template_turns(replace(sample, messages=messages), tokenizer), _tools(sample)
    text = _text_of(sample, tokenizer, turns, tools)
    if messages[-1].role is Role.ASSISTANT:
        text += _known(tokenizer_unwritten_end, sample, tokenizer)
    spans = {
        position: _span(sample, tokenizer, turns, position, tools=tools, text=text)
        for position, message in enumerate(messages)
        if message.role is Role.ASSISTANT and message.is_taught and message.text.strip()
    }
    if _leaves_reasoning_out(messages, text):
        if settings.reasoning == Reasoning.REFUSE:
            raise ChatTemplateError(sample.id, REASONING_CUT)
        changes = (*changes, REASONING_CUT)
    found = tuple(span for span in spans.values() if span is not None)
    if any(span and _is_behind_reasoning(messages[at], text, span) for at, span in spans.items()):
        changes = (*changes, REASONING_READ)
    return Rendered(text, found, changes, _contents(text, messages, found))


def _contents(
    text: str, messages: Sequence[Message], answers: Sequence[tuple[int, int, int, int]]
) -> tuple[tuple[int, int], ...]:
    """Position of each message in the text, one behind the other; answers are where they were found."""
    found, place = [(start, stop) for _, start, stop, _ in answers], 0
    for message in messages:
        said = message.content.strip()
        start = text.find(said, place) if said else -1
        if start >= 0:
            place = start + len(said)
            found.append((start, place))
    return tuple(sorted(found))


def _text_of(
    sample: Sample,
    tokenizer: Any,  # noqa: ANN401 transformers has no types
    turns: Sequence[TemplateTurn],
    tools: Any,  # noqa: ANN401 any JSON
) -> str:
    """Text of a conversation; a system line that the template does not take is named with the way forward."""
    system = [turn["content"].strip() for turn in turns if turn["role"] == Role.SYSTEM]
    try:
        text = apply_template(tokenizer, turns, tools, sample_id=sample.id)
    except ChatTemplateError as error:
        if not system:
            raise
        raise ChatTemplateError(sample.id, f"{error.reason} ({_SYSTEM_HINT})") from error
    if any(line not in text for line in system):
        raise ChatTemplateError(sample.id, f"the template leaves its system line out ({_SYSTEM_HINT})")
    return text


def _leaves_reasoning_out(messages: Sequence[Message], text: str) -> bool:
    """Whether reasoning of an answer that is taught is not in the text, beside what else says the same."""
    thoughts = [reasoning_of(each).strip() for each in messages if each.is_taught and has_reasoning(each)]
    if not any(thoughts):
        return False
    said = [
        answer_behind_reasoning(each.content) if has_reasoning(each) else each.content for each in messages
    ]
    return any(
        text.count(thought) < sum(each.count(thought) for each in (*thoughts, *said))
        for thought in filter(None, thoughts)
    )


def _is_behind_reasoning(message: Message, text: str, span: tuple[int, int, int, int]) -> bool:
    """Whether the template spells the reasoning of an answer's text otherwise, so that the rest is taught."""
    header, start, stop, _ = span
    thought = reasoning_of(message).strip()
    is_spelled = message.reasoning is not None or message.content.strip() == text[start:stop].strip()
    return bool(thought) and not is_spelled and thought in text[header:start]


def _rendered_or_error(sample: Sample, tokenizer: Any) -> Rendered | ChatTemplateError:  # noqa: ANN401 no types
    try:
        return render(sample, tokenizer)
    except ChatTemplateError as error:
        return error


def _span(
    sample: Sample,
    tokenizer: Any,  # noqa: ANN401 transformers has no types
    turns: Sequence[TemplateTurn],
    position: int,
    *,
    tools: Any,  # noqa: ANN401 any JSON
    text: str,
) -> tuple[int, int, int, int] | None:
    """Place of a turn in the text of all; None where the template leaves out all that it says."""
    before, turn = turns[:position], turns[position]
    answer = turn["content"]
    opened = closed = ""
    if before:
        opened = apply_template(tokenizer, before, tools, answer_follows=True, sample_id=sample.id)
        closed = apply_template(tokenizer, before, tools, sample_id=sample.id)

    def probed(said: str) -> str:
        changed = {**turn, "content": answer.removesuffix(said) + _PROBE}
        try:
            return apply_template(tokenizer, [*before, changed, *turns[position + 1 :]], tools)
        except ChatTemplateError:
            return ""

    if not text.startswith(opened) and opened.startswith(closed) and text.startswith(closed):
        shared = _shared_opening(opened, probed(answer))
        opened = shared if shared.startswith(closed) else opened
    if not text.startswith(opened):
        raise ChatTemplateError(sample.id, f"the text before turn {len(before)} depends on what follows")
    header = len(closed) if opened.startswith(closed) else len(opened)
    ends = _ends(sample, tokenizer)
    if len(turn) > len(("role", "content")):
        whole = apply_template(tokenizer, turns[: position + 1], tools, sample_id=sample.id)
        if text.startswith(whole):
            written = len(text) if turn is turns[-1] else len(whole)
            return header, len(opened), *_closing(text, len(opened), written, ends)
        if not answer.strip():
            return None

    places: Sequence[Callable[[], tuple[int, str]]] = (
        lambda: _find(text, answer, len(opened), ends, probed),
        lambda: _behind_opening(text, answer.strip(), header, len(opened)),
        lambda: _find(text, answer_behind_reasoning(answer), len(opened), ends, probed),
    )
    start, said = next((found for look in places if (found := look())[0] >= 0), (-1, ""))
    if start < 0:
        raise ChatTemplateError(sample.id, f"the template changes the answer of turn {len(before)}")
    stop = start + len(said)
    end = next((stop + len(end) for end in ends if text.startswith(end, stop)), stop)
    return header, start, stop, end


def _shared_opening(opened: str, probed: str) -> str:
    """What asks for an answer, as far as the text with another answer begins so.

    A template that lets a model begin with reasoning may open it (`<think>`) where it asks, and not before an
    answer that has none.
    """
    pairs = enumerate(zip(opened, probed, strict=False))
    return opened[: next((at for at, (asked, written) in pairs if asked != written), len(probed))]


def _behind_opening(text: str, answer: str, header: int, opened: int) -> tuple[int, str]:
    """Position and text of an answer whose beginning (`<think>`) asks for it; -1 for another answer."""
    place = text.find(answer, header) if answer else -1
    rest = answer[opened - place :]
    return (opened, rest) if header <= place < opened and rest.strip() else (-1, "")


def _ends(sample: Sample, tokenizer: Any) -> list[str]:  # noqa: ANN401 transformers has no types
    """Texts that may end a turn."""
    looks = (tokenizer_turn_end, tokenizer_earlier_end)
    ends = [_known(look, sample, tokenizer) for look in looks]
    return [each for each in (*ends, tokenizer.eos_token) if each]


def _known(look: Callable[[Any], str], sample: Sample, tokenizer: Any) -> str:  # noqa: ANN401 no types
    """An end of turns; an error names the sample."""
    try:
        return look(tokenizer)
    except ChatTemplateError as error:
        raise ChatTemplateError(sample.id, error.reason) from error


def _find(
    text: str, answer: str, opened: int, ends: Sequence[str], probed: Callable[[str], str]
) -> tuple[int, str]:
    """Position and text of an answer as written: unchanged, or without the white space around it.

    A template may write something of its own before an answer, such as an empty `<think>` block, in which a
    short answer may occur, too. Unless the turn is nothing but the answer and its end, the answer is looked
    for where the template writes another one.
    """
    trimmed = answer.strip()
    as_it_is, start = text.find(answer, opened), text.find(trimmed, opened)
    first = (as_it_is, answer) if 0 <= as_it_is <= start else (start, trimmed)
    if start < 0 or (first[0] == opened and text.startswith(tuple(ends), opened + len(first[1]))):
        return first
    other = probed(answer)
    place = other.find(_PROBE, opened)
    if place < 0 or not text.startswith(other[:place]):
        return first
    return next(((place, said) for said in (answer, trimmed) if text.startswith(said, place)), first)


def _closing(text: str, start: int, written: int, ends: Sequence[str]) -> tuple[int, int]:
    """End of a turn with calls or reasoning, without and with its end token."""
    for end in ends:
        place = text.rfind(end, start, written)
        if place >= 0:
            return place, place + len(end)
    stop = start + len(text[start:written].rstrip())
    return stop, stop


def _tools(sample: Sample) -> Any:  # noqa: ANN401 any JSON
    if sample.tools is None:
        return None
    try:
        return json.loads(sample.tools)
    except ValueError as error:
        raise ChatTemplateError(sample.id, "its tool definitions are no JSON") from error


def _encode(rendered: Sequence[Rendered], tokenizer: Any, max_tokens: int) -> list[Encoded]:  # noqa: ANN401
    if not rendered:
        return []
    # The template has written the special tokens; the tokenizer must not add them again.
    batch = tokenizer([one.text for one in rendered], add_special_tokens=False, return_offsets_mapping=True)
    return [
        _place(one, np.array(ids, np.int32), np.array(offsets, np.int64).reshape(-1, 2), max_tokens)
        for one, ids, offsets in zip(rendered, batch["input_ids"], batch["offset_mapping"], strict=True)
    ]


def _place(rendered: Rendered, ids: Tokens, offsets: npt.NDArray[np.int64], max_tokens: int) -> Encoded:
    begins, ends = offsets[:, 0], offsets[:, 1]
    spans = np.array(rendered.spans, np.int64).reshape(-1, 4)
    header = np.searchsorted(ends, spans[:, 0], side="right")
    start = np.searchsorted(ends, spans[:, 1], side="right")
    stop = np.searchsorted(begins, spans[:, 2], side="left")
    end = np.searchsorted(begins, spans[:, 3], side="left")
    is_cut = len(spans) > 0 and int(end.max()) > max_tokens
    turns = np.minimum(np.stack([header, start, stop, end], axis=1), max_tokens).tolist()
    said = np.array(rendered.contents, np.int64).reshape(-1, 2)
    first = np.searchsorted(ends, said[:, 0], side="right").tolist()
    last = np.searchsorted(begins, said[:, 1], side="left").tolist()
    return Encoded(
        input_ids=ids[:max_tokens],
        turns=tuple(Turn(*turn) for turn in turns if turn[1] < turn[2]),
        truncated=len(ids) > max_tokens,
        changes=(*rendered.changes, ANSWER_CUT) if is_cut else rendered.changes,
        contents=tuple(zip(first, last, strict=True)),
    )
