"""The laws that every signal keeps, as tests for a package's own signals, and pools for them.

Needs pytest.

    class TestPoliteness(SignalContract):
        signal = Politeness()
"""

import pickle
from collections.abc import Iterable
from dataclasses import FrozenInstanceError, fields
from functools import cached_property
from typing import ClassVar

import numpy as np
import pytest

from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample
from autoselection_core.signals.base import Computed, Given, PoolSignal, Signal
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.kinds import ValueKind, kind_of
from autoselection_core.signals.store.value_rows import rows_of


def question_and_answer(question: str, answer: str) -> Sample:
    """A sample of one turn each."""
    return Sample((Message(Role.USER, question), Message(Role.ASSISTANT, answer)))


def pool_of(samples: Iterable[Sample], *, source: str = "made-up") -> Pool:
    """A pool of some samples, all of one source; equal samples become one."""
    return Pool.from_samples(
        (sample, [Origin(source, f"made-up#{line}")]) for line, sample in enumerate(samples, start=1)
    )


def pool_of_answers(answers: Iterable[str], *, question: str = "Say it.") -> Pool:
    """A pool whose samples answer one question."""
    return pool_of(question_and_answer(question, answer) for answer in answers)


_TOLERANCE = 1e-5

SAMPLES = (
    question_and_answer("What is 7 + 8?", "7 + 8 = 15."),
    question_and_answer("Why does Anna buy apples?", "Anna buys apples for the market. " * 12),
    question_and_answer("Übersetze: Hund", "dog"),
    question_and_answer("?", "..."),
    question_and_answer("你好", "```python\nprint(1)\n```"),
    Sample(
        (
            Message(Role.SYSTEM, "Be brief."),
            Message(Role.USER, "Why does Anna buy apples?"),
            Message(Role.ASSISTANT, "For the market."),
            Message(Role.TOOL, "12"),
            Message(Role.ASSISTANT, "She buys 12."),
        )
    ),
)
"""Samples of every kind: short, long, without words, without Latin letters, and of several turns."""


class SignalContract:
    """Laws of one signal.

    Attributes:
        signal: The signal under test.
        tolerance: Maximum difference of float values between batches.
    """

    signal: ClassVar[Signal]
    tolerance: ClassVar[float] = _TOLERANCE

    @cached_property
    def pool(self) -> Pool:
        """The samples of `SAMPLES`."""
        return pool_of(SAMPLES)

    def test_every_row_has_a_value_and_none_is_infinite(self) -> None:
        """NaN is the only way to say unknown, and only in floats."""
        for value in self._values(self.pool).values():
            if isinstance(value, PairList):
                assert np.isfinite(value.similarity).all()
                continue
            if isinstance(self.signal, PoolSignal) and kind_of(value) is ValueKind.INTERNAL:
                continue  # what it keeps for itself
            assert len(value) == len(self.pool)
            entries = value.data if isinstance(value, SparseFeatures) else value
            assert not np.isinf(np.asarray(entries, np.float64)).any()

    def test_a_sample_has_the_same_value_in_any_company(self) -> None:
        """Values are independent of the other rows, so a changed pool scores only samples that are new."""
        if isinstance(self.signal, PoolSignal):
            return  # a sample has no value by itself
        together = self._values(self.pool)
        for row in range(len(self.pool)):
            alone = self._values(self.pool.take(np.array([row])))
            for name, value in rows_of(together, np.array([row])).items():
                self._assert_equal(alone[name], value)

    def test_the_same_question_has_the_same_answer(self) -> None:
        """Values are equal again, also for an equal signal that was sent to another process."""
        again = pickle.loads(pickle.dumps(self.signal))  # noqa: S301 made a moment ago
        first, second = self._values(self.pool), again.compute(self.pool, self._given(self.signal, self.pool))

        assert again.fingerprint == self.signal.fingerprint
        for name, value in first.items():
            self._assert_equal(second[name], value)

    def test_a_definition_is_a_value(self) -> None:
        """Nothing about a signal changes after it was named."""
        name = next((field.name for field in fields(self.signal)), "version")  # type: ignore[arg-type] # a dataclass
        with pytest.raises(FrozenInstanceError):
            setattr(self.signal, name, None)

    def _given(self, signal: Signal, pool: Pool) -> Given:
        return {
            name: value
            for need in signal.needs()
            for name, value in need.compute(pool, self._given(need, pool)).items()
        }

    def _values(self, pool: Pool) -> dict[str, Computed]:
        return dict(self.signal.compute(pool, self._given(self.signal, pool)))

    def _assert_equal(self, left: Computed, right: Computed) -> None:
        if isinstance(left, PairList) and isinstance(right, PairList):
            left, right = left.similarity, right.similarity
        if isinstance(left, SparseFeatures) and isinstance(right, SparseFeatures):
            assert np.array_equal(left.indices, right.indices)
            left, right = left.data, right.data
        assert isinstance(left, np.ndarray)
        assert isinstance(right, np.ndarray)
        assert np.allclose(
            left, right, rtol=self.tolerance, atol=self.tolerance, equal_nan=left.dtype.kind == "f"
        )
