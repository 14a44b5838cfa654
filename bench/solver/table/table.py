"""Table as one compressed file: signals of its pool, recipes, and the scores of each training.

It holds no text of any sample: signals as numbers, the rows of each recipe as bits, scores of items by
position, and the names of sources and topics.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.recipe import Recipe
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.atomic import atomic_file
from autoselection_core.subset import Subset, realise
from bench.result import RESULTS

FOLDER = RESULTS / "solver" / "tables"
_DIRECTIONS = 32
"""Principal directions that are kept of an embedding."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingTable:
    """Recipes with the utilities of two trainings each.

    Attributes:
        name: Name of the table's setting.
        signals: Signals that a search sees of the pool.
        subsets: One for each recipe.
        kinds: How each recipe was drawn.
        dev: Dev utility of both trainings. Shape (n, 2).
        test: Test utility of both trainings. Shape (n, 2).
        short: Dev utility of a training on a quarter of the tokens; NaN where there is none. Shape (n,).
        part: Dev utility of the first training over a third of the items. Shape (n,).
    """

    name: str
    signals: SignalTable
    subsets: tuple[Subset, ...]
    kinds: tuple[str, ...]
    dev: Numbers
    test: Numbers
    short: Numbers
    part: Numbers

    def __len__(self) -> int:
        """Number of recipes."""
        return len(self.subsets)


def pack(name: str, signals: SignalTable, lines: Sequence[Mapping[str, Any]], folder: Path = FOLDER) -> Path:
    """Write a table; failed recipes stay in its lines and are left out of its utilities."""
    arrays: dict[str, Any] = {"keys": signals.keys, "ids": signals.ids}
    arrays |= {f"column {key}": values.astype(np.float32) for key, values in signals.columns.items()}
    arrays |= {f"label {key}": np.asarray(values, np.int32) for key, values in signals.labels.items()}
    arrays |= {f"vector {key}": _reduce(np.asarray(values)) for key, values in signals.vectors.items()}
    for key, pairs in signals.pairs.items():
        arrays |= {
            f"low {key}": pairs.low,
            f"high {key}": pairs.high,
            f"similarity {key}": pairs.similarity,
        }
    arrays["rows"] = np.packbits([_member(line, signals) for line in lines], axis=1)
    meta = {
        "name": name,
        "pool": signals.pool_version,
        "lines": list(lines),
        "groups": {key: list(names) for key, names in signals.label_names.items() if key in signals.labels},
        "pairs": {key: [pairs.floor, pairs.measure] for key, pairs in signals.pairs.items()},
    }
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.npz"
    with atomic_file(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return path


def packed_lines(path: Path, pool_version: str) -> list[dict[str, Any]]:
    """Lines of a packed table: its recording goes on from them where nothing else is left of it."""
    with np.load(path, allow_pickle=False) as stored:
        meta = json.loads(stored["meta"].tobytes())
    assert meta["pool"] == pool_version, f"{path} is of pool {meta['pool']}, not of {pool_version}"
    return list(meta["lines"])


def load(path: Path) -> TrainingTable:
    """Read a table."""
    with np.load(path, allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    meta = json.loads(arrays["meta"].tobytes())
    signals = SignalTable(
        meta["pool"],
        arrays["keys"],
        _named(arrays, "column "),
        labels=_named(arrays, "label "),
        label_names={key: tuple(names) for key, names in meta["groups"].items()},
        vectors={key: values.astype(np.float32) for key, values in _named(arrays, "vector ").items()},
        pairs={
            key: PairList(arrays[f"low {key}"], arrays[f"high {key}"], arrays[f"similarity {key}"], *about)
            for key, about in meta["pairs"].items()
        },
        ids=arrays["ids"],
    )
    members = np.unpackbits(arrays["rows"], axis=1, count=len(signals)).astype(np.bool_)
    scored = [place for place, line in enumerate(meta["lines"]) if len(line["runs"]) == _RUNS]
    lines = [meta["lines"][place] for place in scored]
    subsets = tuple(
        Subset(
            Recipe.from_json(json.dumps(line["recipe"])), meta["pool"], np.flatnonzero(member), line["subset"]
        )
        for line, member in zip(lines, members[scored], strict=True)
    )
    return TrainingTable(
        meta["name"],
        signals,
        subsets,
        tuple(line["kind"] for line in lines),
        np.array([[_mean(run["dev"]) for run in line["runs"]] for line in lines]).reshape(-1, _RUNS),
        np.array([[_mean(run["test"]) for run in line["runs"]] for line in lines]).reshape(-1, _RUNS),
        np.array([_mean(line["short"][0]["dev"]) if line["short"] else np.nan for line in lines]),
        np.array([_mean(line["runs"][0]["dev"], every=3) for line in lines]),
    )


_RUNS = 2


def _member(line: Mapping[str, Any], signals: SignalTable) -> npt.NDArray[np.bool_]:
    """Whether a recipe keeps each row. Shape (n,)."""
    subset = realise(Recipe.from_json(json.dumps(line["recipe"])), signals)
    assert subset.fingerprint == line["subset"], "the recipe realises another subset than was trained"
    kept = np.zeros(len(signals), np.bool_)
    kept[subset.rows] = True
    return kept


def _mean(scores: Mapping[str, Sequence[float]], every: int = 1) -> float:
    return float(np.mean([np.mean(values[::every]) for values in scores.values()]))


def _named(arrays: Mapping[str, Any], start: str) -> dict[str, Any]:
    return {key.removeprefix(start): values for key, values in arrays.items() if key.startswith(start)}


def _reduce(vectors: Any) -> Any:  # noqa: ANN401 - arrays
    """Vectors in their principal directions, half precision. Shape (n, 32)."""
    from sklearn.decomposition import PCA

    if vectors.shape[1] <= _DIRECTIONS:
        return vectors.astype(np.float16)
    known = ~np.isnan(vectors).any(axis=1)
    model = PCA(_DIRECTIONS, random_state=0, svd_solver="full").fit(vectors[known])
    return np.where(known[:, None], model.transform(np.where(known[:, None], vectors, 0)), np.nan).astype(
        np.float16
    )
