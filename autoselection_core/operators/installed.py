"""The operators of the method, and those that other packages bring."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from autoselection_core.errors.recipe import BrokenExtensionError
from autoselection_core.operators.aggregate import KeepByRanks
from autoselection_core.operators.base import Operator
from autoselection_core.operators.budget import TokenBudget
from autoselection_core.operators.chance import KeepRandom
from autoselection_core.operators.diverse import KeepDiverse
from autoselection_core.operators.duplicates import (
    DropExactDuplicates,
    DropNearDuplicates,
    DropSemanticDuplicates,
)
from autoselection_core.operators.mixing import MixByVarentropy, MixSources
from autoselection_core.operators.relevance import KeepRelevant
from autoselection_core.operators.score import KeepBand, KeepTop

DEFAULT_OPERATORS: tuple[type[Operator], ...] = (
    KeepTop,
    KeepBand,
    KeepRelevant,
    KeepRandom,
    DropExactDuplicates,
    DropNearDuplicates,
    DropSemanticDuplicates,
    MixSources,
    MixByVarentropy,
    TokenBudget,
    KeepByRanks,
    KeepDiverse,
)
"""Every operator of the method. Laws in `tests/operators` hold for each of them."""

ENTRY_POINT = "autoselection.operators"
"""The group of entry points under which a package names its operator classes."""


@cache
def installed_operators() -> tuple[type[Operator], ...]:
    """The default operators and those of installed packages, in ascending order of their entry points.

    Raises:
        BrokenExtensionError: A package names something that is no operator, or a name that is taken.
    """
    found = list(DEFAULT_OPERATORS)
    for point in sorted(entry_points(group=ENTRY_POINT), key=lambda point: point.name):
        operator = _loaded(point)
        taken = {known.name for known in found}
        if operator.name in taken:
            raise BrokenExtensionError(point.value, f"another operator is called {operator.name!r} already")
        found.append(operator)
    return tuple(found)


def _loaded(point: EntryPoint) -> type[Operator]:
    try:
        operator = point.load()
    except (ImportError, AttributeError) as error:
        raise BrokenExtensionError(point.value, str(error)) from error
    if not (isinstance(operator, type) and issubclass(operator, Operator)):
        raise BrokenExtensionError(point.value, "it is no subclass of Operator")
    return operator
