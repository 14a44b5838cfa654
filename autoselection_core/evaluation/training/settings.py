"""Fine-tuning settings as data: methods, schedules and presets."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Annotated, Any

from autoselection_core.errors.evaluation import UnknownTrainingSettingError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.identity import Json
from autoselection_core.progress import percent
from autoselection_core.space import Choice, Count, Interval, axes, check_settings


class Schedule(StrEnum):
    """Unit of a training's length."""

    TOKENS = "tokens"
    EPOCHS = "epochs"
    STEPS = "steps"


class Unit(StrEnum):
    """Unit of an optimiser step's size."""

    TOKENS = "tokens"
    SEQUENCES = "sequences"


class Method(StrEnum):
    """Trained weights: adapters or all."""

    LORA = "lora"
    FULL = "full"


class Decay(StrEnum):
    """Learning-rate decay after warm-up."""

    COSINE = "cosine"
    LINEAR = "linear"
    CONSTANT = "constant_with_warmup"


LATEST_PLAN = 2
"""Highest version of the plan of a training, which new searches have. Stored settings without one have the
first."""


@dataclass(frozen=True)
class FineTuning:
    """Settings of a supervised fine-tuning.

    Every field changes what comes out and is part of an evaluation's key, but for `pack_tokens`,
    `gradient_checkpointing` and `devices`: they fit a training onto a machine and change nothing beyond
    rounding (and the draws of `dropout`, where there are several devices).

    Attributes:
        method: Adapters or all weights.
        schedule: What `amount` counts.
        amount: Length of the training: tokens of all sequences read, epochs, or optimiser steps. Under
            `tokens` all subsets train on equally many tokens; a smaller subset is repeated.
        batch: Size of an optimiser step, on all devices together.
        batch_unit: What `batch` counts.
        pack_tokens: Maximum tokens of one forward pass. Halved when memory runs out, without an effect on
            `batch`.
        max_tokens: Longer conversations are cut here.
        learning_rate: Peak learning rate.
        warmup_share: Share of the steps in which the learning rate rises.
        decay: How it falls afterwards.
        weight_decay: Of AdamW.
        max_grad_norm: Gradients are scaled down to this norm.
        rank: Rank of the adapters.
        alpha: Their scale is alpha / rank.
        dropout: Dropout in front of the adapters.
        target_modules: Modules with adapters: "all-linear", or names joined by commas.
        adapted_share: Share of the layers that have adapters, from the output down and rounded up. Layers
            below them have no backward pass; on a processor a process reads a text with them once.
        dtype: Number type of the weights: "auto", "bfloat16" or "float32". All weights are trained in
            float32, with bfloat16 arithmetic where this says so.
        gradient_checkpointing: Recompute activations to save memory.
        devices: Processes that train together on this machine, one a device. An optimiser step is the same
            for any number.
        divergence: The training has failed when its loss stays above this multiple of where it started.
        plan_version: Version of the rule that fills a length in tokens. Version 1 leaves a last sample out
            whose prompt is longer than what is left, so that a training may be a prompt short, and may take
            a step fewer. Version 2 gives up the beginning of that prompt: all subsets train on equally many
            tokens, in equally many steps. A registered search keeps its version; new ones have 2.

    Raises:
        SettingError: A value is out of range.

    Example:
        >>> FineTuning(amount=6_000).schedule.value
        'tokens'
    """

    method: Method = Method.LORA
    schedule: Schedule = Schedule.TOKENS
    amount: Annotated[float, Interval(0.01, 1e15)] = 6_000
    batch: Annotated[int, Count(1, 1 << 40)] = 512
    batch_unit: Unit = Unit.TOKENS
    pack_tokens: Annotated[int, Count(1, 1 << 30)] = 768
    max_tokens: Annotated[int, Count(2, 1 << 24)] = 512
    learning_rate: Annotated[float, Interval(1e-9, 10.0)] = 1e-3
    warmup_share: Annotated[float, Interval(0.0, 1.0)] = 0.1
    decay: Decay = Decay.COSINE
    weight_decay: Annotated[float, Interval(0.0, 10.0)] = 0.0
    max_grad_norm: Annotated[float, Interval(1e-6, 1e6)] = 1.0
    rank: Annotated[int, Count(1, 4_096)] = 8
    alpha: Annotated[int, Count(1, 1 << 16)] = 16
    dropout: Annotated[float, Interval(0.0, 0.99)] = 0.0
    target_modules: str = "all-linear"
    adapted_share: Annotated[float, Interval(0.001, 1.0)] = 1.0
    dtype: Annotated[str, Choice(("auto", "bfloat16", "float32"))] = "auto"
    gradient_checkpointing: bool = False
    devices: Annotated[int, Count(1, 64)] = 1
    divergence: Annotated[float, Interval(1.0, 1e6)] = 3.0
    plan_version: Annotated[int, Count(1, LATEST_PLAN)] = 1

    def __post_init__(self) -> None:
        """Refuse what cannot train."""
        check_settings(self)

    @property
    def identity(self) -> dict[str, Any]:
        """Fields that a result depends on, as plain data; one that came later only where it is set."""
        later = {"adapted_share": self.adapted_share < 1, _PLAN: self.fills_exactly}
        unset = [name for name, is_set in later.items() if not is_set]
        return {name: value for name, value in self.to_json().items() if name not in (*_FITTING, *unset)}

    @property
    def tokens(self) -> float | None:
        """Tokens that a training of any subset reads; None where they follow from the subset."""
        if self.schedule is Schedule.TOKENS:
            return self.amount
        is_known = self.schedule is Schedule.STEPS and self.batch_unit is Unit.TOKENS
        return self.amount * self.batch if is_known else None

    @property
    def fills_exactly(self) -> bool:
        """Whether it has a length in tokens that every subset fills."""
        return self.plan_version > 1 and self.tokens is not None

    @property
    def loaded_dtype(self) -> str:
        """Number type that the base model is loaded in; training all weights needs float32."""
        return "float32" if self.method is Method.FULL else self.dtype

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data; a number of either type has one spelling."""
        return {name: _plain(value, name) for name, value in asdict(self).items()}


_ENUMS: Mapping[str, type[StrEnum]] = {
    "method": Method,
    "schedule": Schedule,
    "batch_unit": Unit,
    "decay": Decay,
}

_PLAN = "plan_version"
_FITTING = ("pack_tokens", "gradient_checkpointing", "devices")
_PLAIN_TYPES: Mapping[str, type] = {"target_modules": str, "gradient_checkpointing": bool}
_FRACTIONAL = tuple(axis.name for axis in axes(FineTuning) if isinstance(axis.space, Interval))

PRESETS: Mapping[str, FineTuning] = {
    "cpu-lora": FineTuning(),
    "lora": FineTuning(
        schedule=Schedule.EPOCHS,
        amount=3,
        batch=128,
        batch_unit=Unit.SEQUENCES,
        pack_tokens=16_384,
        max_tokens=2_048,
        learning_rate=2e-4,
        rank=16,
        alpha=32,
        dropout=0.05,
        dtype="bfloat16",
        gradient_checkpointing=True,
    ),
    # The protocol of arXiv 2605.12944, Table 5.
    "paper-full-sft": FineTuning(
        method=Method.FULL,
        schedule=Schedule.EPOCHS,
        amount=3,
        batch=256,
        batch_unit=Unit.SEQUENCES,
        pack_tokens=8_192,
        max_tokens=2_048,
        learning_rate=2e-5,
        dtype="bfloat16",
        gradient_checkpointing=True,
    ),
}
"""Configs by name; a campaign starts from one and changes fields."""


def fine_tuning(settings: Mapping[str, Any]) -> FineTuning:
    """The config that a mapping spells: a preset by name, and the fields that differ from it.

    Args:
        settings: `preset` (default "cpu-lora") and any field of `FineTuning`.

    Raises:
        UnknownTrainingSettingError: A key or a preset is unknown.
        SettingError: A value is out of range.

    Example:
        >>> fine_tuning({"preset": "lora", "rank": 4}).rank
        4
    """
    preset = settings.get("preset", "cpu-lora")
    if preset not in PRESETS:
        raise UnknownTrainingSettingError("preset", str(preset), tuple(PRESETS))
    known = tuple(field.name for field in fields(FineTuning))
    changed = {name: value for name, value in settings.items() if name != "preset"}
    for name in changed:
        if name not in known:
            raise UnknownTrainingSettingError("setting", name, known)
    return replace(PRESETS[preset], **{name: _convert(name, value) for name, value in changed.items()})


def with_latest_plan(settings: Mapping[str, Json]) -> dict[str, Json]:
    """Settings of a new training, with the version of its plan where its length is in tokens.

    A stated first version is left out: settings without one have it.

    Example:
        >>> with_latest_plan({"amount": 5000}), with_latest_plan({"amount": 5000, "plan_version": 1})
        ({'amount': 5000, 'plan_version': 2}, {'amount': 5000})
        >>> with_latest_plan({"preset": "lora"})
        {'preset': 'lora'}
    """
    if fine_tuning(settings).tokens is None:
        return dict(settings)
    return with_plan_of({_PLAN: LATEST_PLAN, **settings}, settings)


def with_plan_of(known: Mapping[str, Json], settings: Mapping[str, Json]) -> dict[str, Json]:
    """Settings with the version of the plan that known ones have, which is the first where they say none.

    Example:
        >>> with_plan_of({"amount": 5000}, {"amount": 6000, "plan_version": 2})
        {'amount': 6000}
    """
    others = {name: value for name, value in settings.items() if name != _PLAN}
    return others | {name: version for name, version in plan_of(known).items() if version != 1}


def plan_of(settings: Mapping[str, Json]) -> dict[str, Json]:
    """Version of the plan that settings have, as a setting.

    Example:
        >>> plan_of({"amount": 5000})
        {'plan_version': 1}
    """
    return {_PLAN: settings.get(_PLAN, 1)}


SMALL_SHARE = 0.1
"""Share of a pool below which a training reads so little that luck may hide what was selected."""


def rough_reach_of(tokens: float | None, pool_tokens: float) -> str:
    """Share of a pool that a training reads by a rough figure of its tokens, which promises no `amount`."""
    if tokens is None or not pool_tokens:
        return ""
    return f"{_share_read(tokens, pool_tokens, 'roughly')}, a figure from the characters of its samples"


def reach_of(tokens: float | None, pool_tokens: float, qualifier: str = "") -> str:
    """Share of a pool that a training reads, in a sentence; empty where it follows from the subset.

    Args:
        tokens: Tokens of a training of any subset; None where they follow from the subset.
        pool_tokens: Tokens of the whole pool.
        qualifier: Word before that number, such as "about".

    Example:
        >>> reach_of(6_000, 24_000)
        'a training reads 25 % of the pool (6,000 of 24,000 tokens)'
    """
    if tokens is None or not pool_tokens:
        return ""
    sentence = _share_read(tokens, pool_tokens, qualifier)
    if round(tokens / pool_tokens, 2) >= SMALL_SHARE:  # as the share is told
        return sentence
    return (
        f"{sentence}: below {percent(SMALL_SHARE)} differences between subsets may drown in the noise "
        f"between runs; `training: {{amount: {SMALL_SHARE * pool_tokens:.0f}}}` reads that much"
    )


FEW_SAMPLES, MANY_READS = 100, 2.0
"""Samples below which, and times read above which, a subset may be too small for a longer training."""

ADVISED_SHARE = 0.1
"""Minimum share of a pool that a warning of a small subset advises to search above."""


def size_sentence(samples: int, reads: float | None, pool: int) -> str:
    """Warning of a subset that is small for a real training, in a sentence; empty where it is not.

    Args:
        samples: Samples of the subset.
        reads: Times that a training of the search reads its tokens; None where that is not known.
        pool: Samples of the pool.

    Example:
        >>> size_sentence(128, 3.7, 1000)
        '128 samples, read 3.7 times: a training that reads them more often may learn them by heart'
        >>> size_sentence(89, 0.84, 400)
        '89 samples are few: a training that reads them several times may learn them by heart'
        >>> size_sentence(100, 2.0, 1000)
        ''
    """
    if samples >= FEW_SAMPLES and (reads is None or reads <= MANY_READS):
        return ""
    read, longer = ("", "longer training")
    if reads is not None and reads <= 1:
        read, longer = " are few", "training that reads them several times"
    elif reads is not None:
        read, longer = f", read {reads:.2g} times", "training that reads them more often"
    warning = f"{samples:,} samples{read}: a {longer} may learn them by heart"
    if samples >= ADVISED_SHARE * pool:
        return warning
    advice = f"`policy: {{min_share: {ADVISED_SHARE:g}}}` tries no subset below a tenth of the pool"
    return f"{warning}; {advice}"


def _share_read(tokens: float, pool_tokens: float, qualifier: str) -> str:
    share = tokens / pool_tokens
    read = f"{100 * share:.2g} % of the pool" if share < 1 else f"as much as the pool {share:.1f} times"
    counted = f"{tokens:,.0f} of {f'{qualifier} {pool_tokens:,.0f}'.strip()} tokens"
    return f"a training reads {read} ({counted})"


def _plain(value: Any, name: str) -> Any:  # noqa: ANN401 any field's type
    if isinstance(value, StrEnum):
        return value.value
    return float(value) if name in _FRACTIONAL else value


def _convert(name: str, value: Any) -> Any:  # noqa: ANN401 any field's type
    if name in _ENUMS:
        if value not in tuple(_ENUMS[name]):
            raise SettingError(name, value, f"one of {', '.join(_ENUMS[name])}")
        return _ENUMS[name](value)
    if name in _PLAIN_TYPES and not isinstance(value, _PLAIN_TYPES[name]):
        raise SettingError(name, value, f"a {_PLAIN_TYPES[name].__name__}")
    return value
