"""Tokens a second of a LoRA training: ours beside plain TRL on the same samples."""

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.evaluation.training.fine_tune import train
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import FineTuning, fine_tuning
from autoselection_core.identity import Json
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.spans import encode
from autoselection_core.models.frozen_layers import FrozenLayers
from autoselection_core.models.speed import without_rename_warnings
from autoselection_core.pool.ingest import ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample
from autoselection_core.pool.sources import Source
from autoselection_core.store.home import Home
from bench.result import REAL_DATA, Measured, measure

_MAX_CHARACTERS = 400


def samples() -> Mapping[str, Sample]:
    """Short conversations of the small pool, by id."""
    with TemporaryDirectory() as folder:
        pool = ingest([Source(str(REAL_DATA / "pool_small.parquet"))], Home(Path(folder))).pool
        return {sample.id: sample for sample in pool.samples() if len(sample.text()) < _MAX_CHARACTERS}


def pool() -> Pool:
    """The same conversations as a pool."""
    from autoselection_core.pool.sample import Origin

    return Pool.from_samples([(sample, [Origin("small", "pool_small")]) for sample in samples().values()])


def benchmark(name: str, dev_items: int, metric: str) -> Benchmark:
    """Dev items of a known benchmark."""
    settings = {"items": f"benchmarks/{name}.parquet", "targets": f"targets/{name}.parquet", "metric": metric}
    return benchmark_from({"name": name, "format": name, "dev_items": dev_items, **settings}, REAL_DATA)


_SEQUENCES_PER_STEP = 8


def race(model: Path, samples: Mapping[str, Sample], tokens: int, rounds: int) -> dict[str, Json]:
    """The fastest of several rounds of each contender, in turn."""
    contenders = {"ours": _ours, "plain_trl": _plain_trl}
    best: dict[str, Measured[int]] = {}
    for _ in range(rounds):
        for name, run in contenders.items():
            done = run(model, samples, tokens)
            print(f"training, {name}: {done.value / done.seconds:.0f} tokens/s", file=sys.stderr, flush=True)
            if name not in best or done.seconds < best[name].seconds:
                best[name] = done
    return {
        name: {
            "tokens": done.value,
            "tokens_per_s": round(done.value / done.seconds),
            "tokens_per_cpu_s": round(done.value / done.cpu_seconds),
            **done.cost,
        }
        for name, done in best.items()
    }


_REPEATED_SAMPLES = 40


def upper_quarter(model: Path, samples: Mapping[str, Sample]) -> dict[str, Json]:
    """Trainings of one process with adapters in the upper quarter of the layers, one after the other.

    Each reads the same samples once, in an order of its own; the last one passes all layers, as the floor.
    """
    training = fine_tuning({"preset": "cpu-lora", "schedule": "epochs", "amount": 1, "adapted_share": 0.25})
    few = dict(islice(samples.items(), _REPEATED_SAMPLES))
    rates: dict[str, Json] = {}
    for replicate, name in enumerate(("first", "second", "third", "whole_passes")):
        base = BaseModel.load(model)
        whole = (
            patch.object(FrozenLayers, "of", return_value=None) if name == "whole_passes" else nullcontext()
        )
        with TemporaryDirectory() as folder, whole:
            trainee = Trainee("bench", Path(folder), replicate)
            done = measure(partial(_tokens_of, base, few, training, trainee))
        rates[name] = {
            "tokens_per_s": round(done.value / done.seconds),
            "tokens_per_cpu_s": round(done.value / done.cpu_seconds),
        }
        print(f"upper quarter, {name}: {rates[name]}", file=sys.stderr, flush=True)
    return {"dtype": base.dtype, **rates}


def _tokens_of(base: BaseModel, samples: Mapping[str, Sample], training: FineTuning, trainee: Trainee) -> int:
    return train(lambda: base, samples, training, trainee).tokens


def _ours(model: Path, samples: Mapping[str, Sample], tokens: int) -> Measured[int]:
    base = BaseModel.load(model, dtype="bfloat16")
    training = fine_tuning({"preset": "cpu-lora", "amount": tokens, "dtype": "bfloat16"})
    with TemporaryDirectory() as folder:
        return measure(
            lambda: train(lambda: base, samples, training, Trainee("bench", Path(folder), 0)).tokens
        )


def _plain_trl(model: Path, samples: Mapping[str, Sample], tokens: int) -> Measured[int]:
    """TRL's trainer with a LoRA config and padded batches; gradient checkpointing off, as ours."""
    base = BaseModel.load(model, dtype="bfloat16")
    chosen, total = [], 0
    for sample in samples.values():
        if total >= tokens:
            break
        chosen.append(_conversation(sample))
        total += len(encode(sample, base.tokenizer, 512).input_ids)
    with TemporaryDirectory() as folder:
        done = measure(lambda: _train_plainly(base, chosen, folder))
        return Measured(total, done.seconds, done.cpu_seconds, done.peak_bytes, done.private_bytes)


def _conversation(sample: Sample) -> dict[str, Any]:
    turns = [{"role": str(message.role), "content": message.content} for message in sample.messages]
    return {"prompt": turns[:-1], "completion": turns[-1:]}


def _train_plainly(base: BaseModel, conversations: list[dict[str, Any]], folder: str) -> None:
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    with without_rename_warnings():
        arguments = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=_SEQUENCES_PER_STEP,
            num_train_epochs=1,
            learning_rate=1e-3,
            max_length=512,
            bf16=False,
            gradient_checkpointing=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=base.device == "cpu",
        )
        SFTTrainer(
            model=base.model,
            args=arguments,
            train_dataset=Dataset.from_list(conversations),
            processing_class=base.tokenizer,
            peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
        ).train()
