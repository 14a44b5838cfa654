"""Stop, resume, pay for more; and what goes wrong on the way."""

import dataclasses
import threading
import uuid
from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from autoselection_core.campaign.duration import Pace
from autoselection_core.history.records import SearchState, TrialState
from autoselection_core.history.search_settings import FIRST_SETTINGS
from autoselection_core.history.specification import SearchSpec
from autoselection_core.search.status import SearchStatus
from autoselection_core.solver.policy import Policy
from autoselection_core.store.home import Home
from autoselection_dagster.jobs.cost_estimate import cost_sentence
from autoselection_dagster.sensors.search import LostReport
from autoselection_dagster.serve import unfinished
from autoselection_dagster.trials.naming import WORKS_ON_TAG
from tests.dagster.installations import Driver


def test_a_stopped_search_starts_nothing_and_pays_for_no_report(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=2)
    driver.adjust("stop_search", "stop", search="s")

    assert isinstance(driver.tick(), dg.SkipReason)
    assert driver.ledger.search("s").state is SearchState.STOPPED

    driver.adjust("resume_search", "resume", search="s")

    assert isinstance(driver.tick(), dg.SensorResult)


def test_serving_names_each_search_that_it_goes_on_with_and_the_job_that_stops_it(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=2)

    assert list(unfinished(driver.installation)) == [
        "Goes on with s (4 evaluations left); to stop it, launch the job stop_search with `search: s`"
    ]

    driver.adjust("stop_search", "stop", search="s")

    assert not list(unfinished(driver.installation))


def test_a_raised_budget_lets_a_finished_search_go_on(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=1, report_evaluations=0)
    driver.work()

    driver.adjust("raise_budget", "budget", search="s", budget=2)
    driver.work()

    assert driver.ledger.search("s").spent == 2


@pytest.mark.parametrize(
    ("budget", "report_evaluations", "said"),
    [
        (5, 1, "has report_evaluations 2, which cannot become 1"),
        (10**30, 2, "budget is 1"),
    ],
)
def test_of_two_budgets_none_is_raised_where_one_cannot_be(
    driver: Driver, budget: int, report_evaluations: int, said: str
) -> None:
    driver.prepare()
    driver.start(name="s", budget=3, report_evaluations=2)

    with pytest.raises(dg.Failure) as refused:
        driver.adjust(
            "raise_budget", "budget", search="s", budget=budget, report_evaluations=report_evaluations
        )
    assert said in str(refused.value.description)
    assert (driver.ledger.search("s").budget, driver.ledger.search("s").report_evaluations) == (3, 2)


def test_no_search_can_be_called_latest_which_means_another_one(driver: Driver) -> None:
    driver.prepare()

    with pytest.raises(dg.Failure, match="`latest` means the search that was started last"):
        driver.start(name="latest", budget=1, report_evaluations=0)
    assert not driver.ledger.searches()


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (dg.DagsterEventType.RUN_ENQUEUED, "its worker waits in Dagster's queue; time left: "),
        (dg.DagsterEventType.RUN_STARTING, "its worker starts; time left: "),
        (dg.DagsterEventType.RUN_START, "its worker is at work; time left: "),
        (dg.DagsterEventType.RUN_CANCELED, ""),
    ],
)
def test_a_terminal_is_told_of_a_worker_that_dagster_has_in_hand(
    driver: Driver, event: dg.DagsterEventType, told: str
) -> None:
    """`status` said that no process works on a search which waited in the queue."""
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)
    driver.tick()
    tags = {WORKS_ON_TAG: "s"}
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__")
    asked = dg.DagsterRun(
        "demo_work",
        run_id=str(uuid.uuid4()),
        tags=tags,
        remote_job_origin=RemoteJobOrigin(repository, "demo_work"),
    )
    run = driver.instance.add_run(asked)
    driver.instance.report_dagster_event(dg.DagsterEvent(event.value, "demo_work"), run.run_id)
    driver.tick()

    said = SearchStatus.observed(driver.ledger, "s", Home(driver.installation.home)).sentence
    assert told in said
    assert ("its worker" in said) == bool(told)


