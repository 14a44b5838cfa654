"""A small installation: generated samples, text signals, and a formula in place of trainings."""

import json
import random
import shutil
from pathlib import Path

from autoselection_dagster.installation import Installation

_CAMPAIGNS = """
campaigns:
  demo:
    pool:
      - path: raw/*.jsonl
        licence: CC0-1.0
    base_model: model
    signals: [tokens, word_entropy, exact, near_duplicates]
    closed_form:
      weights: {{word_entropy: 1.0}}
      size_weight: 0.1
      noise: 0.05
      delay_s: {delay_s}
    search: {{budget: 3, report_evaluations: 2}}
"""
_WORDS = (
    "red",
    "green",
    "blue",
    "seven",
    "eleven",
    "river",
    "stone",
    "cloud",
    "paper",
    "lamp",
    "door",
    "song",
)


def installation(folder: Path, model: Path, samples: int = 60, delay_s: float = 0.0) -> Installation:
    """An installation below a folder, with the tokenizer of a model."""
    raw = folder / "raw"
    shutil.copytree(model, folder / "model")
    raw.mkdir(parents=True)
    write_samples(raw / "generated.jsonl", samples)
    campaigns = folder / "autoselection.yaml"
    campaigns.write_text(_CAMPAIGNS.format(delay_s=delay_s))
    return Installation(folder / "home", campaigns)


def write_samples(file: Path, count: int, seed: int = 0) -> None:
    """Records in the prompt and response format; some answers occur twice."""
    draw = random.Random(seed)  # noqa: S311 - words, not secrets
    lines = []
    for number in range(count):
        words = draw.choices(_WORDS, k=draw.randint(2, 12))
        lines.append({"prompt": f"Say number {number % (count - 3)}.", "response": " ".join(words)})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
