"""Every field of a search, and of a request for one, changes what is chosen, judged, paid for or named."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from autoselection_core.campaign.declaration.campaign import (
    Campaign,
    DeclaredBenchmark,
    Fidelity,
)
from autoselection_core.campaign.declaration.search_request import SETTINGS, SearchRequest
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.history import BudgetSpentError
from autoselection_core.evaluation.closed_form import ClosedFormEvaluator
from autoselection_core.evaluation.evaluator import FineTuningEvaluator
from autoselection_core.evaluation.fidelity import PricedEvaluator, evaluator_at_fidelity
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import History, Observation
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.pool.sources import Source
from autoselection_core.recipe import Recipe
from autoselection_core.search.loop import run_search
from autoselection_core.search.stated_recipes import Pays, enter_recipe
from autoselection_core.solver.advice.settings import AdviserSettings
from autoselection_core.store.home import Home
from autoselection_core.subset import realise
from autoselection_core.testing.tiny_model import tiny_model
from tests.campaign.test_workspace import scored, write_raw

QUICK: Mapping[str, Any] = {"fresh": 30, "edits": 20, "draws": 2}


@dataclass(frozen=True, eq=False)
class BaseCase:
    """A campaign with a tiny model and two benchmarks, an older pool version, and a search that was made.

    Attributes:
        workspace: The campaign at work.
        spec: A search of it.
        older: The version of a smaller pool.
    """

    workspace: Workspace
    spec: SearchSpec
    older: str


@pytest.fixture(scope="module")
def base_case(tmp_path_factory: pytest.TempPathFactory) -> BaseCase:
    folder = tmp_path_factory.mktemp("base_case")
    workspace = Workspace(_campaign(folder), Home(folder / "home"))
    write_raw(folder / "raw" / "sums.jsonl", count=40)
    older = scored(workspace)
    write_raw(folder / "raw" / "sums.jsonl", count=60)
    version = scored(workspace)
    spec = workspace.spec(version, budget=2, slots=5, report_evaluations=1)
    evaluator = ClosedFormEvaluator(workspace.home, workspace.signals(version), {"word_entropy": 1.0})
    old = replace(spec, evaluator=evaluator.fingerprint, policy="random", budget=3)
    workspace.ledger.register(old, "old")
    run_search(workspace.ledger, "old", workspace.solver(old), evaluator)
    return BaseCase(workspace, spec, older)


def _campaign(folder: Path) -> Campaign:
    for name in ("sums", "words"):
        items = [{"question": f"{name} {number}?", "answer": str(number)} for number in range(20)]
        (folder / name).mkdir()
        (folder / name / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
        (folder / name / "benchmark.yaml").write_text("items: items.jsonl")
    return Campaign(
        "try",
        (Source(str(folder / "raw" / "*")),),
        base_model=str(tiny_model(folder / "model")),
        benchmarks=tuple(DeclaredBenchmark(name, folder / name) for name in ("sums", "words")),
        signals={"word_entropy": {}, "exact": {}},
        policy=QUICK,
        search=SearchSettings(budget=2),
    )


def chosen(base_case: BaseCase, spec: SearchSpec) -> object:
    """Third trial of the search, with its reasons."""
    solver = base_case.workspace.solver(spec)
    measured = []
    for trial, recipe in enumerate((Recipe(), Recipe((KeepTop("word_entropy"),))), start=1):
        name = realise(recipe, solver.signals).fingerprint
        measured.append(Observation(trial, recipe, name, 0, float(trial), {}, None, 1.0, 1))
    history = History("search", spec.seed, 20, tuple(measured))
    (candidate,) = replace(solver, policy=solver.policy.with_settings(warmup=0)).ask(history)
    advice = tuple(replace(one, seconds=0.0) for one in candidate.proposal.advice)
    return candidate.subset.fingerprint, replace(candidate.proposal, advice=advice, weighed=())


def scored_by(base_case: BaseCase, spec: SearchSpec) -> object:
    """Identity of an evaluation of the search."""
    evaluator = base_case.workspace.evaluator(spec.pool_version, spec)
    assert isinstance(evaluator, FineTuningEvaluator)
    return evaluator.fingerprint, evaluator.weights


def paid(base_case: BaseCase, spec: SearchSpec) -> object:
    """Number of trials that may start at once, and of evaluations that the report may ask for."""
    ledger = base_case.workspace.ledger
    name = f"paid-{len(ledger.searches())}"  # a new one: what was reserved before counts
    ledger.register(spec, name)
    signals, arms = base_case.workspace.solver(spec).signals, 0
    try:
        while True:
            recipe = Recipe((KeepTop("word_entropy", fraction=0.1 * (arms + 1)),))
            enter_recipe(ledger, name, recipe, signals, Pays.report_evaluations)
            arms += 1
    except BudgetSpentError:
        return len(ledger.reserve_free_slots(name)), arms


def named(_: BaseCase, spec: SearchSpec) -> object:
    """Identity of the search."""
    return spec.identity


Change = Callable[[BaseCase], object]

CASES: Mapping[str, tuple[Change, Callable[[BaseCase, SearchSpec], object]]] = {
    "campaign": (lambda _: "other", named),
    "seed": (lambda _: 1, chosen),
    "budget": (lambda _: 4, paid),
    "slots": (lambda _: 1, paid),
    "policy": (lambda _: "random", chosen),
    "metric": (lambda _: "bits_per_byte", scored_by),
    "pool_version": (lambda base_case: base_case.older, chosen),
    "signal_versions": (
        lambda base_case: {"word_entropy": base_case.spec.signal_versions["word_entropy"]},
        lambda base_case, spec: [template.label for template in base_case.workspace.solver(spec).templates],
    ),
    "evaluator": (lambda _: "other", named),
    "report_evaluations": (lambda _: 3, paid),
    "max_steps": (lambda _: 1, chosen),
    "benchmarks": (lambda _: ("sums",), scored_by),
    "weights": (lambda _: {"sums": 2.0, "words": 1.0}, scored_by),
    "operators": (lambda _: ("keep_random",), chosen),
    "policy_settings": (lambda _: {**QUICK, "fresh": 10}, chosen),
    "warm_from": (lambda _: "old", chosen),
    "warm_also": (lambda _: ("old",), chosen),
    "training": (lambda _: {"preset": "cpu-lora", "rank": 2}, scored_by),
    "adviser": (lambda _: AdviserSettings("http://127.0.0.1:9/v1", "tiny").identity, chosen),
    "fidelities": (lambda _: {"short": {"cost": 0.1, "amount": 0.1}}, chosen),
}


@pytest.mark.parametrize("name", [field.name for field in fields(SearchSpec)])
def test_every_field_of_a_search_matters(base_case: BaseCase, name: str) -> None:
    change, observe = CASES[name]

    changed = replace(base_case.spec, **{name: change(base_case)})  # type: ignore[arg-type] # fields differ in type

    assert observe(base_case, changed) != observe(base_case, base_case.spec)


@pytest.mark.parametrize("change", [{"cost": 0.4}, {"amount": 0.5}, {"items": 0.5}, {"base_model": "other"}])
def test_every_field_of_a_fidelity_matters(
    base_case: BaseCase, change: dict[str, Any], tmp_path: Path
) -> None:
    if "base_model" in change:
        change = {"base_model": str(tiny_model(tmp_path / "model", seed=1))}
    plain = Fidelity(cost=0.2, amount=0.1)

    first, second = (_priced(base_case, each) for each in (plain, replace(plain, **change)))

    assert first.cost == plain.cost
    assert (first.cost, first.evaluator.fingerprint) != (second.cost, second.evaluator.fingerprint)
    assert first.evaluator.fingerprint != base_case.spec.evaluator


def _priced(base_case: BaseCase, fidelity: Fidelity) -> PricedEvaluator:
    campaign = replace(base_case.workspace.campaign, fidelities={"short": fidelity})
    workspace = replace(base_case.workspace, campaign=campaign)
    spec = workspace.spec(base_case.spec.pool_version)
    made = evaluator_at_fidelity(workspace.evaluator(spec.pool_version, spec), "short")
    assert spec.fidelities["short"]["evaluator"] == made.evaluator.fingerprint
    return made


ASKED: Mapping[str, object] = {
    "budget": 3,
    "slots": 2,
    "seed": 1,
    "policy": "random",
    "report_evaluations": 0,
    "max_steps": 2,
    "benchmarks": ("sums",),
    "metric": "bits_per_byte",
    "training": "lora",
    "operators": ("keep_top",),
    "policy_settings": {"min_share": 0.2},
    "warm_from": "old",
    "warm_also": ("old",),
}


@pytest.mark.parametrize(
    "name", [*SETTINGS, *(each.name for each in fields(SearchRequest) if each.name != "settings")]
)
def test_everything_that_can_be_asked_of_a_search_reaches_it(base_case: BaseCase, name: str) -> None:
    plain, asked = base_case.workspace.outline(), base_case.workspace.outline(**{name: ASKED[name]})

    assert asked != plain
    assert asked.to_json() != plain.to_json()


@pytest.mark.parametrize("observe", [chosen, scored_by, paid, named])
def test_the_same_search_is_the_same_to_every_observer(
    base_case: BaseCase, observe: Callable[[BaseCase, SearchSpec], object]
) -> None:
    assert observe(base_case, base_case.spec) == observe(base_case, base_case.spec)


def test_a_new_search_trains_equally_many_tokens_and_a_registered_one_keeps_its_plan(
    base_case: BaseCase,
) -> None:
    """Evaluations of the second version have names of their own; stored ones are found under theirs."""
    version = base_case.spec.pool_version
    workspace = with_training(base_case, amount=300)
    at_first = with_training(base_case, amount=300, plan_version=1)
    earlier, new = at_first.spec(version, seed=7), workspace.requested_spec(version, seed=7)

    assert base_case.spec.training == {"plan_version": 2}
    assert (earlier.training, new.training) == ({"amount": 300}, {"amount": 300, "plan_version": 2})
    assert at_first.evaluator(version).fingerprint == earlier.evaluator != new.evaluator
    assert workspace.evaluator(version).fingerprint == new.evaluator
    unpinned = replace(earlier, training={})  # as searches have it whose campaign states no training
    assert workspace.evaluator(version, unpinned).fingerprint == earlier.evaluator

    workspace.ledger.register(earlier)
    assert workspace.requested_spec(version, seed=7) == workspace.current_spec(earlier, seed=7) == earlier
    assert workspace.evaluator(version, earlier).fingerprint == earlier.evaluator
    assert with_training(base_case, amount=300, plan_version=2).requested_spec(version, seed=7) == new
    assert with_training(base_case, preset="lora").spec(version).training == {"preset": "lora"}


def with_training(base_case: BaseCase, **training: Any) -> Workspace:
    campaign = replace(base_case.workspace.campaign, training=training)
    return replace(base_case.workspace, campaign=campaign)
