"""The parts of a small real evaluation."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autoselection_core.benchmarks.benchmark import Benchmark, SplitSizes
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.evaluation.evaluator import FineTuningEvaluator
from autoselection_core.evaluation.training.settings import FineTuning
from autoselection_core.models.speed import without_rename_warnings
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample
from autoselection_core.recipe.program import Recipe
from autoselection_core.store.home import Home
from autoselection_core.subset.value import Subset, fingerprint_of_ids

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def sample(number: int) -> Sample:
    first, second = WORDS[number % 10], WORDS[(number // 10) % 10]
    question = f"Say {first} and {second} ({number})"
    return Sample((Message(Role.USER, question), Message(Role.ASSISTANT, f"{first} and {second}")))


POOL = Pool.from_samples([(sample(number), [Origin("sums", f"sums.jsonl#{number}")]) for number in range(60)])


def item(number: int) -> Item:
    first, second = WORDS[number % 10], WORDS[(number // 7) % 10]
    question = f"Please say {first} and {second} now ({number})"
    return Item(question, (Message(Role.USER, question),), f"{first} and {second}", choices=WORDS)


BENCHMARK = Benchmark("sums", tuple(item(number) for number in range(40)), sizes=SplitSizes(dev_share=0.5))
TRAINING = FineTuning(
    amount=1_200, batch=200, pack_tokens=256, max_tokens=64, learning_rate=1e-2, dtype="float32"
)


def subset(rows: int = 60) -> Subset:
    chosen = np.arange(rows)
    return Subset(Recipe(()), POOL.version, chosen, fingerprint_of_ids(POOL.ids[chosen]))


def fine_tuning(
    home: Path,
    model: Path,
    training: FineTuning = TRAINING,
    benchmark: Benchmark = BENCHMARK,
    **settings: Any,
) -> FineTuningEvaluator:
    return FineTuningEvaluator(Home(home), POOL, model, (benchmark,), training, **settings)


def choices_benchmark() -> Benchmark:
    items = tuple(
        Item(each.question, each.prompt, each.reference.split()[0], choices=WORDS) for each in BENCHMARK.items
    )
    return Benchmark("choices", items, metric=Metric.CHOICE_ACCURACY, chance=0.1)


def adapted(model: Any, layers: Collection[int], *others: str) -> Any:
    """A model with random adapters in all linear modules of some layers, and in other modules by name."""
    from peft import LoraConfig, get_peft_model

    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and any(part.isdecimal() and int(part) in layers for part in name.split("."))
    ]
    config = LoraConfig(target_modules=[*names, *others], init_lora_weights=False)
    with without_rename_warnings():
        return get_peft_model(model, config)
