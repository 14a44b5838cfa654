"""A campaign from raw files to a searched subset, and the expected duration of its trainings."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.benchmarks.split import split
from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.duration import Pace, pace_of, signal_seconds
from autoselection_core.campaign.solvers import size_warning, templates_of
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.commands.pruning import UnusedColumns
from autoselection_core.errors.campaign import NoPoolError, UnknownSignalError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.signals import GivenFileError
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.history.specification import SearchSpec
from autoselection_core.models.speed import LOADING_S, STARTING_S
from autoselection_core.operators.catalogue import DEFAULT_OPERATORS
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.pool.sources import Source
from autoselection_core.recipe import Recipe
from autoselection_core.search.loop import run_search
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.advice.endpoint import Endpoint
from autoselection_core.solver.advice.exchange import Silent
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.solver.candidates.warmup import best_quarters, is_plain, plain_filters
from autoselection_core.solver.policy import LATEST, Policy
from autoselection_core.solver.programs.limits import MAX_PASSES, UNTRAINABLE, read_tokens, trainable_rows
from autoselection_core.store.atomic import UNFINISHED
from autoselection_core.store.home import Home
from autoselection_core.subset import realise
from autoselection_core.testing.tiny_model import tiny_model
from tests.history.acts import begin, reserve


def write_raw(file: Path, count: int = 40) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    records = [
        {
            "instruction": f"Add {number} and {number % 7}.",
            "output": " ".join(["so"] * (number % 5 + 1) + [str(number)]),
            "rm_score": number / 2,
        }
        for number in range(count)
    ]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_raw(tmp_path / "raw" / "sums.jsonl")
    campaign = Campaign(
        "try",
        (Source(str(tmp_path / "raw" / "*")),),
        signals={"word_entropy": {}, "exact": {}},
        closed_form=ClosedForm({"word_entropy": 1.0}, noise=0.01),
    )
    return Workspace(campaign, Home(tmp_path / "home"))


def scored(workspace: Workspace) -> str:
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    return pool.version


def test_a_campaign_goes_from_raw_files_to_a_searched_subset(workspace: Workspace) -> None:
    version = scored(workspace)
    spec = workspace.spec(version, budget=4, seed=3, policy="random")
    search = workspace.ledger.register(spec)

    history = run_search(workspace.ledger, search, workspace.solver(spec), workspace.evaluator(version))

    assert (history.seed, history.budget, len(history.observations)) == (3, 4, 4)
    assert workspace.ledger.search(search).spec.signal_versions == workspace.signal_versions


def test_a_search_keeps_its_adviser_when_the_campaign_no_longer_declares_one(workspace: Workspace) -> None:
    version = scored(workspace)
    declared = AdviserSettings("http://127.0.0.1:9/v1", "tiny", roles=("summariser",))
    advised = replace(workspace, campaign=replace(workspace.campaign, adviser=declared))
    spec = advised.spec(version, budget=4, policy="published")

    with_place, without = advised.solver(spec).adviser, workspace.solver(spec).adviser

    assert spec.identity != workspace.spec(version, budget=4, policy="published").identity
    assert advised.spec(version, policy="random").adviser == {}
    assert with_place is not None
    assert with_place.answers == Endpoint("http://127.0.0.1:9/v1", 60.0)
    assert without is not None
    assert without.answers == Silent("the campaign declares no `adviser` any more")
    assert without.settings.roles == ("summariser",)


def test_the_latest_pool_is_known_to_be_of_the_files_as_they_are(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert not workspace.is_ingested()
    version = scored(workspace)
    assert workspace.is_ingested()
    assert workspace.pool().version == version

    write_raw(tmp_path / "raw" / "sums.jsonl", count=41)

    assert not workspace.is_ingested()
    assert workspace.pool().version == version


def test_columns_of_a_pool_that_nothing_uses_may_go_and_are_made_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    versions = []
    for count in (40, 41, 42):
        write_raw(tmp_path / "raw" / "sums.jsonl", count=count)
        versions.append(scored(workspace))
    workspace.ledger.register(workspace.spec(versions[0], budget=4, policy="random"))
    home, used = workspace.home, {each.spec.pool_version for each in workspace.ledger.searches()}
    killed = home.columns / f".pruned.0a1b{UNFINISHED}"
    killed.mkdir()

    found = UnusedColumns.of(home, used, time.time() + 60)

    assert [folder.name for folder in found.folders] == [versions[1]]
    assert (found.kept, found.freed_bytes > 0) == (2, True)
    assert not UnusedColumns.of(home, used, time.time() - 3600).folders
    found.remove()
    assert {each.name for each in home.columns.iterdir()} == {versions[0], versions[2]}
    pool = workspace.pools.open(versions[1])
    assert all(workspace.score(name, pool).rows == 41 for name in workspace.signal_names)
    assert len(workspace.signals(versions[1])) == 41


def test_a_score_file_with_a_row_too_many_is_refused_though_records_are_quarantined(
    workspace: Workspace, tmp_path: Path
) -> None:
    raw = tmp_path / "raw" / "sums.jsonl"
    raw.write_text(raw.read_text() + "{}\n")
    (tmp_path / "s.csv").write_text("quality\n" + "0.5\n" * 42)
    signals = {"column:quality": {"column": "quality", "file": str(tmp_path / "s.csv"), "key": "row"}}
    brought = replace(workspace, campaign=replace(workspace.campaign, signals=signals))
    pool = brought.ingest().pool

    with pytest.raises(GivenFileError, match="has 42 rows, but the pool's file has 41 records"):
        brought.score("quality", pool)

    (tmp_path / "s.csv").write_text("quality\n" + "0.5\n" * 41)
    assert replace(brought).score("quality", pool).finite_share == {"quality": 1.0}


def test_an_empty_home_says_what_to_run(workspace: Workspace) -> None:
    with pytest.raises(NoPoolError, match="autoselection ingest --campaign try"):
        workspace.pool()


def test_an_unknown_signal_is_refused(workspace: Workspace) -> None:
    pool = workspace.ingest().pool

    with pytest.raises(UnknownSignalError, match="Did you mean 'word_entropy'"):
        workspace.score("word_entrpy", pool)


@pytest.mark.parametrize(
    "change",
    [
        lambda campaign: replace(campaign, operators=("keep_top",)),
        lambda campaign: replace(campaign, policy={"warmup": 1}),
        lambda campaign: replace(campaign, closed_form=ClosedForm({"word_entropy": 2.0})),
        lambda campaign: replace(campaign, signals={"word_entropy": {}}),
    ],
)
def test_another_setting_of_the_campaign_is_another_search(
    workspace: Workspace, change: Callable[[Campaign], Campaign]
) -> None:
    version = scored(workspace)
    other = Workspace(change(workspace.campaign), workspace.home)
    for name in other.signal_names:
        other.score(name, workspace.pool())

    assert other.spec(version).identity != workspace.spec(version).identity


def test_operators_that_a_campaign_leaves_out_are_never_proposed(workspace: Workspace) -> None:
    narrow = Workspace(replace(workspace.campaign, operators=("keep_random",)), workspace.home)
    version = scored(workspace)

    solver = narrow.solver(narrow.spec(version))

    assert {template.operator.name for template in solver.templates} == {"keep_random"}


def pay(workspace: Workspace, seconds: float) -> str:
    """Pay for one evaluation; returns the fingerprint of what scored it."""
    name, ledger = f"search-{seconds:g}", workspace.ledger
    spec = workspace.spec(scored(workspace), budget=1)
    ledger.register(spec, name)
    reservation = reserve(ledger, name)
    measurement = replace(begin(ledger, reservation), seconds=seconds)
    ledger.commit(reservation, measurement)
    return spec.evaluator


def test_evaluations_by_the_same_evaluator_say_how_long_one_takes(workspace: Workspace) -> None:
    fingerprint, *_ = [pay(workspace, seconds) for seconds in (10.0, 20.0, 90.0)]

    pace = pace_of(workspace, fingerprint, {})

    source = "the median of the latest 3 evaluations of this kind in the home folder"
    assert pace == Pace(20.0, source, "evaluation")
    assert pace_of(workspace, "another", {}).seconds is None


def test_a_probe_of_the_base_model_says_it_where_nothing_was_measured(
    workspace: Workspace, tmp_path: Path
) -> None:
    campaign = replace(workspace.campaign, closed_form=None, base_model=str(tiny_model(tmp_path / "model")))
    trained = replace(workspace, campaign=campaign)

    short, long = (pace_of(trained, None, {"amount": amount}).seconds for amount in (1_000, 9_000))

    assert short is not None
    assert long is not None
    assert short > STARTING_S, "choosing, loading and writing take time, too"
    assert long - STARTING_S == pytest.approx(9 * (short - STARTING_S))
    assert pace_of(trained, None, {"preset": "lora"}).seconds is None


def test_scoring_by_the_base_model_takes_as_long_as_its_passes_over_the_pool(
    workspace: Workspace, tmp_path: Path
) -> None:
    pool, model = workspace.ingest().pool, str(tiny_model(tmp_path / "model"))

    found = signal_seconds(["model_scores", "rds", "word_entropy"], pool, model)

    assert set(found) == {"model_scores", "rds"}
    assert found["model_scores"] == pytest.approx(2 * found["rds"])
    assert found["rds"] > 0


def test_the_sentence_counts_what_is_left_and_what_is_found() -> None:
    pace = Pace(1_800.0, "a guess")

    assert pace.sentence(3) == "3 trainings are left at most; about 30 min each, 1.5 h in all (a guess)."
    assert "3 trainings are left at most, beside 2 that are found finished;" in pace.sentence(3, 2)


def test_an_estimate_has_money_where_the_campaign_names_a_price(workspace: Workspace) -> None:
    """Reports showed money, and the forecast before the first training did not."""
    priced = replace(workspace, campaign=replace(workspace.campaign, price_per_hour=2.5))

    assert pace_of(priced, None, {}).price_per_hour == 2.5
    pace = Pace(1_800.0, "a guess", price_per_hour=2.5)
    assert pace.sentence(3).endswith("about 30 min each, 1.5 h in all, 3.75 at 2.5 an hour (a guess).")


def test_an_estimate_holds_the_test_items_of_the_report_and_says_minutes() -> None:
    pace = Pace(27.0, "a guess", test_s=18.0)

    assert pace.sentence(14, models=10) == (
        "14 trainings are left at most; about 27 s each, test items of 10 models in the report about 18 s "
        "each, 9.3 min in all (a guess)."
    )


def test_the_test_items_of_a_model_take_as_long_as_their_tokens_by_the_probe(tmp_path: Path) -> None:
    workspace = write_trained(tmp_path)
    more = tmp_path / "sums/benchmark.yaml"
    seconds = []
    for dev_share in (0.5, 0.1):
        more.write_text(f"items: items.jsonl\ndev_share: {dev_share}\n")
        paced = replace(workspace, campaign=workspace.campaign)
        seconds.append((len(split(paced.benchmarks[0]).test), pace_of(paced, None, {}).test_s))

    (few, short), (many, long) = seconds

    assert few < many
    assert short > LOADING_S, "a model is read back before its items are scored"
    assert (long - LOADING_S) / (short - LOADING_S) == pytest.approx(many / few, rel=0.1)


def test_no_step_over_a_signal_of_one_value_is_offered_from_version_3_on() -> None:
    """Ranked by one value, rows are chosen by their number; earlier versions decide as they did."""
    columns = {
        "varied": np.array([1, 2, 3], np.float32),
        "same": np.ones(3, np.float32),
        "unknown": np.full(3, np.nan, np.float32),
        "partly": np.array([1, np.nan, 1], np.float32),
    }
    table = SignalTable("pool", np.arange(3, dtype=np.uint64), columns)

    offered = {
        version: {
            dict(each.fixed)["signal"] for each in templates_of(table, [KeepTop], Policy(version=version))
        }
        for version in (1, 3)
    }

    assert offered == {1: set(columns), 3: {"varied", "partly"}}


def test_a_signal_that_is_mostly_one_value_is_cut_beside_it_from_version_5_on() -> None:
    """Ranked, its rows were chosen by their number: a quarter by a flag of 6 % is mostly the file's order."""
    rows = 100
    columns = {
        "flag": np.array([1] * 6 + [0] * 94, np.float32),
        "stars": np.array([1] * 10 + [3] * 60 + [5] * 20 + [np.nan] * 10, np.float32),
        "half": np.array([0, 1] * 50, np.float32),
        "loss": np.arange(rows, dtype=np.float32),
    }
    table = SignalTable("pool", np.arange(rows, dtype=np.uint64), columns)
    offered = {
        version: templates_of(table, DEFAULT_OPERATORS, Policy(version=version)) for version in (4, LATEST)
    }
    ranked = {
        version: {dict(each.fixed)["signal"] for each in found if each.operator is KeepTop}
        for version, found in offered.items()
    }
    cuts = [each.sample(np.random.default_rng(0)) for each in offered[LATEST] if each.operator is KeepBand]
    kept = {cut.full_label: int(cut(np.arange(rows), table).size) for cut in cuts}

    assert ranked == {4: set(columns), LATEST: {"half", "loss"}}
    assert kept == {
        "keep_band[flag,low=1]": 6,
        "keep_band[flag,high=0]": 94,
        "keep_band[stars,low=5]": 20,
        "keep_band[stars,low=3]": 80,
        "keep_band[stars,high=3]": 70,
        "keep_band[stars,high=1]": 10,
    }
    assert all(each.operator is not KeepBand for each in offered[4])
    only = templates_of(table, [KeepTop], Policy())
    assert {dict(each.fixed)["signal"] for each in only} == set(columns), "a search without keep_band ranks"


