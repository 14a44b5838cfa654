"""Conversations in one text, with marks before the turns."""

import json
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from autoselection_core.identity import Json

Record: TypeAlias = Mapping[str, Json]

_MARKS = (
    ("### Human:", "### Assistant:"),
    ("### Instruction:", "### Response:"),
    ("<|im_start|>user", "<|im_start|>assistant", "<|im_end|>", "<|im_start|>system"),
    ("[INST]", "[/INST]", "</s>", "<s>"),
    (
        *("<|start_header_id|>user<|end_header_id|>\n", "<|start_header_id|>assistant<|end_header_id|>\n"),
        *("<|eot_id|>", "<|begin_of_text|>", "<|start_header_id|>system<|end_header_id|>\n"),
    ),
    ("<start_of_turn>user", "<start_of_turn>model", "<end_of_turn>", "<bos>"),
    ("[|Human|]", "[|AI|]"),
    ("<|user|>", "<|assistant|>"),
    ("USER:", "ASSISTANT:"),
    ("Human:", "Assistant:"),
    ("User:", "Assistant:"),
    ("Question:", "Answer:"),
    ("Q:", "A:"),
)
"""Marks of questions and of answers, and those that begin or end a turn beside them."""


def marks_in(text: str) -> tuple[str, ...] | None:
    """Usual marks of questions and answers, where a text holds a pair of them and ends with an answer."""
    for marks in _MARKS:
        asked, answered, *_ = marks
        if 0 <= text.find(asked) < text.find(answered) and text.rpartition(answered)[2].strip():
            return marks
    return None


_OF_HUMANS = re.compile(r"\n\n(Human|Assistant): ?")
_SPEAKERS = {
    "Human": "user",
    "Assistant": "assistant",
    "MOSS": "assistant",
    "USER": "user",
    "ASSISTANT": "assistant",
    "FUNCTION RESPONSE": "tool",
}


def turns_of_transcript(text: str) -> list[Json] | None:
    r"""The turns of a text that begins with a mark of HH-RLHF (Bai et al. 2022); None for any other text.

    Example:
        >>> turns_of_transcript("\n\nHuman: Hi\n\nAssistant: Hello.")
        [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello.'}]
    """
    before, *pieces = _OF_HUMANS.split(text)
    return None if before or not pieces else _spoken(pieces)


_OF_LINES = re.compile(r"(?:\A|\n)(Human|Assistant): ?")


def turns_of_lines(text: str) -> list[Json] | None:
    r"""The turns of a text with a mark at the beginning of a line (BELLE); None where they do not alternate.

    Example:
        >>> turns_of_lines("Human: Hi\nAssistant: Hello.")
        [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello.'}]
    """
    turns = _turns_after(_OF_LINES, text, str.strip) or []
    asked, answered = ({turn["role"] for turn in turns[at::2]} for at in (0, 1))  # type: ignore[index,call-overload] # objects
    return turns if (asked, answered) == ({"user"}, {"assistant"}) else None


_OF_ANY = re.compile(
    r"(?:\A|\n)[ \t]*(?:(?P<user>human|user|question|q)|(?:assistant|bot|ai|model|answer|a))[ \t]*: ?",
    re.IGNORECASE,
)


def turns_of_history(text: str) -> list[Json]:
    r"""The turns of a text with a speaker at the beginning of each; none where they do not alternate.

    Example:
        >>> turns_of_history("User: Hi\nBot: Hello.")
        [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello.'}]
        >>> turns_of_history("In 1911 Anneke Vos mended the clock.")
        []
    """
    marks = list(_OF_ANY.finditer(text))
    roles = ["assistant" if mark["user"] is None else "user" for mark in marks]
    if not marks or text[: marks[0].start()].strip() or roles != ["user", "assistant"] * (len(marks) // 2):
        return []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    said = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    return (
        [{"role": role, "content": each} for role, each in zip(roles, said, strict=True)] if all(said) else []
    )


def _spoken(pieces: list[str]) -> list[Json]:
    """Turns of speakers and their texts, in turn."""
    spoken = zip(pieces[::2], pieces[1::2], strict=True)
    return [{"role": _SPEAKERS[speaker], "content": said} for speaker, said in spoken]


def _turns_after(marks: re.Pattern[str], text: Json, clean: Callable[[str], str]) -> list[Json] | None:
    """The turns of a text that begins with a mark of a speaker, each cleaned; None for any other value."""
    if not isinstance(text, str):
        return None
    before, *pieces = marks.split(text)
    if before.strip() or not pieces:
        return None
    return _spoken([piece if place % 2 == 0 else clean(piece) for place, piece in enumerate(pieces)])


_OF_MOSS = re.compile(r"\[(Human|MOSS)\]: ?")
_MOSS_NAMES = {"meta_instruction": "system"}
_MOSS_ENDS = re.compile(r"<eo[ah]>")


def turns_of_plain_text(record: Record) -> Record | None:
    """A conversation in the field `plain_text`, with the marks of MOSS 002; None for another record."""
    turns = _turns_after(_OF_MOSS, record.get("plain_text"), lambda said: _MOSS_ENDS.sub("", said).strip())
    if turns is None:
        return None
    rest = {_MOSS_NAMES.get(key, key): value for key, value in record.items() if key != "plain_text"}
    return {**rest, "conversation": turns}


_OF_GLAIVE = re.compile(r"(?:\A|\n)(USER|ASSISTANT|FUNCTION RESPONSE): ?")
_GLAIVE_END, _CALL, _ARGUMENTS = "<|endoftext|>", "<functioncall>", '"arguments": \''
_GLAIVE_SYSTEM = "SYSTEM:"


def turns_of_calling_text(record: Record) -> Record | None:
    """A conversation with calls in the text `chat` (Glaive's function calling); None for another record."""
    turns = _turns_after(_OF_GLAIVE, record.get("chat"), _unmarked)
    if turns is None:
        return None
    system = record.get("system")
    if isinstance(system, str):
        system = system.strip().removeprefix(_GLAIVE_SYSTEM)
    return {**{key: value for key, value in record.items() if key != "chat"}, "system": system} | {
        "conversation": [_called(turn) for turn in turns]
    }


def _unmarked(text: str) -> str:
    return text.strip().removesuffix(_GLAIVE_END).rstrip()


def _called(turn: Json) -> Json:
    """A turn with the call in its text as a call; any other turn as it is."""
    if not isinstance(turn, Mapping):
        return turn
    before, found, said = str(turn["content"]).partition(_CALL)
    call = _call(said.strip()) if found and turn["role"] == "assistant" else None
    return turn if call is None else {"role": turn["role"], "content": before.rstrip(), "tool_calls": [call]}


def _call(text: str) -> Json:
    """A call whose arguments are JSON between single quotes; None for another text."""
    before, found, rest = text.partition(_ARGUMENTS)
    if found:
        arguments, _, after = rest.rpartition("'")
        text = f'{before}"arguments": {json.dumps(arguments)}{after}'
    try:
        call: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return call if isinstance(call, dict) and isinstance(call.get("name"), str) else None
