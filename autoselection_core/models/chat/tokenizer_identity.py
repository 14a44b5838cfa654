"""Fingerprint of a tokenizer: vocabulary and chat templates, and what a configuration changes about them.

The vocabulary files, the chat template and the end tokens of `config.json` name most tokenizers completely.
What goes beyond them is part of the fingerprint only where it is there, so that a tokenizer without it keeps
the name that its stored values have: named templates, tokens that only `tokenizer_config.json` adds, special
tokens that `config.json` does not give, special tokens that loading adds to the vocabulary, special tokens
that are split, a template whose turns end in another token than `eos_token`, that leaves out the end of the
last answer, or that asks for answers by other words than it writes before them, and settings for chats.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from autoselection_core.errors.models import ChatTemplateError, ModelLoadError
from autoselection_core.identity import Json, fingerprint, fingerprint_file
from autoselection_core.models.chat.chat_settings import CHAT_SETTINGS
from autoselection_core.models.chat.template_sandbox import renderer_of
from autoselection_core.models.chat.turn_end import earlier_end, opens_more, turn_end, unwritten_end

TOKENIZER_CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
_TEMPLATES = "additional_chat_templates"
_VOCABULARY = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt")
_GIVEN_BY_CONFIG = ("bos_token", "eos_token")
_FURTHER_SPECIAL = ("additional_special_tokens", "extra_special_tokens")
_DEFAULT = "default"
ANSWER_SETTINGS: Mapping[str, Json] = {
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "exponential_decay_length_penalty": None,
    "sequence_bias": None,
    "guidance_scale": None,
    "min_length": 0,
    "min_new_tokens": None,
    "stop_strings": None,
}
"""Fields of generation_config.json that greedy answers follow from, with the values that change nothing.