@pytest.mark.parametrize(("end", "kept"), [("highest", "low"), ("lowest", "high"), ("either", "low")])
def test_a_score_of_ones_own_that_is_mostly_one_value_is_tried_by_its_better_side(
    end: str, kept: str
) -> None:
    """A score that is cut in place of ranked is still the first plain filter of a search."""
    columns = {"checked": np.array([1] * 30 + [0] * 70, np.float32)}
    table = SignalTable("pool", np.arange(100, dtype=np.uint64), columns)
    scores = (("checked", end),)
    filters = plain_filters(templates_of(table, DEFAULT_OPERATORS, Policy()), 0, scores)

    (first,) = best_quarters(filters, scores)

    assert getattr(first.steps[0], kept) is not None
    assert is_plain(first, scores)
    assert not is_plain(first)


def test_a_new_search_pins_the_scores_of_its_campaign_and_a_registered_one_goes_on_without(
    workspace: Workspace,
) -> None:
    """Stored searches decide as they did; version 1 tries no plain filter and is the search that it was."""
    signals = {**workspace.campaign.signals, "column:rm_score": {"column": "rm_score"}}
    campaign = replace(workspace.campaign, signals=signals, policy={"version": 2})
    workspace = replace(workspace, campaign=campaign)
    version = scored(workspace)

    made = workspace.spec(version)
    earlier = replace(made, policy_settings={"version": 2})

    assert made.policy_settings == {"version": 2, "plain_scores": {"rm_score": "either"}}
    assert workspace.current_spec(earlier).policy_settings == {"version": 2}
    assert workspace.current_spec(made) == made
    assert workspace.spec(version, policy="random").policy_settings == {"version": 2}
    assert workspace.spec(version, policy_settings={"version": 1}).policy_settings == {"version": 1}
    assert workspace.solver(made).policy.plain_scores == (("rm_score", "either"),)
    with pytest.raises(SettingError, match="rm_score"):
        workspace.spec(version, policy_settings={"plain_scores": {"rm_scor": "highest"}})


