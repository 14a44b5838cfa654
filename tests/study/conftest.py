import json
from pathlib import Path

import pytest

from autoselection_core.store.home import Home
from autoselection_core.study.loading import load_study
from autoselection_core.study.running.runner import run_study
from autoselection_core.study.study_run import StudyRun

STUDY = """\
name: toy
campaign:
  pool: [{path: "raw/*"}]
  signals: [word_entropy, exact]
  operators: [keep_top, keep_random]
  closed_form: {weights: {word_entropy: 1.0}, noise: 0.02}
budget: 40
seeds: [0, 1]
searches:
  searched: {budget: 4, policy: random}
recipes:
  top: [keep_top: {signal: word_entropy, fraction: 0.2}]
same: {candidates: 3, share: 0.3}
"""
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota"]


def write_study(folder: Path, text: str = STUDY) -> Path:
    records = [
        {"prompt": f"Add {number} and 7.", "response": " ".join([*WORDS[: number % 9 + 1], str(number)])}
        for number in range(80)
    ]
    (folder / "raw").mkdir(parents=True, exist_ok=True)
    (folder / "raw/sums.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "study.yaml").write_text(text)
    return folder / "study.yaml"


def study_run_in(folder: Path, text: str = STUDY) -> StudyRun:
    home = Home(folder / "home")
    return StudyRun(load_study(write_study(folder, text), home), home, lambda *_: None)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    """A study that was run to its end; nobody may change it."""
    study_run = study_run_in(tmp_path_factory.mktemp("study"))
    run_study(study_run)
    return study_run


def evaluated(home: Home) -> dict[str, int]:
    """Time of each complete evaluation."""
    return {file.parent.name: file.stat().st_mtime_ns for file in home.evaluations.glob("*/result.json")}
