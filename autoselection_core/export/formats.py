"""How a sample is spelled for the programs that train on it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from autoselection_core.pool.sample import Role, Sample

Spell: TypeAlias = Callable[[Sample], dict[str, Any]]
"""The fields of a sample's JSON line."""


def _messages(sample: Sample) -> dict[str, Any]:
    """As TRL and the datasets library read conversations."""
    spelled: dict[str, Any] = {
        "messages": [_message(message.role, message.content) for message in sample.messages]
    }
    return spelled if sample.tools is None else {**spelled, "tools": sample.tools}


def _prompt_completion(sample: Sample) -> dict[str, Any]:
    """As TRL reads a prompt with the completion that is trained on: the last answer."""
    *prompt, last = [_message(message.role, message.content) for message in sample.messages]
    return {"prompt": prompt, "completion": [last]}


def _sharegpt(sample: Sample) -> dict[str, Any]:
    turns = [{"from": _SHAREGPT[message.role], "value": message.content} for message in sample.messages]
    return {"conversations": turns}


def _message(role: Role, content: str) -> dict[str, str]:
    return {"role": role.value, "content": content}


_SHAREGPT: Mapping[Role, str] = {
    Role.SYSTEM: "system",
    Role.USER: "human",
    Role.ASSISTANT: "gpt",
    Role.TOOL: "observation",
}

FORMATS: Mapping[str, Spell] = {
    "messages": _messages,
    "prompt-completion": _prompt_completion,
    "sharegpt": _sharegpt,
}
"""Formats by the name that people give."""
