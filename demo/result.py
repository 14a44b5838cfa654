"""The demo's end: verdict, arms as bars, counts kept of each kind, three rows, and the next commands."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from rich.console import Console

from autoselection_core.arrays import Rows
from autoselection_core.cli.output import show_table
from autoselection_core.progress import percent
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.examples import Example, example_of
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.arms_plot import arms_text
from autoselection_core.report.sections.lead import arm_scores, headline, verdict_sentences
from autoselection_core.report.sections.outlook import Offer, outlook
from autoselection_core.report.sections.tables import trial_table
from autoselection_core.report.writing import Report

KINDS = ("clean", "wrong", "off-topic", "garbled", "near duplicate", "exact duplicate")
_TELLING = KINDS[:3]
"""Kinds of which one row is shown."""

_BIN = ".venv/bin"
_COMMAND = f"{_BIN}/autoselection"
_NEXT_WIDTH = 66
"""Characters of a next command that stands beside its meaning."""


def show_result(facts: SearchFacts, report: Report, truth: Mapping[str, str], console: Console) -> None:
    """Print what the search found.

    Args:
        facts: The finished search.
        report: Its report, as it was written.
        truth: What each sample is, by its id: known because the pool is generated. The search never saw it.
        console: Where sentences go.
    """
    console.print(f"\n{headline(facts, report.findings)}\n")
    for line in arms_text(arm_scores(facts), report.findings, facts.record.spec.metric):
        console.print(line)
    console.print()
    for sentence in verdict_sentences(facts, report.findings):
        console.print(sentence)
    console.print(f"\nThe recipe: {facts.best_recipe.outline}\n")
    kinds = _kinds(facts, truth)
    _shown(kept_table(facts, kinds), console)
    console.print("The kinds are known because the pool is generated; no signal reads them.\n")
    examples = tuple(_examples(facts, kinds))
    for kind, example in examples:
        _show_example(kind, example, console)
    _shown(trial_table(facts), console)
    console.print("* the recommended trial: the best posterior mean, not the luckiest score\n")
    _show_next(examples[0][1].sample, outlook(facts).offer, console)
    console.print(f"\nThe report, for a browser: {report.html.resolve().as_uri()}")


def kept_table(facts: SearchFacts, kinds: npt.NDArray[np.str_]) -> Table:
    """Counts of each kind of sample that the recommended recipe keeps and drops.

    Args:
        facts: The finished search.
        kinds: Kind of each row of the pool. Shape (n,).
    """
    kept = _is_kept(facts)
    rows = tuple(
        (
            kind,
            int(of_kind.sum()),
            int((of_kind & kept).sum()),
            int((of_kind & ~kept).sum()),
            _bar(of_kind, kept),
        )
        for kind in KINDS
        for of_kind in [kinds == kind]
    )
    return Table(
        "Kept of each kind", ("kind of sample", "in the pool", "kept", "dropped", "share kept"), rows
    )


def _bar(of_kind: npt.NDArray[np.bool_], kept: npt.NDArray[np.bool_]) -> str:
    share = float(kept[of_kind].mean()) if of_kind.any() else 0.0
    return f"{'█' * round(20 * share):<20} {percent(share):>5}"


def _is_kept(facts: SearchFacts) -> npt.NDArray[np.bool_]:
    assert facts.best_subset is not None, "a search with a report has a recommendation"
    return np.isin(np.arange(len(facts.pool)), facts.best_subset.rows)


def _kinds(facts: SearchFacts, truth: Mapping[str, str]) -> npt.NDArray[np.str_]:
    return np.array([truth[sample].split(" of ", maxsplit=1)[0] for sample in facts.pool.ids.astype(str)])


def _examples(facts: SearchFacts, kinds: npt.NDArray[np.str_]) -> Iterator[tuple[str, Example]]:
    """One row of each telling kind, with the fate of most rows of that kind."""
    kept = _is_kept(facts)
    for kind in _TELLING:
        rows: Rows = np.flatnonzero(kinds == kind)
        mostly = 2 * int(kept[rows].sum()) >= len(rows)
        row = int(rows[kept[rows] == mostly][0])
        yield kind, example_of(facts.best_recipe, row, facts.pool, facts.signals)


def _show_example(kind: str, example: Example, console: Console) -> None:
    console.print(f"{kind}, {example.fate}: sample {example.sample} from {example.source}")
    console.print("\n".join(f"    {line}" for line in example.text.splitlines()))
    console.print(f"  {example.reason}")
    if example.like is not None:
        console.print("\n".join(f"    {line}" for line in ("kept in its place:", *example.like.splitlines())))
    console.print()


def _show_next(sample: str, offer: Offer | None, console: Console) -> None:
    console.print("Next:")
    further = [] if offer is None else [(f"{_BIN}/{offer.command}", f"{offer.named_runs}: {offer.price}")]
    for command, meaning in (
        ("make ui", "the same search in Dagster: assets, lineage, plots"),
        (f"{_COMMAND} show", "trials, budgets, the recommended recipe"),
        (f"{_COMMAND} explain {sample}", "one row's way through the recipe"),
        (f"{_COMMAND} export", "the recommended subset as JSONL with a data card"),
        *further,
        (f"{_COMMAND} init FILES --file mine.yaml", "a campaign for data of your own"),
    ):
        is_long = len(command) > _NEXT_WIDTH
        console.print(
            f"  {command}\n      {meaning}" if is_long else f"  {command:<{_NEXT_WIDTH}}  {meaning}"
        )


def _shown(table: Table, console: Console) -> None:
    show_table(table)
    console.print()
