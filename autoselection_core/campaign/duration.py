"""Duration of trainings and of scoring before they are paid for, estimated from what was measured."""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import mean, median
from typing import TYPE_CHECKING

import numpy as np

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side, split
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.evaluation.training.settings import FineTuning, Method, Schedule, Unit, fine_tuning
from autoselection_core.history.records import TrialKind
from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import duration_text, money_text, percent
from autoselection_core.search.time_left import LATEST

if TYPE_CHECKING:
    from autoselection_core.models.speed import PresentSpeed, StepPasses

_PASSES = {"model_scores": 2.0, "sae": 1.0, "rds": 1.0, "influence": 3.0}
"""Forward passes over whole conversations that a signal of the base model takes, at most."""

_SAMPLED, _EMBEDDED = 200, 48
"""Conversations that are counted, evenly spaced, for the tokens of a pool."""

_MINUTE_S = 60.0
_TENTH = 0.1
"""A load average says no more than tenths."""

COUNTED = 500
"""Conversations whose tokens are counted as a training counts them, evenly spaced."""


@dataclass(frozen=True)
class Pace:
    """Expected duration of a training, and of what a report scores beside it.

    Attributes:
        seconds: Of a training and its dev scores; None where nothing is known yet.
        source: Origin of the number.
        unit: One evaluation in a word: a training, or an evaluation by a formula.
        test_s: Seconds of one model's test scores; 0 where they take no time worth saying.
        free_share: Part of the seconds on a machine without other processes; None where no probe says.
        price_per_hour: Price of an hour; None where the campaign names none.
    """

    seconds: float | None
    source: str
    unit: str = "training"
    test_s: float = 0.0
    free_share: float | None = None
    price_per_hour: float | None = None

    def total_s(self, trainings: int, models: int = 0) -> float:
        """Expected seconds of some trainings and of the test scores of some models."""
        return trainings * (self.seconds or 0.0) + models * self.test_s

    def sentence(self, trainings: int, found: int = 0, models: int = 0) -> str:
        """Trainings left and their duration, in a sentence.

        Args:
            trainings: Number that is left at most.
            found: Number of further ones that need no training, because they are found finished.
            models: Number of models whose test items the report scores at most.
        """
        left = f"{trainings} {self.unit}{' is' if trainings == 1 else 's are'} left at most"
        if found:
            left = f"{left}, beside {found} that are found finished"
        if self.seconds is None:
            return f"{left}; {self.source}."
        total_s, each = self.total_s(trainings, models), duration_text(self.seconds)
        money = "" if self.price_per_hour is None else f", {money_text(total_s, self.price_per_hour)}"
        tested = (
            f", test items of {models} models in the report about {duration_text(self.test_s)} each"
            if models and self.test_s
            else ""
        )
        return f"{left}; about {each} each{tested}, {duration_text(total_s)} in all{money} ({self.source})."


def pace_of(workspace: Workspace, evaluator: str | None, training: Mapping[str, Json]) -> Pace:
    """Expected duration of a training: of earlier ones by the same evaluator, else by a probe of the model.

    Args:
        workspace: The campaign at work.
        evaluator: Fingerprint of the evaluator; None where it is not known yet.
        training: Preset and settings.
    """
    pace = _pace(workspace, evaluator, training)
    return replace(pace, price_per_hour=workspace.campaign.price_per_hour)


def _pace(workspace: Workspace, evaluator: str | None, training: Mapping[str, Json]) -> Pace:
    alike = [
        record.search
        for record in workspace.ledger.searches()
        if evaluator and record.spec.evaluator == evaluator
    ]
    if seconds := workspace.ledger.paid_seconds(alike)[-LATEST:]:
        source = f"the median of the latest {len(seconds)} evaluations of this kind in the home folder"
        return Pace(median(seconds), source, unit_of(workspace.campaign), _test_seconds(workspace, alike))
    probed = _probed_seconds(workspace, training)
    if probed is None:
        if workspace.campaign.closed_form is not None:
            source = "a formula takes seconds and trains no model"
            return Pace(None, source, unit_of(workspace.campaign))
        return Pace(None, "their length follows from the subsets or from a judge")
    from autoselection_core.models.speed import LOADING_S, STARTING_S

    source = "a probe of the base model on this machine, with choosing, loading and scores of dev items"
    dev, test = (_benchmark_seconds(workspace, side) for side in (Side.DEV, Side.TEST))
    return Pace(
        STARTING_S + probed + dev,
        source,
        test_s=LOADING_S + test if test else 0.0,
        free_share=free_share_of(workspace.campaign.base_model),
    )


def unit_of(campaign: Campaign) -> str:
    """One evaluation of a campaign in a word."""
    return "training" if campaign.closed_form is None else "evaluation"


