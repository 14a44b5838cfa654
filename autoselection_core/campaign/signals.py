"""Signals of a campaign at work: defined, scored, and handed out for a pool."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoselection_core.errors.campaign import UnknownSignalError
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Signal
from autoselection_core.signals.definitions.base_model.model_pass import ModelPass
from autoselection_core.signals.store.signal_report import SignalReport
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.table import SignalTable


@dataclass(frozen=True)
class CampaignSignals:
    """Signals that a campaign declares, with the store of their values.

    Attributes:
        definitions: The signals by name, those that others need first.
        store: Store of the values, which also computes them.
    """

    definitions: Mapping[str, Signal]
    store: SignalStore

    @property
    def versions(self) -> dict[str, str]:
        """Version of every signal as the campaign defines it now."""
        return {name: signal.fingerprint for name, signal in self.definitions.items()}

    def score(self, name: str, pool: Pool, progress: Progress | None = None) -> SignalReport:
        """Score the samples of a pool that a signal has no value of yet.

        Where the campaign has scores and sparse features of one model, the one asked for first gives both.

        Raises:
            UnknownSignalError: The campaign has no such signal.
        """
        if name not in self.definitions:
            raise UnknownSignalError(name, tuple(self.definitions))
        signal, shared = self.definitions[name], ModelPass.among(self.definitions.values())
        is_shared = shared is not None and signal in shared.signals
        return self.store.score(signal, pool, progress, shared if is_shared else None)

    def table(self, pool: Pool, versions: Mapping[str, str] | None = None) -> SignalTable:
        """Signals of a pool, mapped into memory; of the present versions where none are given.

        Raises:
            UnscoredPoolError: A signal was not scored for this pool.
        """
        return self.store.table(pool, self.versions if versions is None else versions)