def test_asking_again_finds_the_search_of_a_release_with_another_default(workspace: Workspace) -> None:
    """A later version of the policy renames nothing that was asked for, and pays for no longer report."""
    version = scored(workspace)
    new = workspace.requested_spec(version)
    earlier = replace(new, policy_settings={}, report_evaluations=6)

    name = workspace.ledger.register(earlier)

    assert new.policy_settings == {"version": Policy.version}
    assert new.usual_name != name
    assert workspace.requested_spec(version) == earlier == workspace.known_spec(name)
    assert workspace.solver(earlier).policy.version == 1
    assert workspace.requested_spec(version, report_evaluations=7) == replace(earlier, report_evaluations=7)
    assert workspace.requested_spec(version, policy_settings={"version": Policy.version}) == new
    assert workspace.requested_spec(version, seed=1).policy_settings == new.policy_settings


@pytest.mark.parametrize(("said", "budget"), [("", 6), ("    search: {report_evaluations: 8}\n", 8)])
def test_only_a_campaign_that_states_the_usual_report_budget_raises_that_of_an_earlier_search(
    tmp_path: Path, said: str, budget: int
) -> None:
    write_raw(tmp_path / "raw" / "sums.jsonl")
    file = tmp_path / "autoselection.yaml"
    file.write_text(
        "campaigns:\n  try:\n    pool: [{path: raw/*}]\n    signals: [word_entropy]\n"
        f"    closed_form: {{weights: {{word_entropy: 1.0}}}}\n{said}"
    )
    workspace = Workspace(load_campaigns(file)["try"], Home(tmp_path / "home"))
    asked = workspace.spec(scored(workspace))
    name = workspace.ledger.register(replace(asked, report_evaluations=6))

    known = workspace.known_spec(name)

    assert asked.report_evaluations == SearchSettings.report_evaluations == 8
    assert known is not None
    assert known.report_evaluations == budget
    assert workspace.known_spec("another") is None


