"""Reading of one record: known spellings, named fields, turns, tool calls, texts beside the conversation."""

from autoselection_core.pool.reading.record import ParsedRecord, read_record
from autoselection_core.pool.reading.rules import Fields, Rules

__all__ = ["Fields", "ParsedRecord", "Rules", "read_record"]
