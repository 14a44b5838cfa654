from pathlib import Path

import numpy as np

from autoselection_core.signals.definitions.semantic.clusters import (
    Clusters,
    assign,
    fit_centres,
    save_centres,
)
from autoselection_core.testing.pools import pool_of_answers

RNG = np.random.default_rng(0)
CORNERS = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
VECTORS = (CORNERS + RNG.normal(scale=0.05, size=CORNERS.shape)).astype(np.float32)
POOL = pool_of_answers(["any"])


def test_rows_around_one_corner_share_a_group() -> None:
    labels = Clusters(sizes=(3,)).compute(POOL, {"embedding": VECTORS})["cluster/3"]

    assert isinstance(labels, np.ndarray)
    assert labels.dtype == np.int32
    assert [len(np.unique(labels[start : start + 20])) for start in (0, 20, 40)] == [1, 1, 1]
    assert len(np.unique(labels)) == 3


def test_pinned_centres_keep_their_groups_when_the_pool_grows(tmp_path: Path) -> None:
    save_centres(tmp_path / "centres", {3: fit_centres(VECTORS, 3, 0)})
    pinned = Clusters(centres=str(tmp_path / "centres"))
    grown = np.concatenate([VECTORS, -VECTORS])

    before = pinned.compute(POOL, {"embedding": VECTORS})["cluster/3"]
    after = pinned.compute(POOL, {"embedding": grown})["cluster/3"]

    assert np.array_equal(np.asarray(before), np.asarray(after)[:60])
    assert pinned.fingerprint != Clusters().fingerprint


def test_the_first_fit_pins_the_centres_and_a_grown_pool_leaves_them(tmp_path: Path) -> None:
    pinned = Clusters(sizes=(3,), centres=str(tmp_path / "centres"))
    pinned.prepare(POOL, {"embedding": VECTORS})
    first = pinned.fingerprint

    pinned.prepare(POOL, {"embedding": -VECTORS})

    assert pinned.fingerprint == first
    assert np.array_equal(
        np.asarray(pinned.compute(POOL, {"embedding": VECTORS})["cluster/3"]),
        np.asarray(Clusters(sizes=(3,)).compute(POOL, {"embedding": VECTORS})["cluster/3"]),
    )


def test_a_row_without_embedding_has_no_group() -> None:
    unknown = np.concatenate([VECTORS, np.full((1, 3), np.nan, np.float32)])

    assert assign(unknown, fit_centres(unknown, 3, 0))[-1] == -1


def test_there_are_never_more_groups_than_rows() -> None:
    assert len(fit_centres(VECTORS[:2], 16, 0)) == 2
