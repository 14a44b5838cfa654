"""What an earlier search measured, told about the pool that a new search selects from."""

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.values import Earlier, Observation
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, materialize_many, read_ids, stored_lineages


def earlier_of(ledger: Ledger, search: str, signals: SignalTable, home: Home) -> tuple[Earlier, ...]:
    """The observations of an earlier search, each with how much of its subset this pool still chooses.

    The search may have had another pool version or another base model. Recipes that this pool cannot realise
    say nothing about it and are left out.

    Args:
        ledger: Where the earlier search stands.
        search: Its name.
        signals: The pool of the new search.
        home: Where the evaluated subsets are stored.

    Raises:
        UnknownSearchError: No search has this name.
        MissingSubsetError: A subset that it evaluated is no longer stored.
    """
    observations = ledger.history(search).observations
    realised = materialize_many([observation.recipe for observation in observations], signals)
    return tuple(
        Earlier(
            search,
            observation.trial,
            observation.recipe,
            observation.utility,
            _similarity(observation, subset, signals, home),
        )
        for observation, subset in zip(observations, realised, strict=True)
        if isinstance(subset, Subset)
    )


def _similarity(observation: Observation, subset: Subset, signals: SignalTable, home: Home) -> float:
    """Jaccard similarity of the samples chosen then and now; the same hash is the same samples."""
    if observation.subset == subset.fingerprint:
        return 1.0
    then = set(read_ids(stored_lineages(observation.subset, home)[0]).tolist())
    now = set(signals.ids[subset.rows].tolist())
    return len(then & now) / len(then | now)
