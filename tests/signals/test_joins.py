"""Joins of similar samples against all pairs: cosine and Jaccard."""

import itertools
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoselection_core.campaign.remote.shards import (
    arrays_of_shard,
    given_from_json,
    given_to_json,
    write_shard,
)
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.joins.cosine import cosine_pairs, normalise
from autoselection_core.signals.joins.inverted_file import pairs_in_cells, recall_of
from autoselection_core.signals.joins.jaccard import jaccard_pairs
from autoselection_core.signals.joins.shingles import shingles
from autoselection_core.signals.shards import (
    IN_MEMORY,
    Array,
    Scratch,
    Shard,
    SortedRuns,
    Work,
    in_order,
    merged,
    name_of,
    work_named,
)
from autoselection_core.signals.similar_pairs import PAIRS_PER_ROW, PairList, PairsAboveFloor, stored_floor
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of_answers

RNG = np.random.default_rng(0)


def cosine_by_definition(vectors: npt.NDArray[np.float32], floor: float) -> dict[tuple[int, int], float]:
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

    expected = cosine_by_definition(vectors, 0.7)
    keys = list(zip(pairs.low.tolist(), pairs.high.tolist(), strict=True))
    assert dict(zip(keys, pairs.similarity.tolist(), strict=True)) == pytest.approx(expected, abs=1e-5)
    assert pairs.floor == 0.7


def test_a_crowded_space_keeps_sixty_four_pairs_a_row_at_most() -> None:
    vectors = (RNG.normal(size=(900, 3)) * 0.5 + [2, 0, 0]).astype(np.float32)
    expected = cosine_by_definition(vectors, 0.9)
    assert len(expected) > PAIRS_PER_ROW * 900

    crowded = cosine_pairs(vectors, min_similarity=0.5, measure="cosine")

    assert crowded.floor == np.float32(0.9)
    assert len(crowded) == len(expected)


def test_the_floor_lies_where_sixty_four_pairs_a_row_remain() -> None:
    vectors = RNG.normal(size=(900, 8)).astype(np.float32)
    similar = np.sort(list(cosine_by_definition(vectors, -1.0).values()))[::-1]

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


def by_files(root: Path) -> Scratch:
    """A place whose shards are run as other processes would: by names of files, and files alone come back."""
    home = Home(root)

    def run(work: Work, shards: Iterable[Shard], folder: Path | None) -> Iterator[tuple[Array, ...]]:
        known = work_named(name_of(work))
        assert folder is not None
        assert known is not None
        for shard in shards:
            told = json.loads(json.dumps(given_to_json(shard.given, home)))
            made = folder / secrets.token_hex(8)
            write_shard(made, known, given_from_json(told, home, lambda _: POOL))
            yield arrays_of_shard(made)

    return Scratch(root, run, is_lasting=True)


POOL = pool_of_answers(["the one text that a shard is given"])


@given(st.integers(2, 400), st.sampled_from([2, 16]), st.integers(0, 99), st.sampled_from([40, 10**6]))
@settings(max_examples=30)
def test_neighbours_are_the_same_to_the_last_bit_whoever_looks_for_them(
    rows: int, dimensions: int, seed: int, max_exact_rows: int
) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, rows // 8), dimensions))
    vectors = (
        centres[rng.integers(0, len(centres), rows)] + 0.1 * rng.normal(size=(rows, dimensions))
    ).astype(np.float32)
    vectors[rng.random(rows) < 0.05] = np.nan
    asked = {"min_similarity": 0.6, "measure": "c", "max_exact_rows": max_exact_rows, "cell_rows": 10}

    here = cosine_pairs(vectors, **asked)  # type: ignore[arg-type] # as the settings are typed
    with TemporaryDirectory() as folder:
        there = cosine_pairs(vectors, **asked, scratch=by_files(Path(folder)))  # type: ignore[arg-type]

    for part in ("low", "high", "similarity"):
        assert getattr(here, part).tobytes() == getattr(there, part).tobytes()
    assert (here.floor, here.measure) == (there.floor, there.measure)


@given(st.integers(1, 300), st.integers(0, 99))
@settings(max_examples=10)
def test_groups_are_the_same_whoever_fits_and_assigns_them(rows: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(rows, 5)).astype(np.float32)
    vectors[::7] = np.nan
    signal = Clusters(sizes=(2, 5))

    here = signal.compute(POOL, {"embedding": vectors})
    with TemporaryDirectory() as folder:
        scratch = by_files(Path(folder))
        there = signal.compute_in(scratch, POOL, {"embedding": scratch.share("given", vectors)})

    assert {name: np.asarray(labels).tolist() for name, labels in here.items()} == {
        name: np.asarray(labels).tolist() for name, labels in there.items()
    }