def measured_test_seconds(workspace: Workspace, searches: list[str]) -> list[float]:
    """Seconds that the test items of each finished report evaluation of some searches took."""
    trials = [trial for search in searches for trial in workspace.ledger.trials(search, TrialKind.REPORT)]
    folders = [
        EvaluationFolder(workspace.home.evaluation(each.evaluation)) for each in trials if each.evaluation
    ]
    return [seconds for folder in folders if (seconds := folder.test_seconds) is not None]


def _test_seconds(workspace: Workspace, searches: list[str]) -> float:
    """Expected seconds of one model's test scores: measured, else by the probe, which is of the processor."""
    if measured := measured_test_seconds(workspace, searches):
        return median(measured)
    if not workspace.campaign.trains_here:
        return 0.0
    from autoselection_core.models.speed import LOADING_S

    seconds = _benchmark_seconds(workspace, Side.TEST)
    return LOADING_S + seconds if seconds else 0.0


def _probed_seconds(workspace: Workspace, settings: Mapping[str, Json]) -> float | None:
    """Seconds of a training whose tokens are stated; None for epochs of subsets that are not chosen yet."""
    campaign, training = workspace.campaign, fine_tuning(settings)
    if campaign.base_model is None or not campaign.trains_here:
        return None
    if training.schedule is not Schedule.TOKENS:
        return None
    passes = training_passes(campaign.base_model, training).of_step(training.adapted_share)
    return training.amount * passes / forward_tokens_s(campaign.base_model)


def costly_signals(signals: Iterable[str]) -> list[str]:
    """Names of the signals among some that pass every conversation through the base model."""
    return [name for name in signals if name in _PASSES]


def signal_seconds(signals: Iterable[str], pool: Pool, model: str) -> dict[str, float]:
    """Expected seconds of the signals that read the base model, by name; others take little and are left out.

    By the probe of `_probed_seconds`, which measures the processor: a GPU is faster.

    Args:
        signals: Names for campaigns.
        pool: The samples.
        model: Folder or hub name of the base model.
    """
    named = costly_signals(signals)
    if not named or len(pool) == 0:
        return {}
    rows = np.unique(np.linspace(0, len(pool) - 1, _SAMPLED).astype(np.int64))
    from autoselection_core.models.forward import MAX_TOKENS  # loads torch

    lengths = [min(length, MAX_TOKENS) for length in _lengths(pool.texts(rows=rows), model)]
    tokens = mean(lengths) * len(pool)
    return {name: _PASSES[name] * tokens / forward_tokens_s(model) for name in named}


def embedding_seconds(pool: Pool) -> float:
    """Expected seconds of embedding a pool with the default embedder, by a probe of evenly spaced texts."""
    from autoselection_core.models.embedder import embed  # loads torch

    if len(pool) == 0:
        return 0.0
    texts = pool.texts(rows=np.unique(np.linspace(0, len(pool) - 1, _EMBEDDED).astype(np.int64)))
    embed(texts[:1])  # loads the model
    started = time.perf_counter()
    embed(texts)
    return (time.perf_counter() - started) / len(texts) * len(pool)


def counted_tokens(pool: Pool, model: str, max_tokens: int) -> int:
    """Tokens that a training reads in an epoch of a pool: exact up to `COUNTED` samples, else estimated.

    Counted in the model's chat template with each conversation cut, as a training counts them; a sample that
    the template refuses, or of which no answer begins before the cut, has none. From n evenly spaced samples
    the standard error is that of their mean.

    Args:
        pool: The samples.
        model: Folder or hub name of the base model; only its tokenizer is read.
        max_tokens: Length at which a training cuts a conversation.
    """
    from autoselection_core.models.base_model import load_tokenizer
    from autoselection_core.models.chat.spans import Encoded, encode_each
    from autoselection_core.models.folder import model_folder

    rows = np.unique(np.linspace(0, len(pool) - 1, min(len(pool), COUNTED)).astype(np.int64))
    encoded = encode_each(map(pool.sample, rows.tolist()), load_tokenizer(model_folder(model)), max_tokens)
    tokens = sum(len(each.input_ids) for each in encoded if isinstance(each, Encoded) and each.turns)
    return round(tokens / max(1, len(rows)) * len(pool))


def side_tokens(benchmark: Benchmark, model: str) -> dict[Side, tuple[int, int]]:
    """Items of each side of a benchmark, and the tokens of one model's scores of them; none of a harness."""
    if benchmark.harness is not None:
        return dict.fromkeys(Side, (0, 0))
    parted = split(benchmark)
    return {side: (len(parted.side(side)), _scored_tokens(benchmark, side, model)) for side in Side}


_SPEEDS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
"""Steps of a measured speed within a power of ten: preferred numbers, a quarter apart (ISO 3)."""


