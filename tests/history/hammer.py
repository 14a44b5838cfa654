"""One of many impatient processes on one ledger: `hammer.py URL SEED`. Works until all searches are done."""

import contextlib
import random
import sys
import time

from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Begin, Reservation, SearchState
from tests.history.acts import measured, propose


def work(ledger: Ledger, reservation: Reservation, rng: random.Random) -> None:
    with ledger.proposal_lock(reservation, timeout_s=300.0):
        propose(ledger, reservation, subset=f"{reservation.trial:032d}")
    measurement = measured(ledger, reservation)
    while (answer := ledger.begin(reservation, measurement.evaluation)) is Begin.WAIT:
        time.sleep(0.02)
    if answer is Begin.TRAIN:
        with open(f"{sys.argv[3]}/{measurement.evaluation}", "a") as file:  # noqa: PTH123 - appends atomically
            file.write("x")
    match rng.choice(["commit", "commit", "commit", "abandon", "fail", "slow"]):
        case "abandon":
            return
        case "fail":
            ledger.fail(reservation, "OSError: unlucky", retryable=True)
            return
        case "slow":
            time.sleep(1.5 * ledger.lease_s)
    ledger.commit(reservation, measurement)


def main() -> None:
    """Be sensor and worker in turn."""
    rng = random.Random(int(sys.argv[2]))  # noqa: S311 - any order will do
    ledger = Ledger.open(sys.argv[1], lease_s=0.5, reservation_lease_s=1.0)
    while any(record.state is SearchState.ACTIVE for record in ledger.searches()):
        ledger.release_lost()
        for reservation in ledger.reserve_free_slots():
            with contextlib.suppress(AutoSelectionError):  # another process was faster
                work(ledger, reservation, rng)
        time.sleep(rng.random() * 0.02)


if __name__ == "__main__":
    main()
