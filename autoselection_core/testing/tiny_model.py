"""A real language model small enough for a test: made in about a second, from nothing but a seed."""

import random
from pathlib import Path
from typing import Any

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VOCABULARY = 2_048
_CORPUS_LINES = 1_500

_SUBJECTS = ("Anna", "the teacher", "a small robot", "my neighbour", "the old baker", "Tom", "every student")
_VERBS = ("counts", "buys", "explains", "paints", "repairs", "compares", "sells", "measures", "describes")
_OBJECTS = ("apples", "numbers", "two red bicycles", "the capital of France", "a short story", "some tables")
_PLACES = ("in the garden", "at school", "before dinner", "for the market", "near the river", "on Monday")
_QUESTIONS = (
    "Why does",
    "How often",
    "Explain how",
    "Write a sentence about how",
    "Translate:",
    "True or false:",
)


def tiny_model(folder: Path, *, seed: int = 0) -> Path:
    """Save a seeded Llama of about 1.4 million parameters with tokenizer and chat template.

    The weights are random and the byte-level tokenizer is trained on a generated corpus, so any text
    can be encoded and nothing is read from a network. Two calls with one seed save equal files.

    Args:
        folder: Where to save; created when it is missing.
        seed: Decides the weights. The tokenizer is the same for every seed.

    Returns:
        The folder, ready for `BaseModel.load` or `transformers`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tiny_tokenizer().save_pretrained(folder)
    _llama(seed).save_pretrained(folder)
    return folder


def tiny_tokenizer() -> Any:  # noqa: ANN401 transformers has no types
    """A byte-level BPE tokenizer in the chat format of SmolLM2."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=SPECIAL_TOKENS[1],
        eos_token=SPECIAL_TOKENS[2],
        pad_token=SPECIAL_TOKENS[0],
        chat_template=CHAT_TEMPLATE,
    )


def _llama(seed: int) -> Any:  # noqa: ANN401 transformers has no types
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2_048,
        tie_word_embeddings=True,
        initializer_range=0.08,  # wide enough that predictions differ from token to token
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def _corpus() -> list[str]:
    rng = random.Random(0)  # noqa: S311 sentences are no secrets
    return [_sentence(rng) for _ in range(_CORPUS_LINES)]


def _sentence(rng: random.Random) -> str:
    low, high = rng.randrange(100), rng.randrange(1_000)
    statement = f"{rng.choice(_SUBJECTS)} {rng.choice(_VERBS)} {rng.choice(_OBJECTS)} {rng.choice(_PLACES)}"
    sums = f"{low} + {high} = {low + high}. The answer is {low + high}."
    return rng.choice(
        (f"{statement}.", f"{rng.choice(_QUESTIONS)} {statement}?", sums, f"def f(x): return x + {low}")
    )
