"""A folder with a small campaign, and the command run in it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.history.ledger import Ledger

REPOSITORY = Path(__file__).parents[2]

CAMPAIGN = """\
campaigns:
  try:
    pool: [{{path: "raw/*", licence: CC0-1.0}}]
    signals: [word_entropy, exact, near_duplicates]
    closed_form: {{weights: {{word_entropy: 1.0}}, noise: 0.02, delay_s: {delay_s}}}
    search: {{budget: 3, policy: random, report_evaluations: 6}}
"""


@dataclass(frozen=True)
class Workshop:
    """A working folder; its home is `.autoselection` inside."""

    folder: Path

    @classmethod
    def fill(cls, folder: Path, delay_s: float = 0.0) -> "Workshop":
        words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
        records = [
            {
                "prompt": f"Add {number} and 7.",
                "response": " ".join([*words[: number % 9 + 1], str(number)]),
            }
            for number in range(60)
        ]
        copies = [{**record, "prompt": record["prompt"].upper()} for record in records[:10]]
        (folder / "raw").mkdir(parents=True)
        lines = "".join(json.dumps(record) + "\n" for record in [*records, *copies])
        (folder / "raw" / "sums.jsonl").write_text(lines + "not json\n")
        shop = cls(folder)
        shop.declare(CAMPAIGN.format(delay_s=delay_s))
        return shop

    def declare(self, text: str) -> None:
        (self.folder / "autoselection.yaml").write_text(text)

    def change(self, old: str, new: str) -> None:
        file = self.folder / "autoselection.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOSELECTION_")}
        return {**kept, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}

    def ledger(self) -> Ledger:
        return Ledger.open(f"sqlite:///{self.folder / '.autoselection/history.sqlite'}")

    def evaluations(self) -> dict[str, int]:
        """Time of each complete evaluation."""
        made = self.folder.glob(".autoselection/evaluations/*/result.json")
        return {file.parent.name: file.stat().st_mtime_ns for file in made}

    def command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "autoselection_core.cli", *arguments]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the command as a terminal would: Ctrl-C reaches it, although the tests may run behind `&`."""
        return subprocess.Popen(
            self.command(arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_interrupts,  # noqa: PLW1509 - a test has one thread
        )


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
