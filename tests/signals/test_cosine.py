import numpy as np
import numpy.typing as npt
import pytest

from autoselection_core.signals.joins.cosine import cosine_pairs, normalise
from autoselection_core.signals.joins.inverted_file import pairs_in_cells, recall_of
from autoselection_core.signals.similar_pairs import PAIRS_PER_ROW

RNG = np.random.default_rng(0)


def by_definition(vectors: npt.NDArray[np.float32], floor: float) -> dict[tuple[int, int], float]:
    exact = vectors.astype(float)
    length = np.sqrt((exact**2).sum(axis=1))
    cosine = np.triu(exact @ exact.T / np.outer(length, length), k=1) + np.tril(
        np.full((len(exact),) * 2, -2.0)
    )
    low, high = np.nonzero(cosine >= floor)
    return dict(zip(zip(low.tolist(), high.tolist(), strict=True), cosine[low, high].tolist(), strict=True))


def test_every_pair_above_the_floor_is_found() -> None:
    vectors = RNG.normal(size=(200, 3)).astype(np.float32)

    pairs = cosine_pairs(vectors, min_similarity=0.7, measure="cosine")

    expected = by_definition(vectors, 0.7)
    keys = list(zip(pairs.low.tolist(), pairs.high.tolist(), strict=True))
    assert dict(zip(keys, pairs.similarity.tolist(), strict=True)) == pytest.approx(expected, abs=1e-5)
    assert pairs.floor == 0.7


def test_a_crowded_space_keeps_sixty_four_pairs_a_row_at_most() -> None:
    vectors = (RNG.normal(size=(900, 3)) * 0.5 + [2, 0, 0]).astype(np.float32)
    expected = by_definition(vectors, 0.9)
    assert len(expected) > PAIRS_PER_ROW * 900

    crowded = cosine_pairs(vectors, min_similarity=0.5, measure="cosine")

    assert crowded.floor == np.float32(0.9)
    assert len(crowded) == len(expected)


def test_the_floor_lies_where_sixty_four_pairs_a_row_remain() -> None:
    vectors = RNG.normal(size=(900, 8)).astype(np.float32)
    similar = np.sort(list(by_definition(vectors, -1.0).values()))[::-1]

    pairs = cosine_pairs(vectors, min_similarity=-1.0, measure="cosine")

    assert len(pairs) == PAIRS_PER_ROW * 900
    assert pairs.floor == pytest.approx(similar[PAIRS_PER_ROW * 900 - 1], abs=1e-4)


def test_unknown_vectors_resemble_nothing() -> None:
    vectors = np.ones((4, 2), np.float32)
    vectors[1], vectors[3] = np.nan, 0

    pairs = cosine_pairs(vectors, min_similarity=0.1, measure="cosine")

    assert list(zip(pairs.low, pairs.high, strict=True)) == [(0, 2)]


def test_a_large_pool_finds_nearly_all_pairs_in_cells_and_says_how_many() -> None:
    centres = RNG.normal(size=(300, 16))
    vectors = (centres[RNG.integers(0, 300, 6_000)] + 0.15 * RNG.normal(size=(6_000, 16))).astype(np.float32)
    exact = cosine_pairs(vectors, min_similarity=0.8, measure="cosine")

    found = cosine_pairs(vectors, min_similarity=0.8, measure="cosine", max_exact_rows=1_000)

    keys = [set(zip(pairs.low.tolist(), pairs.high.tolist(), strict=True)) for pairs in (exact, found)]
    assert keys[1] <= keys[0]
    recall = len(keys[1]) / len(keys[0])
    assert recall > 0.9
    assert float(found.measure.rpartition(" ")[2]) == pytest.approx(recall, abs=0.03)


def test_kinds_that_are_many_more_than_cells_stay_together() -> None:
    kinds = RNG.normal(size=(800, 96))
    vectors = (kinds[RNG.integers(0, 800, 8_000)] + 0.7 * RNG.normal(size=(8_000, 96))).astype(np.float32)

    found = cosine_pairs(vectors, min_similarity=0.5, measure="cosine", max_exact_rows=1_000, cell_rows=100)

    assert float(found.measure.rpartition(" ")[2]) > 0.95


def test_a_pair_that_meets_in_several_cells_is_found_once() -> None:
    vectors = normalise(RNG.normal(size=(5_000, 8)).astype(np.float32))

    low, high, similarity = (
        np.concatenate(parts) for parts in zip(*pairs_in_cells(vectors, 0.9, probes=3), strict=True)
    )

    keys = low * len(vectors) + high
    assert len(keys) > 1_000
    assert len(np.unique(keys)) == len(keys)
    assert np.abs(similarity - (vectors[low] * vectors[high]).sum(axis=1)).max() < 1e-5


def test_the_recall_is_that_of_the_sampled_rows() -> None:
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    found = np.array([0]), np.array([1]), np.ones(1, np.float32)

    assert recall_of(found, vectors, 0.9, np.array([0])) == 0.5
    assert recall_of(found, vectors, 0.9, np.array([3])) == 1.0
