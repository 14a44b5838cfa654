"""What a search waits for in Dagster, as pages and commands tell it: a queued run, a report made again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home

_FAILED = "failed.json"

_NOTED_EVERY_S = 10.0
"""Seconds after which the sensor notes again what it still sees."""

_BELIEVED_S = 60.0
"""Seconds for which a note is believed: ticks are late on a busy machine, and none comes without a daemon."""


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
        file = home.report(search) / _FAILED
        return cls(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def keep(self, home: Home, search: str) -> bool:
        """Keep it beside the report; whether it is another one than was kept."""
        if self.read(home, search) == self:
            return False
        with atomic_file(home.report(search) / _FAILED) as draft:
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
    (home.report(search) / _FAILED).unlink(missing_ok=True)


@dataclass(frozen=True)
class UnbegunRuns:
    """Runs that Dagster has in hand, and that work on no trial yet, as its sensor saw them.

    Attributes:
        sentences: What each waits for, such as `its worker waits in Dagster's queue`, by search.
        seen_at: Time at which the sensor saw them, in seconds since the epoch.
    """

    sentences: Mapping[str, str]
    seen_at: float

    @classmethod
    def read(cls, home: Home, now: float) -> Mapping[str, str]:
        """What is noted by search; nothing where the note is old, as no daemon keeps it up."""
        noted = cls._noted(home)
        return noted.sentences if now - noted.seen_at <= _BELIEVED_S else {}

    @classmethod
    def _noted(cls, home: Home) -> Self:
        try:
            return cls(**json.loads(_unbegun_file(home).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls({}, 0.0)  # nothing was served from this home yet

    def note(self, home: Home) -> None:
        """Keep it in the home, unless that was done a moment ago."""
        noted = self._noted(home)
        is_fresh = not self.sentences or self.seen_at - noted.seen_at < _NOTED_EVERY_S
        if noted.sentences == self.sentences and is_fresh:
            return
        with atomic_file(_unbegun_file(home)) as draft:
            draft.write_text(json.dumps(asdict(self)), encoding="utf-8")


def _unbegun_file(home: Home) -> Path:
    return home.root / "unbegun.json"
