"""Layouts of published data sets that no name of a field alone tells apart, under known names.

A pair or list of answers is read by the better one where the source names the field that says which it is:

- `answer: chosen`: transcripts with the marks of HH-RLHF (Bai et al. 2022) in `chosen` and `rejected`;
- `answer: winner`: two conversations or responses of an arena (Zheng et al. 2023), and the better one's name;
- `answer: answers`: answers with ranks (Nectar), of which the lowest rank is the best.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NoReturn, TypeAlias

from autoselection_core.errors.pool import RejectedRecordError, UndeclaredAnswerError
from autoselection_core.identity import Json
from autoselection_core.pool.reading.spellings import ANSWERS, CHOICES, PREFERENCE, QUESTIONS, TURN_LISTS
from autoselection_core.pool.reason import QuarantineReason

Record: TypeAlias = Mapping[str, Json]

_SIDES = (
    ("winner", ("conversation_a", "conversation_b")),
    ("winner", ("response_a", "response_b")),
    ("better_response_id", ("response_0", "response_1")),
)
"""Field that names the better side, and the fields of the two sides."""

_RANKED = ("answers", "responses", "completions")
_RANK = "rank"
_SAID = ("answer", "response", "completion", "text", "content")
_TRANSCRIPT = re.compile(r"\n\n(Human|Assistant): ?")
_SPEAKERS = {"Human": "user", "Assistant": "assistant"}
_OPTIONS, _CORRECT = ("opa", "opb", "opc", "opd"), "cop"
_FIRST: Mapping[str, int] = {"cop_from_0": 0, "cop_from_1": 1}
"""What a source names as its answer, and the number of the first option; a person has to know which."""

_TELLING = frozenset((*(better for better, _ in _SIDES), *_RANKED, _CORRECT, PREFERENCE[0]))
_READ_FIRST = frozenset((*ANSWERS, *TURN_LISTS))
"""Fields that hold an answer: beside one, a layout counts only where the source names its field."""


def normalise_published_layout(record: Record, answer: str | None) -> tuple[Record, str | None]:
    """A record and the name of its answer, both under known names where it has a published layout.

    Args:
        record: The record.
        answer: Field or template of the answer, where the source names it.

    Raises:
        UndeclaredAnswerError: It holds several answers, and the source names none.
        RejectedRecordError: Neither side is the better one, or an index counts no option.
    """
    record = _with_turns_of_prompts(record)
    if _TELLING.isdisjoint(record) or (answer is None and not _READ_FIRST.isdisjoint(record)):
        return record, answer
    for better, sides in _SIDES:
        if all(side in record for side in sides):
            return _better_side(record, better, sides, answer)
    for key in _RANKED:
        if _are_ranked(record.get(key)):
            return _best_ranked(record, key, answer)
    if _CORRECT in record and all(isinstance(record.get(key), str) for key in _OPTIONS):
        return _correct_option(record, answer)
    return _chosen_transcript(record, answer), answer


def turns_of_transcript(text: str) -> list[Json] | None:
    r"""The turns of a text that begins with a mark of HH-RLHF; None for any other text.

    Example:
        >>> turns_of_transcript("\n\nHuman: Hi\n\nAssistant: Hello.")
        [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello.'}]
    """
    before, *pieces = _TRANSCRIPT.split(text)
    if before or not pieces:
        return None
    spoken = zip(pieces[::2], pieces[1::2], strict=True)
    return [{"role": _SPEAKERS[speaker], "content": said} for speaker, said in spoken]


def _with_turns_of_prompts(record: Record) -> Record:
    """A prompt that is a transcript up to the mark of its answer, as turns."""
    for key in QUESTIONS:
        value = record.get(key)
        if isinstance(value, str) and value.startswith("\n\nHuman:"):
            turns = turns_of_transcript(value)
            if turns and turns[-1] == {"role": "assistant", "content": ""}:
                record = {**record, key: turns[:-1]}
    return record


def _chosen_transcript(record: Record, answer: str | None) -> Record:
    if not all(isinstance(record.get(side), str) for side in PREFERENCE):
        return record
    if any(key in record for key in (*QUESTIONS, *TURN_LISTS)):
        return record
    turns = turns_of_transcript(str(record[PREFERENCE[0]]))
    if turns is None:
        return record
    if answer is None:
        _undeclared(PREFERENCE[0], "its answers are `chosen` and `rejected`")
    return {**record, PREFERENCE[0]: turns}


def _better_side(
    record: Record, better: str, sides: tuple[str, str], answer: str | None
) -> tuple[Record, str | None]:
    if answer != better:
        if answer is None:
            _undeclared(better, f"its answers are `{sides[0]}` and `{sides[1]}`")
        return record, answer
    said = str(record.get(better)).strip().casefold()
    wins = [said in {side, side[-1], f"model_{side[-1]}"} for side in sides]
    if not any(wins):
        raise RejectedRecordError(
            QuarantineReason.PREFERENCE, f"by its {better}, {said!r}, neither answer is better"
        )
    chosen, rejected = sides if wins[0] else sides[::-1]
    rest = {key: value for key, value in record.items() if key not in sides}
    return {**rest, PREFERENCE[0]: record[chosen], PREFERENCE[1]: record[rejected]}, PREFERENCE[0]


def _are_ranked(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(_text_and_rank(each) for each in value)


def _text_and_rank(value: Json) -> tuple[str, float] | None:
    if not isinstance(value, Mapping) or not isinstance(rank := value.get(_RANK), int | float):
        return None
    said = next((text for key in _SAID if isinstance(text := value.get(key), str)), None)
    return None if said is None else (said, float(rank))


def _best_ranked(record: Record, key: str, answer: str | None) -> tuple[Record, str | None]:
    if answer != key:
        if answer is None:
            _undeclared(key, f"its answers in `{key}` are ranked")
        return record, answer
    listed = record[key]
    ranked = [found for each in listed if (found := _text_and_rank(each))] if isinstance(listed, list) else []
    best = min(range(len(ranked)), key=lambda place: ranked[place][1])
    others: list[Json] = [text for place, (text, _) in enumerate(ranked) if place != best]
    rest = {name: value for name, value in record.items() if name != key}
    return {**rest, PREFERENCE[0]: ranked[best][0], PREFERENCE[1]: others}, PREFERENCE[0]


def _correct_option(record: Record, answer: str | None) -> tuple[Record, str | None]:
    """Four options in fields of their own, and the number of the correct one (MedMCQA)."""
    if answer is None or answer == _CORRECT:
        settings = " or ".join(f"`answer: {name}`" for name in _FIRST)
        detail = f"`{_CORRECT}` counts its options from 0 in copies on hubs, from 1 in the original files"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, f"{detail}; {settings} says which")
    if answer not in _FIRST:
        return record, answer
    correct = record[_CORRECT]
    place = correct - _FIRST[answer] if isinstance(correct, int) and not isinstance(correct, bool) else -1
    if not 0 <= place < len(_OPTIONS):
        detail = f"its {_CORRECT}, {correct!r}, counts none of four options from {_FIRST[answer]}"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, detail)
    rest = {key: value for key, value in record.items() if key not in _OPTIONS}
    return {**rest, CHOICES[0]: [record[key] for key in _OPTIONS], _CORRECT: place}, _CORRECT


def _undeclared(field: str, what: str) -> NoReturn:
    """Put a record aside that a setting reads."""
    detail = f"{what}; with `answer: {field}` in its source the better one is read"
    raise UndeclaredAnswerError(QuarantineReason.PREFERENCE, detail, f"answer: {field}")


_THOUGHTS, _COMMANDS = "Inner Thoughts", "Commands"
_MOSS_MARK = re.compile(r"^<\|[A-Za-z ]+\|>: ?|<eo[a-z]>\n?$")
_NOTHING = ("", "None")


def turns_by_number(record: Record) -> Record | None:
    """A conversation whose turns are fields `turn_1`, `turn_2` ... of `chat` (MOSS); None for another record.

    Raises:
        RejectedRecordError: A turn calls tools, in a language of its own.
    """
    chat = record.get("chat")
    if not isinstance(chat, Mapping) or "turn_1" not in chat:
        return None
    turns: list[Json] = []
    for number in range(1, len(chat) + 1):
        turn = chat.get(f"turn_{number}")
        if not isinstance(turn, Mapping):
            break
        turns += _asked_and_answered(turn)
    rest = {key: value for key, value in record.items() if key not in ("chat", "meta_instruction")}
    return {**rest, "conversation": turns, "system": record.get("meta_instruction")}


def _asked_and_answered(turn: Record) -> Iterator[Json]:
    said = {key: _MOSS_MARK.sub("", value) for key, value in turn.items() if isinstance(value, str)}
    if said.get(_COMMANDS, "") not in _NOTHING:
        raise RejectedRecordError(QuarantineReason.UNREAD, f"a turn calls tools as text: {said[_COMMANDS]!r}")
    thought = said.get(_THOUGHTS, "")
    yield {"role": "user", "content": said.get("Human", "")}
    yield {
        "role": "assistant",
        "content": said.get("MOSS", ""),
        "reasoning": None if thought in _NOTHING else thought,
    }


def turns_by_lists(record: Record) -> Record | None:
    """A list of questions beside a list of answers, about a story (CoQA); None for another record."""
    asked, answered = (_texts(record.get(key)) for key in ("questions", "answers"))
    if not asked or len(asked) != len(answered):
        return None
    turns: list[Json] = []
    for question, answer in zip(asked, answered, strict=True):
        turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    read = ("questions", "answers", "story")
    rest = {key: value for key, value in record.items() if key not in read}
    story = {"context": record["story"]} if isinstance(record.get("story"), str) else {}
    return {**rest, **story, "conversation": turns}


def _texts(value: Json) -> list[str]:
    """Texts of a list, or of `input_text` in a list of objects or an object of lists."""
    key = "input_text"
    listed = value.get(key) if isinstance(value, Mapping) else value
    if not isinstance(listed, list):
        return []
    found = [each.get(key) if isinstance(each, Mapping) else each for each in listed]
    return [each for each in found if isinstance(each, str)] if all(isinstance(e, str) for e in found) else []
