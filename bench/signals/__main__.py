"""Seconds, samples a second and peak memory of each signal on the 90,000-record pool.

python -m bench.signals [--model FOLDER] [--samples N] [--sae FOLDER]
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.identity import Json
from autoselection_core.pool import Source, ingest
from autoselection_core.store.home import Home
from bench.result import REAL_DATA, write_result
from bench.signals.change import change_figures
from bench.signals.model import made_up_vectors, model_figures, pair_figures
from bench.signals.text import text_figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of a base model; without it only words are read")
    parser.add_argument("--samples", type=int, default=200, help="samples that the model reads")
    parser.add_argument("--sae", type=Path, help="folder of an autoencoder of the model")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        pool = ingest([Source(str(REAL_DATA / "pool_90k.parquet"))], Home(Path(folder))).pool
        vectors = made_up_vectors(len(pool))
        figures: dict[str, Json] = {"rows": len(pool), "pool_version": pool.version, **text_figures(pool)}
        figures["embedding_pairs"] = pair_figures(vectors)
        figures["change_of_one_percent"] = change_figures(pool, vectors)
        if chosen.model is not None:
            figures |= model_figures(pool, chosen.model, chosen.samples, chosen.sae)
    print(json.dumps(figures, indent=2))
    print(write_result("signals", figures, _NOTE))


_NOTE = (
    "text signals on all rows, model_scores, sae and embedding on the samples stated, embedding_pairs on"
    " made-up vectors; floors were timed in the same run; shares compare processor seconds, because"
    " machine.load says how busy the machine was when this was written"
)

if __name__ == "__main__":
    main()
