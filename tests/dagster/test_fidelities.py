"""A search through Dagster that chooses among cheaper evaluations."""

from pathlib import Path

import dagster as dg
import pytest

from autoselection_core.history.records import SearchState
from tests.dagster.driver import Driver
from tests.dagster.installations import installation

_FIDELITIES = """
    policy: {warmup: 1, fresh: 40, edits: 20, draws: 2}
    fidelities: {short: {cost: 0.05, amount: 0.5}}
"""


@pytest.mark.e2e
def test_trials_at_a_cheaper_fidelity_are_runs_like_others_and_say_so(tmp_path: Path, model: Path) -> None:
    installed = installation(tmp_path / "installation", model)
    installed.campaigns.write_text(installed.campaigns.read_text() + _FIDELITIES)
    with dg.DagsterInstance.ephemeral() as instance:
        driver = Driver(installed, instance)
        driver.prepare()
        driver.start(name="first", budget=5)
        driver.work()

        search, history = driver.ledger.search("first"), driver.ledger.history("first")
        shown = instance.get_materialized_partitions(dg.AssetKey(["demo", "evaluation"]))
        cheap = driver.metadata("evaluation", f"first|{history.cheap[0].trial:03d}")

    assert search.state is SearchState.DONE
    assert search.spent == history.spent <= 5
    assert len(history.cheap) >= 2
    trials = [one.trial for one in history.observations] + [one.trial for one in history.cheap]
    assert {f"first|{trial:03d}" for trial in trials} <= shown
    assert (cheap["fidelity"], cheap["cost"]) == ("short", 0.05)
