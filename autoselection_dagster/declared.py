"""The signals of a campaign as its file declares them, known without opening a benchmark or a model."""

from dataclasses import dataclass

from autoselection_core.campaign.campaign import Campaign
from autoselection_core.campaign.signals import SIGNALS, Nameable, make_signals
from autoselection_core.identity import Json, fingerprint


@dataclass(frozen=True)
class DeclaredSignal:
    """A signal, as much of it as an asset is defined by.

    Attributes:
        name: Its own name, for instance `relevance/arithmetic`.
        code_version: Names definition, parameters and implementation.
        description: What it is.
        needs: Names of the signals that it reads.
        reads_model: Whether it reads the base model.
        benchmark: The benchmark whose target samples it reads.
    """

    name: str
    code_version: str
    description: str
    needs: tuple[str, ...] = ()
    reads_model: bool = False
    benchmark: str | None = None


def declared_signals(campaign: Campaign) -> tuple[DeclaredSignal, ...]:
    """The signals of a campaign; one signal a benchmark where the definition reads benchmarks."""
    return tuple(
        declared
        for name in campaign.signals
        for declared in (
            _of_benchmarks(campaign, name) if SIGNALS[name].reads_benchmark else [_of_pool(campaign, name)]
        )
    )


def _of_pool(campaign: Campaign, name: str) -> DeclaredSignal:
    nameable = SIGNALS[name]
    (signal,) = make_signals({name: campaign.signals[name]}, campaign.base_model, tuple).values()
    return DeclaredSignal(
        name=signal.name,
        code_version=signal.code_version,
        description=_described(nameable),
        needs=tuple(need.name for need in signal.needs()),
        reads_model=nameable.reads_model,
    )


def _of_benchmarks(campaign: Campaign, name: str) -> list[DeclaredSignal]:
    """Relevance to a benchmark reads embeddings; the benchmark itself is opened when it is scored."""
    nameable = SIGNALS[name]
    settings = dict(campaign.signals[name])
    told: dict[str, Json] = {"signal": name, "version": nameable.definition.version, "settings": settings}
    return [
        DeclaredSignal(
            name=f"{name}/{benchmark}",
            code_version=fingerprint(told),
            description=_described(nameable),
            needs=("embedding",),
            benchmark=benchmark,
        )
        for benchmark in campaign.weights
    ]


def _described(nameable: Nameable) -> str:
    return (nameable.definition.__doc__ or "").partition("Attributes:")[0].strip()
