"""Signals that run a model, on a stated sample of the pool."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from autoselection_core.arrays import Vectors
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.identity import Json
from autoselection_core.models.autoencoder.sae import SparseAutoencoder
from autoselection_core.models.autoencoder.sae_training import SaeTraining
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.batching import batches_by_length
from autoselection_core.models.chat.spans import encode
from autoselection_core.models.embedder import embed
from autoselection_core.models.forward import pad
from autoselection_core.models.gradients import AdaptedModel, WarmUp, adam_direction, project, warm_up_adapter
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample, Scope
from autoselection_core.score.rank_agreement import rank_agreement
from autoselection_core.signals.definitions.base_model.autoencoder import pin_autoencoder
from autoselection_core.signals.definitions.base_model.influence import Influence
from autoselection_core.signals.definitions.base_model.model_pass import ModelPass
from autoselection_core.signals.definitions.base_model.model_scores import (
    ModelScores,
    answer_alone,
    score_answers,
)
from autoselection_core.signals.definitions.base_model.rds import HIDDEN_STATES, RepresentationSelection
from autoselection_core.signals.definitions.base_model.sae import (
    SaeFeatures,
    content_token_mask,
    mean_activations,
)
from autoselection_core.signals.definitions.semantic.reranking import LikelihoodRanker
from autoselection_core.signals.definitions.wording.text import TokenCounts
from bench.result import Measured, measure
from bench.signals.text import real_benchmark, some

_GRADIENTS, _TARGETS, _WARMED = 8, 4, 16
_DOCUMENTS, _QUERIES = 10, 16
_STATES, _STATE_TARGETS = 48, 6
_PROJECTED, _PROJECTIONS = 40, (512, 2_048, 8_192)
_COMPARED, _SAE_TOKENS = 80, 15_000


def dear_figures(pool: Pool, model: Path) -> dict[str, Json]:
    """Gradients and a ranker on a real model, for a few samples."""
    gsm8k = real_benchmark("gsm8k")
    return {
        "influence": _gradient_figures(pool, gsm8k, model),
        "reranked": _ranker_figures(pool, gsm8k, model),
    }


def _gradient_figures(pool: Pool, benchmark: Benchmark, model: Path) -> dict[str, Json]:
    """LESS: the adapter's warm-up, then gradients of samples and targets at each checkpoint."""
    few = Benchmark(benchmark.name, benchmark.items[:1], benchmark.targets[:_TARGETS])
    with TemporaryDirectory() as folder:
        signal = Influence(few, str(model), str(Path(folder) / "warmed"), samples=_WARMED)
        warm_up = measure(lambda: signal.prepare(pool, {}))
        found = measure(lambda: signal.compute(pool.take(np.arange(_GRADIENTS)), {}))
    values = np.asarray(found.value[signal.name])
    gradients = 4 * (_GRADIENTS + _TARGETS)
    return {
        **found.pace(_GRADIENTS),
        "targets": _TARGETS,
        "finite_share": float(np.isfinite(values).mean()),
        "cpu_seconds_a_gradient": round(found.cpu_seconds / gradients, 3),
        "warm_up": {**warm_up.cost, "samples": _WARMED, "steps": 4},
    }


def projection_figures(pool: Pool, model: Path) -> dict[str, Json]:
    """Agreement of LESS in projections of several sizes with the whole gradients, at the last checkpoint."""
    import torch
    from torch.nn.functional import normalize

    gsm8k, warm_up = real_benchmark("gsm8k"), WarmUp()
    base = BaseModel.load(str(model))
    adapted = AdaptedModel(base.model, warm_up.rank, warm_up.seed)
    encoded = [
        encode(sample, base.tokenizer, 512) for sample in pool.samples(np.arange(_WARMED + _PROJECTED))
    ]
    checkpoint = warm_up_adapter(adapted, encoded[:_WARMED], warm_up)[-1]
    adapted.load(checkpoint.weights)
    targets = [encode(target, base.tokenizer, 512) for target in gsm8k.targets[:_TARGETS]]
    towards = torch.stack([adapted.gradient(one.input_ids, one.response_mask) for one in targets])
    gradients = (adapted.gradient(one.input_ids, one.response_mask) for one in encoded[_WARMED:])
    steps = torch.stack([adam_direction(gradient, checkpoint) for gradient in gradients])
    exact = (normalize(steps, dim=1) @ normalize(towards, dim=1).T).mean(dim=1)
    agreement = {
        str(size): rank_agreement(
            (project(steps, size) @ project(towards, size).T).mean(dim=1).tolist(), exact.tolist()
        )
        for size in _PROJECTIONS
    }
    return {
        "samples": len(steps),
        "weights": steps.shape[1],
        "rank_correlation_with_whole_gradients": agreement,
    }