def test_an_asset_that_cannot_be_made_says_why_in_a_sentence(driver: Driver) -> None:
    """Its run began with the name of a step and `Error occurred while executing op`."""
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)
    with pytest.raises(dg.Failure) as unmeasured:
        driver.run("demo_report", partition_key="s")
    (driver.installation.campaigns.parent / "raw" / "generated.jsonl").unlink()
    with pytest.raises(dg.Failure) as lost:
        driver.prepare()

    assert "has no measured trial yet" in str(unmeasured.value.description)
    assert "raw/*.jsonl" in str(lost.value.description)


def test_a_worker_of_no_search_says_so_in_a_sentence(driver: Driver) -> None:
    with pytest.raises(dg.Failure, match="there is no search 'typo'"):
        driver.adjust("demo_work", "demo_trials", search="typo")


def test_a_tick_that_got_lost_changes_nothing(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=1, report_evaluations=0)

    lost, again = driver.tick(), driver.tick()

    assert isinstance(lost, dg.SensorResult)
    assert isinstance(again, dg.SensorResult)
    assert [ask.run_key for ask in lost.run_requests or ()] == [
        ask.run_key for ask in again.run_requests or ()
    ]
    assert driver.ledger.search("s").held == 0, "a worker reserves, and a tick does not"


def test_a_trial_that_fails_is_recorded_with_its_reason_and_is_no_score(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=1, report_evaluations=0)
    result = driver.tick()
    assert isinstance(result, dg.SensorResult)
    driver.add_partitions(result)
    # A file where the folder of evaluations belongs: what a full disk or lost rights look like.
    (driver.installation.home / "evaluations").write_text("")

    driver.launch((result.run_requests or [])[0])

    trial = driver.ledger.trials("s")[0]
    (run,) = driver.instance.get_runs(dg.RunsFilter(job_name="demo_trial"))
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert (trial.state, trial.attempt, trial.utility) == (TrialState.WAITING, 2, None)
    assert driver.ledger.search("s").spent == 0
    assert "Error" in driver.ledger.payments("s")[0].note


def test_a_search_without_a_pool_says_what_to_do(driver: Driver) -> None:
    with pytest.raises(dg.Failure) as failed:
        driver.start()
    assert "autoselection ingest --campaign demo" in str(failed.value.description)


@pytest.mark.parametrize(("field", "value"), [("budget", 0), ("report_evaluations", -1)])
def test_a_budget_that_cannot_be_is_refused_in_a_sentence_that_names_it(
    driver: Driver, field: str, value: int
) -> None:
    with pytest.raises(dg.Failure) as refused:
        driver.start(**{field: value})
    assert str(refused.value.description).startswith(
        (f"{field} is {value}", f"a search with {field} {value}")
    )


@pytest.mark.parametrize(
    ("job", "op", "said"),
    [
        ("raise_budget", "budget", "budget is 0, but must be at least 1."),
        ("raise_budget", "budget", "report_evaluations is -1, but must be at least 0."),
        ("evaluate_recipe", "evaluate", "report_evaluations is -2, but must be at least 0."),
        ("verify_step", "verify", "step is 0, but must be at least 1."),
        ("export_subset", "export", "trial is -3, but must be at least 1."),
        ("compare_subsets", "compare", "first is 0, but must be at least 1."),
        ("compare_subsets", "compare", "second is 0, but must be at least 1."),
    ],
)
def test_a_number_below_its_minimum_is_one_sentence(driver: Driver, job: str, op: str, said: str) -> None:
    field, _, rest = said.partition(" is ")
    config: dict[str, object] = {field: int(rest.partition(",")[0])}
    if op == "evaluate":
        config["recipe"] = "steps: []"

    with pytest.raises(dg.Failure) as refused:
        driver.adjust(job, op, **config)
    assert refused.value.description == said


