"""The laws that every operator keeps, as tests that a package runs on its own operators.

Needs pytest and hypothesis.

    class TestKeepPolite(OperatorContract):
        operator = KeepPolite
"""

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoselection_core.operators.base import Operator
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import axes
from autoselection_core.testing.worlds import COLUMNS, World, operators, worlds, worlds_without_ties

SEEDS = st.integers(0, 2**64 - 1)

law = settings(max_examples=20, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])
"""Settings of every law. All contract classes run the same functions: hypothesis takes that for a mistake."""


class OperatorContract:
    """Laws of one operator class.

    Attributes:
        operator: The class under test.
        columns: The columns of the pools; name those that the operator reads.
        has_ties_of_its_own: Whether it computes scores that can tie where no column does, such as sums of
            ranks; then only the lower row decides.
    """

    operator: ClassVar[type[Operator]]
    columns: ClassVar[tuple[str, ...]] = COLUMNS
    has_ties_of_its_own: ClassVar[bool] = False

    @law
    @given(data=st.data(), seed=SEEDS)
    def test_it_only_ever_drops_rows(self, data: st.DataObject, seed: int) -> None:
        """The rows that leave are among those that entered, in ascending order."""
        world, operator = self._drawn(data)

        kept = operator(world.rows, world.signals, seed)

        assert set(kept.tolist()) <= set(world.rows.tolist())
        assert (np.diff(kept) > 0).all()

    @law
    @given(data=st.data(), seed=SEEDS)
    def test_it_answers_the_same_question_the_same_way(self, data: st.DataObject, seed: int) -> None:
        """Neither an earlier call nor another table object with the same signals changes the answer."""
        world, operator = self._drawn(data)
        again = world.reordered(np.arange(len(world.signals)))

        kept = operator(world.rows, world.signals, seed)

        assert kept.tolist() == operator(world.rows, world.signals, seed).tolist()
        assert kept.tolist() == operator(again.rows, again.signals, seed).tolist()

    @law
    @given(data=st.data(), seed=SEEDS)
    def test_it_reads_what_it_says_it_reads(self, data: st.DataObject, seed: int) -> None:
        """A table with nothing but the signals in `reads` gives the same answer: a run loads only those."""
        world, operator = self._drawn(data)

        kept = operator(world.rows, _restrict(world.signals, operator.reads), seed)

        assert kept.tolist() == operator(world.rows, world.signals, seed).tolist()

    @law
    @given(data=st.data(), seed=SEEDS)
    def test_a_larger_setting_contains_a_smaller_one(self, data: st.DataObject, seed: int) -> None:
        """Nestedness in every field that it claims to be nested in."""
        world, operator = self._drawn(data)
        for field in self.operator.nested_in:
            values = [getattr(operator, field), getattr(data.draw(operators(self.operator)), field)]
            if None in values:
                continue
            low, high = (replace(operator, **{field: value}) for value in sorted(values))
            smaller = low(world.rows, world.signals, seed)
            assert set(smaller.tolist()) <= set(high(world.rows, world.signals, seed).tolist())

    @law
    @given(data=st.data(), seed=SEEDS)
    def test_a_second_time_changes_nothing_where_it_says_so(self, data: st.DataObject, seed: int) -> None:
        """An operator that claims to be idempotent is."""
        world, operator = self._drawn(data)
        once = operator(world.rows, world.signals, seed)

        if self.operator.is_idempotent and len(once):
            assert operator(once, world.signals, seed).tolist() == once.tolist()

    @law
    @given(data=st.data(), seed=SEEDS)
    def test_the_order_of_storage_does_not_matter(self, data: st.DataObject, seed: int) -> None:
        """The same samples stay however the pool is stored, where no two rows tie."""
        world = data.draw(worlds_without_ties(self.columns))
        operator = data.draw(operators(self.operator))
        order = np.array(data.draw(st.permutations(range(len(world.signals)))))
        other = world.reordered(order)

        kept = world.signals.keys[operator(world.rows, world.signals, seed)]
        kept_there = other.signals.keys[operator(other.rows, other.signals, seed)]

        assert self.has_ties_of_its_own or set(kept) == set(kept_there)
        assert len(kept) == len(kept_there)

    @law
    @given(data=st.data(), seed=SEEDS)
    def test_it_can_say_why(self, data: st.DataObject, seed: int) -> None:
        """Every row that entered has a reason."""
        world, operator = self._drawn(data)
        row = data.draw(st.sampled_from(world.rows.tolist()))

        reason = operator.why(world.rows, world.signals, seed, row)

        assert reason.what
        assert reason.like is None or reason.like in world.rows

    @law
    @given(data=st.data())
    def test_it_is_written_and_read_unchanged(self, data: st.DataObject) -> None:
        """Round trip in YAML and in JSON; its name is in both."""
        recipe = Recipe((data.draw(operators(self.operator)),))

        assert Recipe.from_yaml(recipe.to_yaml(), [self.operator]) == recipe
        assert Recipe.from_json(recipe.to_json(), [self.operator]) == recipe
        assert self.operator.name in recipe.to_yaml()

    @law
    @given(data=st.data())
    def test_a_search_can_write_it(self, data: st.DataObject) -> None:
        """Its templates make operators that they recognise, and encode to where they came from."""
        world = data.draw(worlds(self.columns))
        for template in catalogue(world.signals, [self.operator]):
            unit = np.array([data.draw(st.floats(0, 1)) for _ in template.axes])
            operator = template.decode(unit)
            assert template.matches(operator)
            assert operator.label == template.label
            assert template.encode(operator) == pytest.approx(unit, abs=0.01)

    def test_every_number_a_search_may_change_has_a_default(self) -> None:
        """The default of each number: catalogue, command line and a hand-written step start from it."""
        assert all(axis.default is not None for axis in axes(self.operator))

    def _drawn(self, data: st.DataObject) -> tuple[World, Operator]:
        return data.draw(worlds(self.columns)), data.draw(operators(self.operator))


def _restrict(signals: SignalTable, reads: tuple[str, ...]) -> SignalTable:
    def only(part: Any) -> Any:  # noqa: ANN401  # one of several mappings
        return {name: part[name] for name in part if any(fnmatchcase(name, pattern) for pattern in reads)}

    return SignalTable(
        signals.pool_version,
        signals.keys,
        only(signals.columns),
        labels=only(signals.labels),
        label_names=signals.label_names,
        pairs=only(signals.pairs),
        vectors=only(signals.vectors),
        sparse=only(signals.sparse),
    )