The others are not read: limits of time, watermarks, forms of output.
"""


def tokenizer_fingerprint(folder: Path) -> str:
    """Fingerprint of what turns a conversation into tokens."""
    files = [folder / name for name in _VOCABULARY if (folder / name).is_file()]
    vocabulary = {file.name: known_fingerprint(file) for file in files}
    beyond = {name: value for name, value in _beyond(folder).items() if value}
    return fingerprint({"template": chat_template(folder), "vocabulary": vocabulary, **beyond})


def generation_identity(folder: Path) -> dict[str, Json]:
    """Settings of generation_config.json that change an answer, under its key; empty where none does."""
    generation, config = settings_of(folder / "generation_config.json"), settings_of(folder / "config.json")
    changed: dict[str, Json] = {
        name: generation[name]
        for name, neutral in ANSWER_SETTINGS.items()
        if generation.get(name) not in (None, neutral)
    }
    ends = generation.get("eos_token_id")
    if ends is not None and ends != _from_config(config, "eos_token_id"):
        changed["eos_token_id"] = ends
    return {"generation": changed} if changed else {}


def chat_template(folder: Path) -> str | None:
    """The only or unnamed chat template as text, wherever the folder keeps it."""
    if (folder / TEMPLATE).is_file():
        return (folder / TEMPLATE).read_text(encoding="utf-8")
    template = settings_of(folder / TOKENIZER_CONFIG).get("chat_template")
    return template if isinstance(template, str) else None


def named_templates(folder: Path) -> dict[str, str]:
    """The named chat templates of a folder."""
    files = sorted((folder / _TEMPLATES).glob("*.jinja"))
    if files:
        return {file.stem: file.read_text(encoding="utf-8") for file in files}
    listed = settings_of(folder / TOKENIZER_CONFIG).get("chat_template")
    named = listed if isinstance(listed, list) else []
    return {str(each["name"]): str(each["template"]) for each in named}


def known_fingerprint(file: Path) -> str:
    """Fingerprint of a file, read once for each state that it has in this process."""
    return _read_once(file, *_state_of(file))


def _state_of(file: Path) -> tuple[int, ...]:
    """What differs once a file was written again.

    The time of its change by the file system counts, too: programs that copy may set the other one back.
    """
    state = file.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


@cache
def _read_once(file: Path, *_state: int) -> str:
    return fingerprint_file(file)


def _beyond(folder: Path) -> dict[str, Json]:
    """Settings that do not follow from vocabulary, template and config.json."""
    settings, vocabulary = settings_of(folder / TOKENIZER_CONFIG), added_token_numbers(folder)
    special = special_token_texts(folder)
    config = settings_of(folder / "config.json")
    return {
        "templates": dict(named_templates(folder)),
        "added_tokens": _added(folder, settings, vocabulary),
        "special_tokens": {
            name: text
            for name, text in special.items()
            if name in _GIVEN_BY_CONFIG
            and not _is_given(text, _from_config(config, f"{name}_id"), vocabulary)
        },
        "unlisted": _unlisted(folder, special, vocabulary, settings),
        "split_special_tokens": bool(settings.get("split_special_tokens")),
        **conversations(folder, special, vocabulary, settings),
        "chat": settings.get(CHAT_SETTINGS),
    }


def conversations(
    folder: Path, special: Mapping[str, str], vocabulary: Mapping[str, int], settings: Mapping[str, Any]
) -> dict[str, Json]:
    """What is read of a template's conversations, where it is out of the ordinary.

    That is the text behind an answer other than the end-of-sequence token alone, the text behind an earlier
    answer other than both, what the template leaves out of the last one, and whether an answer is asked for
    by more than stands before it.
    """
    template = chat_template(folder) or named_templates(folder).get(_DEFAULT)
    if template is None:
        return {}
    known = [*special.values(), *vocabulary, *_contents(settings)]
    render, eos = renderer_of(template, special), special.get("eos_token")
    try:
        end, earlier = turn_end(render, known), earlier_end(render, known)
        unwritten = unwritten_end(render, known)
        is_opened = opens_more(render, renderer_of(template, special, answer_follows=True))
    except ChatTemplateError:
        return {}  # the template itself is part of the identity, and loading the model refuses it
    return {
        "turn_end": end if end != eos else None,
        "earlier_end": earlier if earlier != eos else None,
        "unwritten_end": unwritten,
        "opens_more": is_opened,
    }


def _added(folder: Path, settings: Mapping[str, Any], vocabulary: Mapping[str, int]) -> dict[str, Json]:
    """Tokens that the vocabulary does not have, or has under another number."""
    if not (folder / "tokenizer.json").is_file():
        return {}
    listed = _listed(folder, settings)
    return {text: number for text, number in sorted(listed.items()) if vocabulary.get(text) != number}


def _listed(folder: Path, settings: Mapping[str, Any]) -> dict[str, int]:
    """Numbers of the tokens that are listed beside the vocabulary."""
    decoder = settings.get("added_tokens_decoder", {})
    return {each["content"]: int(number) for number, each in decoder.items()} | settings_of(
        folder / "added_tokens.json"
    )


def _unlisted(
    folder: Path, special: Mapping[str, str], vocabulary: Mapping[str, int], settings: Mapping[str, Any]
) -> list[Json]:
    """Special tokens without a number, in order: loading the tokenizer adds them, and text is cut there."""
    if not vocabulary:
        return []
    further = [each for name in _FURTHER_SPECIAL for each in _texts(settings.get(name))]
    known = vocabulary.keys() | _listed(folder, settings).keys()
    return [text for text in dict.fromkeys([*special.values(), *further]) if text not in known]


def _texts(tokens: Any) -> Iterable[str]:  # noqa: ANN401 as JSON has it
    """Texts of special tokens, which are a list, or named."""
    listed = tokens.values() if isinstance(tokens, dict) else tokens or ()
    return (str(each["content"] if isinstance(each, dict) else each) for each in listed)


def _contents(settings: Mapping[str, Any]) -> Iterable[str]:
    return (str(each["content"]) for each in settings.get("added_tokens_decoder", {}).values())


def _is_given(text: str, given: Json, vocabulary: Mapping[str, int]) -> bool:
    """Whether config.json gives a special token by its number; True where numbers are unknown."""
    if not vocabulary:
        return True
    numbers = given if isinstance(given, list) else [given]
    return vocabulary.get(text) in numbers


def special_token_texts(folder: Path) -> dict[str, str]:
    """Texts of `bos_token`, `eos_token` and their kind by name, as a template reads them."""
    merged = {**settings_of(folder / "special_tokens_map.json"), **settings_of(folder / TOKENIZER_CONFIG)}
    named = {name: value for name, value in merged.items() if name.endswith("_token")}
    texts = {name: value["content"] if isinstance(value, dict) else value for name, value in named.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def added_token_numbers(folder: Path) -> Mapping[str, int]:
    """Numbers of the added tokens of tokenizer.json by their text; empty where there is none."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        return {}
    return _added_once(file, *_state_of(file))


@cache
def _added_once(file: Path, *_state: int) -> Mapping[str, int]:
    return {str(each["content"]): int(each["id"]) for each in settings_of(file).get("added_tokens", ())}


def _from_config(config: Mapping[str, Any], name: str) -> Json:
    value: Json = config.get(name, config.get("text_config", {}).get(name))
    return value


def settings_of(file: Path) -> dict[str, Any]:
    """Object of a JSON file of a model folder; empty where there is no such file.

    Raises:
        ModelLoadError: It holds something else.
    """
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelLoadError(str(file.parent), f"{file.name} is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise ModelLoadError(str(file.parent), f"{file.name} is no JSON object")
    found: dict[str, Any] = value
    return found
