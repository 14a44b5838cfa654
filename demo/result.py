"""What the demo shows at the end: every trial, the winner beside its opponents, three rows, and what next."""

from collections import Counter
from collections.abc import Mapping

from rich.console import Console

from autoselection_core.cli.output import show_table
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.examples import Example, examples_of
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.tables import arm_table, trial_table
from autoselection_core.report.writing import write_report

KINDS = ("clean", "wrong", "off-topic", "garbled", "near duplicate", "exact duplicate")


def show_result(facts: SearchFacts, truth: Mapping[str, str], console: Console) -> None:
    """Print the tables and write the report.

    Args:
        facts: The finished search.
        truth: What each sample is, by its id: known because the pool is generated. The search never saw it.
        console: Where sentences go.
    """
    report = write_report(facts)
    _shown(trial_table(facts), console)
    console.print("* the recommended trial: the best posterior mean, not the luckiest score\n")
    console.print("Known because the pool is generated; no signal reads it:")
    _shown(kept_table(facts, truth), console)
    _shown(arm_table(facts.arms, facts.record.spec.score_weights), console)
    for finding in report.findings:
        console.print(finding.sentence)
    console.print()
    examples = examples_of(facts.require_best().recipe, facts.pool, facts.signals)
    for example in examples:
        _show_example(example, console)
    console.print(f"The same with plots: {report.html}\n")
    _show_next(examples, console)


def kept_table(facts: SearchFacts, truth: Mapping[str, str]) -> Table:
    """How much of each kind of sample the recommended recipe keeps."""
    assert facts.best_subset is not None, "a search with a report has a recommendation"
    ids = facts.pool.ids.astype(str)
    every = Counter(_kind(truth[sample]) for sample in ids)
    kept = Counter(_kind(truth[sample]) for sample in ids[facts.best_subset.rows])
    rows = tuple((kind, every[kind], kept[kind], kept[kind] / every[kind]) for kind in KINDS)
    return Table("What the winner keeps", ("kind of sample", "in the pool", "kept", "share"), rows)


def _kind(truth: str) -> str:
    return truth.split(" of ", maxsplit=1)[0]


def _show_example(example: Example, console: Console) -> None:
    console.print(f"{example.fate}: sample {example.sample} from {example.source}")
    console.print("\n".join(f"    {line}" for line in example.text.splitlines()))
    console.print(f"  {example.reason}")
    if example.like is not None:
        console.print("\n".join(f"    {line}" for line in ("stands for it:", *example.like.splitlines())))
    console.print()


def _show_next(examples: tuple[Example, ...], console: Console) -> None:
    sample = examples[0].sample if examples else "SAMPLE_ID"
    console.print("Next:")
    console.print(
        "  make ui                                  the same search in Dagster: assets, lineage, plots"
    )
    console.print("  .venv/bin/autoselection show             trials, budgets, the recommended recipe")
    console.print(f"  .venv/bin/autoselection explain {sample}")
    console.print(
        "  .venv/bin/autoselection export           the recommended subset as JSONL with a data card"
    )


def _shown(table: Table, console: Console) -> None:
    show_table(table)
    console.print()
