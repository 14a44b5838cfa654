"""Signals of a generated pool with some workers of a Ray cluster on loopback, and in one process without Ray.

The one process is the floor: it does the same shards one after the other. Workers have begun and imported
what they need before the clock starts.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from autoselection_core import environment_variables
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cluster import WorkerShare
from autoselection_core.identity import Json
from autoselection_core.signals.definitions.semantic.embedding import VECTORS
from autoselection_core.store.home import Home
from bench.growth.generator import write_pool
from bench.growth.steps import GeneratedHome, made_up_vectors
from bench.result import REPOSITORY, measure
from tests.cluster.ray_head import ray_head

SIGNALS = ("word_entropy", "exact", "near_duplicates", "clusters", "embedding_pairs")
_WARMS_UP = "form"
_BROUGHT = "vectors"
_DIMENSIONS = 128


def measure_workers(rows: int, counts: Sequence[int], folder: Path) -> dict[str, Json]:
    """Figures of each signal in one process, and by each number of workers."""
    raw, home = folder / f"{rows}.parquet", Home(folder / f"workers-{rows}")
    write_pool(raw, rows)
    samples = _prepare(GeneratedHome(raw, home))
    found: dict[str, Json] = {"samples": samples, "without Ray": _measured(raw, home, {})}
    for count in counts:
        with ray_head(workers=count) as head:
            named = {environment_variables.RAY_ADDRESS: head.address}
            found[f"{count} workers"] = _measured(raw, home, {**head.environment, **named})
    return found


def _prepare(made: GeneratedHome) -> int:
    """Ingest the pool and write a vector for each sample; the number of samples."""
    pool = made.workspace.ingest().pool
    vectors = made_up_vectors(len(pool), _DIMENSIONS)
    columns = {"id": pa.array(pool.ids.astype(str).tolist()), "vector": pa.array(list(vectors))}
    pq.write_table(pa.table(columns), _vectors_of(made.home))
    return len(pool)


def _vectors_of(home: Home) -> Path:
    return home.root / "vectors.parquet"


def _measured(raw: Path, home: Home, environment: Mapping[str, str]) -> dict[str, Json]:
    """Figures of a new process, which finds the pool and no values."""
    for left in (home.columns, home.lance, home.shards):
        shutil.rmtree(left, ignore_errors=True)
    command = [sys.executable, "-m", "bench.growth.workers", str(raw), str(home.root)]
    told = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    ).stdout
    figures: dict[str, Json] = json.loads(told.splitlines()[-1])
    print(figures, flush=True)
    return figures


def _workspace(made: GeneratedHome) -> Workspace:
    signals = {
        _WARMS_UP: {},
        _BROUGHT: {"file": str(_vectors_of(made.home))},
        **{name: {} for name in SIGNALS},
    }
    return installed_workspace(replace(made.workspace.campaign, signals=signals), made.home)


def _busiest(shares: Sequence[WorkerShare]) -> float | None:
    """Processor seconds of the worker that has most of them, so what a free machine would wait for."""
    totals = defaultdict[str, float](float)
    for share in shares:
        totals[share.worker] += share.cpu_seconds
    return round(max(totals.values()), 2) if totals else None


def _rounded(share: WorkerShare) -> dict[str, Json]:
    return {
        **asdict(share),
        "seconds": round(share.seconds, 2),
        "cpu_seconds": round(share.cpu_seconds, 2),
    }


def scored(raw: Path, home: Home) -> dict[str, Json]:
    """Seconds of scoring each signal in this process or on the cluster that the environment names."""
    workspace = _workspace(GeneratedHome(raw, home))
    pool, figures = workspace.pool(), dict[str, Json]()
    for name in (_WARMS_UP, VECTORS):
        workspace.score(name, pool)
    for name in SIGNALS:
        done = measure(lambda: workspace.score(name, pool))  # noqa: B023 - called at once
        assert done.value.computed == len(pool)
        figures[name] = {
            **done.cost,
            "busiest_worker_cpu_seconds": _busiest(done.value.workers),
            "workers": [_rounded(share) for share in done.value.workers],
            "load": round(os.getloadavg()[0], 1),
        }
    return figures


if __name__ == "__main__":
    print(json.dumps(scored(Path(sys.argv[1]), Home(Path(sys.argv[2])))))