TRAINED = """\
campaigns:
  real:
    pool: [{path: raw/mixed.jsonl}]
    base_model: model
    benchmarks: {sums: {path: sums}}
    signals: [tokens, word_entropy]
    training: {preset: cpu-lora, amount: 600, max_tokens: 64, batch: 200, pack_tokens: 256}
    policy: {fresh: 40, edits: 40, draws: 2}
"""


def test_a_subset_that_a_training_reads_more_than_twice_is_warned_of() -> None:
    """Of samples that are longer than a training's limit it reads 64 tokens each."""
    counted = {"tokens": np.full(400, 100, np.float32), "response_tokens": np.full(400, 50, np.float32)}
    signals = SignalTable("pool", np.arange(400, dtype=np.uint64), counted)
    campaign = Campaign(
        "real",
        (),
        base_model="model",
        training={"preset": "cpu-lora", "amount": 20_000, "max_tokens": 64},
    )

    def said(count: int) -> str:
        subset = realise(Recipe((KeepRandom(count=count),)), signals)
        return size_warning(campaign, SearchSpec(campaign="real"), subset, signals)

    assert said(16).startswith("16 samples, read 20 times: ")
    assert said(16).endswith("tries no subset below a tenth of the pool")
    assert said(120).startswith("120 samples, read 2.6 times: ")
    assert "min_share" not in said(120), "the advice would have left it in"
    assert (said(200), said(400)) == ("", "")


