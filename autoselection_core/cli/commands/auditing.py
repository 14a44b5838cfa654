"""`autoselection audit`: contents of raw files, without a model."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.benchmarks.loading import named_benchmark
from autoselection_core.campaign.declaration.loading import campaign_of, load_campaigns
from autoselection_core.campaign.declaration.pool_sources import rules_in
from autoselection_core.cli.commands.ingesting import show_records
from autoselection_core.cli.output import show_bad_items, show_table, tell
from autoselection_core.cli.progress import show_progress
from autoselection_core.errors.campaign import PathsOrCampaignError
from autoselection_core.pool.ingest import ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.reading.rules import KNOWN
from autoselection_core.pool.sources import Source
from autoselection_core.progress import percent
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.signals.contamination.audit import QUANTILES, Audit, audit
from autoselection_core.signals.contamination.contamination import Match
from autoselection_core.store.home import Home

_SHOWN = 20
_MULTILINGUAL = "paraphrase-multilingual-MiniLM-L12-v2 or multilingual-e5-small"


def sources_of(paths: Sequence[str], rules: str, campaign: str | None, file: Path) -> tuple[Source, ...]:
    """The sources that a command line names: paths with reading rules, or those of a campaign.

    Raises:
        PathsOrCampaignError: It names both, or rules without paths.
        CampaignFileError: The rules or the campaign file say something that cannot be.
        InvalidHubNameError: A path begins as a name on a hub and is none.
    """
    if (paths and campaign is not None) or (rules and not paths):
        raise PathsOrCampaignError
    if not paths:
        return campaign_of(load_campaigns(file, Home.from_environment()), campaign).sources
    return tuple(Source.at(path, rules_in(rules) if rules else KNOWN) for path in paths)


def audit_sources(sources: Sequence[Source], against: str, folder: Path) -> bool:
    """Print the contents of raw files; returns whether there is something to look at.

    Args:
        sources: The files.
        against: Names or paths of benchmarks, joined by commas.
        folder: Folder in which names are looked up.

    Raises:
        NoSuchBenchmarkError: A benchmark is nowhere to be found.
        NoSourceFileError: There is no such file.
        HubUnreachableError: A data set is neither in the local cache nor to be had.
        UnmatchedFieldError: The rules name a field that no record has.
        EmptyPoolError: No record is a sample.
    """
    benchmarks = [named_benchmark(name.strip(), folder) for name in against.split(",") if name.strip()]
    with TemporaryDirectory(prefix="autoselection-audit-") as scratch, show_progress() as progress:
        found = ingest(sources, Home(Path(scratch)), lambda *step: progress("records", *step))
        progress("looking for duplicates and questions", 0, None)
        findings = audit(found.pool, benchmarks)
        show_records(found)
        _show_samples(findings)
        _show_warnings(found.pool, findings)
        show_scripts(findings.other_scripts, findings.samples)
        if benchmarks:
            _show_benchmarks(findings)
            _show_places(found.pool, findings)
            show_bad_items(benchmarks)
    return findings.has_findings or found.quarantined > 0


def show_scripts(others: int, samples: int) -> None:
    """Recommend a multilingual embedder where samples are in other scripts than the default one knows."""
    if others:
        tell(
            f"{others:,} of {samples:,} samples are mostly not in Latin letters, but the default embedder"
            f" knows English: for embeddings take a multilingual model, such as {_MULTILINGUAL}, as"
            " `{embedding: {embedder: FOLDER}}`",
            other_scripts=others,
        )


def _show_samples(findings: Audit) -> None:
    titles = ("least", *map(percent, QUANTILES[1:-1]), "most")
    parts = (("question", findings.instruction_words), ("answer", findings.response_words))
    rows: tuple[tuple[Cell, ...], ...] = tuple((name, *words) for name, words in parts)
    show_table(Table("Lengths in words, by share of the samples below", ("part", *titles), rows))
    tell(
        f"{findings.exact_duplicates:,} samples equal an earlier one but for case and white space;"
        f" {findings.near_duplicates:,} share most of their word 5-grams with an earlier one"
    )


def _show_warnings(pool: Pool, findings: Audit) -> None:
    """Say what is trained on as it is, though it may not be meant."""
    if findings.answered_anew:
        tell(
            f"{findings.answered_anew:,} samples ask what an earlier one asks, and answer otherwise;"
            " all are kept"
        )
    if findings.unfilled:
        place = pool.origins(findings.unfilled[0])[0].locator
        tell(
            f"{len(findings.unfilled):,} samples ask with what looks like an unfilled place of a template,"
            f" such as {findings.unfilled_place} in {place}; they are kept as they are"
        )
    if findings.spelled_ends:
        place = pool.origins(findings.spelled_ends[0])[0].locator
        tell(
            f"{len(findings.spelled_ends):,} samples ask in one line, with line ends that are spelled \\n, as"
            f" in {place}; they are kept as they are, and a model learns the backslash"
        )


def _show_benchmarks(findings: Audit) -> None:
    columns = ("benchmark", "questions", "repeated", "among its targets", *map(str, Match), "questions held")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            name,
            each.overlap.questions,
            each.overlap.repeated,
            ", ".join(f"{count:,} {match}" for match, count in each.overlap.among_targets.items()) or "0",
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
