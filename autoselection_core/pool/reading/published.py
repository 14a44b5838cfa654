"""Layouts of published data sets that no name of a field alone tells apart, under known names.

A pair or list of answers is read by the better one where the source names the field that says which it is:

- `answer: chosen`: transcripts with the marks of HH-RLHF (Bai et al. 2022) in `chosen` and `rejected`;
- `answer: winner`: two conversations or responses of an arena (Zheng et al. 2023), and the better one's name;
- `answer: winner_model_a`: the same with a column for each outcome, and turns as lists;
- `answer: labels`: two comments below a post (SHP, Ethayarajh et al. 2022), and 1 where the first is better;
- `answer: overall_preference`: two responses (HelpSteer3), and a number below 0 where the first is better;
- `answer: answers` or `answer: completions`: answers with ranks (Nectar), of which the lowest is the best, or
  with scores (UltraFeedback, Cui et al. 2023), of which the highest is the best;
- `answer: generations`: answers with a truth value each, of which the first right one is read.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import NoReturn, TypeAlias, TypeGuard

from autoselection_core.errors.pool import RejectedRecordError, UndeclaredAnswerError
from autoselection_core.identity import Json
from autoselection_core.pool.reading.content import is_item, is_message
from autoselection_core.pool.reading.spellings import (
    ANSWER_LISTS,
    ANSWERS,
    CHOICES,
    CORRECT,
    COUNTED,
    DEFINITIONS,
    PREFERENCE,
    QUESTIONS,
    SYSTEMS,
    TURN_LISTS,
)
from autoselection_core.pool.reading.transcripts import turns_of_lines, turns_of_transcript
from autoselection_core.pool.reading.turns import are_turns
from autoselection_core.pool.sample import QuarantineReason

Record: TypeAlias = Mapping[str, Json]


def _place_named(said: Json, sides: tuple[str, str]) -> int | None:
    """Place of the side that is named in full, by its last character, or as a model of it."""
    name = str(said).strip().casefold()
    found = [place for place, side in enumerate(sides) if name in {side, side[-1], f"model_{side[-1]}"}]
    return found[0] if found else None


def _first_by_one(said: Json, _: tuple[str, str]) -> int | None:
    return {"1": 0, "0": 1}.get(str(said).strip().removesuffix(".0"))


def _first_below_zero(said: Json, _: tuple[str, str]) -> int | None:
    if not isinstance(said, int | float) or said == 0:
        return None
    return 0 if said < 0 else 1


@dataclass(frozen=True)
class _Pair:
    """Layout of two answers of which one is better.

    Attributes:
        better: Field that says which.
        sides: Fields of the answers.
        place: Place of the better one by what the field says; None for a tie.
        asked: Field of the question, and its known name; None where it has a known one.
    """

    better: str
    sides: tuple[str, str]
    place: Callable[[Json, tuple[str, str]], int | None] = _place_named
    asked: tuple[str, str] | None = None

    def fits(self, record: Record) -> bool:
        """Whether a record has this layout."""
        return all(side in record for side in self.sides)


_WINS, _RESPONSES = ("winner_model_a", "winner_model_b"), ("response_a", "response_b")
_PAIRS = (
    _Pair(_WINS[0], _RESPONSES, _first_by_one),
    _Pair("winner", ("conversation_a", "conversation_b")),
    _Pair("winner", _RESPONSES),
    *(
        _Pair("preference", sides)
        for sides in (_RESPONSES, ("answer_a", "answer_b"), ("output_1", "output_2"))
    ),
    _Pair("better_response_id", ("response_0", "response_1")),
    _Pair("labels", ("human_ref_A", "human_ref_B"), _first_by_one, ("history", "question")),
    _Pair("overall_preference", ("response1", "response2"), _first_below_zero, ("context", "prompt")),
)

_RANK, _SCORES = "rank", ("overall_score", "pm_score", "score", "rating")
_BESIDE: Mapping[str, str] = {"ranks": _RANK, **{f"{name}s": name for name in _SCORES}, "rewards": "score"}
"""Lists of ranks or scores beside a list of answers, and the name of one."""

_RIGHT = ("correctness", "correctness_math_verify", "is_correct", "correct", "passed")
"""Lists of truth values beside a list of answers."""

_SAID = ("answer", "response", "completion", "text", "content")
_OPTIONS = ("opa", "opb", "opc", "opd")

_TELLING = frozenset((*(pair.better for pair in _PAIRS), *ANSWER_LISTS, CORRECT, PREFERENCE[0]))
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
    record = _of_references(_of_tokens(_of_responses(_with_turns_of_prompts(_without_decision(record)))))
    if answer is None:
        record = _of_instances(record)
    if _TELLING.isdisjoint(record) or (answer is None and not _READ_FIRST.isdisjoint(record)):
        return record, answer
    record = _of_columns_of_wins(record)
    fitting = [pair for pair in _PAIRS if pair.fits(record)]
    for pair in sorted(fitting, key=lambda each: each.better not in record)[:1]:
        return _better_side(record, pair, answer)
    for key in ANSWER_LISTS:
        if rated := _rated(record.get(key)) or _rated(_with_marks(record, key)):
            if answer == key:
                _require_right(record, len(rated))
            return _best_rated(record, key, rated, answer)
        if answer == key and _is_rated_in_part(record.get(key)):
            detail = f"an answer in its `{key}` has no text, or no number as its rank or score"
            raise RejectedRecordError(QuarantineReason.NO_ANSWER, detail)
    if CORRECT in record and all(isinstance(record.get(key), str) for key in _OPTIONS):
        return _correct_option(record, answer)
    return _chosen_transcript(record, answer), answer


_OF_PRODIGY, _DECIDED = ("_task_hash", "_input_hash"), "answer"
_DECISIONS = ("accept", "reject", "ignore")


def _without_decision(record: Record) -> Record:
    """A record without what an annotator said of it in `answer` (Prodigy).

    Raises:
        RejectedRecordError: It was not accepted.
    """
    said = record.get(_DECIDED)
    if said not in _DECISIONS or not any(key in record for key in _OF_PRODIGY):
        return record
    if said != _DECISIONS[0]:
        detail = f"its annotator said {said!r}"
        raise RejectedRecordError(QuarantineReason.UNDESIRABLE, detail)
    return {key: value for key, value in record.items() if key != _DECIDED}


_OF_TOKENS = {"inputs_pretokenized": "inputs", "targets_pretokenized": "targets"}


def _of_tokens(record: Record) -> Record:
    """The texts of a record whose question and answer are tokens (P3, Sanh et al. 2022)."""
    if not all(isinstance(record.get(name), str) for name in _OF_TOKENS):
        return record
    rest = {key: value for key, value in record.items() if key not in _OF_TOKENS}
    return {**rest, **{key: record[name] for name, key in _OF_TOKENS.items()}}


def _of_references(record: Record) -> Record:
    """The first of several outputs of a defined task, which mean the same (Super-NaturalInstructions)."""
    outputs = record.get("output")
    if not isinstance(outputs, list) or not any(key in record for key in DEFINITIONS):
        return record
    if not outputs or not all(isinstance(each, str) for each in outputs):
        return record
    others: Record = {"other_outputs": outputs[1:]} if outputs[1:] else {}
    return {**record, "output": outputs[0], **others}


_INSTANCES, _INSTANCE = "instances", ("input", "output")


def _of_instances(record: Record) -> Record:
    """An instruction with its single instance (Self-Instruct, Wang et al. 2023); several are examples each.

    Raises:
        RejectedRecordError: It has several instances.
    """
    instances = record.get(_INSTANCES)
    if "instruction" not in record or not isinstance(instances, list) or not _READ_FIRST.isdisjoint(record):
        return record
    found = [each for each in instances if isinstance(each, Mapping) and _INSTANCE[1] in each]
    if not found or len(found) < len(instances):
        return record
    if len(found) > 1:
        first = 'fields: {question: "{instruction}\\n{instances.0.input}", answer: instances.0.output}'
        detail = (
            f"its `instances` are {len(found)} examples: write a record for each; `{first}` reads the first"
        )
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, detail)
    rest = {key: value for key, value in record.items() if key not in (_INSTANCES, *_INSTANCE)}
    return {**rest, **found[0]}


_INSTRUCTIONS = "instructions"


def _of_responses(record: Record) -> Record:
    """The system message of a request to OpenAI's Responses, beside the items that answer it."""
    said, output = record.get(_INSTRUCTIONS), record.get("output")
    if not isinstance(said, str) or not isinstance(output, list) or any(key in record for key in SYSTEMS):
        return record
    if not any(is_item(each) or is_message(each) for each in output):
        return record
    return {**{key: value for key, value in record.items() if key != _INSTRUCTIONS}, SYSTEMS[0]: said}


