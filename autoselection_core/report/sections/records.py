"""Account of raw records: what became of each, of their fields, and of files beside them."""

from collections.abc import Mapping

from autoselection_core.pool.ingest import Ingestion
from autoselection_core.pool.record_sorter import Fate
from autoselection_core.report.rendering.table import Cell, Table

_NAMES_SHOWN = 5


def records_sentence(found: Ingestion) -> str:
    """Balance of an ingestion: its counts, which add up to the records."""
    return (
        f"{found.records:,} records = {found.samples:,} samples + {found.merged:,} merged (said the same)"
        f" + {found.quarantined:,} quarantined; {found.trimmed:,} were trimmed of turns that nobody answers"
    )


def sources_table(found: Ingestion) -> Table:
    """Records by source and fate."""
    rows = tuple(_of_source(source, fates) for source, fates in found.by_source.items())
    return Table("Records by source", ("source", "records", *map(str, Fate)), rows)


def _of_source(source: str, fates: Mapping[Fate, int]) -> tuple[Cell, ...]:
    return source, sum(fates.values()), *fates.values()


def formats_table(found: Ingestion) -> Table:
    """Records by the format that they were read as."""
    return Table("Formats", ("format", "records"), tuple(found.formats.items()))


def fields_table(found: Ingestion) -> Table:
    """Fields beside question and answer, and what became of each."""
    rows = tuple((field, count, str(treatment)) for field, treatment, count in found.fields)
    return Table("Fields beside question and answer", ("field", "records", "what became of it"), rows)


def quarantine_table(found: Ingestion) -> Table:
    """Records that are no samples, by source and reason, with an example of each."""
    rows = tuple((each.source, each.reason, each.records, each.example) for each in found.left_out)
    return Table("Quarantined records", ("source", "reason", "records", "for instance"), rows)


def passed_over_sentence(found: Ingestion) -> str:
    """Files of a folder that were passed over, in a sentence; empty where none was."""
    if not found.passed_over:
        return ""
    names = [path.name for path in found.passed_over[:_NAMES_SHOWN]]
    further = len(found.passed_over) - len(names)
    rest = f" and {further:,} more" if further else ""
    return f"passed over, for they are no kind of data that is read: {', '.join(names)}{rest}"
