"""Report that could not be made, as pages and commands tell it until it is made again."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home

_FILE = "failed.json"


@dataclass(frozen=True)
class FailedReport:
    """The last failure of a report that is asked for again.

    Attributes:
        reason: Why it failed, without a full stop.
        again_at: Time at which it is asked for again, in seconds since the epoch.
    """

    reason: str
    again_at: float

    @classmethod
    def read(cls, home: Home, search: str) -> Self | None:
        """The failure that is kept of a search's report; None where there is none."""
        file = _file(home, search)
        return cls(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def keep(self, home: Home, search: str) -> bool:
        """Keep it beside the report; whether it is another one than was kept."""
        if self.read(home, search) == self:
            return False
        with atomic_file(_file(home, search)) as draft:
            draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return True

    @property
    def sentence(self) -> str:
        """What became of the report, why, and when it is tried again.

        Example:
            >>> FailedReport("OSError: no room", 1.7e9).sentence
            'its report failed (OSError: no room) and is tried again at 22:13:20 UTC'
        """
        at = datetime.fromtimestamp(self.again_at, UTC)
        return f"its report failed ({self.reason}) and is tried again at {at:%H:%M:%S} UTC"


def forget_failure(home: Home, search: str) -> None:
    """Keep no failure of a report that is made again, or was made."""
    _file(home, search).unlink(missing_ok=True)


def _file(home: Home, search: str) -> Path:
    return home.report(search) / _FILE
