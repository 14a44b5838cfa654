"""Programs of users as evaluators: scores are read strictly, and every failure is of a known kind."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from autoselection_core.benchmarks.split import Side
from autoselection_core.errors.judge import (
    ItemCountError,
    JudgeDiedError,
    JudgeNotStartedError,
    JudgeScoreError,
    JudgeTimedOutError,
    JudgeWroteNothingError,
)
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.judge.evaluator import JudgeEvaluator, JudgeSettings
from autoselection_core.evaluation.judge.program import device
from autoselection_core.evaluation.judge.request import read_scores
from autoselection_core.score.evaluation import Cost
from autoselection_core.store.home import Home
from tests.evaluation.bench import POOL, subset

HONEST = """
import json, os, sys
subset, scores, side = sys.argv[1:4]
rows = [json.loads(line) for line in open(subset)]
with open(scores, "w") as file:
    for item in range(4):
        value = len(rows) / 100 + item + (side == "test")
        file.write(json.dumps({"benchmark": "sums", "item": f"q{item}", "value": value}) + "\\n")
open(os.environ["AUTOSELECTION_JUDGE_OUTPUT"] + "/calls", "a").write(side + "\\n")
"""


def judge(home: Path, program: str, **settings: object) -> JudgeEvaluator:
    file = home / "judge.py"
    home.mkdir(exist_ok=True)
    file.write_text(program)
    command = (sys.executable, str(file), "{subset}", "{scores}", "{side}")
    return JudgeEvaluator(Home(home / "home"), POOL, replace(JudgeSettings(command), **settings))  # type: ignore[arg-type]


def test_scores_of_a_program_are_an_evaluation(tmp_path: Path) -> None:
    evaluation = judge(tmp_path, HONEST).evaluate(subset(30), 0)

    assert [item.value for item in evaluation.scores[0].items] == [0.3, 1.3, 2.3, 3.3]
    assert evaluation.utility == pytest.approx(1.8)
    assert evaluation.standard_error is not None
    assert evaluation.cost == Cost(evaluation.cost.seconds, 0, 0, 0)
    assert (evaluation.selected_count, evaluation.trained_count) == (30, 30)


def test_an_evaluation_keeps_the_settings_and_the_subset_that_it_was_made_with(tmp_path: Path) -> None:
    evaluator = judge(tmp_path, HONEST)
    evaluation = evaluator.evaluate(subset(30), 0)

    kept = json.loads((evaluator.home.evaluation(evaluation.key) / "config.json").read_text())

    assert kept["settings"]["command"] == list(evaluator.settings.command)
    assert kept["subset"] == evaluation.subset
    # Only the program knows what it read.
    assert (evaluation.cost.training_tokens, evaluation.cost.scoring_tokens, evaluation.cost.peak_bytes) == (
        0,
        0,
        0,
    )


def test_a_finished_evaluation_is_not_made_again_and_test_items_are_opened_once(tmp_path: Path) -> None:
    evaluator = judge(tmp_path, HONEST)
    key = evaluator.evaluate(subset(30), 0).key
    evaluator.evaluate(subset(30), 0)

    (first,), (second,) = (evaluator.open_test(key, "why not") for _ in range(2))

    assert first == second
    assert first.mean == pytest.approx(2.8)
    folder = evaluator.home.evaluation(key)
    assert (folder / "judge/calls").read_text().split() == ["dev", "test"]


def test_the_samples_are_those_of_the_subset_as_chat_messages(tmp_path: Path) -> None:
    evaluator = judge(tmp_path, HONEST)
    key = evaluator.evaluate(subset(3), 0).key

    lines = (evaluator.home.evaluation(key) / "subset.jsonl").read_text().splitlines()

    assert [json.loads(line)["id"] for line in lines] == POOL.ids[np.arange(3)].astype(str).tolist()
    assert json.loads(lines[0])["messages"][1]["role"] == "assistant"


LINE = '{"benchmark": "sums", "item": "a", "value": %s}'


def writes(*lines: str) -> str:
    text = "".join(line + "\n" for line in lines)
    return f"import sys; open(sys.argv[2], 'w').write({text!r})"


@pytest.mark.parametrize(
    ("program", "error", "said"),
    [
        (writes(LINE % "NaN"), JudgeScoreError, "line 1 of its scores has the value nan"),
        (writes(LINE % "1", LINE % "Infinity"), JudgeScoreError, "line 2"),
        (writes(LINE % '"good"'), JudgeScoreError, "no finite number"),
        (writes(LINE % "1", LINE % "2"), JudgeScoreError, "second time"),
        (writes(LINE % ("4" * 400)), JudgeScoreError, "beyond 1e.100"),
        (
            writes(*(LINE.replace('"a"', f'"{item}"') % "1.7e308" for item in range(4))),
            JudgeScoreError,
            "line 1",
        ),
        (
            writes('{"benchmark": "sums", "item": "a", "value": 1, "value": 2}'),
            JudgeScoreError,
            "'value' twice",
        ),
        (writes("nonsense"), JudgeScoreError, "is no JSON"),
        (writes("[" * 100_000), JudgeScoreError, "is no JSON"),
        (
            "import sys; open(sys.argv[2], 'wb').write(b'{\"item\": \"caf\\xe9\"}')",
            JudgeScoreError,
            "is not UTF-8",
        ),
        (writes(LINE.replace('"a"', r'"\ud800"') % "1"), JudgeScoreError, "UTF-8 cannot spell"),
        ("import sys; sys.stderr.write('x' * 10_000_000); sys.exit(4)", JudgeDiedError, "code 4"),
        (writes('{"item": "a", "value": 1}'), JudgeScoreError, "needs `benchmark`"),
        (writes('{"benchmark": "b", "item": "a", "value": 1, "valeu": 2}'), JudgeScoreError, "valeu"),
        (writes(), JudgeWroteNothingError, "wrote no scores"),
        ("pass", JudgeWroteNothingError, "wrote no scores"),
        (writes(LINE % "1"), ItemCountError, "1 items of 'sums', where 4 are expected"),
        ("raise SystemExit('out of luck')", JudgeDiedError, "code 1 .out of luck"),
        ("import os; os.kill(os.getpid(), 9)", JudgeDiedError, "signal 9"),
        (f"{writes(LINE % '1')}; raise SystemExit(3)", JudgeDiedError, "code 3"),
        ("import time; time.sleep(60)", JudgeTimedOutError, "longer than 1 s"),
    ],
)
def test_a_failure_is_of_a_known_kind_and_never_a_score(
    tmp_path: Path, program: str, error: type[Exception], said: str
) -> None:
    evaluator = judge(tmp_path, program, items=4, timeout_s=1.0 if "sleep" in program else 60.0)

    with pytest.raises(error, match=said):
        evaluator.evaluate(subset(), 0)
    assert evaluator.load_finished(evaluator.key(subset().fingerprint, 0)) is None


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    evaluator = JudgeEvaluator(Home(tmp_path), POOL, JudgeSettings(("no-such-program",)))

    with pytest.raises(JudgeNotStartedError, match="no-such-program"):
        evaluator.evaluate(subset(), 0)


def test_what_a_program_left_running_ends_with_it(tmp_path: Path) -> None:
    left = "import subprocess, sys\nchild = subprocess.Popen(['sleep', '60'])\n"
    evaluator = judge(tmp_path, left + "open(sys.argv[1] + '.pid', 'w').write(str(child.pid))")

    with pytest.raises(JudgeWroteNothingError):
        evaluator.evaluate(subset(), 0)
    pid = next((tmp_path / "home").rglob("*.pid")).read_text()
    if psutil.pid_exists(int(pid)):
        gone, _ = psutil.wait_procs([psutil.Process(int(pid))], timeout=10)
        assert gone or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("ending", ["", "\nimport time; time.sleep(60)"], ids=["ends", "runs on"])
def test_what_left_the_group_of_a_program_ends_with_it(tmp_path: Path, ending: str) -> None:
    """A child in a session of its own outlived both the end and the timeout of its judge."""
    left = "import subprocess, sys\nchild = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    kept = "open(sys.argv[1] + '.pid', 'w').write(str(child.pid))"
    evaluator = judge(tmp_path, left + kept + ending, timeout_s=20.0 if ending else 600.0)

    with pytest.raises(JudgeTimedOutError if ending else JudgeWroteNothingError):
        evaluator.evaluate(subset(), 0)
    pid = int(next((tmp_path / "home").rglob("*.pid")).read_text())
    if psutil.pid_exists(pid):
        gone, _ = psutil.wait_procs([psutil.Process(pid)], timeout=60)
        assert gone or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    "settings", [{"environment": {"A=B": "x"}}, {"environment": {"": "x"}}, {"command": ("a\0b",)}]
)
def test_variables_and_commands_that_no_program_can_get_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=r"environment|command"):
        JudgeSettings(**settings)


def test_scores_that_begin_with_a_mark_of_utf_8_are_read(tmp_path: Path) -> None:
    file = tmp_path / "scores.jsonl"
    file.write_text(LINE % "0.5", encoding="utf-8-sig")

    assert read_scores("key", file, Side.DEV)[0].mean == 0.5


def test_an_evaluation_scores_the_items_that_the_first_one_scored(tmp_path: Path) -> None:
    program = HONEST.replace("range(4)", "range(4 if len(rows) > 10 else 3)")
    evaluator = judge(tmp_path, program)
    evaluator.evaluate(subset(30), 0)

    with pytest.raises(ItemCountError, match="3 items of 'sums', where 4 are expected"):
        evaluator.evaluate(subset(5), 0)


def test_as_many_items_that_are_others_are_no_score(tmp_path: Path) -> None:
    evaluator = judge(tmp_path, HONEST.replace('f"q{item}"', 'f"q{item + (len(rows) > 10)}"'))
    evaluator.evaluate(subset(30), 0)

    with pytest.raises(ItemCountError, match="its 4 items of 'sums' are others than before"):
        evaluator.evaluate(subset(5), 0)


def test_a_killed_call_finds_what_it_kept(tmp_path: Path) -> None:
    """The first call dies behind its checkpoint, the second one goes on from it."""
    stops = (
        "import os\nmark = os.environ['AUTOSELECTION_JUDGE_OUTPUT'] + '/mark'\n"
        "if not os.path.exists(mark): open(mark, 'w'); os.abort()\n"
    )
    evaluator = judge(tmp_path, stops + HONEST)

    with pytest.raises(JudgeDiedError):
        evaluator.evaluate(subset(), 0)

    assert evaluator.evaluate(subset(), 0).scores[0].mean > 0


def test_another_program_or_version_is_another_evaluator(tmp_path: Path) -> None:
    first = judge(tmp_path, HONEST)
    names = {first.fingerprint, judge(tmp_path / "b", HONEST).fingerprint}
    assert len(names) == 1

    names |= {
        judge(tmp_path / "c", HONEST + "#").fingerprint,
        judge(tmp_path, HONEST, version="2").fingerprint,
    }
    assert len(names) == 3


def test_two_calls_have_two_devices(tmp_path: Path) -> None:
    with device(tmp_path, 2) as first, device(tmp_path, 2) as second:
        assert {first["CUDA_VISIBLE_DEVICES"], second["CUDA_VISIBLE_DEVICES"]} == {"0", "1"}
    with device(tmp_path, 0) as none:
        assert none == {}


def test_a_function_is_a_judge(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def score(request):\n"
        "    rows = request.subset.read_text().splitlines()\n"
        "    yield {'benchmark': 'sums', 'item': 'q', 'value': len(rows)}\n"
        "    yield {'benchmark': 'sums', 'item': 'r', 'value': request.replicate}\n"
    )
    settings = JudgeSettings(entry_point="mine:score", folder=str(tmp_path))
    evaluator = JudgeEvaluator(Home(tmp_path / "home"), POOL, settings)

    assert [item.value for item in evaluator.evaluate(subset(7), 2).scores[0].items] == [7.0, 2.0]


def test_truth_values_are_1_and_0_and_numbers_name_items(tmp_path: Path) -> None:
    line = '{"benchmark": "sums", "item": %s, "value": %s}'
    program = writes(line % (7, "true"), line % ('"8"', "false"))

    (scores,) = judge(tmp_path, program).evaluate(subset(30), 0).scores

    assert [(score.item, score.value) for score in scores.items] == [("7", 1.0), ("8", 0.0)]


@pytest.mark.parametrize("item", ["1.5", "true", "null", "[3]", '""', '" "'])
def test_what_names_no_item_is_said_to_be_none(tmp_path: Path, item: str) -> None:
    program = writes(f'{{"benchmark": "sums", "item": {item}, "value": 1}}')

    with pytest.raises(JudgeScoreError, match=r"a text or whole number, and .* is none"):
        judge(tmp_path, program).evaluate(subset(30), 0)
