"""Registry of operators: those of the method and of installed packages."""

from functools import cache

from autoselection_core.extensions import with_installed
from autoselection_core.operators.base import Operator
from autoselection_core.operators.definitions.aggregate import KeepByRanks
from autoselection_core.operators.definitions.budget import TokenBudget
from autoselection_core.operators.definitions.chance import KeepRandom
from autoselection_core.operators.definitions.diverse import KeepDiverse
from autoselection_core.operators.definitions.duplicates import (
    DropExactDuplicates,
    DropNearDuplicates,
    DropSemanticDuplicates,
)
from autoselection_core.operators.definitions.mixing import MixByVarentropy, MixSources
from autoselection_core.operators.definitions.relevance import KeepRelevant
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.operators.definitions.weighted_mix import MixTopics

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
    MixTopics,
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
    known = {operator.name: operator for operator in DEFAULT_OPERATORS}
    found = with_installed(ENTRY_POINT, Operator, known, lambda _, operator: operator.name)  # type: ignore[type-abstract] # only its subclasses are made
    return tuple(found.values())