@pytest.mark.parametrize(
    ("group", "field", "value"),
    [
        ("constraints", "max_share", 1.5),
        ("constraints", "shares", {"source/nowhere": [0.1, 0.2]}),
        ("constraints", "max_tokens", -1),
        ("constraints", "floors", {"arithmetics": 0.2}),
        ("constraints", "floors", {"closed_form": float("nan")}),
        ("constraints", "stop_gain", float("inf")),
        ("constraints", "shares", {"source/nowhere": [0.1, float("nan")]}),
        ("policy_settings", "noise_prior", float("nan")),
        ("policy_settings", "plain_scores", {"rm": "upwards"}),
        ("policy_settings", "tolerance", 0.5),
        ("policy_settings", "warmup", -1),
    ],
)
def test_a_limit_that_cannot_hold_names_its_field(
    driver: Driver, group: str, field: str, value: object
) -> None:
    driver.prepare()

    with pytest.raises(dg.Failure) as refused:
        driver.start(**{group: {field: value}})
    assert ("nowhere" if field == "shares" else field) in str(refused.value.description)
    assert not driver.ledger.searches()


def test_limits_that_no_subset_keeps_are_refused(driver: Driver) -> None:
    driver.prepare()

    with pytest.raises(dg.Failure, match=r"min_share is 0.5, but must be at most max_share, 0.1"):
        driver.start(constraints={"min_share": 0.5, "max_share": 0.1})


def test_a_field_whose_value_was_removed_is_as_declared(driver: Driver) -> None:
    """`budget:` without a number ended in a stack trace of pydantic."""
    driver.prepare()
    driver.start(name="s", budget=None, slots=None, policy=None, report_evaluations=0)
    driver.adjust("stop_search", "stop", search=None)

    search = driver.ledger.search("s")
    assert (search.budget, search.state) == (3, SearchState.STOPPED)


def test_a_sample_is_explained_by_the_latest_search_that_measured_something(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="first", budget=1, report_evaluations=0)
    driver.work()
    driver.start(name="waits", budget=2, report_evaluations=0, seed=1)

    told = _outputs(driver.run("explain", run_config={"ops": {"tell": {"config": {"name": "generated#7"}}}}))

    assert "best subset of first" in told["answer"]
    with pytest.raises(dg.Failure, match="has no trial 1; it has none yet"):
        driver.adjust("export_subset", "export", trial=1)
    with pytest.raises(dg.Failure, match="exports"):
        driver.adjust("export_subset", "export", search="first", folder="../elsewhere")


def test_an_unknown_field_is_refused_before_anything_runs(driver: Driver) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match="budgt"):
        driver.start(budgt=1)


def test_the_launchpad_describes_every_field(driver: Driver) -> None:
    job = driver.definitions.resolve_job_def("start_search")
    (op,) = job.nodes
    schema = op.definition.config_schema
    assert schema is not None
    shape = schema.config_type
    assert isinstance(shape, dg.Shape)
    fields = dict(shape.fields)

    assert set(fields) == {
        "campaign",
        "budget",
        "report_evaluations",
        "slots",
        "seed",
        "policy",
        "max_steps",
        "benchmarks",
        "metric",
        "training",
        "operators",
        "constraints",
        "policy_settings",
        "warm_from",
        "warm_also",
        "name",
        "in_one_run",
    }
    nested = [
        inner
        for name in ("constraints", "policy_settings")
        if isinstance(shape := fields[name].config_type, dg.Shape)
        for inner in shape.fields.values()
    ]
    assert len(nested) == len(dataclasses.fields(Policy)) - len(("name", "max_steps")) + len(FIRST_SETTINGS)
    assert all(field.description for field in [*fields.values(), *nested])
    assert not any(field.is_required for field in [*fields.values(), *nested])


