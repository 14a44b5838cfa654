"""What is drawn of each part of a table."""

import numpy as np

from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.distributions import distributions
from autoselection_core.signals.table import SignalTable

NAN = np.nan
KEYS = np.arange(4, dtype=np.uint64)


def floats(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_every_part_of_a_table_has_numbers_to_draw() -> None:
    pairs = PairList.of(np.array([0]), np.array([1]), floats(0.75), floor=0.5, measure="x")
    features = SparseFeatures(np.array([0, 2, 2, 3, 3]), np.array([0, 1, 1], np.int32), floats(1, 1, 1), 2)
    vectors = np.array([[2, 0], [0, 3], [NAN, 0], [1, 0]], np.float32)
    table = SignalTable(
        "pool",
        KEYS,
        {"ifd": floats(1, 2, NAN, 4)},
        pairs={"near_duplicates": pairs},
        sparse={"sae": features},
        labels={"cluster/2": np.array([0, 0, -1, 1], np.int32), "source": np.zeros(4, np.int32)},
        vectors={"embedding": vectors},
    )

    drawn = distributions(table)

    mean = np.array([2, 1]) / np.sqrt(5)
    expected: dict[str, list[float]] = {
        "ifd": [1, 2, NAN, 4],
        "near_duplicates (similarity of pairs)": [0.75],
        "sae (features of a row)": [2, 0, 1, 0],
        "cluster/2 (rows of the group)": [2, 2, NAN, 1],
        "embedding (cosine to the mean)": [mean[0], mean[1], NAN, mean[0]],
    }
    assert drawn.keys() == expected.keys()
    for name, values in expected.items():
        assert np.allclose(drawn[name], values, equal_nan=True)


def test_what_is_nowhere_known_is_not_drawn() -> None:
    nothing = PairList.of(np.zeros(0, np.int64), np.zeros(0, np.int64), floats(), floor=0.5, measure="x")

    assert distributions(SignalTable("pool", KEYS, {"ifd": floats(*[NAN] * 4)}, pairs={"x": nothing})) == {}
