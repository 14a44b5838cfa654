"""Train the default autoencoder on the 90,000-record pool, and say how good it is.

python -m bench.signals.autoencoder --model FOLDER [--tokens N] [--epochs N] [--read-seconds S]
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.identity import Json
from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae_states import token_states
from autoselection_core.models.autoencoder.sae_training import SaeTraining, states_to_read, train_sae
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool import Sample, Source, ingest
from autoselection_core.store.home import Home
from bench.result import REAL_DATA, measure, write_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of a base model")
    parser.add_argument("--tokens", type=int, default=1_000_000, help="states that it is trained on")
    parser.add_argument("--epochs", type=int, default=SaeTraining.epochs, help="how often each is seen")
    parser.add_argument("--read-seconds", type=float, default=float("inf"), help="stop reading after so long")
    parser.add_argument("--keep", type=Path, help="folder that the autoencoder is left in")
    chosen = parser.parse_args()
    training = SaeTraining(epochs=chosen.epochs)
    with TemporaryDirectory() as folder:
        pool = ingest([Source(str(REAL_DATA / "pool_90k.parquet"))], Home(Path(folder))).pool
        base = BaseModel.load(chosen.model)
        hook = HookPoint.default(base.model.config.get_text_config().num_hidden_layers)
        samples = _until(pool.samples(), chosen.read_seconds)
        read = states_to_read(chosen.tokens)
        states = measure(lambda: token_states(base, samples, hook, tokens=read, progress=_tell))
        trained = measure(lambda: train_sae(states.value, hook, training, _tell))
    autoencoder, report = trained.value
    if chosen.keep is not None:
        autoencoder.save(chosen.keep)
    figures: dict[str, Json] = {
        **asdict(report),
        **asdict(training),
        "hook": str(hook),
        "dtype": base.dtype,
        "reading_states": states.cost,
        "training": trained.cost,
    }
    print(json.dumps(figures, indent=2))
    print(write_result("autoencoder", figures, _NOTE))


def _until(samples: Iterator[Sample], seconds: float) -> Iterator[Sample]:
    end = time.monotonic() + seconds
    return takewhile(lambda _: time.monotonic() < end, samples)


def _tell(stage: str, done: int, total: int) -> None:
    if done == total or done % 50 == 0 or "states" in stage:
        print(f"{stage}: {done:,} of {total:,}", flush=True)


_NOTE = "unexplained shares on every sixteenth state, held out of the training"

if __name__ == "__main__":
    main()
