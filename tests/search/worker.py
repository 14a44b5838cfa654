"""A search worker on the cheap evaluator: `worker.py FOLDER SEARCH DELAY_S`. Meant to be killed."""

import sys
from pathlib import Path

from autoselection_core.history.ledger import Ledger
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.search.loop import run_search
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.solver import Solver
from tests.search.worlds import evaluator, table

LEASE_S = 1.0


def main() -> None:
    """Work until the search is done."""
    folder, search, delay_s = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    signals = table()
    solver = Solver(signals, catalogue(signals), Policy(name="random"))
    ledger = Ledger.open(
        f"sqlite:///{folder / 'history.sqlite'}", lease_s=LEASE_S, reservation_lease_s=LEASE_S
    )
    run_search(ledger, search, solver, evaluator(folder, signals, delay_s))


if __name__ == "__main__":
    main()
