import math
import re
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.pool.sample import Message, Role, Sample, Scope
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.testing.pools import pool_of, question_and_answer

TEXT = st.text(st.sampled_from("aB é\n.,_9"), min_size=1, max_size=30).filter(str.strip)


def entropies(*samples: Sample, signal: WordEntropy = WordEntropy()) -> list[float]:  # noqa: B008 frozen
    pool = pool_of(samples)
    values = signal.compute(pool, {})[signal.name]
    assert isinstance(values, np.ndarray)
    return [float(values[pool.row_of(sample.id)]) for sample in samples]


def by_definition(text: str) -> float:
    counts = Counter(re.findall(r"\b\w+\b", text.lower()))
    total = sum(counts.values())
    return sum(c / total * math.log2(total / c) for c in counts.values()) if total else math.nan


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_word_entropy_equals_its_definition(texts: list[tuple[str, str]]) -> None:
    samples = [question_and_answer(question, answer) for question, answer in texts]

    for sample, entropy in zip(samples, entropies(*samples), strict=True):
        assert np.isclose(entropy, by_definition(sample.text()), atol=1e-5, equal_nan=True)


def test_one_word_over_and_over_scores_zero() -> None:
    assert entropies(question_and_answer("yes yes", "Yes YES.")) == [0.0]


def test_a_sample_without_words_is_unknown() -> None:
    assert np.isnan(entropies(question_and_answer("?!", "..."))).all()


def test_messages_are_joined_by_a_newline_so_words_do_not_grow_together() -> None:
    sample = Sample((Message(Role.USER, "one"), Message(Role.ASSISTANT, "two")))

    assert entropies(sample) == [1.0]


def test_the_scope_decides_which_messages_are_read() -> None:
    sample = question_and_answer("a b c d", "a a")

    assert entropies(sample, signal=WordEntropy(Scope.RESPONSE)) == [0.0]
    assert entropies(sample, signal=WordEntropy(Scope.INSTRUCTION)) == [2.0]


def test_entropy_of_pairs_counts_neighbours() -> None:
    sample = question_and_answer("a b", "a b a")  # ab ba ab ba

    assert entropies(sample, signal=WordEntropy(words=2)) == [1.0]


def test_a_sample_shorter_than_one_run_is_unknown() -> None:
    assert np.isnan(entropies(question_and_answer("a", "b"), signal=WordEntropy(words=3))).all()
