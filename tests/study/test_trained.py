import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.identity import Json
from autoselection_core.score.comparison import Verdict
from autoselection_core.store.home import Home
from autoselection_core.study.loading import arms_entry, load_study
from autoselection_core.study.report.sections import write_study
from autoselection_core.study.results.comparisons import SAME_NAME, comparisons, transfer_agreement
from autoselection_core.study.results.facts import MeasuredArm, StudyFacts
from autoselection_core.study.results.states import folder_of
from autoselection_core.study.running.runner import run_study
from autoselection_core.study.study_run import StudyRun
from autoselection_core.testing.tiny_model import tiny_model
from tests.study.conftest import evaluated
from tests.study.conftest import write_study as write_file

STUDY = """\
name: equal
campaign:
  pool: [{path: "raw/*"}]
  base_model: model
  benchmarks: {sums: {path: sums}}
  signals: [tokens, word_entropy]
  training: {preset: cpu-lora, amount: 400, batch: 100, dtype: float32}
budget: 34
seeds: [0, 1]
full_pool: 1
searches: {chance: {budget: 2, policy: random}}
winner: 1
random: 2
same: {candidates: 2, share: 0.4}
held_out_benchmarks: {words: {path: words}, written: {path: written}}
transfer: {base_model: other, training: {amount: 300, batch: 100, dtype: float32}}
further_items: {items: 4, leading: 2}
"""
METRICS = {"sums": "log_likelihood", "words": "choice_accuracy", "written": "answer_accuracy"}


def study_run_in(folder: Path) -> StudyRun:
    file = write_file(folder, STUDY)
    for name, seed in (("model", 0), ("other", 1)):
        tiny_model(folder / name, seed=seed)
    sums = [{"question": f"Say {number} and 7.", "answer": f"alpha beta {number}"} for number in range(40)]
    words = [{**each, "answer": "alpha", "choices": ["alpha", "omega"]} for each in sums]
    for name, records in (("sums", sums), ("words", words), ("written", sums)):
        (folder / name).mkdir()
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / name / "items.jsonl").write_text(lines)
        said = f"metric: {METRICS[name]}\ndev_share: 0.5\ntest_items: 5\nanswer_tokens: 20\n"
        (folder / name / "benchmark.yaml").write_text(said)
    home = Home(folder / "home")
    return StudyRun(load_study(file, home), home, lambda *_: None)


@pytest.mark.e2e
def test_trained_candidates_that_are_equal_have_no_winner(tmp_path: Path) -> None:
    study_run = study_run_in(tmp_path)

    run_study(study_run)

    facts = StudyFacts(study_run.study, study_run.home)
    found = next(each for each in comparisons(facts) if each.first.startswith(SAME_NAME))
    assert found.difference.verdict is not Verdict.YES
    assert found.runs == (2, 4)
    assert {score.benchmark for each in facts.arms for score in each.held_out} == {
        "words",
        "written",
    }
    has_another_judge(facts)
    agreement = transfer_agreement(facts)
    assert agreement is not None
    assert agreement.spearman is not None
    text = write_study(study_run.study, study_run.home).markdown.read_text()
    assert "Spearman" in text
    assert "Answers that could not be read" in text
    searches_at_random(facts)
    has_further_items(facts)
    goes_on_without_weights(study_run)


def has_another_judge(facts: StudyFacts) -> None:
    """Transferred arms are of the other model and of its own training."""
    own, other = ({judge_in(facts, each) for each in arms} for arms in (facts.arms, facts.transferred))

    assert {amount for _, amount in own} == {400.0}
    assert {amount for _, amount in other} == {300.0}
    assert not {model for model, _ in own} & {model for model, _ in other}


def judge_in(facts: StudyFacts, measured: MeasuredArm) -> tuple[str, float]:
    config = EvaluationFolder(facts.home.evaluation(measured.evaluation.key)).read_json("config.json")
    return config["base_model"], config["training"]["amount"]


def searches_at_random(facts: StudyFacts) -> None:
    assert {name: history.spent for name, history in facts.histories.items()} == {
        "chance/0": 2,
        "chance/1": 2,
    }
    found = next(each for each in comparisons(facts) if each.first == "chance over 2 seeds")
    assert found.runs == (2, 4)


def has_further_items(facts: StudyFacts) -> None:
    sampled_items = facts.sampled_items
    assert sampled_items is not None
    assert len(sampled_items.arms) == 2
    assert len(sampled_items.item_ids("sums")) == 4
    for measured in facts.arms:
        runs = facts.further_runs(measured.arm)
        assert bool(runs) == (measured.arm in sampled_items.arms)
        assert all(len(score.items) == 5 + 4 for run in runs for score in run)
        opened = EvaluationFolder(facts.home.evaluation(measured.evaluation.key)).openings()
        assert sum("4 further items of sums" in each["reason"] for each in opened) == len(runs[:1])
    text = (folder_of(facts.study, facts.home) / "report.md").read_text()
    assert "Leading arms on further items" in text


def goes_on_without_weights(study_run: StudyRun) -> None:
    for folder in study_run.home.evaluations.glob("*/adapter"):
        shutil.rmtree(folder)
    made = evaluated(study_run.home)

    run_study(StudyRun(study_run.study, study_run.home, lambda *_: None))

    assert evaluated(study_run.home) == made


@pytest.mark.parametrize("training", [{}, {"plan_version": 2}])
def test_a_study_that_has_begun_keeps_the_plan_of_its_trainings(
    tmp_path: Path, training: dict[str, Json]
) -> None:
    """Its arms and later searches find what was trained; a new one trains equally many tokens."""
    new = study_run_in(tmp_path)
    pinned = {**new.study.campaign.training, **training}
    asked = new.workspace.spec(new.pool.version, budget=1, seed=0)
    new.ledger.register(replace(asked, training=pinned, fidelities={}), arms_entry(new.study))

    begun = StudyRun(new.study, new.home, new.tell)

    assert asked.training == {**new.study.campaign.training, "plan_version": 2}
    assert asked.evaluator == new.evaluator.fingerprint
    again = begun.workspace.spec(begun.pool.version, budget=2, seed=1)
    assert again.training == pinned
    assert again.evaluator == begun.evaluator.fingerprint
    assert (again.evaluator == asked.evaluator) == ("plan_version" in training)
    assert begun.other_evaluator is not None
    assert new.other_evaluator is not None
    is_same = begun.other_evaluator.fingerprint == new.other_evaluator.fingerprint
    assert is_same == ("plan_version" in training)
