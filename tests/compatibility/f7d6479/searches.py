"""Every kind of search of the home, made by the command line of that commit where it has a command for it."""

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from material import grow

from autoselection_core.campaign.again import search_again
from autoselection_core.campaign.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.running import run
from autoselection_core.cli.commands.searching import ready_pool, report, work
from autoselection_core.environment import HOME
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.writing import write_report
from autoselection_core.search.given import Pays, evaluate_given, verify_step
from autoselection_core.search.loop import run_search
from autoselection_core.search.propose import propose
from autoselection_core.store.home import Home
from tests.solver.speaking import speaking

_GIVEN = """\
- drop_near_duplicates: {pairs: minhash, similarity: 0.7}
- keep_top: {signal: word_entropy, fraction: 0.5}
"""
_BESIDE = "- keep_random: {fraction: 0.4}"


@contextmanager
def home_in(folder: Path) -> Iterator[None]:
    """Work in a folder, with the home below it as that of the environment, until the block ends."""
    with chdir(folder):
        os.environ[HOME] = str(folder / "home")
        yield
        del os.environ[HOME]


def make_searches(folder: Path) -> None:
    """Make the searches in the home below a folder, which is the working folder."""
    for campaign in ("formula", "published", "cheap", "trained", "every_signal"):
        command("search", "-c", campaign, "--name", campaign)
    with advised(folder):
        command("search", "-c", "advised", "--name", "advised")
    make_unfinished(workspace_of("formula"))
    make_by_hand(workspace_of("published"))
    command("search", "-c", "growing", "--name", "before", "--policy", "random")
    grow(folder)
    make_again(workspace_of("growing"))
    command("study", "run", "study.yaml")


def workspace_of(campaign: str) -> Workspace:
    """A campaign at work in the home of the environment."""
    home = Home.from_environment()
    return Workspace(load_campaigns(Path("autoselection.yaml"), home)[campaign], home)


def command(*arguments: str) -> None:
    """Run the command; it has to succeed."""
    code = run(arguments)
    if code != 0:
        sys.exit(f"autoselection {' '.join(arguments)}: exit code {code}")


@contextmanager
def advised(folder: Path) -> Iterator[None]:
    """Let the campaign `advised` reach a language model on loopback until the block ends."""
    file = folder / "autoselection.yaml"
    declared = file.read_text()
    with speaking() as model:
        file.write_text(declared.replace("http://127.0.0.1:9/v1", model.url))
        yield
    file.write_text(declared)


def make_unfinished(workspace: Workspace) -> None:
    """A search that was killed: four trials are done, the fifth has its proposal and a dead worker."""
    spec = workspace.spec(ready_pool(workspace), budget=3, seed=1, report_evaluations=2)
    search = workspace.ledger.register(spec, "unfinished")
    solver, evaluator = workspace.solver(spec), workspace.evaluator(spec.pool_version, spec)
    run_search(workspace.ledger, search, solver, evaluator)
    workspace.ledger.raise_budget(search, 6)
    (reservation,) = workspace.ledger.reserve_free_slots(search, at_most=1)
    subset = propose(workspace.ledger, reservation, solver).subset
    workspace.ledger.begin(reservation, evaluator.key(subset.fingerprint, 0))


def make_by_hand(workspace: Workspace) -> None:
    """A stopped search with a person's recipe as a trial, one beside its report, and a verified step."""
    spec = workspace.spec(ready_pool(workspace), budget=4, seed=2, policy="random", report_evaluations=6)
    search, ledger = workspace.ledger.register(spec, "by_hand"), workspace.ledger
    solver, evaluator = workspace.solver(spec), workspace.evaluator(spec.pool_version, spec)
    given = Recipe.from_yaml(_GIVEN)
    evaluate_given(ledger, search, given, solver.signals, Pays.budget)
    run_search(ledger, search, solver, evaluator)
    ledger.raise_budget(search, 8)
    ledger.stop(search, "stopped by hand")
    beside = Recipe.from_yaml(_BESIDE)
    evaluate_given(ledger, search, beside, solver.signals, Pays.report_evaluations)
    verify_step(ledger, search, given, 1, solver.signals)
    report(workspace, search)
    write_report(SearchFacts.of(workspace, search))


def make_again(workspace: Workspace) -> None:
    """The search that follows from a changed pool, as the schedule of the key `research` enters it."""
    ready_pool(workspace)
    again = search_again(workspace, workspace.campaign.research.budget)
    assert again.search is not None, again.why
    work(workspace, again.search)
