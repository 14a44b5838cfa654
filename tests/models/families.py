"""Chat templates of well-known families, written from their public descriptions."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.models.chat.spans import Encoded, encode
from autoselection_core.models.chat.template_turns import apply_template, takes_calls
from autoselection_core.models.chat.turn_end import tokenizer_earlier_end, tokenizer_turn_end
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.testing.tiny_model import tiny_tokenizer

SYSTEM, USER, ASSISTANT = Role.SYSTEM, Role.USER, Role.ASSISTANT

CHATML = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_3 = (
    "{{ bos_token }}{% for m in messages %}"
    "{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA_2 = (
    "{% if messages[0]['role'] == 'system' %}{% set turns = messages[1:] %}"
    "{% set above = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% else %}{% set turns = messages %}{% set above = '' %}{% endif %}"
    "{% for m in turns %}"
    "{% if m['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + (above if loop.first else '') + m['content'] | trim + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
PHI_3 = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant') }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
QWEN_3 = (
    "{% if tools %}{{ '<|im_start|>system\n# Tools\n' }}"
    "{% for t in tools %}{{ t | tojson + '\n' }}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endif %}"
    "{% set ns = namespace(last=0) %}"
    "{% for m in messages if m['role'] == 'user' %}{% set ns.last = messages.index(m) %}{% endfor %}"
    "{% for m in messages %}{% set content = m['content'] or '' %}{% set thought = '' %}"
    "{% if m['role'] == 'assistant' %}"
    "{% if m.reasoning_content is string %}{% set thought = m.reasoning_content %}"
    "{% elif '</think>' in content %}"
    "{% set thought = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}"
    "{% set content = content.split('</think>')[-1].lstrip('\n') %}{% endif %}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' and loop.index0 > ns.last and (loop.last or thought) %}"
    "{{ '<think>\n' + thought.strip('\n') + '\n</think>\n\n' }}{% endif %}{{ content }}"
    "{% if m.tool_calls %}{% for call in m.tool_calls %}"
    "{{ '\n<tool_call>\n' + call.function | tojson + '\n</tool_call>' }}{% endfor %}{% endif %}"
    "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
ZEPHYR = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
_COMMAND_TURN = (
    "{% for m in messages %}"
    "{% set speaker = {'user': 'USER', 'assistant': 'CHATBOT', 'system': 'SYSTEM'}[m['role']] %}"
    "{{ '<|START_OF_TURN_TOKEN|><|' + speaker + '_TOKEN|>' + m['content'] | trim + '<|END_OF_TURN_TOKEN|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}"
)
COMMAND_R = {
    "default": "{{ bos_token }}" + _COMMAND_TURN,
    "tool_use": "{{ bos_token + 'Tools: ' + tools | tojson + '\n' }}" + _COMMAND_TURN,
}
VICUNA = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ 'USER: ' + m['content'] + ' ASSISTANT:' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token + '\n' }}{% endif %}{% endfor %}"
)
DEEPSEEK_R1 = (
    "{% set ns = namespace(system='') %}"
    "{% for m in messages if m['role'] == 'system' %}{% set ns.system = m['content'] %}{% endfor %}"
    "{{ bos_token + ns.system }}{% for m in messages %}"
    "{% if m['role'] == 'user' %}{{ '<|User|>' + m['content'] }}"
    "{% elif m['role'] == 'assistant' %}"
    "{{ '<|Assistant|>' + m['content'].split('</think>')[-1] + '<|end_of_sentence|>' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|Assistant|><think>\n' }}{% endif %}"
)
QWEN_3_THINKING = QWEN_3.replace(
    "'<|im_start|>assistant\n' }}{% endif", "'<|im_start|>assistant\n<think>\n' }}{% endif"
)
GRANITE = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|start_of_role|>system<|end_of_role|>Today is ' + strftime_now('%B %Y') + '.<|end_of_text|>\n' }}"
    "{% endif %}{% for m in messages %}"
    "{{ '<|start_of_role|>' + m['role'] + '<|end_of_role|>' + m['content'] + '<|end_of_text|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}"
)
OLMO_2 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] }}"
    "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% if m['role'] != 'assistant' or not loop.last %}{{ '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
HARMONY = (
    "{% for m in messages %}{% if m['role'] == 'system' %}"
    "{{ '<|start|>developer<|message|># Instructions\n\n' + m['content'] + '<|end|>' }}"
    "{% elif m['role'] == 'user' %}{{ '<|start|>user<|message|>' + m['content'] + '<|end|>' }}"
    "{% else %}{% set is_last = loop.last and not add_generation_prompt %}"
    "{% if m.thinking and is_last %}"
    "{{ '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking + '<|end|>' }}{% endif %}"
    "{{ '<|start|>assistant<|channel|>final<|message|>' + m['content'] }}"
    "{{ '<|return|>' if is_last else '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"
)
GLM_4 = (
    "{{ '[gMASK]<sop>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
NEMOTRON = (
    "{{ '<extra_id_0>System' }}"
    "{% for m in messages if m['role'] == 'system' %}{{ '\n' + m['content'] }}{% endfor %}"
    "{{ '\n\n' }}{% for m in messages if m['role'] != 'system' %}"
    "{{ '<extra_id_1>' + ('User' if m['role'] == 'user' else 'Assistant') + '\n' + m['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<extra_id_1>Assistant\n' }}{% endif %}"
)
PLAIN = (
    "{% for m in messages %}{{ '### ' + m['role'] + ':\n' + m['content'] + '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant:\n' }}{% endif %}"
)


@dataclass(frozen=True)
class Family:
    """A family of models, as far as its tokenizer speaks.

    Attributes:
        name: What the table calls it.
        template: Its template, or templates by name.
        eos: The tokenizer's `eos_token`.
        tokens: Its other special tokens.
    """

    name: str
    template: str | Mapping[str, str]
    eos: str
    tokens: tuple[str, ...] = ()


FAMILIES = (
    Family("ChatML, `eos_token` matches", CHATML, "<|im_end|>"),
    Family("ChatML, `eos_token` differs (Qwen2.5 base)", CHATML, "<|endoftext|>"),
    Family("Llama 2", LLAMA_2, "</s>"),
    Family("Llama 3", LLAMA_3, "<|eot_id|>", ("<|start_header_id|>", "<|end_header_id|>")),
    Family("Gemma", GEMMA, "<eos>", ("<start_of_turn>", "<end_of_turn>")),
    Family("Phi-3", PHI_3, "<|endoftext|>", ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")),
    Family("Mistral", MISTRAL, "</s>", ("[INST]", "[/INST]")),
    Family("Qwen3", QWEN_3, "<|im_end|>"),
    Family("Zephyr", ZEPHYR, "</s>"),
    Family("Command R, templates by name", COMMAND_R, "<|END_OF_TURN_TOKEN|>", ("<|START_OF_TURN_TOKEN|>",)),
    Family("Vicuna", VICUNA, "</s>"),
    Family("DeepSeek R1 distilled", DEEPSEEK_R1, "<|end_of_sentence|>", ("<|User|>", "<|Assistant|>")),
    Family("Qwen3 thinking only", QWEN_3_THINKING, "<|im_end|>"),
    Family("Granite 3", GRANITE, "<|end_of_text|>", ("<|start_of_role|>", "<|end_of_role|>")),
    Family("OLMo 2", OLMO_2, "<|endoftext|>", ("<|user|>", "<|assistant|>")),
    Family(
        "gpt-oss (Harmony)", HARMONY, "<|return|>", ("<|start|>", "<|end|>", "<|message|>", "<|channel|>")
    ),
    Family("GLM-4", GLM_4, "<|endoftext|>", ("[gMASK]", "<sop>", "<|user|>", "<|assistant|>")),
    Family("Nemotron", NEMOTRON, "</s>", ("<extra_id_0>", "<extra_id_1>")),
    Family("Words only, no end", PLAIN, "<|endoftext|>"),
)

ASKED = (Message(USER, "What is 2 and 2?"), Message(ASSISTANT, "Four."), Message(USER, "And 3?"))
TURNS = (*ASKED, Message(ASSISTANT, "Five."))
TOOL = '[{"function": {"name": "find_bus", "parameters": {}}, "type": "function"}]'


@cache
def _vocabulary() -> Any:
    return tiny_tokenizer()


def tokenizer_of(family: Family, **settings: str) -> Any:
    """The tokenizer of a family, with chat settings."""
    tokenizer = copy.deepcopy(_vocabulary())
    tokenizer.add_special_tokens({"eos_token": family.eos, "bos_token": "<s>"})
    tokenizer.add_tokens(list(family.tokens), special_tokens=True)
    tokenizer.chat_template = family.template if isinstance(family.template, str) else dict(family.template)
    tokenizer.init_kwargs["autoselection"] = settings
    return tokenizer


def spoken(tokenizer: Any, *messages: Message, tools: str | None = None) -> Encoded:
    """A conversation in the template of a tokenizer."""
    return encode(Sample(messages, tools), tokenizer, 512)


def taught(tokenizer: Any, *messages: Message) -> list[str]:
    """Tokens of each turn that training teaches."""
    encoded = spoken(tokenizer, *messages)
    return [tokenizer.decode(encoded.input_ids[turn.start : turn.end]) for turn in encoded.turns]


def stops(tokenizer: Any) -> list[str]:
    """Tokens that end an answer."""
    written = (tokenizer_turn_end(tokenizer).strip(), tokenizer_earlier_end(tokenizer).strip())
    return list(dict.fromkeys(end for end in (*written, tokenizer.eos_token) if end))


def row(family: Family) -> tuple[str, ...]:
    """Row of a family in the table."""
    tokenizer = tokenizer_of(family)
    return (
        family.name,
        ", ".join(
            map(_code, dict.fromkeys(said.replace("Five", "Four") for said in taught(tokenizer, *TURNS)))
        ),
        ", ".join(map(_code, stops(tokenizer))),
        _system(tokenizer),
        "written" if "find_bus" in _text_with_tools(tokenizer) else "not written",
        "as the template's own" if takes_calls(tokenizer) else "as text of the answer",
        _reasoning(tokenizer),
    )


def _code(text: str) -> str:
    spelled = text.replace("\n", "\\n")
    return f"`{spelled}`" if text else "nothing"


def _system(tokenizer: Any) -> str:
    try:
        spoken(tokenizer, Message(SYSTEM, "Be brief."), *TURNS)
    except ChatTemplateError as error:
        return "left out, so refused" if "leaves its system line out" in error.reason else "refused"
    return "taken"


def _text_with_tools(tokenizer: Any) -> str:
    turns = [{"role": str(each.role), "content": each.content} for each in TURNS]
    return apply_template(tokenizer, turns, [{"type": "function", "function": {"name": "find_bus"}}])


def _reasoning(tokenizer: Any) -> str:
    first, last = (Message(ASSISTANT, text, reasoning="Count on.") for text in ("Four.", "Five."))
    said = taught(tokenizer, ASKED[0], first, ASKED[2], last)
    kept = ["Count on." in each for each in said]
    if not kept[1]:
        return "left out"
    return "taught" if kept[0] else "of the last turn taught"


HEADINGS = ("family", "taught", "stops at", "system line", "tools", "tool calls", "reasoning")


def table() -> str:
    """The table of the reference, as Markdown."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *map(row, FAMILIES)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in each)} |" for each in rows)


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "chat-templates.md"
INTRODUCTION = """# Chat templates

<!-- Written by `python -m tests.models.families`; edit the templates there instead. -->

Chat templates of well-known families, written from their public descriptions, and what becomes of a
conversation in each with the default settings. An answer is taught with the token that the template itself
writes behind it, and generation stops at this token as well as at `eos_token` and at the tokens of
`generation_config.json`. Where an answer that another question follows ends in another token than the last
one, both are taught and stopped at. Where a template writes nothing behind the last answer (GLM-4, Nemotron),
the token behind earlier ones, which opens the next question, is written, taught and stopped at there, too. A
template without such a token teaches no end, and its answers run on: use `chat_template: chatml` with it.

Where a template opens reasoning when it asks (`<think>`), and not before an answer without any, such
answers are taught as it writes them; at generation the model still begins inside of reasoning.

A base model without a template is refused until its settings name one. The settings, under `base_model`:

```yaml
base_model:
  path: models/base
  system: fold           # refuse (default) | fold into the next user turn | drop
  reasoning: keep        # as the template writes it (default) | refuse samples where it is left out | drop
  chat_template: chatml  # or a file with a Jinja template; by default the model's own
```

What was changed about samples is counted with every training (`changes` in `result.json`, and on the trial's
page), and so are samples that could not be trained on, with their reasons (`skipped`).

"""


def page() -> str:
    """The page of the reference."""
    return INTRODUCTION + table() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
