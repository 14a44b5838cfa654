"""`autoselection audit`: contents of a file, without a model and without a configuration."""

from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.benchmarks.loading import named_benchmark
from autoselection_core.cli.commands.ingesting import show_records
from autoselection_core.cli.output import show_bad_items, show_table, tell
from autoselection_core.cli.progress import shown_progress
from autoselection_core.pool.ingest import ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sources import Source
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.signals.contamination.audit import QUANTILES, Audit, audit
from autoselection_core.signals.contamination.matches import Match
from autoselection_core.store.home import Home

_SHOWN = 20


def audit_file(path: Path, against: str, folder: Path) -> bool:
    """Print the contents of a file; returns whether there is something to look at.

    Args:
        path: The file.
        against: Names or paths of benchmarks, joined by commas.
        folder: Folder in which names are looked up.

    Raises:
        NoSuchBenchmarkError: A benchmark is nowhere to be found.
        NoSourceFileError: There is no such file.
        EmptyPoolError: No record of it is a sample.
    """
    benchmarks = [named_benchmark(name.strip(), folder) for name in against.split(",") if name.strip()]
    with TemporaryDirectory(prefix="autoselection-audit-") as scratch, shown_progress() as progress:
        found = ingest([Source(str(path))], Home(Path(scratch)), lambda *step: progress("records", *step))
        progress("looking for duplicates and questions", 0, None)
        findings = audit(found.pool, benchmarks)
        show_records(found)
        _show_samples(findings)
        if benchmarks:
            _show_benchmarks(findings)
            _show_places(found.pool, findings)
            show_bad_items(benchmarks)
    return findings.has_findings or found.quarantined > 0


def _show_samples(findings: Audit) -> None:
    titles = ("least", *(f"{share:.0%}" for share in QUANTILES[1:-1]), "most")
    parts = (("question", findings.instruction_words), ("answer", findings.response_words))
    rows: tuple[tuple[Cell, ...], ...] = tuple((name, *words) for name, words in parts)
    show_table(Table("Lengths in words, by share of the samples below", ("part", *titles), rows))
    tell(
        f"{findings.exact_duplicates:,} samples equal an earlier one but for case and white space;"
        f" {findings.near_duplicates:,} share most of their word 5-grams with an earlier one"
    )


def _show_benchmarks(findings: Audit) -> None:
    columns = ("benchmark", "questions", "repeated", "among its targets", *map(str, Match), "questions held")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            name,
            each.overlap.questions,
            each.overlap.repeated,
            ", ".join(f"{count} {match}" for match, count in each.overlap.among_targets.items()) or "0",
            *(each.matches[match] for match in Match),
            len(each.items),
        )
        for name, each in findings.contamination.items()
    )
    show_table(Table("Benchmark questions, and samples of the file that hold one", columns, rows))


def _show_places(pool: Pool, findings: Audit) -> None:
    """Print where the questions are; no text, for a benchmark may be confidential."""
    for name, each in findings.contamination.items():
        for row in each.rows[:_SHOWN]:
            tell(f"{name}: {pool.origins(row)[0].locator}")
        if len(each.rows) > _SHOWN:
            tell(f"{name}: and {len(each.rows) - _SHOWN:,} more")