def _with_turns_of_prompts(record: Record) -> Record:
    """A prompt that is a transcript up to the mark of its answer, as turns."""
    for key in QUESTIONS:
        value = record.get(key)
        if isinstance(value, str) and value.startswith(_OPENINGS):
            is_of_lines = value.startswith(_OPENINGS[1]) and not record.get("input")
            turns = turns_of_lines(value) if is_of_lines else turns_of_transcript(value)
            if turns and turns[-1] == {"role": "assistant", "content": ""}:
                rest = {name: each for name, each in record.items() if not is_of_lines or name != "input"}
                record = {**rest, key: turns[:-1]}
        elif (
            isinstance(value, list) and len(value) == 1 and isinstance(value[0], list) and are_turns(value[0])
        ):
            record = {**record, key: value[0]}  # BFCL lists the requests of an item, each as a list of turns
    return record


_OPENINGS = ("\n\nHuman:", "Human:")
"""Beginnings of transcripts in prompts: of HH-RLHF, and of BELLE's conversations."""


def _of_columns_of_wins(record: Record) -> Record:
    """A record with a column for each outcome: a tie said in the first, and turns for lists of texts."""
    if not all(key in record for key in (*_WINS, *_RESPONSES)):
        return record
    wins = [record[key] in (1, "1") for key in _WINS]
    told: Record = record if wins[0] != wins[1] else {**record, _WINS[0]: "tie"}
    asked, *said = (_listed(record.get(key)) for key in ("prompt", *_RESPONSES))
    if asked is None or any(each is None or len(each) != len(asked) for each in said):
        return told
    sides = {key: _turns_of(asked, each or []) for key, each in zip(_RESPONSES, said, strict=True)}
    return {**{key: value for key, value in told.items() if key != "prompt"}, **sides}


