"""Questions and answers in fields of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from autoselection_core.errors.pool import RejectedRecordError, UndeclaredAnswerError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import verbatim_text
from autoselection_core.pool.reading.content import has_text, parsed, text_of
from autoselection_core.pool.reading.hints import (
    reject_unnamed,
    reject_without_choice,
    split_setting,
    way_inside,
)
from autoselection_core.pool.reading.rules import Rules
from autoselection_core.pool.reading.side_texts import (
    chosen_text,
    named_choices,
    right_choice,
    with_choices,
    with_side_texts,
)
from autoselection_core.pool.reading.spellings import (
    ANSWERS,
    HISTORIES,
    INPUTS,
    MAY_BE_NO_INPUT,
    PREFERENCE,
    QUESTIONS,
    REASONING,
    TURN_LISTS,
)
from autoselection_core.pool.reading.transcripts import marks_in, turns_of_history
from autoselection_core.pool.reading.turns import are_turns, conversation, spelled_turns, thought_of
from autoselection_core.pool.reading.view import Treatment, View
from autoselection_core.pool.sample import Message, QuarantineReason, Role

_PAIR = (Role.USER, Role.ASSISTANT)


def question_and_answer(view: View, rules: Rules) -> tuple[str | None, list[Message]]:
    """The field that asks, None where the source names it, and the conversation.

    Raises:
        RejectedRecordError: The record holds no question or no answer.
    """
    if rules.fields.choices is not None:
        return _among_choices(view, rules)
    require_choice(view, rules)
    named = rules.answer_field
    answers = None if named is None else named_answer(view, named)
    if answers and answers[0].role in (Role.SYSTEM, Role.USER):
        return None, answers  # the field of the answer holds the whole conversation
    key, asked = _question(view, rules)
    return key, [*asked, *(_answer(view) if answers is None else answers)]


def _among_choices(view: View, rules: Rules) -> tuple[str | None, list[Message]]:
    """A question with the choices that the source names, and the right one as the answer."""
    fields = rules.fields
    choices = named_choices(view, fields)
    named = rules.answer_field or next((key for key in ANSWERS if key in view.record), None)
    if named is None:
        reject_unnamed(view, QuarantineReason.NO_ANSWER, f"none of the fields {', '.join(ANSWERS)}", "answer")
    right = right_choice(choices, view.fill(named), fields.answer_by)
    view.notes.add(named, Treatment.CHOICE)
    if fields.options != "texts":
        view.notes.add(fields.choice_fields[0], Treatment.RENDERED)
    key, asked = _question(view.without(fields.choice_fields), rules)
    question, answer = with_choices(asked[-1].content, choices, right, fields)
    return key, [*asked[:-1], replace(asked[-1], content=question), Message(Role.ASSISTANT, answer)]


def require_choice(view: View, rules: Rules) -> None:
    """Refuse a pair of answers where the source does not choose the one to read.

    Raises:
        RejectedRecordError: The record is such a pair.
    """
    if PREFERENCE[0] not in view.record or PREFERENCE[1] not in view.record:
        return
    if rules.answer_field is None and not any(key in view.record for key in ANSWERS):
        chosen = view.record[PREFERENCE[0]]
        marks = marks_in(chosen) if isinstance(chosen, str) else None
        asks = any(key in view.record for key in (*QUESTIONS, *TURN_LISTS))
        setting = "answer: chosen" if marks is None or asks else split_setting("chosen", marks)
        detail = f"its answers are `chosen` and `rejected`; with `{setting}` in its source the first is read"
        raise UndeclaredAnswerError(QuarantineReason.PREFERENCE, detail, setting)


def named_answer(view: View, named: str) -> list[Message]:
    """The turns that the field of the answer holds: a text is one, a list of turns is read as such.

    Raises:
        RejectedRecordError: The record has no such field.
    """
    value = None if "{" in named else view.value(named)
    if named == PREFERENCE[0] and PREFERENCE[1] in view.record:
        view.notes.add(PREFERENCE[1], Treatment.REJECTED)
    value = spelled_turns(value) or value
    if are_turns(value):
        return conversation(value, named, view.notes)
    _require_single(value, named)
    text = chosen_text(view, value) or view.fill(named, verbatim_text)
    return [Message(Role.ASSISTANT, text)]


def answer_beside(view: View) -> list[Message]:
    """The answer in a field of its own beside turns without one, with the reasoning before it; maybe none.

    Raises:
        RejectedRecordError: There are two, and the source does not choose the one to read.
    """
    said = [view.record.get(key) for key in ANSWERS]
    if not any(isinstance(each, str) or are_turns(each) for each in said):
        reject_without_choice(view.record)
        return []
    *before, answer = _answer(view)
    key = next((key for key in REASONING if isinstance(view.record.get(key), str)), None)
    if key is None or answer.reasoning is not None or not (thought := thought_of(view.record[key], key)):
        return [*before, answer]
    view.read.add(key)
    view.notes.add(key, Treatment.REASONING)
    return [*before, replace(answer, reasoning=thought)]


def _question(view: View, rules: Rules) -> tuple[str | None, list[Message]]:
    named = rules.fields.question
    if named is not None:
        said = None if "{" in named else view.value(named)
        said = spelled_turns(said) or said
        if are_turns(said):
            return None, conversation(said, named, view.notes)
        return None, [_asked(view.fill(named), named)]
    key = _question_key(view)
    value = view.record[key]
    _note_spelled(view, key)
    if are_turns(value):
        view.read.add(key)
        turns = conversation(value, key, view.notes)
        _pass_over_the_same(view, key, turns)
        return key, turns
    if isinstance(value, Mapping) and f": {key}." in (way := way_inside(view.record, "question")):
        detail = f"the field {key} holds fields; name the question under `fields` in its source{way}"
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, detail)
    if value == [] and any(are_turns(view.record.get(answer)) for answer in ANSWERS):
        return key, []  # the assistant opens the conversation
    turns = _history(view)
    question = with_side_texts(_with_input(view, key, rules), view)
    history = _history_key(view)
    if not turns and question and (before := view.record.get(history)) and has_text(before):
        view.notes.add(history, Treatment.RENDERED)
        question = f"{view.text(history)}\n{question}"
    return key, [*turns, _asked(question, key)]


def _question_key(view: View) -> str:
    """The first of the known fields that is not empty; the first that is there where all are."""
    there = [key for key in QUESTIONS if key in view.record]
    for key in there:
        if _says_something(view.record[key]):
            return key
        view.read.add(key)
    if not there:
        known = ", ".join(QUESTIONS)
        reject_unnamed(
            view,
            QuarantineReason.NO_MESSAGES,
            f"no list of turns, and none of the fields {known}",
            "question",
        )
    return there[0]


def _with_input(view: View, key: str, rules: Rules) -> str:
    """The question, followed by the input where that adds to it."""
    question = _asked_in(view, key, rules)
    further = INPUTS[0]
    if key in INPUTS or further not in view.record:
        return question
    if are_turns(view.record[further]):
        raise RejectedRecordError(
            QuarantineReason.CONTRADICTION, f"{key} and {further} both hold the question"
        )
    added = view.text(further)
    if rules.says_none(added):
        return question
    if added.casefold() in MAY_BE_NO_INPUT:
        view.notes.add(f"{further}: {added}", Treatment.PLACEHOLDER)
    if question == added:
        return question
    if key != "instruction" and added in question:
        view.notes.add(further, Treatment.FULLER)
        return question
    if key != "instruction" and question in added:
        return added
    return "\n".join(part for part in (question, added) if part)


def _asked_in(view: View, key: str, rules: Rules) -> str:
    """The question of a field, with the one that an instruction is about behind it.

    Raises:
        RejectedRecordError: Two fields ask, and neither has the other in it.
    """
    question = view.text(key)
    is_answered = rules.answer_field is not None or any(name in view.record for name in ANSWERS)
    for other in QUESTIONS if is_answered else ():
        said = view.record.get(other)
        if other in (*INPUTS, *view.read) or not isinstance(said, str) or not said.strip():
            continue  # the answer that a source names may have the name of a question
        asked, spaced = (" ".join(text.split()) for text in (said, question))
        if asked in spaced or spaced in asked:
            continue
        if key != QUESTIONS[0]:
            both = f'`fields: {{question: "{{{key}}}\\n{{{other}}}"}}`'
            way = f"name one of them or both, as {both} in its source does"
            detail = f"{key} and {other} both ask, and neither has the other in it; {way}"
            raise RejectedRecordError(QuarantineReason.CONTRADICTION, detail)
        view.notes.add(other, Treatment.RENDERED)
        question = f"{question}\n{view.text(other)}"
    return question


def _pass_over_the_same(view: View, key: str, turns: list[Message]) -> None:
    """Count an input as read that repeats the turns."""
    for other in INPUTS:
        said = view.record.get(other) if other != key else None
        if isinstance(said, str) and all(turn.content in said for turn in turns):
            view.read.add(other)
            view.notes.add(other, Treatment.FULLER)


def _history_key(view: View) -> str:
    """The first of the fields for earlier turns that says something."""
    return next((key for key in HISTORIES if view.record.get(key)), HISTORIES[0])


def _history(view: View) -> list[Message]:
    """Earlier turns: a list of them, pairs, texts in turn, or one text with marks; other text is no turn.

    Raises:
        RejectedRecordError: It holds something else.
    """
    key = _history_key(view)
    said = view.value(key)
    if isinstance(said, str):
        listed = parsed(said)
        said = turns_of_history(said) if isinstance(listed, str) else listed
    if not said:
        return []
    if are_turns(said):
        return conversation(said, key, view.notes)
    pairs: list[Json] = said if isinstance(said, list) else [said]
    if all(isinstance(each, str) for each in pairs) and len(pairs) % len(_PAIR) == 0:
        pairs = list(zip(pairs[::2], pairs[1::2], strict=True))
    return [turn for pair in pairs for turn in _of_pair(pair, key)]


def _of_pair(pair: Json, where: str) -> Iterator[Message]:
    if not isinstance(pair, list | tuple) or len(pair) != len(_PAIR):
        detail = f"{where} holds something other than pairs or turns; `keep: [{where}]` leaves it beside"
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, detail)
    yield _asked(text_of(pair[0], where), where)
    yield Message(Role.ASSISTANT, text_of(pair[1], where, verbatim_text))


def _asked(question: str, where: str) -> Message:
    if not question:
        raise RejectedRecordError(QuarantineReason.EMPTY_QUESTION, f"the field {where} is empty")
    return Message(Role.USER, question)


def _answer(view: View) -> list[Message]:
    """The answer of the known fields. One that another one contains is part of it, and no contradiction."""
    there = [key for key in ANSWERS if key in view.record]
    if not there:
        reject_unnamed(view, QuarantineReason.NO_ANSWER, f"none of the fields {', '.join(ANSWERS)}", "answer")
    if len(there) == 1 and isinstance(view.record[there[0]], str):
        return [_said(view, there[0])]
    texts = [key for key in there if not isinstance(view.record[key], int | float)] or there
    for key in texts:
        if are_turns(view.record[key]):
            view.read.add(key)
            return conversation(view.record[key], key, view.notes)
    answers = {key: _answered(view, key) for key in texts}
    said = {key: text.strip() for key, text in answers.items() if text.strip()}
    if not said:
        raise RejectedRecordError(QuarantineReason.EMPTY_ANSWER, f"the field {there[0]} is empty")
    fullest = max(said, key=lambda key: len(said[key]))
    for key, text in said.items():
        if text not in said[fullest]:
            detail = (
                f"{fullest} and {key} differ; name the one to read, as in `answer: {fullest}` in its source"
            )
            raise RejectedRecordError(QuarantineReason.CONTRADICTION, detail)
        if len(text) < len(said[fullest]):
            view.notes.add(key, Treatment.FULLER)
    return [Message(Role.ASSISTANT, answers[fullest])]


def _said(view: View, key: str) -> Message:
    """The answer of a single field."""
    _note_spelled(view, key)
    text = chosen_text(view, view.record[key]) or view.text(key, verbatim_text)
    if not text.strip():
        raise RejectedRecordError(QuarantineReason.EMPTY_ANSWER, f"the field {key} is empty")
    return Message(Role.ASSISTANT, text)


def _require_single(value: Json, named: str) -> None:
    """Refuse a list of texts as answer: they may be alternatives, lines, or answers of several records.

    Raises:
        RejectedRecordError: It lists several.
    """
    told = [each for each in value if each is not None] if isinstance(value, list) else []
    if len(told) > 1 and all(isinstance(each, str | int | float) for each in told):
        way = f"where they mean the same, `answer: {named}.0` in its source reads the first"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, f"{named} lists {len(told)} answers; {way}")


def _answered(view: View, key: str) -> str:
    value = view.record[key]
    _require_single(value, key)
    if (choice := chosen_text(view, value)) is not None:
        view.read.add(key)
        view.notes.add(key, Treatment.INDEX)
        return choice
    return view.text(key, verbatim_text)


def _note_spelled(view: View, key: str) -> None:
    """Note a text that spells turns; it stays a text, because exports are read back as they were written."""
    if spelled_turns(view.record[key]) is not None:
        view.notes.add(key, Treatment.SPELLED)


def _says_something(value: Json) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value not in ([], {})
