"""Fields that sources name, and whether any record has them: a name that none has is a mistake."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from autoselection_core.errors.pool import UnmatchedFieldError
from autoselection_core.identity import Json
from autoselection_core.pool.sources import Source

_FIELDS_SHOWN = 40


class NamedFields:
    """Comparison of the fields that sources name with those that their records have."""

    def __init__(self) -> None:
        self._missing: dict[Source, set[str]] = {}
        self._known: defaultdict[Source, dict[str, None]] = defaultdict(dict)
        self._records: Counter[Source] = Counter()

    def meet(self, source: Source, record: Json) -> None:
        """Add the fields of a record."""
        self._records[source] += 1
        missing = self._missing.setdefault(source, set(source.rules.names))
        if not missing or not isinstance(record, Mapping):
            return
        missing -= {name for name in missing if name in record or name.partition(".")[0] in record}
        known = self._known[source]
        known.update(dict.fromkeys(list(record)[: _FIELDS_SHOWN - len(known)]))

    def require(self) -> None:
        """Refuse names that no record of their source has.

        Raises:
            UnmatchedFieldError: There is one.
        """
        for source, missing in self._missing.items():
            for name in source.rules.names:
                if name in missing:
                    known = tuple(self._known[source])
                    raise UnmatchedFieldError(source.path, name, self._records[source], known)
