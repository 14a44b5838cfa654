"""Subsets: the rows that a recipe leaves of a pool, with the counts of every step."""

from autoselection_core.subset.explain import Explanation, StepVerdict, explain
from autoselection_core.subset.realise import PrefixCache, materialize, materialize_many
from autoselection_core.subset.storage import (
    Verification,
    read_ids,
    read_subset,
    stored_lineages,
    verify,
    write_subset,
)
from autoselection_core.subset.value import StepCount, Subset

__all__ = [
    "Explanation",
    "PrefixCache",
    "StepCount",
    "StepVerdict",
    "Subset",
    "Verification",
    "explain",
    "materialize",
    "materialize_many",
    "read_ids",
    "read_subset",
    "stored_lineages",
    "verify",
    "write_subset",
]
