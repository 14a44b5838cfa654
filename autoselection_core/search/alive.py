"""Signs of life from a worker while it is busy."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation

_BEATS_PER_LEASE = 4


@contextmanager
def alive(ledger: Ledger, reservation: Reservation) -> Iterator[None]:
    """Keep a reservation's lease while the block runs; a thread beats, so long computations may block.

    The first beat is given before the block starts: a worker that dies right after is missed within one
    lease, and not within the longer one of a reservation that waits for its worker.
    """
    ledger.heartbeat(reservation)
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(ledger, reservation, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(ledger: Ledger, reservation: Reservation, done: threading.Event) -> None:
    while not done.wait(ledger.lease_s / _BEATS_PER_LEASE):
        if not ledger.heartbeat(reservation):
            return  # superseded: whatever the block still finishes, the ledger decides at its commit
