"""Job `explain`: lineage of a named sample, subset, evaluation or search; it pays for nothing."""

from collections.abc import Iterator, Mapping
from functools import partial

import dagster as dg
from pydantic import Field

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.errors.campaign import NoSearchError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import REPORT_PREFIX
from autoselection_core.history.searches import LATEST
from autoselection_core.report.explaining import explain_sample, explain_search, explain_trials
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import Part, Table
from autoselection_core.store.home import Home
from autoselection_dagster.jobs.named_search import named_search, workspace_of
from autoselection_dagster.names import Names
from autoselection_dagster.resources import HomeResource, LedgerResource, with_prefixed_resources
from autoselection_dagster.values.metadata.rendering import explanation_facts, partition_url


class Name(dg.Config):
    """Config of `explain`: the name of the thing to explain."""

    name: str = Field(
        default=LATEST,
        description="Id of a sample, hash of a subset, key of an evaluation (or the first characters of one, "
        "six at least for the last two), or name of a search, as metadata, tables and exports show them; "
        "`latest` is the search that was started last. `explain_rows` of a subset leads here with a sample.",
    )
    search: str | None = Field(
        default=None,
        description="For a sample: the search whose best subset it is in or not; by default the latest "
        "that measured something.",
    )


def explain_job(campaigns: Mapping[str, Campaign]) -> dg.JobDefinition:
    """The job `explain`."""

    @dg.op(name="tell")
    @with_prefixed_resources
    def tell(
        context: dg.OpExecutionContext, config: Name, home: HomeResource, ledger: LedgerResource
    ) -> None:
        """Put the explanation into the metadata of this step."""
        told = explanation_facts(
            _parts(config, campaigns, home, ledger), partial(_trial_urls, campaigns, ledger)
        )
        context.add_output_metadata(dict(told))

    @dg.job(name="explain", executor_def=dg.in_process_executor)
    def job() -> None:
        """Say what a sample, a subset, an evaluation or a search came from and led to."""
        tell()

    return job


def _trial_urls(campaigns: Mapping[str, Campaign], ledger: Ledger, table: Table) -> Mapping[str, str]:
    """Addresses of the subsets of the trials that the first cells of a table name, by words."""
    of_search = {each.search: each.spec.campaign for each in ledger.searches()}
    urls = {}
    for first, *_ in table.texts:
        search, _, number = first.partition("|")
        if number and of_search.get(search) in campaigns:
            urls[_named(search, number)] = partition_url(Names(of_search[search]).key("subset"), first)
    return urls


def _named(search: str, number: str) -> str:
    """A trial's subset in words: the UI shows an address as it is, and these words before it.

    Example:
        >>> _named("first", "007"), _named("first", "report-02")
        ('subset of trial 7 of first', 'subset of report evaluation 2 of first')
    """
    is_report = number.startswith(REPORT_PREFIX)
    what = "report evaluation" if is_report else "trial"
    return f"subset of {what} {int(number.removeprefix(REPORT_PREFIX))} of {search}"


def _parts(asked: Name, campaigns: Mapping[str, Campaign], home: Home, ledger: Ledger) -> Iterator[Part]:
    searches = {search.search: search for search in ledger.searches()}

    name = named_search(ledger, LATEST).search if asked.name == LATEST else asked.name
    if found := searches.get(name):
        return explain_search(SearchFacts(workspace_of(found, campaigns, home), found))
    if trials := ledger.find_trials(asked.name):
        workspace = workspace_of(searches[trials[0].search], campaigns, home)
        return explain_trials(workspace, asked.name, trials)
    if not searches:
        raise NoSearchError(next(iter(campaigns)))
    measured = [each for each in searches.values() if each.measured]
    search = ledger.search(asked.search) if asked.search else (measured or list(searches.values()))[-1]
    return explain_sample(SearchFacts(workspace_of(search, campaigns, home), search), asked.name)
