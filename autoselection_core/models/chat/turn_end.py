"""End of a turn: the token that a chat template itself writes behind an answer.

It is the tokenizer's `eos_token` in many models, and another one in base models with a borrowed template,
Gemma or Phi-3. A model that is to stop has to be taught this token and is stopped at it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from autoselection_core.errors.models import ChatTemplateError

Render = Callable[[Sequence[Mapping[str, str]]], str]
"""Text of a conversation in a chat template."""

_ANSWER = "It is the fourth one."
_SYSTEM, _ASKED, _ANSWERED = (
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Which one is it?"},
    {"role": "assistant", "content": _ANSWER},
)
_PROBES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "a question with its answer": (_ASKED, _ANSWERED),
    "the same below a system line": (_SYSTEM, _ASKED, _ANSWERED),
    "two questions with their answers": (_ASKED, _ANSWERED, _ASKED, _ANSWERED),
    "both below a system line": (_SYSTEM, _ASKED, _ANSWERED, _ASKED, _ANSWERED),
    "an answer alone": (_ANSWERED,),
}


def turn_end(render: Render, special_tokens: Iterable[str]) -> str:
    """White space and special token that a template writes behind an answer; empty where it writes none.

    A template writes none where a line end or a word is all that parts an answer from the next turn. It is
    looked for in the first of several short conversations that the template takes.

    Args:
        render: Writes a conversation; raises `ChatTemplateError` where the template refuses it.
        special_tokens: Texts of the tokens that the tokenizer never splits.

    Raises:
        ChatTemplateError: The template takes none of the conversations, or changes what they say.

    Example:
        >>> turn_end(lambda turns: "".join(f"<u>{each['content']}</s>" for each in turns), ["<u>", "</s>"])
        '</s>'
    """
    refusals = []
    for name, probe in _PROBES.items():
        try:
            text = render(probe)
        except ChatTemplateError as error:
            refusals.append(f"{name} ({error.reason})")
            continue
        if _ANSWER in text:
            return _end_of(text[text.rfind(_ANSWER) + len(_ANSWER) :], special_tokens)
        refusals.append(f"{name} (it changes the answer)")
    reason = f"the end of its turns is not known, because the template refuses {'; '.join(refusals)}"
    raise ChatTemplateError("probe", reason)


def _end_of(behind: str, special_tokens: Iterable[str]) -> str:
    """White space and the longest special token that a text begins with; empty where it begins with none."""
    blank = behind[: len(behind) - len(behind.lstrip())]
    written = [token for token in special_tokens if token.strip() and behind.startswith(token, len(blank))]
    return blank + max(written, key=len) if written else ""


def tokenizer_turn_end(tokenizer: Any) -> str:  # noqa: ANN401 transformers has no types
    """`turn_end` of a loaded tokenizer, found once for each of its templates.

    Raises:
        ChatTemplateError: See `turn_end`.
    """
    template = str(tokenizer.chat_template)
    found: dict[str, str] = tokenizer.__dict__.setdefault("_autoselection_turn_ends", {})
    if template not in found:
        found[template] = turn_end(_rendered_by(tokenizer), special_tokens(tokenizer))
    return found[template]


def special_tokens(tokenizer: Any) -> list[str]:  # noqa: ANN401 transformers has no types
    """Texts of the tokens that a tokenizer never splits."""
    added = (token.content for token in tokenizer.added_tokens_decoder.values())
    return list(dict.fromkeys([*tokenizer.all_special_tokens, *added]))


def stop_at_turn_end(model: Any, tokenizer: Any) -> None:  # noqa: ANN401 transformers has no types
    """Let every generation of a model stop at the end of a turn, beside its own end tokens.

    Raises:
        ChatTemplateError: See `turn_end`.
    """
    end = tokenizer_turn_end(tokenizer).strip()
    configured = model.generation_config.eos_token_id
    known = configured if isinstance(configured, list) else [configured]
    ends = [each for each in known if each is not None]
    token = tokenizer.convert_tokens_to_ids(end) if end else None
    if token is not None and token not in ends:
        model.generation_config.eos_token_id = [*ends, token]


def _rendered_by(tokenizer: Any) -> Render:  # noqa: ANN401 transformers has no types
    from autoselection_core.models.chat.template_sandbox import rendered

    def render(turns: Sequence[Mapping[str, str]]) -> str:
        written = partial(tokenizer.apply_chat_template, list(turns), tokenize=False)
        return rendered(str(tokenizer.chat_template), turns, written)

    return render