def test_a_lasting_place_goes_on_with_the_shards_and_arrays_that_are_there(tmp_path: Path) -> None:
    texts, made = [f"{number % 40} of the words and {number % 7} more" for number in range(200)], list[str]()

    def run(work: Work, shards: Iterable[Shard], folder: Path | None) -> Iterator[tuple[Array, ...]]:
        for number, shard in enumerate(shards):
            assert folder is not None
            target = folder / f"{work.__name__}-{number}"
            if not target.is_dir():
                made.append(target.name)
                if len(made) == 6:
                    raise KeyboardInterrupt
            write_shard(target, work, shard.given)
            yield arrays_of_shard(target)

    def join() -> PairList:
        scratch = Scratch(tmp_path, run, is_lasting=True)
        return jaccard_pairs(
            shingles(texts, 2), min_similarity=0.5, measure="j", scratch=scratch, at_once=100
        )

    with pytest.raises(KeyboardInterrupt):
        join()
    pairs = join()

    assert found(pairs) == found(jaccard_pairs(shingles(texts, 2), min_similarity=0.5, measure="j"))
    assert len(made) == len(set(made)) + 1, "the one that was interrupted began twice"
    assert not list(tmp_path.glob(".*"))


WORDS = st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join)


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    if 0 < len(words) < length:
        return {tuple(words)}
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def jaccard_by_definition(texts: list[str], length: int, lowest: float) -> dict[tuple[int, int], float]:
    sets = [runs(text, length) for text in texts]
    pairs = {}
    for low, high in itertools.combinations(range(len(texts)), 2):
        union = sets[low] | sets[high]
        similarity = len(sets[low] & sets[high]) / len(union) if union else 0.0
        if np.float32(similarity) >= np.float32(lowest):
            pairs[low, high] = similarity
    return pairs


def found(pairs: PairList) -> dict[tuple[int, int], float]:
    return {
        (int(low), int(high)): float(similarity)
        for low, high, similarity in zip(pairs.low, pairs.high, pairs.similarity, strict=True)
    }


@given(st.lists(WORDS, max_size=14), st.integers(1, 4), st.sampled_from([0.2, 0.5, 0.6, 2 / 3, 0.9, 1.0]))
def test_no_pair_above_the_floor_is_missed_and_every_similarity_is_exact(
    texts: list[str], length: int, lowest: float
) -> None:
    pairs = jaccard_pairs(shingles(texts, length), min_similarity=lowest, measure="jaccard")

    assert found(pairs) == pytest.approx(jaccard_by_definition(texts, length, lowest), abs=1e-6)


@given(
    st.lists(WORDS, max_size=30),
    st.integers(1, 3),
    st.sampled_from([0.2, 0.5, 2 / 3, 1.0]),
    st.integers(6, 40),
    st.sampled_from(["memory", "disk", "files"]),
)
def test_pairs_are_the_same_in_however_many_parts_they_are_looked_for_and_on_the_disk(
    texts: list[str], length: int, lowest: float, at_once: int, place: str
) -> None:
    whole = jaccard_pairs(shingles(texts, length), min_similarity=lowest, measure="jaccard")

    with TemporaryDirectory() as folder:
        scratch = {"memory": IN_MEMORY, "disk": Scratch(Path(folder)), "files": by_files(Path(folder))}[place]
        sets = shingles(texts, length)
        parts = jaccard_pairs(
            sets, min_similarity=lowest, measure="jaccard", scratch=scratch, at_once=at_once
        )

    assert found(parts) == found(whole)
    assert parts.floor == whole.floor


@given(st.integers(0, 99), st.integers(500, 5_000))
@settings(max_examples=3)
def test_a_crowd_raises_the_floor_alike_in_however_many_parts_it_is_looked_for(
    seed: int, at_once: int
) -> None:
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.permutation(list("abcdefghijkl"))[:9]) for _ in range(250)]
    similarities = jaccard_by_definition(texts, 1, 0.5)
    expected = stored_floor(np.array(list(similarities.values()), np.float32), len(texts), 0.5)

    pairs = jaccard_pairs(shingles(texts, 1), min_similarity=0.5, measure="jaccard", at_once=at_once)

    assert 0.5 < expected == pairs.floor
    assert found(pairs) == pytest.approx(
        {key: each for key, each in similarities.items() if np.float32(each) >= np.float32(expected)},
        abs=1e-6,
    )


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=12), max_size=5),
    st.integers(1, 9),
    st.sampled_from(["memory", "disk"]),
)
def test_runs_give_every_row_once_in_the_order_of_keys_and_equal_keys_together(
    parts: list[list[tuple[int, int]]], rows: int, place: str
) -> None:
    with TemporaryDirectory() as folder:
        runs = SortedRuns(Scratch(Path(folder) if place == "disk" else None))
        for part in parts:
            runs.add(*in_order(*np.array(part, np.int64).reshape(-1, 2).T))
        ranges = [merged(pieces) for pieces in runs.ranges(rows)]

    keys = [keys.tolist() for keys, _ in ranges]
    assert list(itertools.chain(*keys)) == sorted(key for part in parts for key, _ in part)
    assert all(not set(one) & set(other) for one, other in itertools.combinations(keys, 2))
    assert sorted((int(k), int(v)) for columns in ranges for k, v in zip(*columns, strict=True)) == sorted(
        itertools.chain(*parts)
    )


