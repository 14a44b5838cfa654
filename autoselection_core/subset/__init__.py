"""Subsets: the rows that a recipe leaves of a pool, with the counts of every step."""

from autoselection_core.subset.explain import Explanation, StepVerdict, explain
from autoselection_core.subset.realisation import PrefixCache, realise, realise_many
from autoselection_core.subset.storage import (
    Verification,
    read_ids,
    read_subset,
    stored_lineages,
    verify,
    write_subset,
)
from autoselection_core.subset.value import StepCount, Subset

materialize, materialize_many = realise, realise_many
"""First names of the two functions, which installed packages may still import."""

__all__ = [
    "Explanation",
    "PrefixCache",
    "StepCount",
    "StepVerdict",
    "Subset",
    "Verification",
    "explain",
    "read_ids",
    "read_subset",
    "realise",
    "realise_many",
    "stored_lineages",
    "verify",
    "write_subset",
]
