"""One evaluation that a person asks for, and a whole search in one run."""

import shutil
from dataclasses import dataclass, field

import dagster as dg
import pytest
from typing_extensions import override

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import TrialKind, TrialRecord, TrialState
from autoselection_core.report.facts import SearchFacts
from autoselection_core.search.loop import run_search
from autoselection_core.solver.policy import LATEST
from autoselection_core.store.home import Home
from autoselection_dagster.assets.recorded_trials import TrialValues, page_facts
from autoselection_dagster.jobs.search_config import choice
from autoselection_dagster.names import Names
from autoselection_dagster.place import Partitions, Place
from autoselection_dagster.values.metadata.trial_facts import TRIAL_ASSETS
from tests.dagster.installations import Driver, cell

STUDY = """\
name: {name}
campaign:
  pool: [{{path: "raw/*"}}]
  signals: [word_entropy]
  operators: [keep_top]
  closed_form: {{weights: {{word_entropy: 1.0}}}}
budget: 12
seeds: [0, 1]
recipes:
  top: [keep_top: {{signal: word_entropy, fraction: 0.2}}]
"""


def declare(driver: Driver, name: str) -> None:
    folder = driver.installation.campaigns.parent / "studies" / "toy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(driver.installation.campaigns.parent / "raw", folder / "raw")
    (folder / "study.yaml").write_text(STUDY.format(name=name))


def run(driver: Driver, study: str) -> None:
    driver.run("run_study", run_config={"ops": {"study": {"config": {"study": study}}}})


def test_a_study_runs_to_its_report_and_the_sensor_leaves_it_alone(driver: Driver) -> None:
    declare(driver, "toy")
    run(driver, "toy")

    assert list(driver.installation.home.rglob("*.html"))
    driver.work(1)
    assert driver.asked == []


def test_the_launchpad_of_a_study_is_filled_with_the_only_one(driver: Driver) -> None:
    declare(driver, "toy")

    again = Driver(driver.installation, driver.instance)
    (op,) = again.definitions.resolve_job_def("run_study").nodes
    schema = op.definition.config_schema
    assert schema is not None
    shape = schema.config_type
    assert isinstance(shape, dg.Shape)
    field = dict(shape.fields)["study"]

    assert (field.is_required, field.default_value) == (False, "toy")
    assert "toy" in str(field.description)


@pytest.mark.parametrize(("study", "name"), [("../toy", "toy"), ("toy", "demo"), ("tov", "toy")])
def test_a_path_an_unknown_name_or_the_name_of_a_campaign_is_refused(
    driver: Driver, study: str, name: str
) -> None:
    declare(driver, name)

    with pytest.raises(dg.Failure, match="study is"):
        run(driver, study)


RECIPE = """
seed: 3
process:
- keep_top: {signal: word_entropy, fraction: 0.5}
"""


def evaluate(driver: Driver, **config: object) -> dg.ExecuteInProcessResult:
    return driver.run("evaluate_recipe", run_config={"ops": {"evaluate": {"config": config}}})


def leave_out(driver: Driver, search: str, step: int) -> dg.ExecuteInProcessResult:
    config = {"search": search, "step": step}
    return driver.run("verify_step", run_config={"ops": {"verify": {"config": config}}})


def test_a_pasted_recipe_is_a_search_of_its_own_with_a_budget_of_one(driver: Driver) -> None:
    driver.prepare()

    evaluate(driver, recipe=RECIPE, name="mine")
    driver.work()

    (observation,) = driver.ledger.history("mine").observations
    assert observation.recipe.label == "keep_top[word_entropy]"
    assert driver.ledger.search("mine").spent == 1
    assert driver.metadata("evaluation", "mine|001")["utility"] == pytest.approx(
        observation.utility, rel=1e-3
    )
    assert driver.metadata("recipe", "mine|001")["origin"] == "given"


def test_a_pasted_recipe_can_be_the_next_trial_of_a_search(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=2, report_evaluations=0)

    evaluate(driver, recipe=RECIPE, search="s", pays="budget")
    driver.work()

    history = driver.ledger.history("s")
    assert [entry.proposal["origin"] for entry in history.observations] == ["given", "full_pool"]
    assert driver.ledger.search("s").spent == 2


