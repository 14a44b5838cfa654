import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.joins.jaccard import jaccard_pairs
from autoselection_core.signals.joins.shingles import shingles
from autoselection_core.signals.similar_pairs import PAIRS_PER_ROW, PairList, stored_floor
from autoselection_core.testing.signals import pool_of_answers

WORDS = st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join)


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    if 0 < len(words) < length:
        return {tuple(words)}
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def by_definition(texts: list[str], length: int, lowest: float) -> dict[tuple[int, int], float]:
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

    assert found(pairs) == pytest.approx(by_definition(texts, length, lowest), abs=1e-6)


def test_a_thousand_texts_give_the_pairs_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    base = [" ".join(rng.choice(list("abcdefghijkl"), 12)) for _ in range(150)]
    texts = [text if rng.random() < 0.5 else f"{text} {rng.choice(list('xyz'))}" for text in base * 4]

    pairs = jaccard_pairs(shingles(texts, 3), min_similarity=0.5, measure="jaccard")

    assert found(pairs) == pytest.approx(by_definition(texts, 3, 0.5), abs=1e-6)


def test_a_text_that_stands_everywhere_raises_the_floor_instead_of_filling_the_disk() -> None:
    texts = [f"the same words stand in all of these {n}" for n in range(300)]

    pairs = jaccard_pairs(shingles(texts, 2), min_similarity=0.5, measure="jaccard")

    assert pairs.floor > np.float32(7 / 9)  # what all of them share
    assert len(pairs) == 0


def test_the_floor_is_the_smallest_that_keeps_few_enough_pairs() -> None:
    similarity = np.random.default_rng(0).uniform(0.5, 0.9, 100 * PAIRS_PER_ROW).astype(np.float32)

    floor = np.float32(stored_floor(similarity, rows=50, min_similarity=0.5))

    assert (similarity >= floor).sum() == 50 * PAIRS_PER_ROW


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
