"""Subsets: what a recipe leaves of a pool, with the counts of every step."""

from autoselection_core.subset.realise import PrefixCache, materialize, materialize_many
from autoselection_core.subset.value import StepCount, Subset

__all__ = ["PrefixCache", "StepCount", "Subset", "materialize", "materialize_many"]
