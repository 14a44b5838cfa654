"""Texts beside a question that are part of it by convention: passages, and what there is to choose from."""

from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.reading.content import text_of
from autoselection_core.pool.reading.notes import Treatment
from autoselection_core.pool.reading.spellings import CHOICES, CONTEXTS
from autoselection_core.pool.reading.view import View
from autoselection_core.pool.reason import Reason

_LABELLED = ("label", "text")


def with_side_texts(question: str, view: View) -> str:
    """A question with passage and choices behind it, each on lines of its own; what it holds stays once.

    Raises:
        RejectedRecordError: A passage or the choices are no text.
    """
    for key in CONTEXTS:
        if key in view.record and (text := _text(view, key)):
            view.notes.add(key, Treatment.RENDERED)
            question = question if text in question else f"{question}\n{text}".strip()
    for key in CHOICES:
        if key in view.record and (text := _listed(question, choices_in(view.record[key], key))):
            view.notes.add(key, Treatment.RENDERED)
            question = question if text in question else f"{question}\n{text}".strip()
            view.read.add(key)
    return question


def chosen_text(view: View, value: Json) -> str | None:
    """The choice that a whole number as answer counts, from 0; None where it counts none."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    for key in CHOICES:
        if key in view.record and 0 <= value < len(choices := choices_in(view.record[key], key)):
            return _line(*choices[value])
    return None


def choices_in(value: Json, where: str) -> Sequence[tuple[str, str]]:
    """Label and text of each choice; a text that lists them itself is one without a label.

    Raises:
        RejectedRecordError: The value lists no choices.
    """
    if isinstance(value, str):
        return [("", text_of(value, where))] if value.strip() else []
    if isinstance(value, Mapping) and all(isinstance(value.get(key), list) for key in _LABELLED):
        return list(_labelled(value["label"], value["text"], where))
    if isinstance(value, Mapping):
        return [(key, text_of(each, where)) for key, each in value.items() if each is not None]
    if not isinstance(value, list):
        raise RejectedRecordError(Reason.UNREAD, _unread(where))
    there: list[Json] = [each for each in value if each is not None]
    if all(isinstance(each, Mapping) for each in there):
        labels: list[Json] = [each.get("label") for each in there if isinstance(each, Mapping)]
        return list(
            _labelled(labels, [each.get("text") for each in there if isinstance(each, Mapping)], where)
        )
    return list(_labelled([], there, where))


def _labelled(labels: Json, texts: Json, where: str) -> Iterator[tuple[str, str]]:
    given = labels if isinstance(labels, list) else []
    for number, text in enumerate(texts if isinstance(texts, list) else ()):
        label = given[number] if number < len(given) and given[number] is not None else _label(number)
        yield str(label), text_of(text, where)


def _label(number: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    letter = ascii_uppercase[number % 26]
    return letter if number < len(ascii_uppercase) else _label(number // 26 - 1) + letter


def _listed(question: str, choices: Sequence[tuple[str, str]]) -> str:
    """The choices, a line each; nothing where the question lists them itself."""
    if all(_stands_in(question, text) for _, text in choices):
        return ""
    return "\n".join(_line(label, text) for label, text in choices)


def _line(label: str, text: str) -> str:
    return f"{label}. {text}" if label else text


def _stands_in(whole: str, part: str) -> bool:
    """Whether a text stands in another one as a word of its own."""
    start = whole.find(part)
    while start >= 0 and part:
        before, after = whole[start - 1 : start], whole[start + len(part) : start + len(part) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        start = whole.find(part, start + len(part))
    return not part


def _text(view: View, key: str) -> str:
    try:
        return view.text(key)
    except RejectedRecordError as rejection:
        if rejection.reason != Reason.NO_MESSAGES:
            raise
        raise RejectedRecordError(Reason.UNREAD, _unread(key)) from rejection


def _unread(key: str) -> str:
    return (
        f"the field {key} is no text, and answers may depend on it;"
        f" name its text under `fields`, or keep it beside with `keep: [{key}]`"
    )
