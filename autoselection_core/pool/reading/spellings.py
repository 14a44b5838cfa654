"""Known spellings of fields, turns and roles, recognised without a declaration of the source."""

from collections.abc import Mapping

from autoselection_core.identity import Json
from autoselection_core.pool.sample import Role

TURN_LISTS = ("messages", "conversations", "conversation", "dialog", "dialogue")
QUESTIONS = ("instruction", "question", "prompt", "query", "problem", "input", "inputs")
ANSWERS = ("output", "response", "answer", "completion", "solution", "target", "targets")
SYSTEMS = ("system", "system_prompt", "system_message")
TOOLS = ("tools", "functions")
CONTEXTS = (
    *("context", "passage", "document", "passages", "documents", "article"),
    *("contexts", "retrieved_contexts"),
)
"""Texts that a question is about; they follow it as Alpaca's `input` follows its instruction. The last two
are those of retrieval (Ragas), mostly lists of passages."""

DEFINITIONS = ("definition",)
"""Texts that say what the task is (Super-NaturalInstructions); the question follows them."""

CHOICES = ("choices", "options")
"""Fields of the choices, which follow the question, a line each."""

INPUTS = ("input", "inputs")
NO_INPUT = "<noinput>"
"""Input that says there is none, as the prompt of Alpaca's generation writes it."""

MAY_BE_NO_INPUT = frozenset(
    (
        *("<no input>", "<no_input>", "<noinput>", "<none>", "<null>", "<empty>", "[no input]", "(no input)"),
        *("no input", "no input.", "noinput", "n/a", "n/a.", "none", "none."),
        *("not applicable", "not applicable."),
    )
)
"""Inputs, in lower case, that may say that there is none. They are text unless the source says so."""

PREFERENCE = ("chosen", "rejected")
CORRECT = "cop"
COUNTED: Mapping[str, int] = {"cop_from_0": 0, "cop_from_1": 1}
"""What a source names as its answer where `cop` counts options, and the number of the first."""

_MEDIA = ("image", "audio", "video")
MEDIA = (
    *("image", "images", "audio", "audios", "video", "videos", "img", "imgs"),
    *(
        f"{kind}_{what}"
        for kind in (*_MEDIA, "img")
        for what in ("path", "paths", "url", "urls", "file", "files")
    ),
)
"""Columns of images, audio and video, or of where they are. A question that comes with one cannot be answered
without it."""

ATTACHED = frozenset((*MEDIA, "attachments", "experimental_attachments", "files"))
"""Fields of a turn with pictures or files that come with it (Ollama, Claude's exports, AI SDK)."""

_VERDICTS = ("correct", "safe", "valid", "success", "resolved", "passed", "verified", "accepted", "approved")
GOOD = frozenset((*_VERDICTS, *(f"is_{name}" for name in _VERDICTS), "is_good"))
BAD = frozenset(name for stem in ("rejected", "bad", "flagged", "toxic") for name in (stem, f"is_{stem}"))
"""Fields of a record that may mark a bad answer: the first where false, these where true."""

FORMATS: Mapping[str, str] = {
    "messages": "OpenAI",
    "conversations": "ShareGPT",
    "conversation": "conversation",
    "dialog": "dialog",
    "dialogue": "dialog",
    "instruction": "Alpaca",
    "question": "question/answer",
    "prompt": "prompt/response",
    "query": "query/response",
    "problem": "problem/solution",
    "input": "input/output",
    "inputs": "inputs/targets",
}
"""Name of the format that is recognised by a field."""

NAMED = "named fields"
"""Name of the format of records whose source declares the roles of their fields."""

SPEAKERS = ("role", "from", "speaker", "sender")
AUTHOR = "author"
"""Field of a turn without these that holds a speaker, or an object with a role (exports of ChatGPT, PaLM)."""

CONTENTS = ("content", "value", "text")
FURTHER_CONTENTS = ("message", "utterance", "body")
"""Text of a turn that has none under the usual names (Cohere, dialogues of tasks)."""

