"""Trees of messages, of which one branch is a conversation: exports of ChatGPT, and Open Assistant's."""

from collections.abc import Iterator, Mapping, Sequence

from autoselection_core.identity import Json
from autoselection_core.pool.reading.content import text_of
from autoselection_core.pool.reading.spellings import REASONING, WEIGHT, role_of
from autoselection_core.pool.sample import Role

_TURNS = "conversation"
_REPLIES = "replies"


def best_replies(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """Conversation along the best replies of a tree (Open Assistant): the lowest rank, else the first."""
    turn = record.get("prompt")
    if not isinstance(turn, Mapping) or _REPLIES not in turn:
        return None
    turns: list[Json] = []
    while isinstance(turn, Mapping):
        turns.append({key: turn.get(key) for key in ("role", "text")})
        replies = turn.get(_REPLIES)
        told = [each for each in replies if isinstance(each, Mapping)] if isinstance(replies, list) else []
        turn = min(told, key=_rank, default=None)
    return {**{key: value for key, value in record.items() if key != "prompt"}, _TURNS: turns}


def _rank(reply: Mapping[str, Json]) -> float:
    rank = reply.get("rank")
    return float(rank) if isinstance(rank, int | float) else float("inf")


_NODES, _LEAF, _HIDDEN = "mapping", "current_node", ("reasoning_recap",)
_STANDING = ("user_profile", "user_instructions")
_SPOKEN_PART = "audio_transcription"


def current_branch(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The branch of a tree of messages that ends at its current node (exports of ChatGPT).

    A message to another recipient than all is a call, thoughts are reasoning of the turn behind them, and the
    user's standing instructions are a system message. Messages of other branches are counted.
    """
    nodes = record.get(_NODES)
    if not isinstance(nodes, Mapping) or not nodes or not all(map(_is_node, nodes.values())):
        return None
    path: dict[str, Json] = {}
    name = record.get(_LEAF) or next(
        (key for key in reversed(list(nodes)) if not _inside(nodes[key], "children")), None
    )
    while isinstance(name, str) and name in nodes and name not in path:
        path[name] = _inside(nodes[name], "message")
        name = _inside(nodes[name], "parent")
    messages = [each for each in reversed(path.values()) if isinstance(each, Mapping)]
    others = sum(isinstance(_inside(node, "message"), Mapping) for node in nodes.values()) - len(messages)
    rest = {key: value for key, value in record.items() if key != _NODES}
    beside: Mapping[str, Json] = {"messages_of_other_branches": others} if others else {}
    return {**rest, **beside, _TURNS: list(_with_thoughts(messages))}


def _is_node(value: Json) -> bool:
    return isinstance(value, Mapping) and {"message", "parent"} <= value.keys()


def _inside(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, Mapping) else None


def _with_thoughts(messages: Sequence[Mapping[str, Json]]) -> Iterator[Json]:
    thoughts: list[str] = []
    for message in messages:
        content = message.get("content")
        listed = _inside(content, "thoughts")
        if isinstance(listed, list):
            thoughts += [
                said for each in listed if isinstance(said := _inside(each, "content"), str) and said
            ]
        elif _inside(content, "content_type") not in _HIDDEN and (turn := _of_message(message)):
            if thoughts and role_of(str(turn["role"])) is Role.ASSISTANT:
                turn, thoughts = {**turn, REASONING[0]: "\n".join(thoughts)}, []
            yield turn


def _of_message(message: Mapping[str, Json]) -> Mapping[str, Json]:
    """The turn of a message; empty where it says nothing."""
    role, content, recipient = (
        _inside(message.get("author"), "role"),
        message.get("content"),
        _recipient(message),
    )
    told: list[Json] = [said for key in _STANDING if (said := _inside(content, key))]
    if told:
        return {"role": "system", "content": told}
    said = _said_in(content)
    turn: dict[str, Json] = {"role": role, "content": said}
    if role == "assistant" and recipient is not None:
        turn = {"role": role, "tool_calls": [{"name": recipient, "arguments": text_of(said, _NODES, str)}]}
    elif role == "user" and _inside(message.get("metadata"), "attachments"):
        turn["content"] = [{"type": "file"}]
    elif role != "user" and said in ("", [], [""]):
        return {}
    return {**turn, WEIGHT: message[WEIGHT]} if WEIGHT in message and role == "assistant" else turn


def _recipient(message: Mapping[str, Json]) -> str | None:
    """The tool that a message is for; None where it is for all."""
    named = message.get("recipient")
    return named if isinstance(named, str) and named != "all" else None


def _said_in(content: Json) -> Json:
    """The text of a message: its parts with the words of what was spoken, or one of its texts."""
    parts = _inside(content, "parts")
    if not isinstance(parts, list):
        found = (_inside(content, key) for key in ("text", "result", "model_set_context"))
        return next((text for text in found if isinstance(text, str)), content)
    spoken = [each for each in parts if _inside(each, "content_type") == _SPOKEN_PART]
    if spoken:
        return [text for each in spoken if isinstance(text := _inside(each, "text"), str)]
    return [{"type": each.get("content_type")} if isinstance(each, Mapping) else each for each in parts]
