"""Commands `explain` and `compare`: lineage of a sample, subset, evaluation or search; two trials beside."""

from pathlib import Path

from autoselection_core.cli.commands.showing import show_trials
from autoselection_core.cli.output import show_parts
from autoselection_core.cli.session import open_ledger, workspace_of
from autoselection_core.report.explaining import (
    compare_trials,
    explain_sample,
    explain_search,
    explain_trials,
)
from autoselection_core.report.facts import SearchFacts


def explain_name(name: str, search: str | None, campaign: str | None, file: Path) -> None:
    """Explain a search of this name, else a subset or an evaluation of this hash, else a sample.

    Raises:
        UnknownSampleError: It is none of them.
        AmbiguousSampleError: Several samples begin with it.
    """
    ledger = open_ledger(file)
    if ledger.find_search(name) is not None:
        facts = SearchFacts.of(*workspace_of(name, campaign, file))
        show_trials(facts)
        show_parts(explain_search(facts))
    elif trials := ledger.find_trials(name):
        show_parts(explain_trials(workspace_of(trials[0].search, campaign, file)[0], name, trials))
    else:
        show_parts(explain_sample(SearchFacts.of(*workspace_of(search, campaign, file)), name))


def compare_two(first: int, second: int, search: str | None, campaign: str | None, file: Path) -> None:
    """Compare the models and the subsets of two trials of a search."""
    show_parts(compare_trials(SearchFacts.of(*workspace_of(search, campaign, file)), first, second))
