"""The raw files, benchmark, base model and campaigns of the home: everything that its searches start from."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Record = dict[str, Any]

_WORDS = (
    "river",
    "stone",
    "cloud",
    "paper",
    "lamp",
    "door",
    "song",
    "bread",
    "green",
    "seven",
    "market",
    "garden",
)
_SEED = 17


def write_material(folder: Path) -> None:
    """Write raw files, benchmark, model, campaigns and study below a folder."""
    draw = random.Random(_SEED)  # noqa: S311 - words, not secrets
    _write_raw(folder / "raw", draw)
    _write_growing(folder / "growing", draw)
    _write_benchmark(folder / "benchmarks" / "sums")
    _write_model(folder / "home" / "models" / "tiny")
    (folder / "autoselection.yaml").write_text(CAMPAIGNS)
    (folder / "study.yaml").write_text(STUDY)


def grow(folder: Path) -> None:
    """Add a second raw file to the pool of the campaign `growing`."""
    records = [_asked(f"Name thing {number}.", _sentence(random.Random(number), 9)) for number in range(15)]  # noqa: S311
    _lines(folder / "growing" / "second.jsonl", records)


def _write_raw(folder: Path, draw: random.Random) -> None:
    """Three files in five formats, with equal, nearly equal and broken records."""
    folder.mkdir(parents=True)
    sums = [_asked(f"Add {n} and 7.", f"{n} and 7 make {n + 7}, as counting on shows.") for n in range(30)]
    talk = [_asked(f"Tell of the {word}.", _sentence(draw, length)) for word, length in _lengths(draw, 40)]
    near = [_asked(one["prompt"], one["response"] + " Indeed so.") for one in talk[:10]]
    exact = [_asked(one["prompt"].upper(), one["response"].upper()) for one in sums[:6]]
    merged = [{"instruction": one["prompt"], "output": one["response"]} for one in talk[10:14]]
    held = [_asked(_question(200), _answer(200))]
    broken = [{"prompt": "Who answers?"}, {"messages": []}, {"prompt": "", "response": "Nothing was asked."}]
    _lines(folder / "answers.jsonl", [*sums, *near, *exact, *broken, *held])
    (folder / "chats.json").write_text(json.dumps([*_chats(draw), *merged], indent=1) + "\n")
    columns = {"question": [one["prompt"] for one in talk], "answer": [one["response"] for one in talk]}
    pq.write_table(pa.table(columns), folder / "talk.parquet")


def _chats(draw: random.Random) -> Iterator[Record]:
    for number in range(20):
        asked, said = f"What lies by the {draw.choice(_WORDS)}, {number}?", _sentence(draw, 5 + number % 7)
        if number % 2:
            turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
            yield {"messages": [{"role": "system", "content": "Be brief."}, *turns]}
        else:
            turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": said}]
            yield {"conversations": [*turns, {"from": "human", "value": "And then?"}]}  # is trimmed


def _write_growing(folder: Path, draw: random.Random) -> None:
    folder.mkdir(parents=True)
    records = [_asked(f"Say item {number}.", _sentence(draw, 2 + number % 11)) for number in range(45)]
    _lines(
        folder / "first.jsonl", [*records, *({**one, "prompt": one["prompt"] + "!"} for one in records[:8])]
    )


def _write_benchmark(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "benchmark.yaml").write_text(
        "name: sums\nmetric: log_likelihood\ndev_share: 0.5\ntest_items: 8\n"
    )
    _lines(
        folder / "items.jsonl", [{"question": _question(n), "answer": _answer(n)} for n in range(200, 220)]
    )
    _lines(
        folder / "targets.jsonl", [{"question": _question(n), "answer": _answer(n)} for n in range(300, 306)]
    )


def _write_model(folder: Path) -> None:
    """A Llama of about 190,000 parameters: the tiny model of the tests, smaller still."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from autoselection_core.testing.tiny_model import VOCABULARY, tiny_tokenizer

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1_024,
        tie_word_embeddings=True,
        initializer_range=0.1,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    folder.mkdir(parents=True)
    tiny_tokenizer().save_pretrained(folder)
    torch.manual_seed(0)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)


def _question(number: int) -> str:
    morning = f"A baker had {number} loaves in the morning and baked 13 more at noon"
    return f"{morning}; how many loaves were there then?"


def _answer(number: int) -> str:
    return f"There were {number + 13} loaves."


def _asked(question: str, answer: str) -> Record:
    return {"prompt": question, "response": answer}


def _lengths(draw: random.Random, count: int) -> Iterator[tuple[str, int]]:
    for number in range(count):
        yield f"{draw.choice(_WORDS)} {number}", draw.randint(3, 24)


def _sentence(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(_WORDS, k=words)) + "."


def _lines(file: Path, records: list[Record]) -> None:
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