def test_a_thousand_texts_give_the_pairs_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    base = [" ".join(rng.choice(list("abcdefghijkl"), 12)) for _ in range(150)]
    texts = [text if rng.random() < 0.5 else f"{text} {rng.choice(list('xyz'))}" for text in base * 4]

    pairs = jaccard_pairs(shingles(texts, 3), min_similarity=0.5, measure="jaccard")

    assert found(pairs) == pytest.approx(jaccard_by_definition(texts, 3, 0.5), abs=1e-6)


def test_a_text_that_stands_everywhere_raises_the_floor_instead_of_filling_the_disk() -> None:
    texts = [f"the same words stand in all of these {n}" for n in range(300)]

    pairs = jaccard_pairs(shingles(texts, 2), min_similarity=0.5, measure="jaccard")

    assert pairs.floor > np.float32(7 / 9)  # what all of them share
    assert len(pairs) == 0


def test_the_floor_is_the_smallest_that_keeps_few_enough_pairs() -> None:
    similarity = np.random.default_rng(0).uniform(0.5, 0.9, 100 * PAIRS_PER_ROW).astype(np.float32)

    floor = np.float32(stored_floor(similarity, rows=50, min_similarity=0.5))

    assert (similarity >= floor).sum() == 50 * PAIRS_PER_ROW


@pytest.mark.parametrize("decimals", [2, 7])
def test_a_floor_that_rises_while_pairs_are_found_is_that_of_all_of_them(decimals: int) -> None:
    rng, rows = np.random.default_rng(0), 5_000
    parts = [rng.uniform(0.5, 0.99, 700_000).round(decimals).astype(np.float32) for _ in range(4)]
    pairs = PairsAboveFloor(rows, 0.5)

    for number, part in enumerate(parts):
        places = np.arange(len(part))
        pairs.add(places, places + number, part)
        assert number < 2 or pairs.floor > 0.5  # it rises long before the end
    _, _, similarity = pairs.take()

    whole = np.concatenate(parts)
    assert pairs.floor == stored_floor(whole, rows, 0.5)
    assert np.array_equal(similarity, whole[whole >= np.float32(pairs.floor)])


def test_pairs_above_nine_tenths_are_kept_however_many_there_are() -> None:
    assert stored_floor(np.ones(1_000, np.float32), rows=1, min_similarity=0.5) == np.float32(0.9)


def test_a_shingle_has_one_hash_in_every_process() -> None:
    assert shingles(["The end."], 2).hashes.tolist() == shingles(["the END"], 2).hashes.tolist()
    assert shingles(["the end"], 2).hashes.tolist() == [2916701132427583452]


def test_near_duplicates_of_a_pool_are_found_by_row() -> None:
    pool = pool_of_answers(["one two three four five six seven", "one two three four five six eight", "no"])
    pairs = JaccardPairs(words=3).compute(pool, {})["near_duplicates"]
    assert isinstance(pairs, PairList)

    rows = [row for row, text in enumerate(pool.texts()) if "one" in text]

    assert list(found(pairs)) == [tuple(rows)]
    assert pairs.measure == "jaccard of word 3-grams"


def test_exact_groups_ignore_case_and_white_space_but_not_punctuation() -> None:
    pool = pool_of_answers(["a + b", "A +  b", "a - b"])
    groups = ExactGroups().compute(pool, {})["exact"]
    assert isinstance(groups, np.ndarray)

    of = {text.split("\n")[1]: groups[row] for row, text in enumerate(pool.texts())}

    assert of["a + b"] == of["A +  b"] != of["a - b"]
    assert groups.dtype == np.int32
    assert groups.min() == 0
    assert groups.max() == 1


def test_the_set_of_a_text_does_not_depend_on_the_batch_that_it_came_in() -> None:
    texts = [f"word {number} of many, {number % 7} more" for number in range(17_000)]

    sets = shingles(iter(texts), 3)

    assert len(sets.sizes) == len(texts)
    for row in (0, 8_191, 8_192, 16_383, 16_384, 16_999):
        members = sets.hashes[sets.starts[row] : sets.starts[row + 1]]
        assert members.tolist() == shingles([texts[row]], 3).hashes.tolist()