def steady_speed(tokens_s: float) -> float:
    """A speed rounded down to a step of a quarter, so that a little jitter changes no plan.

    Example:
        >>> [steady_speed(speed) for speed in (480.0, 503.0, 610.0, 1580.0)]
        [400.0, 500.0, 500.0, 1250.0]
    """
    power = 10.0 ** np.floor(np.log10(tokens_s))
    step = max(each for each in _SPEEDS if each <= tokens_s / power * (1 + 1e-9))
    return float(step * power)


def forward_tokens_s(model: str) -> float:
    """Tokens a second of the base model's forward pass on this processor as it is now, rounded down."""
    return steady_speed(_present_speed(model).tokens_s)


def training_passes(model: str, training: FineTuning) -> "StepPasses":
    """Measured cost of a training step of the base model on this processor, in forward passes."""
    from autoselection_core.models.dtype import expected_dtype
    from autoselection_core.models.folder import model_folder
    from autoselection_core.models.speed import step_passes

    counts_tokens = training.batch_unit is Unit.TOKENS
    tokens = min(training.batch, training.pack_tokens) if counts_tokens else training.pack_tokens
    rank = training.rank if training.method is Method.LORA else None
    folder = model_folder(model)
    return step_passes(folder, expected_dtype(folder), tokens, rank)


def kept_share(model: str, tokens: int) -> float:
    """Share of texts of so many tokens whose states below the adapters a process keeps on the processor."""
    from autoselection_core.models.dtype import expected_dtype
    from autoselection_core.models.folder import model_folder
    from autoselection_core.models.frozen_layers import MAX_BYTES
    from autoselection_core.models.speed import state_bytes

    folder = model_folder(model)
    return min(1.0, MAX_BYTES / max(1, tokens * state_bytes(folder, expected_dtype(folder))))


def free_share_of(model: str | None) -> float | None:
    """Part of the present durations that remains without other processes; None without a model."""
    if model is None:
        return None
    speed = _present_speed(model)
    return speed.tokens_s / speed.free_tokens_s


def _present_speed(model: str) -> "PresentSpeed":
    from autoselection_core.models.dtype import expected_dtype
    from autoselection_core.models.folder import model_folder
    from autoselection_core.models.speed import present_speed

    folder = model_folder(model)
    return present_speed(folder, expected_dtype(folder))


@dataclass(frozen=True)
class Load:
    """Load of this machine by other processes.

    Attributes:
        others: Average number of their runnable threads in the last minute.
        cores: Cores that this process may use.
    """

    others: float
    cores: int

    @classmethod
    def now(cls) -> "Load":
        """The system's one-minute average, less the processor seconds of this process in as long."""
        cores = len(os.sched_getaffinity(0))
        own = min(time.process_time() / _MINUTE_S, cores)
        return cls(max(0.0, os.getloadavg()[0] - own), cores)

    @property
    def is_busy(self) -> bool:
        """Whether they take half of the cores or more."""
        return 2 * self.others >= self.cores

    def sentence(self, free_share: float | None = None) -> str:
        """Effect on durations, in words; empty where the machine is hardly busy.

        Args:
            free_share: Part of the durations that a free machine takes; None where that was not measured.
        """
        if not self.is_busy:
            return ""
        free = (
            "a free machine is faster"
            if free_share is None
            else f"on a free machine about {percent(max(_TENTH, round(free_share, 1)))} of them"
        )
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"This machine is busy (load {self.others:.1f} on {cores}): times are as of now; {free}."


def _benchmark_seconds(workspace: Workspace, side: Side) -> float:
    """Expected seconds of the scores of one model on a side; a harness scores its own items, not in it."""
    model = workspace.campaign.base_model
    ours = [each for each in workspace.benchmarks if each.harness is None]
    if model is None or not ours:
        return 0.0
    tokens = sum(_scored_tokens(benchmark, side, model) for benchmark in ours)
    return tokens / forward_tokens_s(model)


def _scored_tokens(benchmark: Benchmark, side: Side, model: str) -> int:
    """Tokens of prompts and answers of a side's items; a written answer is as long as it may become."""
    items = split(benchmark).side(side)
    written = benchmark.answer_tokens * len(items) if benchmark.metric is Metric.ANSWER_ACCURACY else 0
    return written + sum(_lengths([text for item in items for text in _texts_of(item)], model))


def _texts_of(item: Item) -> list[str]:
    return [*(message.content for message in item.prompt), *(item.choices or (item.reference,))]


def _lengths(texts: list[str], model: str) -> list[int]:
    """Length of each text in tokens."""
    from autoselection_core.models.base_model import load_tokenizer
    from autoselection_core.models.folder import model_folder

    return [len(ids) for ids in load_tokenizer(model_folder(model))(texts)["input_ids"]]
