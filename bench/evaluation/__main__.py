"""Measure training and scoring with SmolLM2-135M-Instruct; writes bench/results/evaluation.json.

    python -m bench.evaluation [MODEL]

MODEL is a folder; without it, the demo's base model is prepared first. Contenders run in turn in one process:
their ratio holds on a busy machine, the figures themselves do not (see `load`).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from autoselection_core.identity import Json
from autoselection_core.store.home import Home
from bench.evaluation import scoring, training
from bench.evaluation.training import benchmark, samples
from bench.result import REPOSITORY, write_result

TRAINING_TOKENS = 2_000
ROUNDS = 2


def main() -> None:
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else _demo_model()
    figures: dict[str, Json] = {
        "threads": torch.get_num_threads(),
        "load_before": round(os.getloadavg()[0], 1),
        "training": training.race(model, samples(), TRAINING_TOKENS, ROUNDS),
        "training_of_the_upper_quarter": training.upper_quarter(model, samples()),
        "scoring_gsm8k_answers": scoring.race(model, benchmark("gsm8k", 16, "log_likelihood"), ROUNDS),
        "scoring_mmlu_letters": scoring.race(model, benchmark("mmlu", 10, "choice_accuracy"), ROUNDS),
        "whole_evaluation": _whole(model),
    }
    print(json.dumps(figures, indent=2))
    print(write_result("evaluation", figures, os.environ.get("BENCH_NOTE", "")))


def _demo_model() -> Path:
    from demo.base_model import base_model

    return base_model(Home.from_environment())


def _whole(model: Path) -> dict[str, Json]:
    command = [sys.executable, "-m", "bench.evaluation.whole", str(model), "6000", "20"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY).stdout
    figures: dict[str, Json] = json.loads(told.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