_SHARED = """\
    pool:
      - {path: raw/answers.jsonl, licence: MIT}
      - {path: raw/chats.json, licence: CC0-1.0}
      - {path: raw/talk.parquet}
    base_model: "{home}/models/tiny"
"""

_SCORED = "    benchmarks: {sums: {path: benchmarks/sums}}\n"

CAMPAIGNS = f"""\
campaigns:
  formula:
{_SHARED}\
    signals:
      [tokens, word_entropy, form, exact, minhash, embedding, {{clusters: {{sizes: [4, 8]}}}},
       {{model_scores: {{dtype: float32}}}}]
    closed_form: {{weights: {{word_entropy: 1.0, response_loss: -0.4}}, size_weight: 0.2, noise: 0.05}}
    search: {{budget: 12, report_evaluations: 7, max_steps: 4}}
    policy: {{smallest_share: 0.1}}
  published:
{_SHARED}\
    signals: [tokens, word_entropy, exact, minhash]
    closed_form: {{weights: {{word_entropy: 1.0}}, size_weight: 0.2, noise: 0.05}}
    search: {{budget: 11, policy: autoselection, report_evaluations: 3, max_steps: 4}}
    policy: {{round_size: 3}}
  advised:
{_SHARED}\
    signals: [tokens, word_entropy, exact, minhash]
    closed_form: {{weights: {{word_entropy: 1.0}}, size_weight: 0.2, noise: 0.05}}
    adviser: {{url: "http://127.0.0.1:9/v1", model: a-model, timeout_s: 5.0}}
    search: {{budget: 6, policy: autoselection, report_evaluations: 0, max_steps: 3}}
    policy: {{round_size: 2}}
  cheap:
{_SHARED}\
    signals: [tokens, word_entropy, exact]
    closed_form: {{weights: {{word_entropy: 1.0}}, size_weight: 0.2, noise: 0.02}}
    search: {{budget: 7, report_evaluations: 0, max_steps: 3}}
    fidelities: {{short: {{cost: 0.1, amount: 0.5}}, few: {{cost: 0.15, items: 0.5}}}}
  trained:
{_SHARED}\
{_SCORED}\
    signals: [tokens, word_entropy, relevance, contamination, exact, minhash]
    operators: [keep_top, keep_relevant, keep_random, drop_exact_duplicates, drop_near_duplicates]
    training: {{preset: cpu-lora, amount: 900, batch: 150, rank: 2, dtype: float32}}
    search: {{budget: 5, report_evaluations: 4, max_steps: 3}}
    policy: {{most_tokens: 4000, smallest_share: 0.1}}
  every_signal:
{_SHARED}\
{_SCORED}\
    signals:
      - tokens
      - {{word_entropy: {{words: 2}}}}
      - {{model_scores: {{dtype: float32, max_tokens: 512}}}}
      - embedding
      - relevance
      - exact
      - minhash
      - embedding_pairs
      - {{clusters: {{sizes: [4], centres: "{{home}}/centres"}}}}
      - contamination
      - form
      - feedback
      - {{reranked: {{candidates: 12, asked: 2, batch: 4, most_trials: 3, dtype: float32}}}}
      - graph_importance
      - {{sae: {{sae: "{{home}}/sae", tokens: 2000, expansion: 2, kept: 16, dtype: float32}}}}
      - sae_pairs
      - mona
      - {{influence: {{warmed: "{{home}}/warmed", dimensions: 32, dtype: float32}}}}
    closed_form: {{weights: {{response_loss: 1.0}}, noise: 0.05}}
    search: {{budget: 3, policy: random, report_evaluations: 0, max_steps: 3}}
  growing:
    pool: [{{path: growing/*.jsonl, licence: CC0-1.0}}]
    base_model: "{{home}}/models/tiny"
    signals: [tokens, word_entropy, exact, minhash]
    closed_form: {{weights: {{word_entropy: 1.0}}, noise: 0.05}}
    search: {{budget: 5, report_evaluations: 0, max_steps: 3}}
    research: {{when: schedule, cron: "0 4 * * 1", budget: 5, timezone: Europe/Berlin}}
"""
"""One campaign for each thing that a home can hold, in the spellings of that commit."""

STUDY = """\
name: compared
campaign:
  pool: [{path: growing/first.jsonl}]
  signals: [word_entropy, exact]
  operators: [keep_top, keep_random]
  closed_form: {weights: {word_entropy: 1.0}, noise: 0.02}
budget: 30
searches:
  chance: {budget: 3, policy: random}
  as_published: {budget: 4, policy: autoselection}
recipes:
  top: [keep_top: {signal: word_entropy, fraction: 0.2}]
same: {candidates: 3, share: 0.3}
"""
"""A study with searches of two policies, a stated recipe, and the A/A mode."""
