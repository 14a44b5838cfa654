"""Train the default autoencoder on the 90,000-record pool, and say how good it is.

python -m bench.signals.autoencoder --model FOLDER [--tokens N] [--epochs N]
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.sae import SparseAutoencoder
from autoselection_core.models.sae_training import SaeTraining
from autoselection_core.pool import Source, ingest
from autoselection_core.signals.autoencoder import pinned_autoencoder
from autoselection_core.store.home import Home
from bench.result import REAL_DATA, measure, write_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of a base model")
    parser.add_argument("--tokens", type=int, default=1_000_000, help="states that are read")
    parser.add_argument("--epochs", type=int, default=SaeTraining.epochs, help="how often each is seen")
    parser.add_argument("--keep", type=Path, help="folder that the autoencoder is left in")
    chosen = parser.parse_args()
    training = SaeTraining(epochs=chosen.epochs)
    with TemporaryDirectory() as folder:
        pool = ingest([Source(str(REAL_DATA / "pool_90k.parquet"))], Home(Path(folder))).pool
        place = chosen.keep or Path(folder) / "sae"
        base = BaseModel.load(chosen.model)
        trained = measure(
            lambda: pinned_autoencoder(
                place, base, pool, tokens=chosen.tokens, training=training, progress=_tell
            )
        )
        hook = str(SparseAutoencoder.load(place).hook)
    figures = {**asdict(trained.value), **asdict(training), **trained.cost, "hook": hook, "dtype": base.dtype}
    print(json.dumps(figures, indent=2))
    print(write_result("autoencoder", figures, _NOTE))


def _tell(stage: str, done: int, total: int) -> None:
    if done == total or done % 50 == 0 or "states" in stage:
        print(f"{stage}: {done:,} of {total:,}", flush=True)


_NOTE = "unexplained shares on every sixteenth state, held out of the training"

if __name__ == "__main__":
    main()
