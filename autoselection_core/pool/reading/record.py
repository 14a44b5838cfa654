"""Conversion of a record, in the format of its source, into a sample.

The format is recognised for each record, by its fields, in any case:

- a list of turns: `messages`, `conversations`, `conversation` or `dialog`, each turn with a speaker (`role`,
  `from`, `speaker`) and a text (`content`, `value`, `text`), and with the tools that the assistant calls;
- a question (`instruction`, `question`, `prompt`, `query`, `problem`, `input`, `inputs`) and its answer
  (`output`, `response`, `answer`, `completion`, `solution`, `target`, `targets`), each a text or turns.

Layouts of published data sets come under known names first (`published`). Where a record has none of them,
`further` spellings count, and a tree of replies is read along the best.
Every format may have `system` or `system_prompt`, `tools` or `functions`, and `label`. A source may say which
field is what (`Rules`). Other fields are kept beside the origin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import (
    canonical_object,
    holds_anything,
    says_something,
    spell_out,
    without_nulls,
)
from autoselection_core.pool.reading.content import has_text
from autoselection_core.pool.reading.exchanges import exchange
from autoselection_core.pool.reading.further import further_spelling
from autoselection_core.pool.reading.named import named_turns, split_text, with_named_speakers
from autoselection_core.pool.reading.pairs import (
    answer_beside,
    named_answer,
    question_and_answer,
    require_choice,
)
from autoselection_core.pool.reading.published import normalise_published_layout
from autoselection_core.pool.reading.rules import KNOWN, Rules
from autoselection_core.pool.reading.side_texts import with_side_turns
from autoselection_core.pool.reading.spellings import (
    ANSWERS,
    BAD,
    CHOICES,
    CONTEXTS,
    DEFINITIONS,
    FORMATS,
    GOOD,
    MEDIA,
    NAMED,
    PREFERENCE,
    QUESTIONS,
    SYSTEMS,
    TOOLS,
    TURN_LISTS,
    weight_of,
)
from autoselection_core.pool.reading.turns import are_turns, conversation
from autoselection_core.pool.reading.view import Note, Treatment, View
from autoselection_core.pool.sample import Message, QuarantineReason, Role, Sample

KNOWN_FIELDS = frozenset(
    (
        *TURN_LISTS,
        *QUESTIONS,
        *ANSWERS,
        *SYSTEMS,
        *TOOLS,
        *CONTEXTS,
        *CHOICES,
        *PREFERENCE,
        *MEDIA,
        *DEFINITIONS,
    )
)
_MEDIA = frozenset(MEDIA)
_UNPAIRED = {"prompt", "completion"}
"""Fields beside the label of an unpaired preference, as TRL trains KTO (Ethayarajh et al. 2024) with them."""

_PLACES = ("<image>", "<video>", "<audio>")
_MEDIA_TOKENS = (
    *("<|image_pad|>", "<|video_pad|>", "<|audio_pad|>", "<|vision_start|>", "<|image|>", "<|image_1|>"),
    *("<start_of_image>", "<image_soft_token>", "<image_placeholder>", "<|AUDIO|>"),
)
"""Tokens of models that take pictures, which nobody writes for another reason."""

_RESPELLED = {QuarantineReason.NO_MESSAGES, QuarantineReason.NO_ANSWER, QuarantineReason.UNKNOWN_ROLE}


@dataclass(frozen=True)
class ParsedRecord:
    """A parsed record: its sample, and the fields that are no part of it.

    Attributes:
        sample: The conversation.
        extras: Fields that are no part of it, as canonical JSON; None without.
        trimmed: Turns after the last answer, which were cut.
        format: Format of the record.
        notes: Treatment of the fields that are more than question and answer.
    """

    sample: Sample
    extras: str | None
    trimmed: int
    format: str
    notes: tuple[Note, ...] = ()


def read_record(record: Json, rules: Rules = KNOWN) -> ParsedRecord:
    """The sample that a record of any known format holds.

    Args:
        record: A JSON object, or a list of turns.
        rules: Rules that the source declares for its fields.

    Raises:
        RejectedRecordError: It holds none, and why.
    """
    if isinstance(record, list) and are_turns(record):
        record = {TURN_LISTS[0]: record}
    if not isinstance(record, dict):
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, _no_object(record))
    if rules.speakers:
        record = with_named_speakers(record, rules)
    record, answer = normalise_published_layout(record, rules.answer_field)
    if answer != rules.answer_field:
        rules = replace(rules, answer=answer, fields=replace(rules.fields, answer=None))
    try:
        return _read(record, rules)
    except RejectedRecordError as rejection:
        respelled = further_spelling(_in_lower_case(record))
        if rejection.reason not in _RESPELLED or respelled.keys() == record.keys():
            raise
        return _read(respelled, rules)


def _no_object(record: Json) -> str:
    """What a record is that has no fields, and the way forward."""
    if not isinstance(record, list):
        return "the record is a text, number or null alone, and no object with fields"
    if all(isinstance(each, Mapping) for each in record):
        return (
            f"the record is a list of {len(record):,} objects that are no turns: write each on its own line"
        )
    return 'the record is a list and no object with fields: write each as `{"question": ..., "answer": ...}`'


_AROUND_NAMES = " \t\r\n\ufeff\u200b\xa0"
"""White space and marks around the names of fields, which tables and spreadsheets leave there."""


def _in_lower_case(record: Mapping[str, Json]) -> Mapping[str, Json]:
    """The record with known fields in lower case, without white space around them."""
    lowered = ((key, key.strip(_AROUND_NAMES).casefold()) for key in record)
    return {(low if low in KNOWN_FIELDS and low not in record else key): record[key] for key, low in lowered}


def _read(record: Mapping[str, Json], rules: Rules) -> ParsedRecord:
    there = {key: value for key, value in record.items() if value is not None}
    view = View({key: there[key] for key in there if key not in rules.keep} if rules.keep else there)
    _require_text(view)
    _note_verdicts(view)
    read_as, turns = _turns(view, rules)
    turns = [*_system(view, rules, turns), *turns]
    kept = _up_to_the_last_answer(turns)
    _require_no_picture(kept)
    definitions = _tools(view, rules)
    extras = _extras(there, view, rules)
    return ParsedRecord(
        Sample(tuple(kept), definitions), extras, len(turns) - len(kept), read_as, view.notes.all()
    )


def _require_text(view: View) -> None:
    """Refuse what is marked as no example to follow, and what comes with pictures or sound."""
    label = next((key for key in view.record if key.casefold() == "label"), None)
    if label is not None and _is_bad(view, label):
        detail = f"its label is false; where that marks no bad answer, say `keep: [{label}]` in its source"
        raise RejectedRecordError(QuarantineReason.UNDESIRABLE, detail)
    for key in () if _MEDIA.isdisjoint(view.record) else MEDIA:
        if key in view.record and holds_anything(view.record[key]):
            detail = f"it comes with the field {key}; where answers do not depend on it, say `keep: [{key}]`"
            raise RejectedRecordError(QuarantineReason.MEDIA, detail)


def _note_verdicts(view: View) -> None:
    """Note truth values that may mark a bad answer, such as `is_correct: false`."""
    for key, value in view.record.items():
        if isinstance(value, bool) and key.casefold() in (BAD if value else GOOD):
            view.notes.add(key, Treatment.VERDICT)


def _is_bad(view: View, label: str) -> bool:
    """Whether a label marks a bad answer: false in any spelling, or 0 beside prompt and completion (KTO).

    Beside other fields 0 may as well be a class; it is noted.
    """
    said = view.record[label]
    if weight_of(said) != 0:
        return False
    is_false = said is False or (isinstance(said, str) and said.strip().casefold() == "false")
    if is_false or _UNPAIRED.issubset(key.casefold() for key in view.record):
        return True
    view.notes.add(label, Treatment.LABEL)
    return False


def _require_no_picture(turns: Sequence[Message]) -> None:
    """Refuse a question about a picture whose place alone is left in it (LLaVA)."""
    for turn in turns:
        if turn.role is not Role.USER:
            continue
        is_token = "<" in turn.content and any(token in turn.content for token in _MEDIA_TOKENS)
        if is_token or turn.content.startswith(_PLACES) or turn.content.endswith(_PLACES):
            detail = "a turn of the user has the place of a picture, sound or video"
            raise RejectedRecordError(QuarantineReason.MEDIA, detail)


def _turns(view: View, rules: Rules) -> tuple[str, list[Message]]:
    """The name of the format, and the conversation without its system message."""
    fields = rules.fields
    if fields.turns is not None:
        return NAMED, _answered(named_turns(view, fields.turns), view, rules)
    if fields.text is not None:
        return NAMED, split_text(view, fields)
    if (whole := _whole_answer(view, rules)) is not None:
        return FORMATS[TURN_LISTS[2]], whole
    key = _list_key(view) if fields.question is None else None
    if key is not None:
        view.read.add(key)
        turns = with_side_turns(conversation(view.record[key], key, view.notes), view)
        return FORMATS[key], _answered(turns, view, rules)
    asks, turns = question_and_answer(view, rules)
    if fields.reasoning is not None and (thought := view.fill(fields.reasoning)):
        turns = [*turns[:-1], replace(turns[-1], reasoning=thought)]
    return (NAMED if asks is None else FORMATS[asks]), turns


def _whole_answer(view: View, rules: Rules) -> list[Message] | None:
    """The conversation in the field of the answer that a source names, beside a list of turns; None for none.

    What it ends with is all that another list may add, and may not even be readable (`output: null`).
    """
    named = rules.answer_field
    value = None if named is None or "{" in named else view.record.get(named)
    if named is None or not are_turns(value) or not any(view.record.get(key) for key in TURN_LISTS):
        return None
    turns = named_answer(view, named)
    return turns if turns and turns[0].role in (Role.SYSTEM, Role.USER) else None


def _list_key(view: View) -> str | None:
    """The field with the turns: the first that may hold some, else the first of the two common names."""
    there = [key for key in TURN_LISTS if key in view.record]
    for key in there:
        value = view.record[key]
        if value.lstrip()[:1] in ("[", "{") if isinstance(value, str) else value not in ([], {}):
            return key
    asks = any(key in view.record for key in QUESTIONS)
    return None if asks else next((key for key in there if key in TURN_LISTS[:2]), None)


def _answered(turns: list[Message], view: View, rules: Rules) -> list[Message]:
    """Turns, followed by the answer from a field of its own."""
    if rules.answer_field is None:
        if turns and turns[-1].role is not Role.ASSISTANT:
            require_choice(view, rules)
        if not turns or turns[-1].role is Role.ASSISTANT:
            return turns
        answer = answer_beside(view)
        if not answer and exchange(view.record) is not None:
            raise RejectedRecordError(QuarantineReason.NO_ANSWER, "the response that answers is no text")
        return [*turns, *answer]
    answers = named_answer(view, rules.answer_field)
    if answers[0].role in (Role.SYSTEM, Role.USER):
        return answers
    while turns and turns[-1].role is Role.ASSISTANT:
        turns = turns[:-1]
    return [*turns, *answers]


def _system(view: View, rules: Rules, turns: Sequence[Message]) -> list[Message]:
    """The system message in a field of its own, unless the turns begin with it."""
    named = rules.fields.system
    texts = [view.fill(named)] if named is not None else [view.text(key) for key in SYSTEMS]
    said = "\n".join(dict.fromkeys(text for text in texts if text))
    if not said or (turns and turns[0].role is Role.SYSTEM and said in turns[0].content):
        return []
    return [Message(Role.SYSTEM, said)]


def _tools(view: View, rules: Rules) -> str | None:
    """Definitions of tools: a structure loses the nulls that Arrow pads it with, a text keeps its own."""
    named = rules.fields.tools or next((key for key in TOOLS if key in view.record), None)
    if named is None:
        return None
    value = view.value(named)
    return canonical_object(value if isinstance(value, str) else without_nulls(value))


def _extras(record: Mapping[str, Json], view: View, rules: Rules) -> str | None:
    """The other fields as canonical JSON, each text among them noted."""
    beside = {key: value for key, value in record.items() if key not in view.read}
    if not beside:
        return None
    if rules.keep is not None:
        beside = {key: value for key, value in beside.items() if key in rules.keep}
    noted = {field for field, _ in view.notes.all()}
    for key, value in beside.items():
        if key not in noted and has_text(value):
            view.notes.add(key, Treatment.KEPT)
    try:
        return canonical_object(beside)
    except RejectedRecordError:
        for key in (key for key, value in beside.items() if spell_out(value) != value):
            view.notes.add(key, Treatment.UNSPELLED)
        return canonical_object(spell_out(beside))


def _up_to_the_last_answer(turns: list[Message]) -> list[Message]:
    """Turns up to the last answer: a turn that nobody answers teaches nothing, but would be read."""
    if not turns:
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, "the list of turns is empty")
    answers = [number for number, turn in enumerate(turns) if turn.role is Role.ASSISTANT]
    if not answers:
        spoken = " and ".join(dict.fromkeys(str(turn.role) for turn in turns))
        detail = f"no turn is spoken by the assistant, all by {spoken}"
        way = "" if len(turns) == 1 else "; `speakers: {system: assistant}` in its source says where one is"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, f"{detail}{way}")
    taught = [turns[number] for number in answers if turns[number].is_taught]
    if not taught:
        raise RejectedRecordError(
            QuarantineReason.UNTAUGHT,
            "every turn of the assistant has `weight`, `train` or `loss` at 0 or false",
        )
    if not all(says_something(turn.content) or turn.calls or turn.reasoning for turn in taught):
        raise RejectedRecordError(QuarantineReason.EMPTY_ANSWER, "a turn of the assistant is empty")
    kept = turns[: answers[-1] + 1]
    if not all(says_something(turn.content) for turn in kept if turn.role is Role.USER):
        raise RejectedRecordError(QuarantineReason.EMPTY_QUESTION, "a turn of the user is empty")
    return kept