@pytest.mark.parametrize("name", ["clicked", None])
def test_ten_impatient_clicks_start_one_search(driver: Driver, name: str | None) -> None:
    driver.prepare()
    for _ in range(10):
        driver.start(name=name, budget=2, report_evaluations=0)
    driver.work()

    (search,) = driver.ledger.searches()
    assert search.search.startswith(name or "demo-")
    assert search.spent == 2


def test_two_daemons_that_tick_at_once_ask_for_the_same_workers(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, slots=2, report_evaluations=0)
    ticks: list[dg.SensorResult | dg.SkipReason] = []
    daemons = [threading.Thread(target=lambda: ticks.append(driver.tick())) for _ in range(2)]
    for daemon in daemons:
        daemon.start()
    for daemon in daemons:
        daemon.join()

    results = [tick for tick in ticks if isinstance(tick, dg.SensorResult)]
    asked = [{str(ask.run_key) for ask in result.run_requests or ()} for result in results]
    assert asked == [{"s|worker|1", "s|worker|2"}] * 2


def test_stop_and_resume_are_about_the_latest_search_where_none_is_named(driver: Driver) -> None:
    driver.prepare()
    for name in ("first", "second"):
        driver.start(name=name, budget=1, report_evaluations=0, seed=len(name))
    driver.run("stop_search")

    assert [search.state for search in driver.ledger.searches()] == [SearchState.ACTIVE, SearchState.STOPPED]
    stopped = driver.metadata("search_report", "second")["progress"]
    assert "0 of 1 evaluations spent" in stopped
    assert "--resume`, or the job resume_search" in stopped


def test_an_unknown_search_is_one_sentence_that_lists_the_known_ones(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="known", budget=1, report_evaluations=0)

    with pytest.raises(dg.Failure) as failed:
        driver.adjust("stop_search", "stop", search="knwon")
    assert "known" in str(failed.value.description)
    assert "Traceback" not in str(failed.value.description)


def test_a_search_has_a_page_before_its_first_trial(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)

    facts = driver.metadata("search_report", "s")

    assert facts["progress"].startswith("0 of 2 trials done")
    assert facts["best_so_far"] == "nothing was measured yet"


def test_the_page_of_a_search_is_refreshed_after_every_trial_and_report_evaluation(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=2)
    driver.work()
    key = dg.AssetRecordsFilter(dg.AssetKey(["demo", "search_report"]), asset_partitions=["s"])
    records = driver.instance.fetch_materializations(key, limit=50).records
    shown = [record.asset_materialization for record in reversed(records)]
    said = [str(each.metadata["progress"].value) for each in shown if each is not None]

    assert any(line.startswith("1 of 2 trials done") for line in said)
    judged = ["verdict" in each.metadata for each in shown if each is not None]
    assert judged == [False] * (len(judged) - 1) + [True], "a verdict only where all is measured"
    assert any("1 of 2 evaluations spent" in line for line in said)
    assert any("trial 2 of 2 is being evaluated" in line for line in said)
    assert not any("report evaluation" in line and "is being chosen" in line for line in said)
    assert said[-1].startswith("done")


def test_materializing_the_report_of_a_running_search_refreshes_it(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)

    made = driver.run(
        "demo_report", partition_key="s", asset_selection=[dg.AssetKey(["demo", "search_report"])]
    )

    assert made.success
    shown = driver.metadata("search_report", "s")
    assert shown["stage"].startswith("0 of 2 trials done")
    assert shown["why_it_began"] == "A person started it, without measurements of earlier searches."


def test_a_search_says_before_it_starts_what_it_costs_and_what_its_verdict_can_say(driver: Driver) -> None:
    driver.prepare()
    facts = _outputs(driver.start(name="s", budget=2, report_evaluations=3))

    assert facts["cost"].startswith("at most 5 evaluations by the formula: 2 trials and 3 report evaluations")
    bought = "1 of the winner, 1 of random subsets of equal tokens, 1 of the best plain filter"
    assert bought in facts["verdict_will_say"]
    assert "can only be undecided" in facts["verdict_will_say"]