def test_a_pasted_recipe_beside_a_search_leaves_its_history_alone(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=1, report_evaluations=1)

    evaluate(driver, recipe=RECIPE, search="s")
    driver.work()

    done = [arm for arm in driver.ledger.trials("s", TrialKind.REPORT) if arm.state is TrialState.DONE]
    assert (done[0].arm, done[0].cost) == ("requested", 1)
    assert [entry.trial for entry in driver.ledger.history("s").observations] == [1]
    assert driver.metadata("evaluation", "s|report-01")["arm"] == "requested"
    report = driver.metadata("search_report", "s")
    (row,) = [each for each in report["arms"] if "statedrecipekeep_top" in cell(each, "arm").replace(" ", "")]
    assert float(cell(row, "test score"))


def test_an_evaluation_that_no_budget_covers_names_the_field(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="s", budget=1, report_evaluations=0)

    with pytest.raises(dg.Failure, match="report_evaluations"):
        evaluate(driver, recipe=RECIPE, search="s")


def test_a_mistyped_recipe_is_refused_before_anything_is_paid_for(driver: Driver) -> None:
    driver.prepare()

    with pytest.raises(dg.Failure, match="keep_topp"):
        evaluate(driver, recipe=RECIPE.replace("keep_top", "keep_topp"), name="mine")
    assert driver.ledger.searches() == ()


def test_a_step_of_a_winner_can_be_left_out_for_one_evaluation(driver: Driver) -> None:
    driver.prepare()
    evaluate(driver, recipe=RECIPE, name="mine", report_evaluations=1)

    driver.work(1)
    with pytest.raises(dg.Failure, match="step"):
        leave_out(driver, "mine", 2)
    with pytest.raises(dg.Failure, match="raise report_evaluations first"):
        leave_out(driver, "mine", 1)
    driver.adjust("raise_budget", "budget", search="mine", report_evaluations=2)
    leave_out(driver, "mine", 1)
    driver.work()

    ablations = [arm for arm in driver.ledger.trials("mine", TrialKind.REPORT) if arm.arm == "ablation"]
    assert [(arm.state, arm.recipe.label if arm.recipe else "") for arm in ablations] == [
        (TrialState.DONE, "full pool")
    ]


def test_a_whole_search_in_one_run_has_the_history_and_lineage_of_a_run_for_each_trial(
    driver: Driver,
) -> None:
    driver.prepare()
    driver.start(name="one", budget=3, report_evaluations=0, in_one_run=True)
    # Its evaluations cost nothing the second time, so it goes on after the third trial.
    driver.start(name="again", budget=3, report_evaluations=0)
    driver.work()

    one, again = driver.ledger.history("one"), driver.ledger.history("again")
    assert [(entry.recipe, entry.subset, entry.utility) for entry in one.observations] == [
        (entry.recipe, entry.subset, entry.utility) for entry in again.observations[:3]
    ]
    assert one.spent == 3
    assert [entry.cost for entry in again.observations[:3]] == [0, 0, 0]
    for asset in ("recipe", "subset", "subset_state", "fine_tuned_model", "evaluation"):
        shown = driver.instance.get_materialized_partitions(dg.AssetKey(["demo", asset]))
        assert {f"one|{number:03d}" for number in (1, 2, 3)} <= shown
    leads_on(driver, "one|002")
    made_again = driver.run(
        "demo_trial", partition_key=dg.MultiPartitionKey({"search": "one", "trial": "002"})
    )
    assert made_again.success
    leads_on(driver, "one|002")


def leads_on(driver: Driver, partition: str) -> None:
    """The pages of a trial lead to each other, to rows of its subset, and to items won and lost."""
    pages = {name: driver.metadata(name, partition) for name in TRIAL_ASSETS}
    search, shown = partition.partition("|")[0], partition.replace("|", "%7C")
    for told in pages.values():
        for name in TRIAL_ASSETS:
            assert f"(/assets/demo/{name}?view=partitions&partition={shown})" in told["made_of"]
        assert f"(/assets/demo/search_report?view=partitions&partition={search})" in told["made_of"]
    assert f"search%3A%20%22{search}%22" in pages["subset"]["explain_rows"]
    assert "against trial 1" in pages["evaluation"]["won and lost against full pool"]


