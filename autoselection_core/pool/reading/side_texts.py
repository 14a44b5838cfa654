"""Texts beside a question that are part of it by convention: passages, and the choices."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from string import ascii_letters, ascii_uppercase

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_text
from autoselection_core.pool.reading.content import text_of
from autoselection_core.pool.reading.rules import Fields
from autoselection_core.pool.reading.spellings import CHOICES, CONTEXTS, DEFINITIONS
from autoselection_core.pool.reading.view import Treatment, View
from autoselection_core.pool.sample import Message, QuarantineReason, Role

_LABELLED = ("label", "text")
_LABEL_LENGTH = 2
_MIN_CHOICES, _MAX_DIGITS = 2, 9
_PLACES = ("index", "number")
"""Ways to name a choice by its place; so does a letter, where it is no label of its own."""

_OBJECTS = (("label", "text"), ("key", "value"))
"""Fields of choices that are objects."""

_SIDE_TEXTS = frozenset((*DEFINITIONS, *CONTEXTS, *CHOICES))
_TITLE, _BODIES = "title", ("text", "content", "contents", "passage_text", "body")
_LISTS_OF_TEXTS = ("contexts", "passage_text")


def with_side_texts(question: str, view: View) -> str:
    """A question behind its task's definition, with passage and choices behind it, each on lines of its own.

    What the question holds already stays once.

    Raises:
        RejectedRecordError: A passage is no text.
    """
    for key in (*DEFINITIONS, *CONTEXTS):
        if key in view.record and (text := _text(view, key)):
            view.notes.add(key, Treatment.RENDERED)
            question = question if _holds(question, text, view.record[key]) else _beside(question, text, key)
    for key in CHOICES:
        choices = choices_in(view.record[key], key) if key in view.record else ()
        if choices:
            view.read.add(key)
            view.notes.add(key, Treatment.RENDERED)
            question = f"{question}\n{_list(question, choices)}".strip()
    return question


def with_side_turns(turns: Sequence[Message], view: View) -> list[Message]:
    """Turns with passage and choices behind the first question, unless a turn holds them already."""
    first = next((number for number, turn in enumerate(turns) if turn.role is Role.USER), None)
    if first is None or not _SIDE_TEXTS & view.record.keys():
        return list(turns)
    question = turns[first].content
    for key in (*DEFINITIONS, *CONTEXTS):
        text = view.record.get(key)
        if isinstance(text, str) and (passage := canonical_text(text)):
            view.read.add(key)
            view.notes.add(key, Treatment.RENDERED)
            is_said = any(passage in turn.content for turn in turns)
            question = question if is_said else _beside(question, passage, key)
    for key in CHOICES:
        value = view.record.get(key)
        choices = choices_in(value, key) if isinstance(value, list | Mapping) else ()
        if choices:
            view.read.add(key)
            view.notes.add(key, Treatment.RENDERED)
            question = f"{question}\n{_list(question, choices)}".strip()
    return [*turns[:first], replace(turns[first], content=question), *turns[first + 1 :]]


def _holds(question: str, text: str, value: Json) -> bool:
    """Whether a question has a passage, or each of a list of passages, in it already."""
    texts = value if isinstance(value, list) else []
    is_each = bool(texts) and all(
        isinstance(each, str) and canonical_text(each) in question for each in texts
    )
    return text in question or is_each


def _beside(question: str, text: str, key: str) -> str:
    return (f"{text}\n{question}" if key in DEFINITIONS else f"{question}\n{text}").strip()


def chosen_text(view: View, value: Json) -> str | None:
    """The choice that a whole number as answer counts, from 0; None where the answer is a text of its own.

    Raises:
        RejectedRecordError: A number, a truth value or the text of digits counts or says none of the choices.
    """
    there = ((key, choices_in(view.record[key], key)) for key in CHOICES if key in view.record)
    key, choices = next((found for found in there if found[1]), ("", ()))
    if not choices or not _may_count(value):
        return None
    place = _place_counted(value)
    if place is not None and 0 <= place < len(choices) and not isinstance(view.record[key], str):
        _require_no_gap(view.record[key], key)
        return _line(*choices[place])
    said = text_of(value, key).strip().casefold()
    if any(_stands_in(text.casefold(), said) for _, text in choices):
        return None
    if isinstance(view.record[key], list):
        _require_no_gap(view.record[key], key)
    is_letter = isinstance(value, str) and said.isalpha()
    if is_letter or any(said == label.casefold() for label, _ in choices):
        return None
    way = "`choices` under `fields` names their field, and `answer_by` says how it counts"
    raise RejectedRecordError(QuarantineReason.NO_ANSWER, f"its answer, {said}, is none of its {key}; {way}")


def _may_count(answer: Json) -> bool:
    """Whether an answer is a number, a truth value, digits or a letter."""
    if not isinstance(answer, str):
        return isinstance(answer, int | float)
    said = answer.strip()
    return said.isdecimal() or (len(said) == 1 and said in ascii_letters)


def _place_counted(answer: Json) -> int | None:
    """The place that a whole number counts, as a table spells it, too; None for any other answer."""
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return None
    return int(answer) if float(answer).is_integer() else None


def _require_no_gap(value: Json, where: str) -> None:
    """Refuse a place among choices of which one before others is null: it may or may not count."""
    said = [each is not None for each in _values(value)]
    if False in said and True in said[said.index(False) :]:
        detail = f"a choice of {where} is null before another one, so that places among them are not known"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, detail)


def _values(value: Json) -> Sequence[Json]:
    """Values of choices, nulls among them."""
    if isinstance(value, Mapping):
        texts = value.get(_LABELLED[1])
        return texts if isinstance(texts, list) else list(value.values())
    return value if isinstance(value, list) else ()


def named_choices(view: View, fields: Fields) -> Sequence[tuple[str, str]]:
    """Label and text of each choice in the fields that a source names.

    Raises:
        RejectedRecordError: The record has no such field, or it lists no choices.
    """
    names = fields.choice_fields
    values = [view.value(name) for name in names]
    listed: Json = (
        values[0] if isinstance(fields.choices, str) else [each for each in values if each is not None]
    )
    choices = choices_in(_parsed(listed), names[0])
    told = _parsed(values[0] if isinstance(fields.choices, str) else list(values))
    if fields.answer_by in _PLACES or (fields.answer_by != "text" and isinstance(told, list)):
        _require_no_gap(told, names[0])
    if len(choices) < _MIN_CHOICES:
        detail = f"the record has no two choices under {', '.join(names)}"
        raise RejectedRecordError(QuarantineReason.MISSING_FIELD, detail)
    return choices


def _parsed(value: Json) -> Json:
    """A list for one that is spelled as JSON, as in a cell of a table."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        return json.loads(value)  # type: ignore[no-any-return] # of JSON
    except (ValueError, RecursionError):
        return value