def write_trained(folder: Path) -> Workspace:
    """A campaign with trainings; the prompts of half of its samples leave no room for an answer."""
    prompts = ("Add {0} and 3.", "Read this: " + "word " * 200 + "Then add {0} and 3.")
    records = [
        {"prompt": prompts[number % 2].format(number), "response": f"{number} and 3 are {number + 3}."}
        for number in range(60)
    ]
    for name in ("raw", "sums"):
        (folder / name).mkdir()
    (folder / "raw/mixed.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    items = [{"question": f"Add {number} and 7.", "answer": str(number + 7)} for number in range(60, 90)]
    (folder / "sums/items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (folder / "sums/benchmark.yaml").write_text("items: items.jsonl\n")
    tiny_model(folder / "model")
    (folder / "autoselection.yaml").write_text(TRAINED)
    home = Home(folder / "home")
    return Workspace(load_campaigns(folder / "autoselection.yaml", home)["real"], home)


@pytest.mark.e2e
def test_a_search_with_trainings_proposes_only_what_they_can_learn_from(tmp_path: Path) -> None:
    workspace = write_trained(tmp_path)
    version = scored(workspace)
    spec = workspace.spec(version, budget=6)
    solver, judge = workspace.solver(spec), workspace.evaluator(version, spec)
    search = workspace.ledger.register(spec)

    history = run_search(workspace.ledger, search, solver, judge)

    assert (len(history.observations), history.failures) == (6, ())
    answered = trainable_rows(solver.signals, 64)
    assert answered.mean() == 0.5
    read = read_tokens(solver.signals, 64)
    for one in history.observations:
        rows = realise(one.recipe, solver.signals).rows
        assert answered[rows].any()
        assert MAX_PASSES * read[rows].sum() >= min(600, MAX_PASSES * 0.05 * read.sum())
    left_out = [one.proposal["screened"] for one in history.observations]
    assert any(isinstance(reasons, dict) and reasons.get(UNTRAINABLE) for reasons in left_out)