def test_trials_that_a_terminal_measured_are_pages_of_dagster_with_values_that_its_steps_read(
    driver: Driver,
) -> None:
    driver.prepare()
    installation = driver.installation
    home = Home(installation.home)
    (campaign,) = load_campaigns(installation.campaigns, home).values()
    workspace = installed_workspace(campaign, home)
    spec = workspace.spec(workspace.pool().version, budget=2, report_evaluations=1)
    workspace.ledger.register(spec, "typed")
    run_search(
        workspace.ledger, "typed", workspace.solver(spec), workspace.evaluator(spec.pool_version, spec)
    )

    driver.work()

    for asset in ("recipe", "subset", "subset_state", "fine_tuned_model", "evaluation"):
        shown = driver.instance.get_materialized_partitions(dg.AssetKey(["demo", asset]))
        assert {"typed|001", "typed|002"} <= shown
    told = driver.metadata("evaluation", "typed|002")
    assert told["made_by"].startswith("no run of Dagster")
    leads_on(driver, "typed|002")
    assert "run" not in driver.metadata("best_subset", "typed"), "a link to no run leads nowhere"
    again = driver.run("demo_trial", partition_key=dg.MultiPartitionKey({"search": "typed", "trial": "002"}))
    assert again.success
    known = len(driver.instance.fetch_materializations(dg.AssetKey(["demo", "recipe"]), limit=100).records)
    driver.run("demo_report", partition_key="typed")
    after = driver.instance.fetch_materializations(dg.AssetKey(["demo", "recipe"]), limit=100).records
    assert len(after) == known, "what has a page is not entered again"


@dataclass(frozen=True)
class Counted(Ledger):
    """A ledger that counts how often the trials of a search are read."""

    read: list[str] = field(default_factory=list)

    @override
    def trials(self, search: str, kind: TrialKind = TrialKind.SEARCH) -> tuple[TrialRecord, ...]:
        self.read.append(search)
        return super().trials(search, kind)


def test_the_pages_of_a_trial_read_the_trials_of_its_search_once(driver: Driver) -> None:
    driver.prepare()
    driver.start(name="one", budget=2, report_evaluations=0, in_one_run=True)
    home = Home(driver.installation.home)
    place = Place(_campaign(driver), Names("demo"), Partitions.of("demo"))
    facts = SearchFacts.of(place.workspace(home), "one")
    trial = facts.trials[-1]
    made = EvaluationFolder(home.evaluation(str(trial.evaluation))).read_result()
    values = TrialValues.keep(place, home, facts.signals, trial, made)
    counted = Counted(facts.workspace.ledger.database)
    vars(facts.workspace)["ledger"] = counted

    told = page_facts(place, facts, values, {}, home=None)

    assert set(told) == set(TRIAL_ASSETS)
    assert counted.read == ["one"]


def _campaign(driver: Driver) -> Campaign:
    (campaign,) = load_campaigns(driver.installation.campaigns, Home(driver.installation.home)).values()
    return campaign


def test_the_fields_of_the_launchpad_reach_the_search(driver: Driver) -> None:
    driver.prepare()
    limits = {"min_share": 0.3, "max_tokens": 500, "floors": {"closed_form": -9.0}}
    driver.start(name="s", operators=["keep_top"], constraints=limits, policy_settings={"full_pool": 0})

    spec = driver.ledger.search("s").spec
    assert (spec.operators, spec.policy_settings) == (
        ("keep_top",),
        {"version": LATEST, **limits, "full_pool": 0},
    )


def test_a_benchmark_where_the_campaign_has_none_names_the_field(driver: Driver) -> None:
    driver.prepare()

    with pytest.raises(dg.Failure, match="benchmarks is 'nothing', but must be empty: the campaign has none"):
        driver.start(benchmarks=["nothing"])


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ({"campaign": "nothing"}, "campaign (one of demo)"),
        ({"policy": "nothing"}, "random"),
        ({"metric": "nothing"}, "log_likelihood"),
        ({"training": "nothing"}, "preset (one of"),
        ({"operators": ["keep_top", "nothing"]}, "operator (one of keep_top, keep_band"),
    ],
)
def test_an_unknown_choice_is_refused_with_the_known_ones(
    driver: Driver, asked: dict[str, object], known: str
) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError) as refused:
        driver.start(**asked)

    assert known in str(refused.value)
    assert "one of" in str(refused.value)


def test_a_recipe_for_an_unknown_campaign_is_refused_with_the_known_ones(driver: Driver) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match=r"campaign \(one of demo\)"):
        evaluate(driver, recipe=RECIPE, campaign="nothing")


@pytest.mark.parametrize("name", ["mro", "_x_"])
def test_a_name_that_dagster_cannot_list_is_free_text(name: str) -> None:
    assert choice("benchmark", ["arc", name]) is str
    assert [*choice("benchmark", ["arc", "a-b"])] == ["arc", "a-b"]
