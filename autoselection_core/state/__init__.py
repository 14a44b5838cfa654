"""States: numbers that describe the rows of a subset and that a search can compare."""

from autoselection_core.state.value import State, jaccard, profiles, state_of, states_of, wasserstein

__all__ = ["State", "jaccard", "profiles", "state_of", "states_of", "wasserstein"]
