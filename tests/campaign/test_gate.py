"""Samples that hold a benchmark's question leave the pool once, before every arm."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.campaign import Campaign, ClosedForm, DeclaredBenchmark
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.signals import NothingLeftError
from autoselection_core.history.records import TrialKind
from autoselection_core.pool.sources import Source
from autoselection_core.search.loop import run_search
from autoselection_core.search.report_evaluations import report_arms
from autoselection_core.signals.contamination.contamination import Match
from autoselection_core.store.home import Home

QUESTIONS = [
    f"A baker sells {n} loaves on Monday and {n + 1} on Tuesday; how many loaves are sold in all?"
    for n in range(20, 32)
]
TARGETS = ["Which river is the longest of all the rivers that flow through the county of Kent?"]
EXACT, SPELLED, TARGET = QUESTIONS[0], QUESTIONS[1].upper(), TARGETS[0]


def write_lines(file: Path, records: Sequence[dict[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


def write_pool(file: Path, questions: Sequence[str], plain: int = 30) -> None:
    asked = [{"instruction": question, "output": "An answer."} for question in questions]
    others = [{"instruction": f"Say {n}.", "output": " ".join(["so"] * (n % 5 + 1))} for n in range(plain)]
    write_lines(file, [*asked, *others])


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "pool.jsonl"


@pytest.fixture
def workspace(tmp_path: Path, raw: Path) -> Workspace:
    folder = tmp_path / "bakery"
    write_lines(folder / "items.jsonl", [{"question": each, "answer": "41"} for each in QUESTIONS])
    write_lines(folder / "targets.jsonl", [{"question": each, "answer": "The Medway"} for each in TARGETS])
    (folder / "benchmark.yaml").write_text("items: items.jsonl\ntargets: targets.jsonl\n")
    campaign = Campaign(
        "gated",
        (Source(str(raw)),),
        benchmarks=(DeclaredBenchmark("bakery", folder),),
        signals={"word_entropy": {}},
        operators=("keep_random", "keep_top"),
        closed_form=ClosedForm({"word_entropy": 1.0}),
    )
    return Workspace(campaign, Home(tmp_path / "home"))


def test_a_contaminated_pool_loses_the_rows_and_says_how_they_matched(
    workspace: Workspace, raw: Path
) -> None:
    write_pool(raw, [EXACT, SPELLED, TARGET])

    prepared = workspace.ingest()

    assert (prepared.ingestion.samples, len(prepared.pool), prepared.gated.samples_cut) == (33, 31, 2)
    assert prepared.gated.counts == {"bakery": {Match.EXACT: 1, Match.NORMALISED: 1, Match.RUNS: 0}}
    texts = "\n".join(workspace.pool().texts())
    assert "baker" not in texts.lower()
    assert TARGET in texts  # targets are there to be trained on


def test_the_same_questions_under_two_names_are_looked_for_under_both(
    workspace: Workspace, raw: Path
) -> None:
    """One task, scored by likelihood and by accuracy, is two benchmarks of equal items."""
    write_pool(raw, [EXACT])
    (place,) = workspace.campaign.benchmarks
    both = replace(workspace.campaign, benchmarks=(place, replace(place, name="bakery_accuracy")))

    prepared = Workspace(both, workspace.home).ingest()

    assert prepared.gated.samples_cut == 1
    assert {name: sum(found.values()) for name, found in prepared.gated.counts.items()} == {
        "bakery": 1,
        "bakery_accuracy": 1,
    }


def test_every_arm_draws_from_the_cut_pool(workspace: Workspace, raw: Path) -> None:
    write_pool(raw, [EXACT, SPELLED])
    prepared = workspace.ingest()
    workspace.score("word_entropy", prepared.pool)
    spec = workspace.spec(prepared.pool.version, budget=3, policy="random", report_evaluations=4)
    search = workspace.ledger.register(spec)
    solver, evaluator = workspace.solver(spec), workspace.evaluator(prepared.pool.version)

    run_search(workspace.ledger, search, solver, evaluator)
    report_arms(workspace.ledger, search, solver, evaluator)

    trials = [*workspace.ledger.trials(search), *workspace.ledger.trials(search, TrialKind.REPORT)]
    assert {"full_pool", "random", "winner"} <= {trial.arm for trial in trials}
    assert spec.pool_version == prepared.pool.version != prepared.gated.came_from
    assert len(solver.signals) == 30


def test_an_uncontaminated_pool_keeps_its_version(workspace: Workspace, raw: Path) -> None:
    write_pool(raw, [TARGET])

    prepared = workspace.ingest()

    assert prepared.pool.version == prepared.ingestion.pool.version
    assert prepared.gated.samples_cut == 0
    ungated = Workspace(replace(workspace.campaign, benchmarks=()), Home(raw.parent.parent / "other"))
    assert ungated.ingest().pool.version == prepared.pool.version


def test_what_was_cut_is_read_back_and_holds_no_text(workspace: Workspace, raw: Path) -> None:
    write_pool(raw, [EXACT])
    assert not workspace.has_pool()

    made = workspace.ingest().gated

    read = workspace.gate_result()
    assert read is not None
    assert read.to_json() == made.to_json()
    assert read.cuts == made.cuts
    assert (
        "baker sells"
        not in workspace.home.gate_file(made.pool.version, workspace.gate.fingerprint).read_text()
    )


def test_other_questions_or_another_limit_ask_for_a_new_pool(workspace: Workspace, raw: Path) -> None:
    write_pool(raw, [EXACT])
    assert not workspace.is_ingested()
    workspace.ingest()
    assert workspace.is_ingested()

    stricter = Workspace(replace(workspace.campaign, contamination_limit=0.5), workspace.home)
    assert not stricter.is_ingested()
    items = workspace.campaign.benchmarks[0].path / "items.jsonl"
    items.write_text(items.read_text() + json.dumps({"question": "Say 3.", "answer": "so so so so"}) + "\n")
    assert not Workspace(workspace.campaign, workspace.home).is_ingested()


def test_a_changed_pool_looks_only_at_new_samples(workspace: Workspace, raw: Path) -> None:
    write_pool(raw, [EXACT], plain=30)
    workspace.ingest()
    told: list[tuple[str, int, int]] = []
    write_pool(raw, [EXACT], plain=33)

    workspace.ingest(gate_progress=lambda *step: told.append(step))

    assert told[-1] == ("contamination/bakery", 3, 3)


def test_a_pool_that_is_the_benchmark_is_refused(workspace: Workspace, raw: Path) -> None:
    write_pool(raw, QUESTIONS, plain=0)

    with pytest.raises(NothingLeftError, match="each of the 12 samples"):
        workspace.ingest()


def test_a_second_campaign_over_the_same_files_leaves_the_first_ones_account_alone(
    workspace: Workspace, raw: Path
) -> None:
    write_pool(raw, [TARGET])
    version = workspace.ingest().pool.version
    other = Workspace(replace(workspace.campaign, name="other", benchmarks=()), workspace.home)

    assert other.ingest().pool.version == version

    first, second = workspace.gate_result(version), other.gate_result(version)
    assert first is not None
    assert first.benchmarks == ("bakery",)
    assert second is not None
    assert second.benchmarks == ()


def test_the_account_of_a_pool_is_found_after_the_limit_changed(workspace: Workspace, raw: Path) -> None:
    write_pool(raw, [EXACT])
    made = workspace.ingest()
    stricter = Workspace(replace(workspace.campaign, contamination_limit=0.5), workspace.home)

    read = stricter.gate_result(made.pool.version)

    assert read is not None
    assert read.cuts == made.gated.cuts


def test_an_account_that_an_earlier_release_named_by_the_pool_alone_is_read(
    workspace: Workspace, raw: Path
) -> None:
    write_pool(raw, [EXACT])
    made = workspace.ingest()
    version = made.pool.version
    note = workspace.home.gate_file(version, workspace.gate.fingerprint)
    note.rename(note.with_name(f"{version}.gate.json"))

    read = workspace.gate_result(version)

    assert read is not None
    assert read.cuts == made.gated.cuts


def test_an_account_that_looked_for_fewer_benchmarks_is_none(workspace: Workspace, raw: Path) -> None:
    write_pool(raw, [TARGET])
    other = Workspace(replace(workspace.campaign, benchmarks=()), workspace.home)

    assert workspace.gate_result(other.ingest().pool.version) is None
