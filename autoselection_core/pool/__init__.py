"""Ingestion of raw records into a pool of distinct samples, each with its origins."""

from autoselection_core.pool.ingest import Ingestion, ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, QuarantineReason, Role, Sample, Scope, ToolCall
from autoselection_core.pool.sources import Source, sources_version

__all__ = [
    "Ingestion",
    "Message",
    "Origin",
    "Pool",
    "QuarantineReason",
    "Role",
    "Sample",
    "Scope",
    "Source",
    "ToolCall",
    "ingest",
    "sources_version",
]
