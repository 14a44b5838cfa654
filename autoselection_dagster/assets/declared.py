"""The signals of a campaign as its file declares them, known without opening a benchmark or a model."""

from dataclasses import dataclass

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.signal_schema import BENCHMARK, Nameable
from autoselection_core.campaign.declaration.signals import make_signals
from autoselection_core.signals.base import Signal


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
    made = make_signals(
        campaign.signals, campaign.base_model, lambda: tuple(map(_unopened, campaign.weights))
    )
    return tuple(_declared(signal) for signal in made.values())


def _unopened(name: str) -> Benchmark:
    """A benchmark of which only the name is known: what a signal reads of it is no part of its definition."""
    return Benchmark(name, (Item(name, (), ""),))


def _declared(signal: Signal) -> DeclaredSignal:
    nameable = Nameable(type(signal))
    return DeclaredSignal(
        name=signal.name,
        code_version=signal.code_version,
        description=(signal.__doc__ or "").partition("Attributes:")[0].strip(),
        needs=tuple(need.name for need in signal.needs()),
        reads_model=nameable.reads_model,
        benchmark=getattr(signal, BENCHMARK).name if nameable.reads_benchmark else None,
    )
