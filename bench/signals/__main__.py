"""Seconds, samples a second and peak memory of each signal on the 90,000-record pool.

python -m bench.signals [--model FOLDER] [--samples N] [--sae FOLDER] [--only PART]
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from autoselection_core.identity import Json
from autoselection_core.pool import Source, ingest
from autoselection_core.store.home import Home
from bench.result import REAL_DATA, write_result
from bench.signals.model import (
    dear_figures,
    length_figures,
    model_figures,
    projection_figures,
    sae_figures,
    states_figures,
)
from bench.signals.table import write_table
from bench.signals.text import change_figures, jaccard_figures, join_figures, memory_figures, text_figures
from bench.signals.vectors import (
    MANY_VECTORS,
    cell_figures,
    lance_figures,
    made_up_vectors,
    neighbour_figures,
)

PARTS = (
    *("words", "pairs", "neighbours", "change", "cells", "memory", "model", "sae", "dear", "projection"),
    *("length", "states", "lance", "join"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of a base model; without it only words are read")
    parser.add_argument(
        "--samples", type=int, default=200, help="samples that the model reads, or sets of a join"
    )
    parser.add_argument("--sae", type=Path, help="folder of an autoencoder of the model")
    parser.add_argument("--vectors", type=int, default=MANY_VECTORS, help="of cells and LanceDB's indexes")
    parser.add_argument("--only", choices=PARTS, action="append", help="parts to measure; all by default")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        pool = ingest([Source(str(REAL_DATA / "pool_90k.parquet"))], Home(Path(folder))).pool
        work: dict[str, Callable[[], dict[str, Json]]] = {
            "words": lambda: text_figures(pool),
            "pairs": lambda: jaccard_figures(pool),
            "neighbours": lambda: neighbour_figures(pool, made_up_vectors(len(pool))),
            "change": lambda: change_figures(pool, made_up_vectors(len(pool))),
            "cells": lambda: cell_figures(chosen.vectors),
            "lance": lambda: lance_figures(chosen.vectors),
            "join": lambda: join_figures(chosen.samples),
            "memory": lambda: memory_figures(pool, chosen.model),
        }
        if chosen.model is not None:
            work["model"] = lambda: model_figures(pool, chosen.model, chosen.samples)
            work["dear"] = lambda: dear_figures(pool, chosen.model)
            work["projection"] = lambda: projection_figures(pool, chosen.model)
            work["length"] = lambda: length_figures(pool, chosen.model)
            work["states"] = lambda: states_figures(pool, chosen.model)
        if chosen.model is not None and chosen.sae is not None:
            work["sae"] = lambda: sae_figures(pool, chosen.model, chosen.samples, chosen.sae)
        for part in chosen.only or work:
            figures: dict[str, Json] = {"rows": len(pool), "pool_version": pool.version, **work[part]()}
            print(json.dumps(figures, indent=2))
            print(write_result(f"signals/{part}", figures, _NOTE))
        print(write_table())


_NOTE = (
    "text signals on all rows, signals of a model on the samples stated, what is read from vectors or"
    " features on made-up ones; floors were timed in the same run; shares compare processor seconds, because"
    " machine.load says how busy the machine was when this was written"
)

if __name__ == "__main__":
    main()