def length_figures(pool: Pool, model: Path) -> dict[str, Json]:
    """Rank correlation of MONA with length, over the tokens of messages and over all tokens."""
    gsm8k, base = real_benchmark("gsm8k"), BaseModel.load(str(model))
    few = pool.take(np.arange(_COMPARED))
    with TemporaryDirectory() as folder:
        pin_autoencoder(
            Path(folder) / "sae", base, few, tokens=_SAE_TOKENS, training=SaeTraining(), progress=None
        )
        sae = SparseAutoencoder.load(Path(folder) / "sae")
    samples = [*few.samples(), *gsm8k.targets[:_QUERIES]]
    encoded = [encode(sample, base.tokenizer, 512) for sample in samples]
    states = [sae.hook.states(base.model, [one.input_ids])[0] for one in encoded]
    lengths = [float(len(one.input_ids)) for one in encoded[:_COMPARED]]
    of_messages = [content_token_mask(one, base.tokenizer.all_special_ids) for one in encoded]
    masks = {"messages": of_messages, "all tokens": [np.ones(len(mask), np.bool_) for mask in of_messages]}
    agreement: dict[str, Json] = {}
    for name, counted in masks.items():
        read = [mean_activations(sae, each, [mask]) for each, mask in zip(states, counted, strict=True)]
        means = np.concatenate(read)
        prototype = means[_COMPARED:].mean(axis=0)
        nearness = [
            float(np.minimum(row, prototype).sum() / np.maximum(row, prototype).sum())
            for row in means[:_COMPARED]
        ]
        agreement[name] = rank_agreement(nearness, lengths)
    counted_share = sum(int(mask.sum()) for mask in of_messages) / sum(map(len, of_messages))
    return {
        "samples": _COMPARED,
        "autoencoder_tokens": _SAE_TOKENS,
        "share_of_tokens_in_messages": round(counted_share, 3),
        "rank_correlation_of_mona_with_length": agreement,
    }


def states_figures(pool: Pool, model: Path) -> dict[str, Json]:
    """RDS+ beside its definition in plain transformers: one sample at a time, targets word by word."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    benchmark = replace(gsm8k := real_benchmark("gsm8k"), targets=gsm8k.targets[:_STATE_TARGETS])
    few = some(pool, _STATES)
    signal = RepresentationSelection(benchmark, str(model), dtype="float32")
    found = measure(lambda: signal.states.compute(few, {}))
    values = np.asarray(signal.compute(few, found.value)[signal.name])
    tokenizer, plain = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    plain = plain.float().eval()

    def pooled(sample: Sample) -> Vectors:
        turns = [{"role": str(turn.role), "content": turn.content} for turn in sample.messages]
        ids = tokenizer.apply_chat_template(turns, return_dict=True, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            states = plain(ids[:, :2_048], output_hidden_states=True).hidden_states[-1][0].double().numpy()
        mean: Vectors = np.average(states, axis=0, weights=np.arange(1, len(states) + 1))
        return mean

    expected = np.stack([pooled(sample) for sample in few.samples()])
    targets = np.stack([pooled(one) for one in sorted(benchmark.targets, key=lambda target: target.id)])
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (expected, targets)]
    similarity, left, order = unit[0] @ unit[1].T, list(range(len(few))), list[int]()
    while left:
        target = len(order) % len(targets)
        order.append(max(left, key=lambda row: (similarity[row, target], -row)))
        left.remove(order[-1])
    states = np.asarray(found.value[HIDDEN_STATES])
    return {
        "hidden_states": found.pace(_STATES),
        "targets": len(targets),
        "greatest_difference": float(np.abs(states - expected).max() / np.abs(expected).max()),
        "places_that_differ": int((np.argsort(-values, kind="stable") != np.array(order)).sum()),
    }


def _ranker_figures(pool: Pool, benchmark: Benchmark, model: Path) -> dict[str, Json]:
    """One list of documents, in order of how likely the benchmark's targets are behind each."""
    queries = tuple(target.text(Scope.ALL) for target in benchmark.targets[:_QUERIES])
    documents = pool.texts(Scope.ALL, np.arange(_DOCUMENTS))
    ranker = LikelihoodRanker(str(model), queries)
    ranker.best_first(documents[:1])  # loads the model
    found = measure(lambda: ranker.best_first(documents[1:]))
    return {
        **found.pace(_DOCUMENTS - 1),
        "queries": len(queries),
        "cpu_seconds_a_document": round(found.cpu_seconds / (_DOCUMENTS - 1), 3),
    }


