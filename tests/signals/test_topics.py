"""Topics with the words that describe them."""

from pathlib import Path

import numpy as np

from autoselection_core.signals.definitions.semantic.topics import Topics, topic_names
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.pools import pool_of, question_and_answer

SUMS = [question_and_answer(f"Add the numbers {n} and {n + 1}.", f"The sum is {2 * n}.") for n in range(30)]
SEAS = ("blue", "wild", "calm", "cold", "dark", "warm", "grey", "deep", "old", "new", "soft", "loud")
POEMS = [
    question_and_answer(f"Write a poem about the {sea} sea at night.", f"O {sea} sea, so wide and free.")
    for sea in SEAS
]


def test_topics_part_a_pool_and_are_named_by_their_words(tmp_path: Path) -> None:
    pool, store = pool_of([*SUMS, *POEMS]), SignalStore(Home(tmp_path))

    table = store.table(pool, {"topics": store.score(Topics(size=2), pool).version})

    labels, names = table.label("topic"), table.label_names["topic"]
    sums = {int(labels[pool.row_of(sample.id)]) for sample in SUMS}
    poems = {int(labels[pool.row_of(sample.id)]) for sample in POEMS}
    assert len(sums) == len(poems) == 1
    assert sums != poems
    assert "poem" in names[poems.pop()] or "sea" in " ".join(names)
    assert "add" in names[sums.pop()] or "sum" in " ".join(names)
    assert "topic" in table.versions


def test_the_words_of_a_topic_alone_describe_it() -> None:
    texts = ["the sea the ship sea", "the sum the number sum"]

    names = topic_names(texts, np.array([0, 1], np.int32))

    assert [name.split()[0] for name in names] == ["sea", "sum"]


def test_equal_words_are_told_apart() -> None:
    assert topic_names(["sea", "sea"], np.array([0, 1], np.int32)) == ["sea", "sea 1"]
