"""Messages to a webhook that wait in the home folder until the webhook took them."""

import json
import os
import secrets
import time
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Self

from autoselection_core import environment
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Outbox:
    """Queue of messages to the webhook. A webhook that fails neither blocks nor breaks whoever adds one.

    Attributes:
        folder: Folder of one file a message, named by the time at which it was added.
    """

    folder: Path

    @classmethod
    def of(cls, home: Home) -> Self:
        """The outbox of a home folder."""
        return cls(home.root / "alerts")

    def put(self, text: str) -> None:
        """Add a message; nothing is kept where no webhook is named, for nobody listens."""
        if not _webhook():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.folder / f"{time.time_ns()}-{secrets.token_hex(4)}.json") as draft:
            draft.write_text(json.dumps({"text": text}))

    def deliver(self) -> str | None:
        """Post what waits, oldest first, up to the first that is not taken; says why some still wait.

        A message may be posted twice when a process dies in between, and is never lost.
        """
        waiting = sorted(self.folder.glob("*.json"))
        for number, message in enumerate(waiting):
            problem = _post(message.read_bytes())
            if problem is not None:
                left = len(waiting) - number
                return f"{left} alerts wait for the webhook of {environment.WEBHOOK_URL}: {problem}"
            message.unlink(missing_ok=True)
        return None


def _webhook() -> str:
    return os.environ.get(environment.WEBHOOK_URL) or ""


def _post(body: bytes) -> str | None:
    """Post a message; return what went wrong, if anything, without the URL, which may be a secret."""
    if not _webhook():
        return "it is not set"
    try:
        request = urllib.request.Request(_webhook(), body, {"Content-Type": "application/json"})  # noqa: S310 - the operator's own URL
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - the same
            return None
    except (OSError, HTTPException) as error:
        return str(error)
    except ValueError:
        return "its value is no URL"