T = TypeVar("T")
U = TypeVar("U")

_TOKEN_BUDGET = 4_096
_EMBEDDED = 300
_COUNTED = 2_000


def model_figures(pool: Pool, model: Path, samples: int) -> dict[str, Json]:
    """Samples a second of the model signals, and their share of the bare forward passes."""
    chosen = some(pool, samples)
    base = BaseModel.load(model)
    bare = measure(lambda: _bare_passes(base, chosen))
    scores = measure(lambda: score_answers(base, chosen, 2_048, _TOKEN_BUDGET))
    finite = float(np.isfinite(np.asarray(scores.value["ifd"])).mean())
    texts = pool.texts(rows=np.arange(_EMBEDDED))
    embedded = measure(lambda: embed(texts))
    few = some(pool, _COUNTED)
    counted = measure(lambda: TokenCounts(str(model)).compute(few, {}))
    return {
        "model_scores": {
            **scores.pace(samples),
            "tokens": bare.value,
            "dtype": base.dtype,
            "device": base.device,
            "finite_share": finite,
            "bare_passes": bare.cost,
            "share_of_bare_passes": bare.cpu_seconds / scores.cpu_seconds,
        },
        "embedding": embedded.pace(_EMBEDDED),
        "tokens": counted.pace(_COUNTED),
    }


def _bare_passes(base: BaseModel, pool: Pool, autoencoder: SparseAutoencoder | None = None) -> int:
    """Two forward passes with all logits over the same batches and nothing else; the tokens they read.

    With an autoencoder, its encoder's product with the states of whole conversations, too.
    """
    import torch

    encoded = [encode(sample, base.tokenizer, 2_048) for sample in pool.samples()]
    whole = [one.input_ids for one in encoded]
    alone = [answer_alone(one, turn, base.tokenizer.bos_token_id)[0] for one in encoded for turn in one.turns]
    for sequences in (whole, alone):
        for batch in batches_by_length([len(each) for each in sequences], _TOKEN_BUDGET):
            tensors = pad([sequences[place] for place in batch], base.model.device)
            read = {"input_ids": tensors.input_ids, "attention_mask": tensors.attention_mask}
            with torch.inference_mode():
                if autoencoder is None or sequences is alone:
                    base.model(**read, use_cache=False)
                    continue
                with autoencoder.hook.recording(base.model) as states:
                    base.model(**read, use_cache=False)
                _ = states[0][tensors.attention_mask.bool()].float() @ autoencoder.encoder.T
    return sum(len(each) for each in (*whole, *alone))


def sae_figures(pool: Pool, model: Path, samples: int, folder: Path) -> dict[str, Json]:
    """Sparse features alone, and in one pass with the scores, beside bare passes and encoding."""
    autoencoder = SparseAutoencoder.load(folder)
    base = BaseModel.load(model)
    features = SaeFeatures(str(model), str(folder), dtype=base.dtype)
    shared = ModelPass(ModelScores(str(model), dtype=base.dtype, token_budget=_TOKEN_BUDGET), features)
    chosen = some(pool, samples)
    features.compute(chosen.take(np.arange(1)), {})  # loads both
    to_layer = measure(lambda: _bare_encoding(base, autoencoder, chosen))
    alone = measure(lambda: features.compute(chosen, {}))
    both = measure(lambda: _bare_passes(base, chosen, autoencoder))
    together = measure(lambda: shared.compute(chosen))
    return {
        "sae": _beside(alone, to_layer, samples),
        "model_scores_and_sae": _beside(together, both, samples),
    }


def _beside(found: Measured[T], bare: Measured[U], samples: int) -> dict[str, Json]:
    return {
        **found.pace(samples),
        "bare_passes": bare.cost,
        "share_of_bare_passes": bare.cpu_seconds / found.cpu_seconds,
    }


def _bare_encoding(base: BaseModel, autoencoder: SparseAutoencoder, pool: Pool) -> None:
    """The pass to the hooked layer, and the encoder's product with its states."""
    import torch

    sequences = [encode(sample, base.tokenizer, 2_048).input_ids for sample in pool.samples()]
    with torch.inference_mode():
        for batch in batches_by_length([len(each) for each in sequences], _TOKEN_BUDGET):
            states, real = autoencoder.hook.states(base.model, [sequences[place] for place in batch])
            _ = states[real].float() @ autoencoder.encoder.T