def right_choice(choices: Sequence[tuple[str, str]], answer: str, by: str | None) -> int:
    """Place of the choice that an answer names, from 0.

    Raises:
        RejectedRecordError: It names none, or may name two.
    """
    said = answer.strip()
    digits = said.removesuffix(".0")
    count = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS else None
    labels = [(label or _label(place)).casefold() for place, (label, _) in enumerate(choices)]
    ways = {
        "index": [] if count is None else [count],
        "number": [] if count is None else [count - 1],
        "letter": [place for place, label in enumerate(labels) if label == said.casefold()],
        "text": [
            place for place, each in enumerate(choices) if canonical_text(answer) in _spellings(place, *each)
        ],
    }
    found = {place for way in ([by] if by else ways) for place in ways[way] if 0 <= place < len(choices)}
    if len(found) != 1:
        what = f"{'none' if not found else 'more than one'} of its {len(choices)} choices"
        detail = f"the answer names {what}; `answer_by` under `fields` says how it names one"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, detail)
    return found.pop()


def _spellings(place: int, label: str, text: str) -> tuple[str, ...]:
    """A choice as it is, and without the label that it begins with."""
    own = _label(place)
    return (
        (text,)
        if label or not _has_label(own, text)
        else (text, text.removeprefix("(")[len(own) + 1 :].strip())
    )


def with_choices(
    question: str, choices: Sequence[tuple[str, str]], right: int, fields: Fields
) -> tuple[str, str]:
    """A question with its choices, and the right one as its answer."""
    if fields.options == "texts":
        return question, choices[right][1]
    return f"{question}\n{_list(question, choices)}".strip(), _line(*choices[right])


def choices_in(value: Json, where: str) -> Sequence[tuple[str, str]]:
    """Label and text of each choice; a text that lists them itself is one without a label.

    A value that lists no choices (settings of a generator have the same name) gives none.
    """
    if isinstance(value, str):
        return [("", text_of(value, where))] if value.strip() else []
    if isinstance(value, Mapping):
        return list(_of_mapping(value, where))
    there: list[Json] = [each for each in value if each is not None] if isinstance(value, list) else []
    for label, text in _OBJECTS:
        if there and all(isinstance(each, Mapping) and isinstance(each.get(text), str) for each in there):
            objects = [each for each in there if isinstance(each, Mapping)]
            labels: list[Json] = [each.get(label) for each in objects]
            return list(_label_texts(labels, [each.get(text) for each in objects], where))
    if not all(isinstance(each, str | int | float) for each in there):
        return []
    labelled = list(_label_texts([], there, where))
    return [("", text) for _, text in labelled] if all(_has_label(*each) for each in labelled) else labelled