REASONING = ("reasoning_content", "thinking", "reasoning")
HISTORIES = ("history", "chat_history", "conversation_history")
"""Earlier turns beside a question (Alpaca's kind, Cohere, LangChain)."""

FURTHER_TURN_LISTS = (
    *("trajectory", "traj", "turns", "contents", "chat_messages", "items", "chat", "data"),
    *HISTORIES[1:],
)
"""Fields of turns that only a record is looked at for which has no known one."""

ANSWER_LISTS = ("answers", "responses", "completions", "generations", "outputs", "samples", "candidates")
"""Fields that list several answers to one question."""

REFUSAL = "refusal"
"""Field of what the assistant says in place of a content (OpenAI)."""

CALL_FIELDS = ("function_call", "tool_calls")
CALL_ID = "tool_call_id"
PARTS = "parts"
"""Typed parts of a turn beside its text (Gemini)."""

SWITCHES = frozenset(("on", "off", "true", "false", "yes", "no", "none", "low", "medium", "high"))
"""What a field of reasoning says where it only switches it, and holds none (Nemotron)."""

WEIGHT = "weight"
TAUGHT = ("train", "loss")
"""Fields of a turn that are false where it is not taught."""

MARKS = (WEIGHT, *TAUGHT)
FURTHER_MARKS = frozenset(
    (
        *("loss_weight", "loss_mask", "mask", "masked", "train_on_turn", "trainable", "training"),
        *("is_trained", "train_detail"),
    )
)
"""Fields of a turn that mark turns that are not taught in other formats, in terms that differ."""

_SAID_BY_MARKS: Mapping[str, float] = {"true": 1.0, "false": 0.0}

TURN_FIELDS = frozenset(
    (*SPEAKERS, *CONTENTS, *REASONING, *CALL_FIELDS, REFUSAL, CALL_ID, PARTS, *MARKS, "name")
)

_SPOKEN: Mapping[Role, tuple[str, ...]] = {
    Role.SYSTEM: ("system", "developer", "系统"),
    Role.USER: ("user", "human", "prompter", "用户"),
    Role.ASSISTANT: (
        *("assistant", "gpt", "gpt4", "chatgpt", "model", "bot", "chatbot", "ai", "bard", "bing", "助手"),
        *("function_call", "function_calls", "tool_call", "tool_calls"),
    ),
    Role.TOOL: ("tool", "function", "observation", "ipython", "tool_response", "function_response"),
}

ROLES: Mapping[str, Role] = {name: role for role, names in _SPOKEN.items() for name in names}

_CALLS = frozenset(("function_call", "function_calls", "tool_call", "tool_calls"))


def role_of(name: str) -> Role | None:
    """The role of a speaker, in any case; None for an unknown one.

    Example:
        >>> role_of("Human"), role_of("tool-response"), role_of("narrator")
        (<Role.USER: 'user'>, <Role.TOOL: 'tool'>, None)
    """
    return ROLES.get(name) or ROLES.get(_plain(name))


def weight_of(mark: Json) -> float | None:
    """The weight that a mark of a turn gives it, as a number, a truth value or the text of one; else None.

    Example:
        >>> weight_of(False), weight_of("0.0"), weight_of("True"), weight_of("late")
        (0.0, 0.0, 1.0, None)
    """
    if isinstance(mark, int | float):
        return float(mark)
    if not isinstance(mark, str):
        return None
    said = mark.strip().casefold()
    try:
        return _SAID_BY_MARKS[said] if said in _SAID_BY_MARKS else float(said)
    except ValueError:
        return None


def is_call(name: str) -> bool:
    """Whether a turn of that speaker holds calls of tools instead of text."""
    return name in _CALLS or _plain(name) in _CALLS


def _plain(name: str) -> str:
    return name.strip().strip("<|>").casefold().replace("-", "_").replace(" ", "_")
