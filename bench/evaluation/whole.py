"""One whole evaluation in a process of its own, imports included: what a trial costs by the clock.

python -m bench.evaluation.whole MODEL TOKENS DEV_ITEMS
"""

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

_STARTED = time.perf_counter()

import numpy as np  # noqa: E402 the clock starts before the imports

from autoselection_core.evaluation.evaluator import FineTuningEvaluator  # noqa: E402
from autoselection_core.evaluation.training.settings import fine_tuning  # noqa: E402
from autoselection_core.recipe.program import Recipe  # noqa: E402
from autoselection_core.store.home import Home  # noqa: E402
from autoselection_core.subset.value import Subset, fingerprint_of_ids  # noqa: E402
from bench.evaluation.training import benchmark, pool  # noqa: E402


def main(model: str, tokens: str, dev_items: str) -> None:
    samples = pool()
    rows = np.arange(len(samples))
    subset = Subset(Recipe(()), samples.version, rows, fingerprint_of_ids(samples.ids))
    training = fine_tuning({"amount": int(tokens), "dtype": "bfloat16"})
    prepared = time.perf_counter() - _STARTED
    with TemporaryDirectory() as folder:
        evaluator = FineTuningEvaluator(
            Home(Path(folder)),
            samples,
            model,
            (benchmark("gsm8k", int(dev_items), "log_likelihood"),),
            training,
        )
        result = evaluator.evaluate(subset, 0)
    figures = {
        "seconds_before_the_evaluator": round(prepared, 1),
        "seconds_in_all": round(time.perf_counter() - _STARTED, 1),
        "seconds_training_and_scoring": round(result.cost.seconds, 1),
        "training_tokens": result.cost.training_tokens,
        "scoring_tokens": result.cost.scoring_tokens,
        "peak_mb": round(result.cost.peak_bytes / 1e6),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
