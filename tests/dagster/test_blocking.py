"""A check that fails stops what comes after it, in real runs."""

import dagster as dg

from autoselection_core.history.records import TrialState
from tests.dagster.driver import Driver


def with_benchmark(driver: Driver, question: str, count: int) -> Driver:
    """The installation with a benchmark of such questions; `{}` is their number."""
    folder = driver.installation.campaigns.parent
    (folder / "sums").mkdir()
    items = [
        f'{{"question": "{question.format(number)}", "answer": "{number}"}}\n' for number in range(count)
    ]
    (folder / "sums" / "items.jsonl").write_text("".join(items))
    declared = driver.installation.campaigns.read_text().rstrip()
    benchmark = "    benchmarks:\n      sums: {path: sums, items: items.jsonl}\n"
    driver.installation.campaigns.write_text(f"{declared}\n{benchmark}")
    return Driver(driver.installation, driver.instance)


def test_a_pool_that_is_mostly_the_benchmark_stops_every_signal(driver: Driver) -> None:
    contaminated = with_benchmark(driver, "Say number {}.", 40)

    finished = contaminated.run("demo_prepare", raise_on_error=False)

    failed = [check.check_name for check in finished.get_asset_check_evaluations() if not check.passed]
    assert failed == ["holds_no_benchmark_question"]
    assert materialised(finished) == {"pool"}


def test_a_subset_that_fails_a_check_is_never_paid_for_and_says_why(driver: Driver) -> None:
    apart = with_benchmark(driver, "{} + 1?", 20)
    apart.prepare()
    apart.start(name="s", budget=1, report_evaluations=0)
    result = apart.tick()
    assert isinstance(result, dg.SensorResult)
    apart.add_partitions(result)
    # The record of what the gate cut is gone, so nobody can say what the pool was looked through for.
    for file in (apart.installation.home / "quarantine").glob("*.gate.json"):
        file.unlink()

    apart.launch((result.run_requests or [])[0])

    (trial,) = apart.ledger.trials("s")
    made = {
        asset
        for asset in ("recipe", "subset", "subset_state", "fine_tuned_model", "evaluation")
        if apart.instance.get_materialized_partitions(dg.AssetKey(["demo", asset]))
    }
    assert made == {"recipe", "subset"}
    assert (trial.state, trial.evaluation, apart.ledger.search("s").spent) == (TrialState.FAILED, None, 0)
    assert "subset_passed_the_gate" in str(trial.reason)


def materialised(finished: dg.ExecuteInProcessResult) -> set[str]:
    keys = [event.asset_key for event in finished.get_asset_materialization_events()]
    return {key.path[-1] for key in keys if key is not None}
