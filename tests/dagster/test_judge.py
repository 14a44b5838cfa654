"""A judge through Dagster: its trials are scored, its failures are typed, and Pipes carry what it reports."""

import sys
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from autoselection_core.evaluation.judge.evaluator import JudgeEvaluator, JudgeSettings
from autoselection_core.history.records import TrialState
from autoselection_core.pool.sample import Scope
from autoselection_core.recipe.program import Recipe
from autoselection_core.store.home import Home
from autoselection_core.subset.value import Subset, fingerprint_of_ids
from autoselection_core.testing.signals import pool_of, question_and_answer
from autoselection_dagster.installation import Installation
from autoselection_dagster.trials.device_lease import VISIBLE, lease_devices
from autoselection_dagster.trials.judge_pipes import ProgramReports
from tests.dagster.installations import Driver, installation

PROGRAM = """
import json, sys
from dagster_pipes import open_dagster_pipes

with open_dagster_pipes() as pipes:
    rows = [json.loads(line) for line in open(pipes.get_extra("subset"))]
    pipes.log.info(f"step 1 of 2: {{len(rows)}} rows")
    if len(rows) in {fails_at}:
        sys.exit("the cluster is gone")
    answers = [row["messages"][-1]["content"] for row in rows]
    with open(pipes.get_extra("scores"), "w") as file:
        for item in range(3):
            value = sum(map(len, answers)) / len(answers) + item
            file.write(json.dumps({{"benchmark": "length", "item": str(item), "value": value}}) + "\\n")
    pipes.report_asset_materialization(
        metadata={{"node": "gpu-7", "loss": {{"raw_value": 0.25, "type": "float"}}, "rows_seen": len(rows)}}
    )
"""
ELSEWHERE = """#!/bin/sh
# A shell on another machine has nothing of this process but what is handed on by name.
exec env -i PATH="$PATH" DAGSTER_PIPES_CONTEXT="$DAGSTER_PIPES_CONTEXT" \\
    DAGSTER_PIPES_MESSAGES="$DAGSTER_PIPES_MESSAGES" "$@"
"""
JUDGE = """
    judge:
      command: [sh, elsewhere.sh, {python}, judge.py]
      protocol: pipes
      timeout_s: 120
    search: {{budget: 3, report_evaluations: 0}}
"""
POOL = pool_of([question_and_answer(f"Say {n}.", "word " * n) for n in range(1, 9)])


def test_what_a_program_elsewhere_reports_is_in_the_log_and_at_the_asset(tmp_path: Path) -> None:
    program, shell = tmp_path / "judge.py", tmp_path / "elsewhere.sh"
    program.write_text(PROGRAM.format(fails_at=[]))
    shell.write_text(ELSEWHERE)
    settings = JudgeSettings(("sh", str(shell), sys.executable, str(program)), protocol="pipes")
    whole = Subset(Recipe(()), POOL.version, np.arange(5), fingerprint_of_ids(POOL.ids[:5]))

    @dg.asset
    def measured(context: dg.AssetExecutionContext) -> dg.Output[float]:
        reports = ProgramReports(context)
        evaluator = reports.attach(JudgeEvaluator(Home(tmp_path / "home"), POOL, settings))
        utility = evaluator.evaluate(whole, 0).utility
        return dg.Output(utility, metadata=dict(reports.metadata))

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([measured], instance=instance)
        lines = [entry.user_message for entry in instance.all_logs(result.run_id)]

    lengths = [len(text) for text in POOL.texts(Scope.RESPONSE)[:5]]
    (materialization,) = result.asset_materializations_for_node("measured")
    shown = {name: value.value for name, value in materialization.metadata.items()}
    assert result.output_for_node("measured") == pytest.approx(np.mean(lengths) + 1)
    assert (shown["node"], shown["loss"], shown["rows_seen"]) == ("gpu-7", 0.25, 5)
    assert any("step 1 of 2: 5 rows" in line for line in lines)
    assert not any("did not receive" in line for line in lines)


@pytest.mark.e2e
def test_a_search_through_dagster_is_scored_by_the_judge_and_a_dead_one_is_a_failed_trial(
    tmp_path: Path, model: Path
) -> None:
    installed = judged_installation(tmp_path / "installation", model, ELSEWHERE, fails_at=[60])
    with dg.DagsterInstance.ephemeral() as instance:
        driver = searched(installed, instance)
        trials = driver.ledger.trials("first")
        done = [trial for trial in trials if trial.state is TrialState.DONE]
        shown = driver.metadata("fine_tuned_model", f"first|{done[0].trial:03d}")

    (failed,) = [trial for trial in trials if trial.state is TrialState.FAILED]
    assert "the cluster is gone" in str(failed.reason)
    assert failed.utility is None
    assert len(done) == 3, "a failed trial is not paid for"
    assert all(list(trial.scores) == ["length"] for trial in done)
    assert (shown["node"], shown["loss"]) == ("gpu-7", 0.25)
    assert shown["rows_seen"] == shown["samples_trained"]


@pytest.mark.e2e
def test_a_search_with_one_slot_trains_on_a_device_that_no_other_search_has(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, "0,1")
    seen = tmp_path / "devices.txt"
    noted = ELSEWHERE.replace("exec", f'echo "${VISIBLE}" >> {seen}\nexec')
    installed = judged_installation(tmp_path / "installation", model, noted, fails_at=[])
    of_another_search = lease_devices(installed.home / "devices", ("0", "1"), 1, {})

    with dg.DagsterInstance.ephemeral() as instance, of_another_search as taken:
        trials = searched(installed, instance).ledger.trials("first")

    assert taken == ("0",)
    assert [trial.state for trial in trials] == [TrialState.DONE] * 3
    assert set(seen.read_text().split()) == {"1"}


def judged_installation(folder: Path, model: Path, shell: str, fails_at: list[int]) -> Installation:
    """An installation whose subsets a program in a shell of its own judges."""
    installed = installation(folder, model)
    campaign = installed.campaigns.read_text().partition("    closed_form:")[0]
    installed.campaigns.write_text(campaign + JUDGE.format(python=sys.executable))
    beside = installed.campaigns.parent
    (beside / "judge.py").write_text(PROGRAM.format(fails_at=fails_at))
    (beside / "elsewhere.sh").write_text(shell)
    return installed


def searched(installed: Installation, instance: dg.DagsterInstance) -> Driver:
    """A search with one slot, whose trials may fail."""
    driver = Driver(installed, instance)
    driver.prepare()
    driver.start(name="first", slots=1)
    for _ in range(12):
        result = driver.tick()
        if isinstance(result, dg.SkipReason):
            break
        driver.add_partitions(result)
        for request in result.run_requests or ():
            driver.launch(request, may_fail=True)
    return driver