def _turns_of(asked: list[Json], answered: list[Json]) -> list[Json]:
    pairs = zip(asked, answered, strict=True)
    roles = ("user", "assistant")
    return [{"role": role, "content": text} for pair in pairs for role, text in zip(roles, pair, strict=True)]


def _listed(value: Json) -> list[Json] | None:
    """A list, or one as JSON; None for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


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


def _better_side(record: Record, pair: _Pair, answer: str | None) -> tuple[Record, str | None]:
    better, sides = pair.better, pair.sides
    if answer != better:
        if answer is None:
            _undeclared(better, f"its answers are `{sides[0]}` and `{sides[1]}`")
        return record, answer
    place = pair.place(record.get(better), sides)
    if place is None:
        detail = f"by its {better}, {str(record.get(better)).casefold()!r}, neither answer is better"
        raise RejectedRecordError(QuarantineReason.PREFERENCE, detail)
    chosen, rejected = sides[place], sides[1 - place]
    asked = {} if pair.asked is None else {pair.asked[1]: record.get(pair.asked[0])}
    moved = (*sides, *(() if pair.asked is None else (pair.asked[0],)))
    rest = {key: value for key, value in record.items() if key not in moved}
    known = {PREFERENCE[0]: record[chosen], PREFERENCE[1]: record[rejected]}
    return {**rest, **asked, **known}, PREFERENCE[0]


_Rated: TypeAlias = tuple[str, float, Record]
"""Text of an answer, its place in ascending order, and its other fields."""


def _rated(value: Json) -> list[_Rated]:
    """The answers of a list, or of an object of lists, that all have a rank or a score; else none."""
    if isinstance(value, Mapping):
        columns = {key: each for key, each in value.items() if isinstance(each, list)}
        if len({len(each) for each in columns.values()}) != 1:
            return []
        value = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    found = [_text_and_place(each) for each in value] if isinstance(value, list) else []
    return [] if None in found else [each for each in found if each is not None]


def _with_marks(record: Record, key: str) -> Json:
    """The answers of a list with the ranks or scores of a list of the same length beside it."""
    answers = record.get(key)
    for name in _RIGHT:
        truths = record.get(name)
        if not isinstance(answers, list) or not isinstance(truths, list) or len(answers) != len(truths):
            continue
        if truths and all(isinstance(each, bool) for each in truths):
            return [
                {_SAID[0]: text, _SCORES[0]: int(bool(each))}
                for text, each in zip(answers, truths, strict=True)
            ]
    for name, mark in _BESIDE.items():
        marks = record.get(name)
        if isinstance(answers, list) and isinstance(marks, list) and len(answers) == len(marks):
            return [{_SAID[0]: text, mark: each} for text, each in zip(answers, marks, strict=True)]
    return None


def _require_right(record: Record, count: int) -> None:
    """Refuse answers that are all marked as wrong.

    Raises:
        RejectedRecordError: They are.
    """
    for name in _RIGHT:
        if record.get(name) == [False] * count:
            raise RejectedRecordError(QuarantineReason.UNDESIRABLE, f"by its {name}, no answer is right")


def _is_rated_in_part(value: Json) -> bool:
    """Whether a list holds answers with fields for ranks or scores."""
    answers = value if isinstance(value, list) else []
    return any(
        isinstance(each, Mapping) and not each.keys().isdisjoint((_RANK, *_SCORES)) for each in answers
    )


def _text_and_place(value: Json) -> _Rated | None:
    if not isinstance(value, Mapping):
        return None
    said = next((key for key in _SAID if isinstance(value.get(key), str)), None)
    ranks = [(key, 1 if key == _RANK else -1) for key in (_RANK, *_SCORES)]
    rank = next((sign * each for key, sign in ranks if _is_number(each := value.get(key))), None)
    if said is None or rank is None:
        return None
    return str(value[said]), float(rank), {key: each for key, each in value.items() if key != said}


def _is_number(value: Json) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < inf


def _best_rated(
    record: Record, key: str, rated: list[_Rated], answer: str | None
) -> tuple[Record, str | None]:
    if answer != key:
        if answer is None:
            _undeclared(key, f"its answers in `{key}` have ranks or scores")
        return record, answer
    best = min(range(len(rated)), key=lambda place: rated[place][1])
    others: list[Json] = [text for place, (text, _, _) in enumerate(rated) if place != best]
    beside: list[Json] = [dict(fields) for _, _, fields in rated]
    known: Record = {PREFERENCE[0]: rated[best][0], PREFERENCE[1]: others, key: beside}
    return {**record, **known}, PREFERENCE[0]


def _correct_option(record: Record, answer: str | None) -> tuple[Record, str | None]:
    """Four options in fields of their own, and the number of the correct one (MedMCQA)."""
    if answer is None or answer == CORRECT:
        settings = " or ".join(f"`answer: {name}`" for name in COUNTED)
        detail = f"`{CORRECT}` counts its options from 0 in copies on hubs, from 1 in the original files"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, f"{detail}; {settings} says which")
    if answer not in COUNTED:
        return record, answer
    correct = record[CORRECT]
    place = correct - COUNTED[answer] if isinstance(correct, int) and not isinstance(correct, bool) else -1
    if not 0 <= place < len(_OPTIONS):
        detail = f"its {CORRECT}, {correct!r}, counts none of four options from {COUNTED[answer]}"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, detail)
    rest = {key: value for key, value in record.items() if key not in _OPTIONS}
    return {**rest, CHOICES[0]: [record[key] for key in _OPTIONS], CORRECT: place}, CORRECT


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
    names = {"meta_instruction": "system"}
    rest = {names.get(key, key): value for key, value in record.items() if key != "chat"}
    return {**rest, "conversation": turns}


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
    """A list of questions beside a list of answers, about a story (CoQA, QuAC); None for another record."""
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


def _first_of_each(value: Json) -> list[Json]:
    """The first of each list in a list; others as they are."""
    listed = value if isinstance(value, list) else []
    return [each[0] if isinstance(each, list) and each else each for each in listed]


def _texts(value: Json) -> list[str]:
    """Texts of a list, or of `input_text` in a list of objects or an object of lists.

    QuAC lists the `texts` of several annotators for each question, of which the first answers.
    """
    key = "input_text"
    listed = value.get(key) or _first_of_each(value.get("texts")) if isinstance(value, Mapping) else value
    if not isinstance(listed, list):
        return []
    found = [each.get(key) if isinstance(each, Mapping) else each for each in listed]
    return [each for each in found if isinstance(each, str)] if all(isinstance(e, str) for e in found) else []
