"""Jobs that pay for nothing: export a subset, and compare two."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import dagster as dg
from pydantic import Field

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.history import UnknownTrialError
from autoselection_core.export.formats import FORMATS
from autoselection_core.export.searched import export_trial
from autoselection_core.export.trainers import Length
from autoselection_core.history.records import TrialState
from autoselection_core.report.explaining import recipe_of
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.ancestry import anchor_of
from autoselection_core.report.lineage.differing import diff_texts, subset_diff
from autoselection_core.report.lineage.pairing import pairing_table
from autoselection_core.store.home import confine
from autoselection_dagster.jobs.named_search import (
    SearchName,
    at_least,
    check_minima,
    named_search,
    workspace_of,
)
from autoselection_dagster.jobs.search_config import list_members
from autoselection_dagster.resources import HomeResource, LedgerResource, with_prefixed_resources
from autoselection_dagster.values.metadata.rendering import Facts
from autoselection_dagster.values.metadata.tables import table_value

FormatName = StrEnum("FormatName", [(name, name) for name in FORMATS])  # type: ignore[misc] # the core's own
list_members(FormatName, "format")


class Export(SearchName):
    """Config of `export_subset`: the subset to write, and the format."""

    trial: int | None = at_least(1, "The subset of this trial; by default the recommended one.", default=None)
    format: FormatName = Field(
        default=FormatName(next(iter(FORMATS))), description="What the program reads that trains on it."
    )
    training: Length = Field(
        default=Length.EPOCHS,
        description="Length in a training config: whole epochs, or the search's own short training.",
    )
    folder: str | None = Field(
        default=None,
        description="Name of the folder below `exports` in the home folder; by default search and format.",
    )


class Pair(SearchName):
    """Two trials of one search."""

    first: int | None = at_least(1, "Number of a trial; by default the recommended one.", default=None)
    second: int | None = at_least(
        1,
        "Number of another trial; by default the one that the first was edited from, or else the first other "
        "one that was measured.",
        default=None,
    )


def inspection_jobs(campaigns: Mapping[str, Campaign]) -> tuple[dg.JobDefinition, ...]:
    """The jobs `export_subset` and `compare_subsets`."""
    return _export_job(campaigns), _comparison_job(campaigns)


def _export_job(campaigns: Mapping[str, Campaign]) -> dg.JobDefinition:
    @dg.op(name="export")
    @with_prefixed_resources
    def export(
        context: dg.OpExecutionContext, config: Export, home: HomeResource, ledger: LedgerResource
    ) -> None:
        """Write data, card, recipe, counts, licences and hashes."""
        check_minima(config)
        record = named_search(ledger, config.search)
        workspace = workspace_of(record, campaigns, home)
        context.add_output_metadata(_export(workspace, record.search, config))

    @dg.job(executor_def=dg.in_process_executor)
    def export_subset() -> None:
        """Write a subset as training data below `exports` in the home folder."""
        export()

    return export_subset


def _export(workspace: Workspace, search: str, asked: Export) -> Facts:
    """Write an export; its folder, sizes and hashes."""
    named = Path(asked.folder or f"{search}-{asked.format.value}")
    folder = confine(named, workspace.home.resolve(Path("exports")))
    made = export_trial(workspace, search, folder, asked.trial, asked.format.value, length=asked.training)
    return {
        "folder": dg.MetadataValue.path(folder),
        "samples": made.samples,
        "subset": made.subset,
        "content_hash": made.content_hash,
        **({"training": made.reach} if made.reach else {}),
        "verify": f"autoselection verify {folder}",
    }


def _comparison_job(campaigns: Mapping[str, Campaign]) -> dg.JobDefinition:
    @dg.op(name="compare")
    @with_prefixed_resources
    def compare(
        context: dg.OpExecutionContext, config: Pair, home: HomeResource, ledger: LedgerResource
    ) -> None:
        """Pair two models' dev scores; count what only one of their subsets has, with rows of either side."""
        check_minima(config)
        record = named_search(ledger, config.search)
        facts = SearchFacts(workspace_of(record, campaigns, home), record)
        context.add_output_metadata(_comparison(facts, _numbers(facts, config)))

    @dg.job(executor_def=dg.in_process_executor)
    def compare_subsets() -> None:
        """Compare the subsets of two trials of a search."""
        compare()

    return compare_subsets


def _comparison(facts: SearchFacts, numbers: tuple[int, int]) -> Facts:
    """Scores of two trials item by item, and what their subsets share."""
    first, second = (facts.realise(recipe_of(facts, number)) for number in numbers)
    names = (f"trial {numbers[0]}", f"trial {numbers[1]}")
    diff = subset_diff(facts.pool, facts.signals, first, second, names)
    pairing = pairing_table(facts, *numbers)
    return {
        **({} if pairing is None else {"models": table_value(pairing)}),
        "shared": diff.sentence,
        "by_source": table_value(diff.sources),
        "by_signal": table_value(diff.signals),
        "rows": "\n\n".join(diff_texts(diff)),
    }


def _numbers(facts: SearchFacts, asked: Pair) -> tuple[int, int]:
    """Numbers of the two trials.

    Raises:
        NoBestSubsetError: No trial is named, and the search has measured none.
        UnknownTrialError: The search has no such trial, or no other one.
    """
    first = asked.first or facts.require_best().trial
    if asked.second is not None:
        return first, asked.second
    trials = {trial.trial: trial for trial in facts.trials}
    if first not in trials:
        raise UnknownTrialError(facts.record.search, first, len(trials))
    if (anchor := anchor_of(trials[first], facts.trials)) is not None:
        return first, anchor.trial
    others = [each.trial for each in facts.trials if each.state is TrialState.DONE and each.trial != first]
    if not others:
        raise UnknownTrialError(facts.record.search, first + 1, len(trials))
    return first, others[0]
