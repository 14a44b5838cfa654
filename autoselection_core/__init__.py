"""AutoSelection: searches data curation recipes over a fixed pool of instruction data.

The names below are what a notebook or a script needs; each is loaded when it is first used, so that
`import autoselection_core` costs nothing. Everything else is imported from its room.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoselection_core.benchmarks.benchmark import Benchmark
    from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm, DeclaredBenchmark
    from autoselection_core.campaign.declaration.loading import load_campaigns
    from autoselection_core.campaign.workspace import Workspace
    from autoselection_core.errors.base import AutoSelectionError
    from autoselection_core.evaluation.training.settings import FineTuning
    from autoselection_core.export.searched import export_trial
    from autoselection_core.history.ledger import Ledger
    from autoselection_core.history.search_settings import SearchSettings
    from autoselection_core.history.values import History
    from autoselection_core.operators.base import Operator
    from autoselection_core.operators.definitions.score import KeepTop
    from autoselection_core.pool.ingest import ingest
    from autoselection_core.pool.pool import Pool
    from autoselection_core.pool.sample import Sample
    from autoselection_core.pool.sources import Source
    from autoselection_core.recipe.program import Recipe, Union
    from autoselection_core.search.loop import run_search
    from autoselection_core.search.report_evaluations import report_arms
    from autoselection_core.signals.base import Signal
    from autoselection_core.signals.table import SignalTable
    from autoselection_core.solver.policy import Policy
    from autoselection_core.solver.solver import Solver
    from autoselection_core.store.home import Home
    from autoselection_core.subset.realisation import realise
    from autoselection_core.subset.value import Subset

__version__ = "0.2.0"

__all__ = [
    "AutoSelectionError",
    "Benchmark",
    "Campaign",
    "ClosedForm",
    "DeclaredBenchmark",
    "FineTuning",
    "History",
    "Home",
    "KeepTop",
    "Ledger",
    "Operator",
    "Policy",
    "Pool",
    "Recipe",
    "Sample",
    "SearchSettings",
    "Signal",
    "SignalTable",
    "Solver",
    "Source",
    "Subset",
    "Union",
    "Workspace",
    "__version__",
    "export_trial",
    "ingest",
    "load_campaigns",
    "realise",
    "report_arms",
    "run_search",
]

_MODULES = {
    "AutoSelectionError": "errors.base",
    "Benchmark": "benchmarks.benchmark",
    "Campaign": "campaign.declaration.campaign",
    "ClosedForm": "campaign.declaration.campaign",
    "DeclaredBenchmark": "campaign.declaration.campaign",
    "FineTuning": "evaluation.training.settings",
    "History": "history.values",
    "Home": "store.home",
    "KeepTop": "operators.definitions.score",
    "Ledger": "history.ledger",
    "Operator": "operators.base",
    "Policy": "solver.policy",
    "Pool": "pool.pool",
    "Recipe": "recipe.program",
    "Sample": "pool.sample",
    "SearchSettings": "history.search_settings",
    "Signal": "signals.base",
    "SignalTable": "signals.table",
    "Solver": "solver.solver",
    "Source": "pool.sources",
    "Subset": "subset.value",
    "Union": "recipe.program",
    "Workspace": "campaign.workspace",
    "export_trial": "export.searched",
    "ingest": "pool.ingest",
    "load_campaigns": "campaign.declaration.loading",
    "realise": "subset.realisation",
    "report_arms": "search.report_evaluations",
    "run_search": "search.loop",
}
"""Module of each public name, below this package."""

_FIRST_NAMES = {"BenchmarkPlace": "DeclaredBenchmark", "materialize": "realise"}
"""First name of each public name that has another one now; it is still read."""

# Idle threads of an OpenMP team spin, by default for milliseconds. Beside any other busy process they then
# take the processor from the threads that they wait for, and training becomes many times slower. Microseconds
# serve as well. torch reads this as it is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def __getattr__(name: str) -> object:
    """A public name, from its module.

    Raises:
        AttributeError: There is no such name.
    """
    now = _FIRST_NAMES.get(name, name)
    if now not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found: object = getattr(import_module(f"{__name__}.{_MODULES[now]}"), now)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Public names, loaded or not, for completion."""
    return sorted({*globals(), *__all__})