def _has_label(label: str, text: str) -> bool:
    """Whether a choice begins with its label: `A) Rome`, `(A) Rome`."""
    begins = text.removeprefix("(")
    return begins.startswith(label) and begins[len(label) : len(label) + 1] in tuple(").:")


def _of_mapping(value: Mapping[str, Json], where: str) -> Iterator[tuple[str, str]]:
    """Lists of labels and texts, or a text for each label of a letter or two."""
    labels, texts = (value.get(key) for key in _LABELLED)
    if isinstance(labels, list) and isinstance(texts, list):
        yield from _label_texts(labels, texts, where)
        return
    told = {key: each for key, each in value.items() if each is not None}
    if all(len(key) <= _LABEL_LENGTH and isinstance(each, str) for key, each in told.items()):
        yield from ((key, text_of(each, where)) for key, each in told.items())


def _label_texts(labels: Json, texts: Json, where: str) -> Iterator[tuple[str, str]]:
    given = labels if isinstance(labels, list) else []
    for number, text in enumerate(texts if isinstance(texts, list) else ()):
        label = given[number] if number < len(given) and given[number] is not None else _label(number)
        yield str(label), text_of(text, where)


def _label(number: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    letter = ascii_uppercase[number % 26]
    return letter if number < len(ascii_uppercase) else _label(number // 26 - 1) + letter


def _list(question: str, choices: Sequence[tuple[str, str]]) -> str:
    """The choices, a line each; nothing where the question lists them itself."""
    if all(_stands_in(question, text) for _, text in choices):
        return ""
    return "\n".join(_line(label, text) for label, text in choices)


def _line(label: str, text: str) -> str:
    return f"{label}. {text}" if label else text


def _stands_in(whole: str, part: str) -> bool:
    """Whether a text occurs in another one as a word of its own."""
    start = whole.find(part)
    while start >= 0 and part:
        before, after = whole[start - 1 : start], whole[start + len(part) : start + len(part) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        start = whole.find(part, start + len(part))
    return not part


def _text(view: View, key: str) -> str:
    if passages := list(_passages(view.record[key])):
        view.read.add(key)
        return "\n".join(passages)
    try:
        return view.text(key)
    except RejectedRecordError as rejection:
        if rejection.reason != QuarantineReason.NO_MESSAGES:
            raise
        raise RejectedRecordError(QuarantineReason.UNREAD, _unread(key)) from rejection


def _passages(value: Json) -> Iterator[str]:
    """Passages of an object of lists: titles with their sentences (HotpotQA), or texts (PubMedQA, MS MARCO).

    Or of a list of objects, each with a text and perhaps a title.
    """
    if isinstance(value, list):
        titled = [_titled(each) for each in value]
        yield from (text for text in titled if text is not None) if None not in titled else ()
        return
    if not isinstance(value, Mapping):
        return
    titles, sentences = value.get(_TITLE), value.get("sentences")
    texts = next((value[key] for key in _LISTS_OF_TEXTS if isinstance(value.get(key), list)), None)
    if isinstance(titles, list) and isinstance(sentences, list):
        for title, said in zip(titles, sentences, strict=False):
            yield f"{title}: {''.join(map(str, said)) if isinstance(said, list) else said}"
    elif isinstance(texts, list):
        yield from (text for text in texts if isinstance(text, str))


def _titled(passage: Json) -> str | None:
    """Title and text of a passage that is an object; None for another one, and for typed parts."""
    if isinstance(passage, list) and len(passage) == len(_LABELLED) and isinstance(passage[0], str):
        title, said = passage  # HotpotQA's own files
        is_said = isinstance(said, list) and all(isinstance(each, str) for each in said)
        return f"{title}: {''.join(map(str, said))}" if is_said and isinstance(said, list) else None
    if not isinstance(passage, Mapping) or "type" in passage:
        return None
    text = next((said for key in _BODIES if isinstance(said := passage.get(key), str)), None)
    title = passage.get(_TITLE)
    return f"{title}: {text}" if text is not None and isinstance(title, str) and title else text


def _unread(key: str) -> str:
    return (
        f"the field {key} is no text, and answers may depend on it;"
        f" name its text under `fields`, or keep it beside with `keep: [{key}]`"
    )
