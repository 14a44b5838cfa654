"""End of a turn: the token that a chat template itself writes behind an answer.

It is the tokenizer's `eos_token` in many models, and another one in base models with a borrowed template,
Gemma or Phi-3. A model that is to stop has to be taught this token and is stopped at it. Where the template
writes none behind the last answer, the token that opens the next question ends the answers before it (GLM-4,
Nemotron): such a model stops by writing it, so it is written and taught behind the last answer, too.
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
_TWO = (_ASKED, _ANSWERED, _ASKED, _ANSWERED)
_PROBES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "a question with its answer": (_ASKED, _ANSWERED),
    "the same below a system line": (_SYSTEM, _ASKED, _ANSWERED),
    "two questions with their answers": _TWO,
    "both below a system line": (_SYSTEM, *_TWO),
    "an answer alone": (_ANSWERED,),
}


def turn_end(render: Render, special_tokens: Iterable[str]) -> str:
    """White space and special token that end an answer; empty where the template writes none.

    That is what stands behind the last answer, or, where nothing does, behind an earlier one. A template has
    none where a line end or a word is all that parts an answer from the next turn. It is looked for in the
    first of several short conversations that the template takes.

    Args:
        render: Writes a conversation; raises `ChatTemplateError` where the template refuses it.
        special_tokens: Texts of the tokens that the tokenizer never splits.

    Raises:
        ChatTemplateError: The template takes none of the conversations, or changes what they say.

    Example:
        >>> turn_end(lambda turns: "".join(f"<u>{each['content']}</s>" for each in turns), ["<u>", "</s>"])
        '</s>'
        >>> turn_end(lambda turns: "".join(f"<u>{each['content']}" for each in turns), ["<u>"])
        '<u>'
    """
    known, behind = tuple(special_tokens), _behind_last(render)
    unwritten = unwritten_end(render, known)
    return behind + unwritten if unwritten else _end_of(behind, known)


def unwritten_end(render: Render, special_tokens: Iterable[str]) -> str:
    """What a template leaves out of the end of its last answer; empty where it writes one, or has none.

    Args:
        render: See `turn_end`.
        special_tokens: See `turn_end`.

    Raises:
        ChatTemplateError: See `turn_end`.
    """
    behind = _behind_last(render)
    between = "" if behind.strip() else _end_between(render, special_tokens)
    return between[len(behind) :] if between.startswith(behind) else ""


def earlier_end(render: Render, special_tokens: Iterable[str]) -> str:
    """White space and special token behind an answer that another question follows, where it is another one.

    gpt-oss ends the last answer with `<|return|>` and those before it with `<|end|>`. Empty where it is the
    `turn_end`.

    Args:
        render: See `turn_end`.
        special_tokens: See `turn_end`.

    Raises:
        ChatTemplateError: See `turn_end`.
    """
    known = tuple(special_tokens)
    end = _end_between(render, known)
    return "" if end == turn_end(render, known) else end


def _behind_last(render: Render) -> str:
    """Text behind the last answer of the first conversation that the template takes."""
    refusals = []
    for name, probe in _PROBES.items():
        try:
            text = render(probe)
        except ChatTemplateError as error:
            refusals.append(f"{name} ({error.reason})")
            continue
        if _ANSWER in text:
            return text[text.rfind(_ANSWER) + len(_ANSWER) :]
        refusals.append(f"{name} (it changes the answer)")
    reason = f"the end of its turns is not known, because the template refuses {'; '.join(refusals)}"
    raise ChatTemplateError("probe", reason)


def _end_between(render: Render, special_tokens: Iterable[str]) -> str:
    """White space and special token behind an answer that another question follows; empty for none."""
    for probe in (_TWO, (_SYSTEM, *_TWO)):
        try:
            behind = render(probe).split(_ANSWER)
        except ChatTemplateError:
            continue
        if len(behind) == len(_TWO) - 1:
            return _end_of(behind[1], special_tokens)
    return ""


def opens_more(render: Render, ask: Render) -> bool:
    """Whether a template asks for an answer by more than it writes before one, such as an open `<think>`.

    Args:
        render: See `turn_end`.
        ask: The same, with what asks for an answer behind.
    """
    for above in ((), (_SYSTEM,)):
        try:
            return not render((*above, _ASKED, _ANSWERED)).startswith(ask((*above, _ASKED)))
        except ChatTemplateError:
            continue
    return False


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
    return _once(tokenizer, turn_end)


def tokenizer_earlier_end(tokenizer: Any) -> str:  # noqa: ANN401 transformers has no types
    """`earlier_end` of a loaded tokenizer, found once for each of its templates.

    Raises:
        ChatTemplateError: See `turn_end`.
    """
    return _once(tokenizer, earlier_end)


def tokenizer_unwritten_end(tokenizer: Any) -> str:  # noqa: ANN401 transformers has no types
    """`unwritten_end` of a loaded tokenizer, found once for each of its templates.

    Raises:
        ChatTemplateError: See `turn_end`.
    """
    return _once(tokenizer, unwritten_end)


def _once(tokenizer: Any, look: Callable[[Render, Iterable[str]], str]) -> str:  # noqa: ANN401 no types
    named = (look.__name__, str(tokenizer.chat_template))
    found: dict[tuple[str, str], str] = tokenizer.__dict__.setdefault("_autoselection_turn_ends", {})
    if named not in found:
        found[named] = look(_rendered_by(tokenizer), special_tokens(tokenizer))
    return found[named]


def special_tokens(tokenizer: Any) -> list[str]:  # noqa: ANN401 transformers has no types
    """Texts of the tokens that a tokenizer never splits."""
    added = (token.content for token in tokenizer.added_tokens_decoder.values())
    return list(dict.fromkeys([*tokenizer.all_special_tokens, *added]))


def stop_at_turn_end(model: Any, tokenizer: Any) -> None:  # noqa: ANN401 transformers has no types
    """Let every generation of a model stop at what ends a turn, beside its own end tokens.

    Raises:
        ChatTemplateError: See `turn_end`.
    """
    written = (tokenizer_turn_end(tokenizer).strip(), tokenizer_earlier_end(tokenizer).strip())
    configured = model.generation_config.eos_token_id
    known = configured if isinstance(configured, list) else [configured]
    ends = [each for each in known if each is not None]
    tokens = [tokenizer.convert_tokens_to_ids(end) for end in written if end]
    new = [token for token in tokens if token is not None and token not in ends]
    if new:
        model.generation_config.eos_token_id = [*ends, *new]


def _rendered_by(tokenizer: Any) -> Render:  # noqa: ANN401 transformers has no types
    from autoselection_core.models.chat.template_sandbox import rendered

    def render(turns: Sequence[Mapping[str, str]]) -> str:
        written = partial(tokenizer.apply_chat_template, list(turns), tokenize=False)
        return rendered(str(tokenizer.chat_template), turns, written)

    return render
