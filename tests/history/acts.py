"""Short ways to do with a ledger what a worker does."""

from dataclasses import dataclass, replace

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Measurement, Reservation
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import fingerprint
from autoselection_core.recipe import Recipe

SPEC = SearchSpec(campaign="demo", budget=3)


@dataclass
class Clock:
    """A clock that a test moves by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def at(ledger: Ledger, clock: Clock) -> Ledger:
    return replace(ledger, clock=clock)


def registered(ledger: Ledger, name: str = "alpha", **fields: int) -> str:
    return ledger.register(SearchSpec.from_json({**SPEC.to_json(), **fields}), name)


def reserve(ledger: Ledger, search: str) -> Reservation:
    (reservation,) = ledger.reserve_free_slots(search)
    return reservation


def subset_of(name: str) -> str:
    return fingerprint(["subset", name])


def propose(ledger: Ledger, reservation: Reservation, subset: str | None = None) -> None:
    ledger.record_proposal(
        reservation,
        recipe=Recipe((), seed=reservation.trial),
        subset=subset or subset_of(reservation.partition),
        tokens=100,
        proposal={"origin": "test"},
        seen=ledger.history(reservation.search),
    )


def measured(ledger: Ledger, reservation: Reservation, utility: float = 0.5) -> Measurement:
    recorded = ledger.proposal(reservation)
    assert recorded is not None
    return Measurement(
        evaluation=key_of(recorded.subset, recorded.replicate),
        subset=recorded.subset,
        replicate=recorded.replicate,
        utility=utility,
        scores={"task": utility},
        standard_error=0.1,
        seconds=2.0,
        training_tokens=100,
        scoring_tokens=10,
    )


def key_of(subset: str, replicate: int = 0) -> str:
    return fingerprint(["evaluation", subset, replicate])


def begin(ledger: Ledger, reservation: Reservation, subset: str | None = None) -> Measurement:
    propose(ledger, reservation, subset)
    measurement = measured(ledger, reservation)
    ledger.begin(reservation, measurement.evaluation)
    return measurement


def finish(ledger: Ledger, reservation: Reservation, subset: str | None = None, utility: float = 0.5) -> None:
    measurement = begin(ledger, reservation, subset)
    ledger.commit(reservation, replace(measurement, utility=utility))
