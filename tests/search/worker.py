"""A search worker on the cheap evaluator, in a process of its own. Meant to be killed."""

import multiprocessing
import time
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from autoselection_core.history.ledger import Ledger
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.search.loop import run_search
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.solver import Solver
from tests.search.worlds import closed_form, table

LEASE_S = 0.5


@dataclass(frozen=True)
class JumpingClock:
    """The time of day, as far off as a file says: every process that reads the file jumps at once.

    Attributes:
        file: Holds seconds; a file that is not there holds none.
    """

    file: Path

    def __call__(self) -> float:
        return time.time() + (float(self.file.read_text()) if self.file.exists() else 0.0)

    def jump(self, seconds: float) -> None:
        draft = self.file.with_suffix(".draft")
        draft.write_text(str(seconds))
        draft.rename(self.file)


def open_ledger(folder: Path) -> Ledger:
    """The ledger of a folder, with short leases and the folder's own clock."""
    ledger = Ledger.open(f"sqlite:///{folder / 'history.sqlite'}", LEASE_S, LEASE_S)
    # Every kill may hit the same trial: how many it survives is another test's matter.
    return replace(ledger, max_losses=1000, clock=JumpingClock(folder / "clock"))


def start(folder: Path, search: str, delay_s: float) -> ForkServerProcess:
    """A worker, forked where its modules are loaded already: it works at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    worker = context.Process(target=_work, args=(folder, search, delay_s), daemon=True)
    worker.start()
    return worker


def _work(folder: Path, search: str, delay_s: float) -> None:
    """Work until the search is done."""
    signals = table()
    solver = Solver(signals, catalogue(signals), Policy(name="random"))
    run_search(open_ledger(folder), search, solver, closed_form(folder, signals, delay_s))