def test_a_cost_has_hours_of_earlier_trainings_or_of_a_probe_and_counts_test_items() -> None:
    spec = SearchSpec(campaign="c", evaluator="e", budget=6, report_evaluations=4, slots=2)
    probed = Pace(60.0, "a probe of the base model on this machine", test_s=30.0)

    assert cost_sentence(spec, probed) == (
        "at most 10 trainings: 6 trials and 4 report evaluations, about 6 min at 60 s each with 2 at a time "
        "(by a probe of the base model on this machine)"
    )
    priced = cost_sentence(spec, replace(probed, price_per_hour=2.5))
    assert priced.endswith("(by a probe of the base model on this machine); 0.50 at 2.5 an hour")
    assert cost_sentence(spec, Pace(None, "their length follows from the subsets")).endswith(
        "4 report evaluations; their length follows from the subsets"
    )


def _outputs(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Metadata of the output of a job's only step."""
    (event,) = [each for each in result.all_events if each.is_successful_output]
    return {name: str(value.value) for name, value in event.step_output_data.metadata.items()}


@pytest.mark.parametrize(
    ("job", "op"), [("stop_search", "stop"), ("raise_budget", "budget"), ("start_search", "search")]
)
def test_the_page_of_a_search_that_is_done_keeps_its_verdict(driver: Driver, job: str, op: str) -> None:
    driver.prepare()
    driver.start(budget=2, report_evaluations=1)
    driver.work()
    assert "verdict" in driver.metadata("search_report", driver.ledger.searches()[0].search)

    asked = {"budget": 2, "report_evaluations": 1} if job == "start_search" else {}
    driver.run(job, run_config={"ops": {op: {"config": asked}}})
    driver.work()

    (search,) = driver.ledger.searches()
    assert search.state is SearchState.DONE
    assert "verdict" in driver.metadata("search_report", search.search)


def test_a_report_whose_run_failed_is_asked_for_again_with_a_pause_that_grows(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)
    worker = driver.tick()
    assert isinstance(worker, dg.SensorResult)
    driver.add_partitions(worker)
    for request in worker.run_requests or ():
        driver.launch(request)
    asked = driver.tick()
    assert isinstance(asked, dg.SensorResult)
    (first,) = asked.run_requests or ()
    _fail(driver.instance, first)

    assert "s: its report failed" in str(driver.tick())
    home = Home(driver.installation.home)
    waiting = SearchStatus.of(driver.ledger, "s", home)
    assert (waiting.is_done, waiting.state) == (False, "searched")
    for said in (waiting.sentence, str(driver.metadata("search_report", "s")["progress"])):
        assert said.startswith("its report failed (run ")
        assert "the campaign file is broken" in said
        assert "is tried again at" in said

    lost = LostReport.of(driver.instance, first)
    at = lost.runs[0].create_timestamp.timestamp()
    assert (lost.is_due(at + 59), lost.is_due(at + 60)) == (False, True)
    assert lost.again.run_key == f"{first.run_key}|2"
    _fail(driver.instance, lost.again)
    twice = LostReport.of(driver.instance, first)
    at = twice.runs[0].create_timestamp.timestamp()
    assert (twice.is_due(at + 119), twice.is_due(at + 120)) == (False, True)
    assert twice.again.run_key == f"{first.run_key}|3"
    driver.launch(twice.again)
    made = LostReport.of(driver.instance, first)
    assert (len(made.runs), made.is_lost) == (3, False)
    driver.tick()
    assert SearchStatus.of(driver.ledger, "s", home).is_done


def _fail(instance: dg.DagsterInstance, request: dg.RunRequest) -> None:
    tags = {"dagster/run_key": str(request.run_key), "dagster/partition": str(request.partition_key)}
    run = dg.DagsterRun(str(request.job_name), status=dg.DagsterRunStatus.STARTED, tags=tags)
    instance.report_run_failed(instance.add_run(run), "the campaign file is broken")
