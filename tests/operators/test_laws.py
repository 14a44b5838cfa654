"""Laws hold for every operator of the method, now and later."""

import pytest

from autoselection_core.operators.base import Operator
from autoselection_core.operators.definitions.aggregate import KeepByRanks
from autoselection_core.operators.definitions.diverse import KeepDiverse
from autoselection_core.operators.installed import DEFAULT_OPERATORS
from autoselection_core.testing.operators import OperatorContract

TIE = (KeepByRanks, KeepDiverse)
"""Sums of ranks can be equal, and two rows are equally far from their mean."""


def _contract(operator: type[Operator]) -> type[OperatorContract]:
    members = {"operator": operator, "has_ties_of_its_own": operator in TIE}
    return type(f"Test{operator.__name__}", (OperatorContract,), members)


globals().update({f"Test{operator.__name__}": _contract(operator) for operator in DEFAULT_OPERATORS})


@pytest.mark.parametrize("operator", DEFAULT_OPERATORS)
def test_every_operator_of_the_method_has_its_laws_tested(operator: type[Operator]) -> None:
    assert globals()[f"Test{operator.__name__}"].operator is operator
