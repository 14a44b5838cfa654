import json
import multiprocessing
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL

import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.on_pool_change import search_again
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchState
from autoselection_core.history.values import History
from autoselection_core.search.loop import run_search
from autoselection_core.store.home import Home
from tests.search.worker import JumpingClock, open_ledger, start
from tests.search.worlds import closed_form, spec

DELAY_S = 0.4
LONGEST_S = 1.6
"""A lost trial's lease, and then all of its next attempt: every moment of both is hit."""

PATIENCE_S = 600.0


def registered(folder: Path, budget: int, slots: int = 1) -> tuple[Ledger, str]:
    folder.mkdir(exist_ok=True)
    ledger = open_ledger(folder)
    return ledger, ledger.register(spec(closed_form(folder), budget=budget, slots=slots), "killed")


def finished(folder: Path) -> dict[str, int]:
    """Time of each complete evaluation."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("evaluations/*/result.json")}


def finish(folder: Path, search: str) -> None:
    worker = start(folder, search, DELAY_S)
    worker.join(PATIENCE_S)
    assert worker.exitcode == 0, "it failed, or found no processor"


def undisturbed(folder: Path, budget: int) -> History:
    ledger, search = registered(folder, budget)
    finish(folder, search)
    return ledger.history(search)


def moments(seed: int, kills: int) -> Iterator[float]:
    rng = random.Random(seed)  # noqa: S311 - any moment will do
    return (rng.uniform(0.0, LONGEST_S) for _ in range(kills))


def kill_and_compare(folder: Path, kills: int, budget: int, seed: int) -> int:
    """Kill workers of a search at random moments; how many were met. Raises where anything differs."""
    print(f"seed {seed}")  # noqa: T201 - what a failing run is repeated with
    ledger, search = registered(folder / "killed", budget)
    seen: dict[str, int] = {}
    killed = 0
    for moment in moments(seed, kills):
        worker = start(folder / "killed", search, DELAY_S)
        worker.join(moment)
        worker.kill()
        worker.join()
        killed += worker.exitcode == -SIGKILL
        seen = {**finished(folder / "killed"), **seen}
        assert ledger.search(search).spent + ledger.search(search).held <= budget
    finish(folder / "killed", search)

    assert killed > 0
    assert {key: made for key, made in finished(folder / "killed").items() if key in seen} == seen
    assert ledger.search(search).state is SearchState.DONE
    assert sum(payment.cost for payment in ledger.payments(search)) == budget
    expected = undisturbed(folder / "undisturbed", budget)
    assert replace(ledger.history(search), search=expected.search) == expected
    return killed


@pytest.mark.e2e
def test_twenty_kills_at_random_moments_cost_nothing_and_change_nothing(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, kills=20, budget=6, seed=int.from_bytes(os.urandom(4)))


@pytest.mark.e2e
@pytest.mark.parametrize("hours", [30.0, -30.0])
def test_a_clock_that_jumps_while_workers_die_exceeds_no_budget_and_pays_nothing_twice(
    tmp_path: Path, hours: float
) -> None:
    ledger, search = registered(tmp_path, budget=6, slots=2)
    workers = [start(tmp_path, search, DELAY_S) for _ in range(2)]
    for worker in workers:
        worker.join(1.5 * DELAY_S)
    made = finished(tmp_path)

    JumpingClock(tmp_path / "clock").jump(3600 * hours)
    workers[0].kill()
    workers[0].join()
    workers[1].join(PATIENCE_S)
    assert workers[1].exitcode == 0, "what the dead worker held was never given to the one that lives"

    paid = [payment for payment in ledger.payments(search) if payment.outcome == "paid"]
    assert ledger.search(search).spent == 6 == len(paid)
    assert max(Counter(payment.evaluation for payment in paid).values()) == 1
    assert {key: moment for key, moment in finished(tmp_path).items() if key in made} == made


def enter_again(folder: Path) -> None:
    """Body of the asset `next_search`, in a process that is killed."""
    search_again(grown(folder))


def grown(folder: Path) -> Workspace:
    (campaign,) = load_campaigns(folder / "autoselection.yaml", Home(folder / "home")).values()
    return Workspace(campaign, Home(folder / "home"))


def test_a_search_after_a_change_is_entered_once_with_the_last_winner_however_often_it_is_killed(
    tmp_path: Path,
) -> None:
    for number in (1, 2):
        write_samples(tmp_path / "raw" / f"{number}.jsonl", number)
        (tmp_path / "autoselection.yaml").write_text(_GROWING)
        workspace = grown(tmp_path)
        pool = workspace.ingest().pool
        for name in workspace.signal_names:
            workspace.score(name, pool)
        if number == 1:
            spec = workspace.spec(pool.version, budget=4, report_evaluations=0)
            workspace.ledger.register(spec, "before")
            run_search(
                workspace.ledger, "before", workspace.solver(spec), workspace.evaluator(pool.version, spec)
            )
    winner = workspace.solver(spec).recommend(workspace.ledger.history("before"))
    context = multiprocessing.get_context("fork")
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")  # noqa: T201 - what a failing run is repeated with
    for moment in moments(seed, 6):
        child = context.Process(target=enter_again, args=(tmp_path,), daemon=True)
        child.start()
        child.join(moment)
        child.kill()
        child.join()
        assert len(workspace.ledger.searches()) <= 2

    again = search_again(workspace)
    assert search_again(workspace).search == again.search

    old, new = workspace.ledger.searches()
    assert (old.search, new.search, new.spec.warm_from) == ("before", again.search, "before")
    (first,) = workspace.ledger.trials(new.search)
    assert first.recipe == winner.recipe
    assert first.proposal["edit"] == f"winner of before, trial {winner.trial}"


def write_samples(file: Path, seed: int) -> None:
    file.parent.mkdir(exist_ok=True)
    draw = random.Random(seed)  # noqa: S311 - words, not secrets
    words = ("red", "green", "blue", "seven", "river", "stone", "cloud", "paper", "lamp", "door")
    records = [
        {"prompt": f"Say {seed} and {number}.", "response": " ".join(draw.choices(words, k=2 + number % 9))}
        for number in range(30)
    ]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


_GROWING = """
campaigns:
  demo:
    pool: [{path: raw/*.jsonl}]
    signals: [word_entropy, exact]
    closed_form: {weights: {word_entropy: 1.0}}
    policy: {fresh: 40, edits: 20, draws: 2}
"""
